"""Reference answers and hints for the exercises of Chapter 1."""

import math

import numpy as np

from solvable.exercises import Exercise


def _half_time(s: float, u0: float, tau: float) -> float:
    return tau / (2 * s) * math.log(s / u0 - 1)


def _time_constant(learning_rate: float, examples: int, outputs: int) -> float:
    return examples * outputs / (2 * learning_rate)


def _largest_stable_learning_rate(s: float, depth: int) -> float:
    return 2 / (depth * s ** (2 - 2 / depth))


def _infinite_depth_steps(u0: float) -> float:
    return 2 * math.log(1 / u0 - 1) + 1 / u0 - 1 / (1 - u0)


def _balanced_layers(s: float, lam: float) -> np.ndarray:
    # s1 s2 = s and s2^2 - s1^2 = lam, solved for the squares
    root = math.sqrt(lam**2 + 4 * s**2)
    return np.sqrt([(root - lam) / 2, (root + lam) / 2])


def _stages(levels: int, branching: int) -> np.ndarray:
    return np.array([1] + [branching ** (level - 1) * (branching - 1) for level in range(1, levels + 1)])


EXERCISES = {
    "half_time": Exercise(
        reference=_half_time,
        trials=((2.0, 0.01, 1.0), (0.5, 1e-6, 1.0), (1.0, 0.1, 3.0)),
        hint="Separate the variables of the mode equation, split 1 / (u (s - u)) into two fractions, "
        "and put u = s / 2 at the end.",
    ),
    "time_constant": Exercise(
        reference=_time_constant,
        trials=((0.1, 4, 7), (1.0, 8, 10_000)),
        hint="Write the mean over all examples and outputs as a factor times the sum with its 1/2, then compare one "
        "step of gradient descent with tau dW/dt = -dE/dW over one unit of time.",
    ),
    "illusion_time": Exercise(
        # where the derivative of the sum of two sigmoids vanishes, found in 25 digits
        reference=1.829780756237300,
        rtol=5e-3,
        hint="Only the all-items mode and the animal-or-plant mode share in 'moves' of the oak, with opposite signs.",
    ),
    "stable_learning_rate": Exercise(
        reference=_largest_stable_learning_rate,
        trials=((1.0, 1), (2.0, 2), (1.7, 5), (0.3, 64)),
        hint="Write each layer as a number a with a^L = s, and find the largest eigenvalue of the second derivatives "
        "of (s - a_1 ... a_L)^2 / 2 at the solution.",
    ),
    "infinite_depth_steps": Exercise(
        reference=_infinite_depth_steps,
        trials=((0.1,), (0.01,), (1e-3,)),
        hint="With s = 1 an optimal step is 1/L units of time; integrate du / (u^2 (1 - u)) from u0 to 1 - u0.",
    ),
    "lazy_imbalance": Exercise(
        # root of the largest distance, with both layers integrated by DOP853 at relative tolerance 1e-11
        reference=4.449056,
        rtol=1e-2,
        hint="Find starts a0, b0 with b0^2 - a0^2 = c and a0 b0 = 0.01, and try c between 3 and 10.",
    ),
    "balanced_layers": Exercise(
        reference=_balanced_layers,
        trials=((1.0, 0.0), (0.5, 2.0), (1.5, -3.0)),
        hint="Eliminate s1 = s / s2: a quadratic equation for s2 squared is left.",
    ),
    "stages": Exercise(
        reference=_stages,
        trials=((3, 2), (4, 3), (2, 5)),
        hint="A node with B children allows B - 1 independent contrasts between them; count the nodes of each level.",
    ),
}
