"""Reference answers of Chapter 4 and a hint for each."""

import math

import numpy as np

from solvable.exercises import Exercise


def _unrepresented(p: float) -> float:
    return p / 3 - p**2 / 4


def _polygon(k: int) -> float:
    return 2 / k


def _spring(length: float, gamma: float, eta: float) -> float:
    return length - eta * gamma * (length if gamma >= 0 else 1 - length)


def _dimensions(n: int, overlap: float) -> int:
    return math.ceil(n / (1 + overlap * (n - 1)))


def _halving(alpha: float) -> np.ndarray:
    return np.array([2 ** (1 / (alpha - 1)), 2.0])


def _first_component(frequencies: np.ndarray) -> int:
    return int(np.argmax(4 / 3 * frequencies - frequencies**2))


def _local_slopes(widths: np.ndarray, losses: np.ndarray) -> np.ndarray:
    return -np.diff(np.log(losses)) / np.diff(np.log(widths))


def _product(a: float, error_a: float, b: float, error_b: float) -> np.ndarray:
    return np.array([a * b, math.hypot(a * error_b, b * error_a)])


EXERCISES = {
    "unrepresented": Exercise(
        reference=_unrepresented,
        trials=((1.0,), (0.3,), (0.02,)),
        hint="The best constant is the mean, p/2. What is left is the variance; a uniform number has mean square 1/3.",
    ),
    "polygon": Exercise(
        reference=_polygon,
        trials=((3,), (5,), (8,)),
        hint="Sum cos^2 over k equal angles: the mean of cos^2 is one half.",
    ),
    "spring": Exercise(
        reference=_spring,
        trials=((0.3, -1.0, 0.01), (1.7, -0.5, 0.1), (0.8, 0.5, 0.1)),
        hint="A row keeps its direction; multiply its length by what multiplies the row.",
    ),
    "dimensions": Exercise(
        reference=_dimensions,
        trials=((512, 0.1), (32_000, 0.004), (10, 0.5)),
        hint="Solve Welch's bound for m and round up.",
    ),
    "halving": Exercise(
        reference=_halving,
        trials=((1.5,), (2.0,), (1.2,)),
        hint="A loss that goes as the power -a of m is halved where m grows by the factor 2^(1/a).",
    ),
    "first_component": Exercise(
        reference=_first_component,
        trials=((np.array([0.95, 0.6, 0.3]),), (np.array([0.2, 0.5, 0.1]),), (np.array([1.0, 0.9, 0.4]),)),
        hint="It is the variance that counts, and a feature that is nearly always active varies little.",
    ),
    "local_slopes": Exercise(
        reference=_local_slopes,
        trials=(
            (np.array([6.0, 9.0, 14.0, 21.0, 32.0]), np.array([1.02, 0.74, 0.48, 0.29, 0.14])),
            (np.array([1.0, 2.0, 4.0]), np.array([8.0, 4.0, 1.0])),
        ),
        hint="Differences of the logarithm of the loss over those of the width, and a sign that makes them positive.",
    ),
    "chinchilla": Exercise(
        reference=_product,
        trials=((2.52, 0.03, 0.35, 0.02), (1.0, 0.1, 2.0, 0.3)),
        hint="Relative errors of independent factors add in squares.",
    ),
}
