"""Closed forms of deep linear networks: single modes, the Riccati solution, spectra."""

from . import implicit, modes

__all__ = ["implicit", "modes"]
