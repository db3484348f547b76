"""Closed forms of wide networks: kernels, training with a fixed kernel, distributions over functions, the catapult."""

from .catapult import Catapult, catapult_recursion
from .duals import Activation, DualActivation, activation_function, dual_activation
from .kernels import Kernels, kernel_alignment, nngp_and_ntk, relative_kernel_change
from .processes import (
    Gaussian,
    StudentT,
    cholesky,
    ensemble_mean_cov,
    gaussian_process_posterior,
    student_t_predictive,
)
from .regression import (
    CriticalLearningRate,
    Prediction,
    PrincipalComponents,
    critical_learning_rate,
    early_stopping_risk,
    kernel_gradient_descent,
    kernel_gradient_flow,
    kernel_principal_components,
)

__all__ = [
    "Activation",
    "Catapult",
    "CriticalLearningRate",
    "DualActivation",
    "Gaussian",
    "Kernels",
    "Prediction",
    "PrincipalComponents",
    "StudentT",
    "activation_function",
    "catapult_recursion",
    "cholesky",
    "critical_learning_rate",
    "dual_activation",
    "early_stopping_risk",
    "ensemble_mean_cov",
    "gaussian_process_posterior",
    "kernel_alignment",
    "kernel_gradient_descent",
    "kernel_gradient_flow",
    "kernel_principal_components",
    "nngp_and_ntk",
    "relative_kernel_change",
    "student_t_predictive",
]
