"""Figures of Chapter 6: results in, a matplotlib figure out; nothing is computed but means, ratios and differences."""

from .counting import costs, coverage, emergence, estimators, policies, verified_gap, verifiers
from .numerics import effective, grid, heavy, vanished
from .selection import criterion, gain, harder, over_optimisation, posterior_law, refinement, wrong_judge
from .temperature import best_judge, floors, series, temperatures, trade

__all__ = [
    "best_judge",
    "costs",
    "coverage",
    "criterion",
    "effective",
    "emergence",
    "estimators",
    "floors",
    "gain",
    "grid",
    "harder",
    "heavy",
    "over_optimisation",
    "policies",
    "posterior_law",
    "refinement",
    "series",
    "temperatures",
    "trade",
    "vanished",
    "verified_gap",
    "verifiers",
    "wrong_judge",
]
