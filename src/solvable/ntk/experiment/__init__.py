"""The simulations that the chapter's theory is held against: networks at birth and in training."""

from .birth import sample_ntk_at_birth, sample_outputs_at_birth
from .networks import Layer, apply_mlp, empirical_ntk_mlp, init_mlp

__all__ = [
    "Layer",
    "apply_mlp",
    "empirical_ntk_mlp",
    "init_mlp",
    "sample_ntk_at_birth",
    "sample_outputs_at_birth",
]
