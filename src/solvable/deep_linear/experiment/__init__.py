"""The simulations that the chapter's theory is held against: data, starts, training, depth, kernels, and the limits."""

from .breaking import (
    ColouredInputs,
    Precision,
    run_coloured_inputs,
    run_precision,
    textbook_mode_strength,
)
from .crossing import crossing_times
from .data import Dataset, branching_dataset, hierarchical_dataset
from .depth import DepthRace, TanhJacobians, chain_steps, depth_race, product_singular_values, tanh_jacobians
from .dynamics import (
    StepSizeSweep,
    Trajectory,
    end_to_end,
    gradient_descent,
    gradient_flow,
    mode_projections,
    run_step_size_sweep,
)
from .initialisation import (
    balanced_initialisation,
    decoupled_initialisation,
    gaussian_initialisation,
    normal_initialisation,
    orthogonal_initialisation,
)
from .kernels import (
    BalancedTask,
    Conservation,
    KernelRun,
    balanced_task,
    empirical_ntk,
    imbalances,
    loss_hessian,
    run_conservation,
    run_kernel,
    run_silent_alignment,
)

__all__ = [
    "BalancedTask",
    "ColouredInputs",
    "Conservation",
    "Dataset",
    "DepthRace",
    "KernelRun",
    "Precision",
    "StepSizeSweep",
    "TanhJacobians",
    "Trajectory",
    "balanced_initialisation",
    "balanced_task",
    "branching_dataset",
    "chain_steps",
    "crossing_times",
    "decoupled_initialisation",
    "depth_race",
    "empirical_ntk",
    "end_to_end",
    "gaussian_initialisation",
    "gradient_descent",
    "gradient_flow",
    "hierarchical_dataset",
    "imbalances",
    "loss_hessian",
    "mode_projections",
    "normal_initialisation",
    "orthogonal_initialisation",
    "product_singular_values",
    "run_coloured_inputs",
    "run_conservation",
    "run_kernel",
    "run_precision",
    "run_silent_alignment",
    "run_step_size_sweep",
    "tanh_jacobians",
    "textbook_mode_strength",
]
