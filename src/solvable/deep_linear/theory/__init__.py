"""Closed forms of deep linear networks: single modes, the Riccati solution, spectra."""

from . import implicit, modes, riccati, spectra
from .modes import (
    LayerStrengths,
    discrete_mode_strength,
    effective_initial_strength,
    lazy_limit,
    mode_strength,
    mode_strength_among,
    mode_strength_unbalanced,
    optimal_learning_rate,
    time_to_reach,
    time_to_reach_among,
    unbalanced_layer_strengths,
)
from .riccati import GramBlocks, balance_residual, ntk_from_qqt, qqt, qqt_textbook, split_qqt, stack_weights
from .spectra import branching_multiplicities, branching_singular_values, gaussian_product_exponents

__all__ = [
    "GramBlocks",
    "LayerStrengths",
    "balance_residual",
    "branching_multiplicities",
    "branching_singular_values",
    "discrete_mode_strength",
    "effective_initial_strength",
    "gaussian_product_exponents",
    "implicit",
    "lazy_limit",
    "mode_strength",
    "mode_strength_among",
    "mode_strength_unbalanced",
    "modes",
    "ntk_from_qqt",
    "optimal_learning_rate",
    "qqt",
    "qqt_textbook",
    "riccati",
    "spectra",
    "split_qqt",
    "stack_weights",
    "time_to_reach",
    "time_to_reach_among",
    "unbalanced_layer_strengths",
]
