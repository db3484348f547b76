"""Inputs on the circle, handwritten digits, and functions of one direction."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key, Real

from solvable import require
from solvable.randomness import generator


class Inputs(NamedTuple):
    """Training and test inputs, and a target for the first.

    Attributes:
        x: ``(n, n_in)``; training inputs, a row each.
        y: ``(n,)``; their targets.
        x_test: ``(m, n_in)``; test inputs.
    """

    x: Float[np.ndarray, "n n_in"]
    y: Float[np.ndarray, " n"]
    x_test: Float[np.ndarray, "m n_in"]


def circle(angles: Real[ArrayLike, " n"]) -> Float[np.ndarray, "n 2"]:
    """Points of the unit circle, ``(cos, sin)`` of each angle in radians.

    >>> circle(np.array([0.0])).tolist()
    [[1.0, 0.0]]
    """
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def circle_task(angles: Real[ArrayLike, " n"], test_angles: Real[ArrayLike, " m"]) -> Inputs:
    """Learn the product of both coordinates, ``x1 x2``, from points of the circle.

    >>> circle_task(np.array([np.pi / 4]), np.array([0.0])).y.round(12).tolist()
    [0.5]
    """
    x = circle(angles)
    return Inputs(x, x[:, 0] * x[:, 1], circle(test_angles))


class Images(NamedTuple):
    """Pictures of handwritten digits.

    Attributes:
        x: ``(n, pixels)``; brightness of each pixel between 0 and 1.
        labels: ``(n,)``; the digits.
    """

    x: Float[np.ndarray, "n pixels"]
    labels: Int[np.ndarray, " n"]


def digits(examples: int, *, key: Key[Array, ""]) -> Images:
    """A random draw, without repetition, from the 1797 digits of 8 × 8 pixels that scikit-learn ships.

    Args:
        examples: how many; from 1 to 1797.
        key: the source of randomness.

    Raises:
        ValueError: there are not that many.
    """
    # scikit-learn takes a second to import, which only its digits are worth
    from sklearn.datasets import load_digits

    x, labels = load_digits(return_X_y=True)
    return _drawn(x / 16, labels, examples, key)


def mnist(examples: int, *, key: Key[Array, ""], folder: Path | str | None = None) -> Images:
    """A random draw from the 70 000 digits of MNIST, which are fetched from OpenML the first time.

    Args:
        examples: how many; from 1 to 70 000.
        key: the source of randomness.
        folder: where to keep what was fetched; scikit-learn's own folder by default.

    Raises:
        ValueError: there are not that many.
        OSError: the data are not there yet, and there is no network to fetch them.
    """
    from sklearn.datasets import fetch_openml

    x, labels = fetch_openml(
        "mnist_784", version=1, return_X_y=True, as_frame=False, parser="liac-arff", data_home=folder
    )
    return _drawn(x / 255, labels, examples, key)


def _drawn(x, labels, examples, key) -> Images:
    require.integer(1, examples=examples)
    require.within(1, len(x), examples=examples)
    chosen = generator(key).permutation(len(x))[:examples]
    return Images(x[chosen], labels[chosen].astype(int))


def absolute_value_task(n_in: int, examples: int, tests: int, *, key: Key[Array, ""]) -> tuple[Inputs, np.ndarray]:
    r"""A function of one direction of Gaussian inputs, :math:`|w \cdot x|`, shifted and scaled to mean 0, variance 1.

    Args:
        n_in: dimension of the inputs.
        examples: how many training inputs.
        tests: how many test inputs.
        key: the source of randomness, for the direction and the inputs.

    Returns:
        The task, and the targets ``(tests,)`` of its test inputs.
    """
    draw = generator(key)
    direction = draw.normal(size=n_in)
    direction /= np.linalg.norm(direction)
    x = draw.normal(size=(examples + tests, n_in))
    y = (np.abs(x @ direction) - np.sqrt(2 / np.pi)) / np.sqrt(1 - 2 / np.pi)
    return Inputs(x[:examples], y[:examples], x[examples:]), y[examples:]
