"""Closed forms of a committee: its test loss, its gradient descent, both ends of it, and how to measure a delay."""

from .committee import (
    Moments,
    PopulationLoss,
    committee_ntk,
    committee_predict,
    infinite_width,
    kernel_task_alignment,
    moments,
    population_task_alignment,
    population_test_loss,
)
from .delay import GrokkingDelay, grokking_delay
from .dynamics import MomentRun, increment_step, moment_dynamics, moment_step
from .lazy import (
    LazyRun,
    LearningCurve,
    kernel_modes,
    kernel_regression_learning_curve,
    lazy_descent,
    lazy_flow,
)
from .rates import lazy_bound, learned, max_stable_learning_rate, rich_bound
from .rich import TwoModes, population_two_mode_descent, population_two_mode_flow

__all__ = [
    "GrokkingDelay",
    "LazyRun",
    "LearningCurve",
    "MomentRun",
    "Moments",
    "PopulationLoss",
    "TwoModes",
    "committee_ntk",
    "committee_predict",
    "grokking_delay",
    "increment_step",
    "infinite_width",
    "kernel_modes",
    "kernel_regression_learning_curve",
    "kernel_task_alignment",
    "lazy_bound",
    "lazy_descent",
    "lazy_flow",
    "learned",
    "max_stable_learning_rate",
    "moment_dynamics",
    "moment_step",
    "moments",
    "population_task_alignment",
    "population_test_loss",
    "population_two_mode_descent",
    "population_two_mode_flow",
    "rich_bound",
]
