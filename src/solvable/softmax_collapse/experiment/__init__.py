"""Training, and the measurements that the theory is held against."""

from .classifier import Classifier, paper_adamw, train_classifier, train_seeds, train_ways
from .data import Task, modular_addition, sparse_parity
from .logistic import (
    DescentCollapse,
    LinearRun,
    batch_perceptron,
    collapse_of_descent,
    facing_crowds,
    logistic_regression,
    normalised_logistic_regression,
    rare_example,
    separable_data,
    steps_to_separate,
)
from .network import Layer, network_logits
from .orthogonal import orthogonal_gradients
from .published import run_paper_orthogonal, run_paper_stablemax
from .thresholds import measured_threshold
from .variants import HIDDEN, Variants, stored_variants, train_variants

__all__ = [
    "HIDDEN",
    "Classifier",
    "DescentCollapse",
    "Layer",
    "LinearRun",
    "Task",
    "Variants",
    "batch_perceptron",
    "collapse_of_descent",
    "facing_crowds",
    "logistic_regression",
    "measured_threshold",
    "modular_addition",
    "network_logits",
    "normalised_logistic_regression",
    "orthogonal_gradients",
    "paper_adamw",
    "rare_example",
    "run_paper_orthogonal",
    "run_paper_stablemax",
    "separable_data",
    "sparse_parity",
    "steps_to_separate",
    "stored_variants",
    "train_classifier",
    "train_seeds",
    "train_variants",
    "train_ways",
]
