"""The simulations that the chapter's theory is held against: networks at birth, in training, and where theory ends."""

from .birth import sample_ntk_at_birth, sample_outputs_at_birth
from .components import ComponentRun, run_components
from .data import Images, Inputs, absolute_value_task, circle, circle_task, digits, mnist
from .descent import descend
from .ensemble import run_ensemble
from .features import SampleSweep, run_samples
from .learning_rates import RateSweep, run_catapult, run_learning_rates
from .linear import LinearRun, run_linear_model
from .networks import Layer, apply_mlp, empirical_ntk_mlp, init_mlp
from .numerics import integrated_prediction, jitter_needed, textbook_prediction
from .quadrature import mean_of_product
from .reference import Reference, ReferenceKernels, reference_kernels
from .stopping import sample_risks
from .width import CircleKernels, ScaleSweep, WidthSweep, run_circle, run_output_scales, run_widths

__all__ = [
    "CircleKernels",
    "ComponentRun",
    "Images",
    "Inputs",
    "Layer",
    "LinearRun",
    "RateSweep",
    "Reference",
    "ReferenceKernels",
    "SampleSweep",
    "ScaleSweep",
    "WidthSweep",
    "absolute_value_task",
    "apply_mlp",
    "circle",
    "circle_task",
    "descend",
    "digits",
    "empirical_ntk_mlp",
    "init_mlp",
    "integrated_prediction",
    "jitter_needed",
    "mean_of_product",
    "mnist",
    "reference_kernels",
    "run_catapult",
    "run_circle",
    "run_components",
    "run_ensemble",
    "run_learning_rates",
    "run_linear_model",
    "run_output_scales",
    "run_samples",
    "run_widths",
    "sample_ntk_at_birth",
    "sample_outputs_at_birth",
    "sample_risks",
    "textbook_prediction",
]
