"""Drawing answers, and the measurements that the theory is held against."""

from .arithmetic import NearestOfMany, coefficient_estimates, nearest_of_many, vanished_share
from .regression import (
    BayesianLinearRegression,
    MeasuredPosterior,
    Posterior,
    Predictive,
    RegressionTask,
    draw_regression,
    measure_posterior,
)
from .selection import Streamed, selection_sampler, streamed_selection
from .trials import retry_utilities, steps_until_error, train_policy, verified_gains

__all__ = [
    "BayesianLinearRegression",
    "MeasuredPosterior",
    "NearestOfMany",
    "Posterior",
    "Predictive",
    "RegressionTask",
    "Streamed",
    "coefficient_estimates",
    "draw_regression",
    "measure_posterior",
    "nearest_of_many",
    "retry_utilities",
    "selection_sampler",
    "steps_until_error",
    "streamed_selection",
    "train_policy",
    "vanished_share",
    "verified_gains",
]
