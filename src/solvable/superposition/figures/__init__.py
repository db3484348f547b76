"""Figures of Chapter 4: results in, a matplotlib figure out; nothing is computed but means and ratios."""

from .language import embedding, offsets
from .neighbours import pruning, random_features
from .picture import form_losses, forms, plateaus
from .widths import bends, exponents, held, knob, overlaps, random_codes, strong, weak

__all__ = [
    "bends",
    "embedding",
    "exponents",
    "form_losses",
    "forms",
    "held",
    "knob",
    "offsets",
    "overlaps",
    "plateaus",
    "pruning",
    "random_codes",
    "random_features",
    "strong",
    "weak",
]
