"""Reference answers of Chapter 5 and a hint for each."""

import math

import numpy as np

from solvable.exercises import Exercise


def _gap(digits: int) -> float:
    return digits * math.log(2)


def _alarm(epoch: float, gap: float, beta2: float, digits: int) -> float:
    return epoch + (_gap(digits) - gap) / (-0.5 * math.log(beta2))


def _tail(size: float, classes: int) -> float:
    return math.log1p((classes - 1) / (1 + size) ** 2)


def _project(gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
    left = gradient - (weights @ gradient) / (weights @ weights) * weights
    return left * np.linalg.norm(gradient) / np.linalg.norm(left)


def _doubling(beta2: float, layers: int) -> float:
    return math.log(2) * (2 * layers + 2) / (-0.5 * math.log(beta2))


def _shift(logits: np.ndarray) -> float:
    return -logits.max() - math.log(np.exp(logits - logits.max()).sum())


def _fold(b: float) -> float:
    return -2 - b


def _perceptron_step(examples: np.ndarray, v: np.ndarray) -> np.ndarray:
    return v + (1 - np.sign(examples @ v)) / 2 @ examples / len(examples)


_EXAMPLES = np.array([[1.0, 2.0], [-1.0, 0.5], [0.0, 1.0], [3.0, -1.0]])

EXERCISES = {
    "gap": Exercise(
        reference=_gap,
        trials=((4,), (8,), (24,), (53,)),
        hint="Half a unit in the last place of 1 is rounded away, and so is what lies half-way: 2^-t, not 2^(1-t).",
    ),
    "alarm": Exercise(
        reference=_alarm,
        trials=((500.0, 10.9, 0.99, 24), (500.0, 10.9, 0.99, 53), (2000.0, 5.0, 0.999, 11)),
        hint="The distance that is left, over the speed limit, after the epoch of the observation.",
    ),
    "tail": Exercise(
        reference=_tail,
        trials=((1.0, 2), (30.0, 31), (1e7, 113)),
        hint="Write the loss as ln(1 + others / right). For large L the second term is lost beside 1; there is log1p.",
    ),
    "project": Exercise(
        reference=_project,
        trials=(
            (np.array([1.0, 1.0]), np.array([2.0, 0.0])),
            (np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.5, 1.0])),
        ),
        hint="The part along the weights is <w, g> / <w, w> times w.",
    ),
    "doubling": Exercise(
        reference=_doubling,
        trials=((0.99, 3), (0.999, 3), (0.99, 2)),
        hint="The logarithm of the weights grows by the speed limit over 2 d + 2 in a step.",
    ),
    "shift": Exercise(
        reference=_shift,
        trials=((np.array([0.0, 0.0]),), (np.array([1.0, 2.0, 3.0]),), (np.array([900.0, 880.0]),)),
        hint="What does adding c to all logits do to Z? And exp(900) is infinite: subtract the largest first.",
    ),
    "fold": Exercise(
        reference=_fold,
        trials=((-6.0,), (0.0,), (4.0,)),
        hint="Complete the square of 1 + z + z^2 / 2.",
    ),
    "perceptron_step": Exercise(
        reference=_perceptron_step,
        trials=((_EXAMPLES, np.zeros(2)), (_EXAMPLES, np.array([1.0, 0.0])), (_EXAMPLES, np.array([-1.0, -1.0]))),
        hint="Where does sigma(-eta x) go for x above, at and below 0, as eta grows?",
    ),
}
