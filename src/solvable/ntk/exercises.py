"""Reference answers and hints for the exercises of Chapter 2."""

import math

import numpy as np

from solvable.exercises import Exercise


def _relu_diagonal(hidden_layers: int, sigma_w: float, size: float) -> float:
    return (hidden_layers + 1) * sigma_w**2 * size * (sigma_w**2 / 2) ** hidden_layers


def _square_dual(k11: float, k22: float, k12: float) -> np.ndarray:
    return np.array([k11 * k22 + 2 * k12**2, 4 * k12])


def _kurtosis(width: int, hidden_layers: int) -> float:
    # 3 ((1 + 5/n)^H - 1), without the cancellation at large widths
    return 3 * math.expm1(hidden_layers * math.log1p(5 / width))


def _library_learning_rate(eta: float, examples: int) -> float:
    return eta / (2 * examples)


def _two_points(same: float, between: float) -> np.ndarray:
    return np.array([4 / (same + between), (same - between) / 2])


def _steps(lam: float, eta: float, fraction: float) -> float:
    return math.log(fraction) / math.log1p(-eta * lam)


def _best_time(lam: float, coefficient: float, noise: float, examples: int) -> float:
    return math.log1p(examples * coefficient**2 / noise**2) / lam


def _student(a: float, b: float, examples: int, quadratic: float) -> np.ndarray:
    return np.array([2 * a + examples, (2 * b + quadratic) / (2 * a + examples)])


EXERCISES = {
    "relu_diagonal": Exercise(
        reference=_relu_diagonal,
        trials=((1, math.sqrt(2), 1.0), (3, 1.0, 0.5), (5, 1.7, 2.0)),
        hint="On the diagonal the angle is 0, so that kappa is half of the variance and kappa-dot is one half.",
    ),
    "square_dual": Exercise(
        reference=_square_dual,
        trials=((1.0, 1.0, 0.3), (2.0, 0.5, -0.7), (1.0, 3.0, 0.0)),
        hint="The mean of four Gaussian factors is the sum over the three ways to pair them.",
    ),
    "kurtosis": Exercise(
        reference=_kurtosis,
        trials=((16, 1), (64, 3), (10_000, 10)),
        hint="Given the layer below, the mean square of a ReLU layer is the one below times an average of n "
        "independent factors; the output's fourth moment is three times the mean of its squared variance.",
    ),
    "library_learning_rate": Exercise(
        reference=_library_learning_rate,
        trials=((1.0, 50), (0.3, 8)),
        hint="Compare the gradients of both losses by one output.",
    ),
    "two_points": Exercise(
        reference=_two_points,
        trials=((1.0, 0.5), (2.0, 0.3)),
        hint="The eigenvectors of this matrix are the sum and the difference; do not forget to divide by N = 2.",
    ),
    "steps": Exercise(
        reference=_steps,
        trials=((0.01, 1.0, 0.1), (0.5, 0.9, 1e-3)),
        hint="Each step multiplies what is left by the same factor.",
    ),
    "best_time": Exercise(
        reference=_best_time,
        trials=((0.1, 1.0, 0.5, 64), (2.0, 0.3, 1.0, 10)),
        hint="Write the risk with s = exp(-lambda t): a parabola.",
    ),
    "student": Exercise(
        reference=_student,
        trials=((2.0, 2.0, 5, 7.0), (1.5, 0.5, 12, 3.0)),
        hint="Multiply the density of the targets given the variance with that of the variance: "
        "an inverse gamma again.",
    ),
}
