"""The simulations that hold the theory to account: committees, kernel machines, and networks beyond the toy."""

from .descent import Networks, follow_networks, run_networks, train_committee
from .kernel_machine import LeastSquares, sample_alignment, sample_kernel_regression, sample_least_squares
from .published import (
    run_figure_1,
    run_figure_4,
    run_lottery,
    run_paper_map,
    stored_figure_1,
)
from .stability import StableRates, run_learning_rates
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
    "LeastSquares",
    "MonteCarlo",
    "Networks",
    "PaperTask",
    "StableRates",
    "Sweep",
    "Task",
    "draw_committee",
    "draw_task",
    "follow_networks",
    "monte_carlo_test_loss",
    "paper_task",
    "quadratic_target",
    "recorded_steps",
    "run_figure_1",
    "run_figure_4",
    "run_learning_rates",
    "run_lottery",
    "run_map",
    "run_networks",
    "run_paper_map",
    "run_samples",
    "run_settings",
    "run_widths",
    "sample_alignment",
    "sample_kernel_regression",
    "sample_least_squares",
    "stored_figure_1",
    "train_committee",
]
