"""Closed forms of a committee: its test loss, its gradient descent, both ends of it, and how to measure a delay."""

from .alignment import effective_rank, representation_alignment, tangent_kernel_alignment
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
from .energy import (
    Pairs,
    addition_pairs,
    feature_energy,
    frequency_power,
    single_frequency_energy,
    single_frequency_feature,
)
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
    "Pairs",
    "PopulationLoss",
    "TwoModes",
    "addition_pairs",
    "committee_ntk",
    "committee_predict",
    "effective_rank",
    "feature_energy",
    "frequency_power",
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
    "representation_alignment",
    "rich_bound",
    "single_frequency_energy",
    "single_frequency_feature",
    "tangent_kernel_alignment",
]
