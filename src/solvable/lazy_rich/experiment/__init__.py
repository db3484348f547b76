"""The simulations that hold the theory to account: committees, kernel machines, and networks beyond the toy."""

from .descent import Networks, follow_networks, run_networks, train_committee
from .initial_rank import InitialRanks, Movement, low_rank_initialisation, run_initial_ranks
from .kernel_machine import LeastSquares, sample_alignment, sample_kernel_regression, sample_least_squares
from .modular_addition import ModularAddition, cached_modular_addition, run_modular_addition
from .published import (
    run_figure_1,
    run_figure_4,
    run_lottery,
    run_paper_map,
    stored_figure_1,
)
from .stability import StableRates, run_learning_rates
from .survival import FeatureSurvival, SurvivalThresholds, run_feature_survival, run_survival_thresholds
from .sweeps import Sweep, recorded_steps, run_map, run_samples, run_settings, run_widths
from .task import (
    MonteCarlo,
    PaperTask,
    Task,
    draw_committee,
    draw_task,
    monte_carlo_test_loss,
    paper_task,
    quadratic_target,
)

__all__ = [
    "FeatureSurvival",
    "InitialRanks",
    "LeastSquares",
    "ModularAddition",
    "MonteCarlo",
    "Movement",
    "Networks",
    "PaperTask",
    "StableRates",
    "SurvivalThresholds",
    "Sweep",
    "Task",
    "cached_modular_addition",
    "draw_committee",
    "draw_task",
    "follow_networks",
    "low_rank_initialisation",
    "monte_carlo_test_loss",
    "paper_task",
    "quadratic_target",
    "recorded_steps",
    "run_feature_survival",
    "run_figure_1",
    "run_figure_4",
    "run_initial_ranks",
    "run_learning_rates",
    "run_lottery",
    "run_map",
    "run_modular_addition",
    "run_networks",
    "run_paper_map",
    "run_samples",
    "run_settings",
    "run_survival_thresholds",
    "run_widths",
    "sample_alignment",
    "sample_kernel_regression",
    "sample_least_squares",
    "stored_figure_1",
    "train_committee",
]
