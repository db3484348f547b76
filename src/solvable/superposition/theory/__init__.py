"""Closed forms: frequencies, geometry, codes, the smallest model, and two neighbours."""

from solvable.power_law import PowerLawFit, fit_power_law

from .codes import CodeLoss, code_constant, code_loss
from .frames import equiangular_frame, equiangular_sizes, harmonic_frame, most_equiangular, simplex_frame
from .frequencies import (
    MEAN_SQUARE,
    evened_frequencies,
    feature_frequencies,
    feature_variances,
    ideal_loss,
    pca_loss,
    unlearned_loss,
)
from .geometry import (
    PLATEAUS,
    FeatureGeometry,
    OverlapMoments,
    PlateauExcess,
    feature_dimensionality,
    feature_geometry,
    interference,
    max_overlap,
    mean_squared_overlap,
    plateau_excess,
    random_code_overlap,
    represented_fraction,
    tightness,
    welch_bound,
)
from .pruning import PrunedPerceptron, pruned_perceptron_error
from .random_features import RidgeRisk, optimal_ridge, random_feature_ridge_risk
from .small_model import BLOCKS, FormLoss, expected_loss, form_boundary, form_loss, form_weights

__all__ = [
    "BLOCKS",
    "MEAN_SQUARE",
    "PLATEAUS",
    "CodeLoss",
    "FeatureGeometry",
    "FormLoss",
    "OverlapMoments",
    "PlateauExcess",
    "PowerLawFit",
    "PrunedPerceptron",
    "RidgeRisk",
    "code_constant",
    "code_loss",
    "equiangular_frame",
    "equiangular_sizes",
    "evened_frequencies",
    "expected_loss",
    "feature_dimensionality",
    "feature_frequencies",
    "feature_geometry",
    "feature_variances",
    "fit_power_law",
    "form_boundary",
    "form_loss",
    "form_weights",
    "harmonic_frame",
    "ideal_loss",
    "interference",
    "max_overlap",
    "mean_squared_overlap",
    "most_equiangular",
    "optimal_ridge",
    "pca_loss",
    "plateau_excess",
    "pruned_perceptron_error",
    "random_code_overlap",
    "random_feature_ridge_risk",
    "represented_fraction",
    "simplex_frame",
    "tightness",
    "unlearned_loss",
    "welch_bound",
]
