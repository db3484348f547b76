"""Reference answers of Chapter 3 and a hint for each."""

import math

import numpy as np

from solvable.exercises import Exercise


def _two_neurons(alpha: float, eps: float) -> float:
    return 1 / math.sqrt(alpha * eps)


def _silence(ratio: float) -> np.ndarray:
    return ratio**2 * np.array([1 / 4, 1 / 2])


def _peak(dim: int, samples: int) -> np.ndarray:
    return np.array([1 - dim / samples, 1 + dim / (samples - dim)])


def _waiting(steps: float, factor: float) -> float:
    return steps / factor**2


def _first_mode(dim: int, eps: float, eta0: float, fraction: float) -> np.ndarray:
    rates = np.array([1 / dim, 2 * eps**2 / dim**2])
    return -math.log(fraction) / (2 * eta0 * rates)


def _crossover(dim: int, samples: int, eps: float) -> float:
    return 3 * eps / (1 + math.sqrt(dim / samples)) ** 2


def _onset_delay(train: np.ndarray, test: np.ndarray, level: float) -> float:
    # the test loss may cross the level, rise above it again, and only then stay below
    return float(1 + np.flatnonzero(test >= level)[-1] - np.flatnonzero(train < level)[0])


def _alignment(dim: int, eps: float, samples: int) -> np.ndarray:
    return np.array([2 * eps**2 / dim**1.5, math.sqrt(dim) / samples])


_TRAIN = np.array([1.0, 0.8, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02])
_TEST = np.array([1.0, 0.85, 1.1, 1.2, 1.1, 0.95, 0.6, 0.3])

EXERCISES = {
    "two_neurons": Exercise(
        reference=_two_neurons,
        trials=((1.0, 0.25), (0.25, 0.1), (8.0, 0.02)),
        hint="Two opposite neurons have no mean; take the mean of their outer products and see where A vanishes.",
    ),
    "silence": Exercise(
        reference=_silence,
        trials=((1.0,), (1.314,), (0.5,)),
        hint="Put M = 0 into A: its trace is |beta|^2, and so is its Frobenius norm.",
    ),
    "least_squares": Exercise(
        reference=_peak,
        trials=((40, 200), (100, 550), (40, 80)),
        hint="To the fit the target is noise: in training D parameters take up their share of P values of it, and what "
        "they have learned of the noise is added in test.",
    ),
    "first_modes": Exercise(
        reference=_first_mode,
        trials=((40, 0.1, 4.0, 0.1), (100, 0.02, 20.0, 0.5)),
        hint="A mode with the eigenvalue lambda of the population's kernel decays as exp(-2 eta0 lambda steps).",
    ),
    "rescaled": Exercise(
        reference=_waiting,
        trials=((1697.0, 2.0), (441.0, 4.0)),
        hint="In which two combinations do alpha, eps and time enter once the linear part is gone?",
    ),
    "crossover": Exercise(
        reference=_crossover,
        trials=((40, 200, 0.1), (100, 550, 0.02)),
        hint="Set the limit of the lazy end, for data of this size, equal to alpha D/(3 eps).",
    ),
    "alignment": Exercise(
        reference=_alignment,
        trials=((40, 0.1, 1000), (100, 0.02, 500)),
        hint="At the start M is the identity, and for small eps the kernel is x.x', whose mean square is 1/D; the "
        "diagonal of n ones adds |y|^2 to the numerator, while the norm is about n/sqrt(D).",
    ),
    "onset": Exercise(
        reference=_onset_delay,
        trials=((_TRAIN, _TEST, 0.9), (_TRAIN, _TEST, 1.05)),
        hint="Count in training from the first record below the level, in test from the last one that is not.",
    ),
}
