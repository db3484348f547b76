"""Reference answers of Chapter 6 and a hint for each."""

import math

import numpy as np

from solvable.exercises import Exercise


def _beat(tau2: float) -> float:
    return math.sqrt(math.pi / (tau2 * math.sqrt(1 - 2 * tau2)))


def _exponent(sigma2: float, v: float) -> float:
    return min(2.0, (sigma2 + v) / v)


def _threshold(b: float) -> float:
    return (b + math.sqrt(b**2 + 2)) / 2


def _obey(b: float, a: float) -> float:
    slope = 1 + 2 * a * b
    return max(2 * a**2 / slope - 1, 0.0) if slope > 0 else math.inf


def _weights(rewards: np.ndarray, temperature: float) -> np.ndarray:
    shifted = (rewards - rewards.max()) / temperature
    return np.exp(shifted) / np.exp(shifted).sum()


def _pass(n: int, c: int, k: int) -> float:
    return 1 - math.comb(n - c, k) / math.comb(n, k)


def _price(tries: int, easy: float, false_accept: float, cost: float) -> float:
    still_open = easy * (0.5 - false_accept / 2) ** tries
    impossible = (1 - easy) * (1 - false_accept) ** tries
    return still_open * (0.5 - cost * false_accept / 2) - impossible * cost * false_accept


EXERCISES = {
    "two": Exercise(
        reference=1 - 2 / math.pi,
        hint="min(x, y) = (x + y - |x - y|) / 2, and z1^2 - z2^2 is a product of two independent Gaussian numbers.",
    ),
    "beat": Exercise(
        reference=_beat,
        trials=((0.04,), (0.25,), (0.45,)),
        hint="In units of the predictive variance the mean has the error tau^2, and the best of k has C / k^2.",
    ),
    "exponent": Exercise(
        reference=_exponent,
        trials=((1.0, 0.1), (1.0, 1.0), (0.25, 1.0), (1e-6, 1.0)),
        hint="With the right prior the variance of the bias over inputs is the posterior variance v.",
    ),
    "threshold": Exercise(
        reference=_threshold,
        trials=((0.2,), (1.0,), (0.01,)),
        hint="Where does 2 a (a - b) reach 1? It is a quadratic equation in a.",
    ),
    "obey": Exercise(
        reference=_obey,
        trials=((0.0, 4.0), (0.3, 4.0), (0.5, 0.5), (0.5, -2.0)),
        hint="Minimise (b - q a)^2 + 1 - q over q between 0 and 1, then t = 1/q - 1.",
    ),
    "weights": Exercise(
        reference=_weights,
        trials=(
            (np.array([-1.0, -2.0, -4.0]), 1.0),
            (np.array([-1.0, -1.001, -3.0]), 1e-4),
            (np.array([-900.0, -901.0]), 1.0),
        ),
        hint="A common factor of all weights cancels: choose it so that the largest exponential is 1.",
    ),
    "pass": Exercise(
        reference=_pass,
        trials=((50, 3, 20), (50, 0, 20), (50, 45, 20), (10, 1, 1)),
        hint="How many sets of k samples hold no right one? math.comb(n, k) is 0 where k exceeds n.",
    ),
    "price": Exercise(
        reference=_price,
        trials=((0, 0.6, 0.02, 4.0), (3, 0.6, 0.02, 4.0), (4, 0.6, 0.02, 4.0), (10, 0.9, 0.1, 1.0)),
        hint="The try is made only where all earlier ones were rejected: weigh what it adds by that chance.",
    ),
}
