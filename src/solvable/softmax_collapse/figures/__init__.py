"""Figures of Chapter 5: results in, a matplotlib figure out; nothing is computed but means, ratios and differences."""

from .neighbours import hard_instance, slow_growth, step_sizes
from .precision import derivatives, tails, thresholds
from .training import (
    alignment,
    clock,
    controls,
    four_ways,
    paper_size,
    precisions,
    remedies,
    spectrum,
    z_loss,
)

__all__ = [
    "alignment",
    "clock",
    "controls",
    "derivatives",
    "four_ways",
    "hard_instance",
    "paper_size",
    "precisions",
    "remedies",
    "slow_growth",
    "spectrum",
    "step_sizes",
    "tails",
    "thresholds",
    "z_loss",
]
