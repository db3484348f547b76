"""Separable logistic regression by gradient descent, with steps of any size and losses of any precision."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Key

from solvable import require
from solvable._types import place
from solvable.randomness import generator
from solvable.training import intervals_between, iterate, log_spaced_steps

from ..theory.precision import DTYPES

OBSERVATIONS = 60
"""At most so many steps are observed where none are named."""

STEPS_AT_ONCE = 8
"""Steps of the run in low precision from one look at whether it is over to the next."""


class LinearRun(NamedTuple):
    r"""What became of weights that started at 0.

    Attributes:
        steps: ``(k,)``; number of updates before each observation.
        weights: ``(k, d)``; :math:`w`, of the perceptron :math:`v`.
        losses: ``(k,)``; mean of :math:`\ln(1 + e^{-a_i \cdot w})` in nats. Of the perceptron its limit in units of the
            step size, the mean of :math:`\max(0, -a_i \cdot v)`.
        mistakes: ``(k,)``; number of examples with :math:`a_i \cdot w \le 0`.
        separated: after how many updates there was no mistake for the first time; NaN if there always was one.
    """

    steps: Int[np.ndarray, " k"]
    weights: Float[np.ndarray, "k d"]
    losses: Float[np.ndarray, " k"]
    mistakes: Int[np.ndarray, " k"]
    separated: float


def _blame(margins: Float[Array, " n"], step_size: Float[Array, ""], normalised: bool) -> Float[Array, " n"]:
    """How much each example counts in a step, by its margin in units of the step size; that may be infinite."""
    endless = jnp.isinf(step_size)
    logits = -jnp.where(endless, 1.0, step_size) * margins
    hits = jnp.where(margins < 0, 1.0, jnp.where(margins == 0, 0.5, 0.0))
    if not normalised:
        return jnp.where(endless, hits, jax.nn.sigmoid(logits)) / len(margins)
    total = jnp.sum(hits)
    # after separation all the sigmoids may underflow; their ratios do not
    return jnp.where(endless, hits / jnp.where(total > 0, total, 1.0), jax.nn.softmax(jax.nn.log_sigmoid(logits)))


def _start(examples: Float[Array, "n d"]) -> tuple[Array, Array, Array]:
    n, d = examples.shape
    return jnp.zeros(d), jnp.zeros(n), jnp.array(jnp.nan)


def _update(examples: Array, step_size: Array, normalised: bool, index: Array, state: tuple) -> tuple:
    weights, margins, separated = state
    weights = weights + _blame(margins, step_size, normalised) @ examples
    margins = examples @ weights
    first = jnp.isnan(separated) & jnp.all(margins > 0)
    return weights, margins, jnp.where(first, (index + 1).astype(float), separated)


@partial(jax.jit, static_argnames="normalised")
def _follow(examples: Array, step_size: Array, intervals: tuple[Array, Array], normalised: bool) -> tuple:
    update = partial(_update, examples, step_size, normalised)
    (*_, separated), observed = iterate(update, _start(examples), intervals, lambda state: state[:2])
    return *observed, separated


@partial(jax.jit, static_argnames="normalised")
def _separate(examples: Array, step_sizes: Array, steps: Array, normalised: bool) -> Float[Array, " s"]:
    def goes_on(state):
        index, (*_, separated) = state
        return (index < steps) & jnp.isnan(separated)

    def one(step_size):
        update = partial(_update, examples, step_size, normalised)
        _, (*_, separated) = jax.lax.while_loop(
            goes_on, lambda state: (state[0] + 1, update(*state)), (jnp.zeros_like(steps), _start(examples))
        )
        return separated

    return jax.vmap(one)(step_sizes)


def _checked(examples: ArrayLike) -> Array:
    require.finite(examples=examples)
    require.shape((None, None), examples=examples)
    if not np.size(examples):
        raise ValueError(f"examples must have at least one row and one column, got shape {np.shape(examples)}")
    return place(examples, float)


def _run(
    examples: ArrayLike, step_size: float, steps: int, observe: Int[np.ndarray, " k"] | None, normalised: bool
) -> LinearRun:
    require.integer(1, steps=steps)
    examples = _checked(examples)
    observe = log_spaced_steps(steps, OBSERVATIONS) if observe is None else np.asarray(observe)
    require.within(0, steps, observe=observe)
    # up to the last step, so that separation is seen wherever the observations end
    until = observe if observe[-1] == steps else np.append(observe, steps)
    found = _follow(examples, place(step_size, float), intervals_between(until), normalised)
    weights, margins, separated = map(np.asarray, found)
    weights, margins = weights[: len(observe)], margins[: len(observe)]
    mistakes = (margins <= 0).sum(axis=1)
    if np.isinf(step_size):
        losses = np.maximum(0, -margins).mean(axis=1)
    else:
        weights, losses = step_size * weights, np.logaddexp(0, -step_size * margins).mean(axis=1)
    return LinearRun(observe, weights, losses, mistakes, float(separated))


def logistic_regression(
    examples: Float[ArrayLike, "n d"], *, step_size: float, steps: int, observe: Int[np.ndarray, " k"] | None = None
) -> LinearRun:
    r"""Gradient descent on the mean logistic loss, from 0.

    .. math:: w \leftarrow w + \frac{\eta}{n} \sum_i \sigma(-a_i \cdot w)\, a_i

    Args:
        examples: :math:`a`, ``(n, d)``; signed.
        step_size: :math:`\eta`; positive.
        steps: how many; at least 1.
        observe: after which of them, strictly increasing from 0 or above; on a logarithmic scale if not given.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: LR+GD in Tyurin (2024), equation 3.

    >>> run = logistic_regression(np.array([[1.0, 0.0]]), step_size=2.0, steps=1)
    >>> run.weights.round(6).tolist(), run.separated
    ([[0.0, 0.0], [1.0, 0.0]], 1.0)
    """
    require.positive(step_size=step_size)
    return _run(examples, step_size, steps, observe, False)


def normalised_logistic_regression(
    examples: Float[ArrayLike, "n d"], *, step_size: float, steps: int, observe: Int[np.ndarray, " k"] | None = None
) -> LinearRun:
    r"""Gradient descent whose step is divided by the mean of the examples' weights in it.

    .. math:: w \leftarrow w + \eta\, \frac{\sum_i \sigma(-a_i \cdot w)\, a_i}{\sum_i \sigma(-a_i \cdot w)}

    Args:
        examples: :math:`a`, ``(n, d)``; signed.
        step_size: :math:`\eta`; positive.
        steps: how many; at least 1.
        observe: after which of them, strictly increasing from 0 or above; on a logarithmic scale if not given.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Normalized LR+GD in Tyurin (2024), section 6.
    """
    require.positive(step_size=step_size)
    return _run(examples, step_size, steps, observe, True)


def batch_perceptron(
    examples: Float[ArrayLike, "n d"],
    *,
    steps: int,
    normalised: bool = False,
    observe: Int[np.ndarray, " k"] | None = None,
) -> LinearRun:
    r"""What descent becomes, in units of its step size, where that is infinite.

    .. math:: v \leftarrow v + \frac{1}{n} \sum_i h_i a_i, \qquad
        h_i = 1, \tfrac{1}{2}, 0 \quad\text{for}\quad a_i \cdot v < 0,\; = 0,\; > 0

    From 0, where every example counts one half. It stands still after separation.

    Args:
        examples: :math:`a`, ``(n, d)``; signed.
        steps: how many; at least 1.
        normalised: whether :math:`\sum_i h_i` takes the place of :math:`n`.
        observe: after which of them, strictly increasing from 0 or above; on a logarithmic scale if not given.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Tyurin (2024), theorem 3.2, and theorem 5.3 for the normalised one. There an example on the plane counts as
    a mistake, except at the start.
    """
    return _run(examples, np.inf, steps, observe, normalised)


def steps_to_separate(
    examples: Float[ArrayLike, "n d"], step_sizes: Float[ArrayLike, " s"], *, steps: int, normalised: bool = False
) -> Float[np.ndarray, " s"]:
    """After how many updates every example is on its right side for the first time, for each step size.

    Args:
        examples: ``(n, d)``; signed.
        step_sizes: ``(s,)``; positive. An infinite one stands for the perceptron.
        steps: after which to give up; at least 1.
        normalised: as in ``normalised_logistic_regression``.

    Returns:
        ``(s,)``; NaN where a run was given up.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> crowd = np.array([[0.5, -1.0]] + 9 * [[0.5, 1.0]])
    >>> print(steps_to_separate(crowd, np.array([1.0, 100.0, np.inf]), steps=1000))
    [37.  4.  4.]
    """
    require.positive_or_infinite(step_sizes=step_sizes)
    require.integer(1, steps=steps)
    return np.asarray(_separate(_checked(examples), place(step_sizes, float), place(steps), normalised))


def separable_data(n: int, d: int, *, margin: float, key: Key[Array, ""]) -> Float[np.ndarray, "n d"]:
    r"""Random signed examples that a random plane separates.

    .. math:: a_i = x_i + (\mu + \lvert x_i \cdot u\rvert - x_i \cdot u)\, u

    with a unit vector :math:`u` and normal :math:`x_i` of unit variances.

    Args:
        n: number of examples; at least 1.
        d: number of dimensions; at least 1.
        margin: :math:`\mu`, the least one that :math:`u` keeps; the largest possible one is larger. Positive.
        key: the source of randomness.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.
    """
    require.integer(1, n=n, d=d)
    require.positive(margin=margin)
    draw = generator(key)
    plane, points = draw.normal(size=d), draw.normal(size=(n, d))
    plane /= np.linalg.norm(plane)
    along = points @ plane
    return points + np.outer(margin + np.abs(along) - along, plane)


def facing_crowds(*, margin: float) -> Float[np.ndarray, "3 2"]:
    r"""Two examples :math:`(\mu, \sqrt{1 - \mu^2})`, and one :math:`(\mu, -\sqrt{1 - \mu^2})`.

    Each stands for a third of two crowds that face each other; any multiple of all three gives the same descent.

    Args:
        margin: :math:`\mu`, the largest possible; above 0, at most 1.

    Raises:
        ValueError: ``margin`` lies outside its domain.

    Source: derived in the chapter.
    """
    require.positive(margin=margin)
    require.within(0, 1, margin=margin)
    across = np.sqrt(1 - margin**2)
    return np.array([[margin, across], [margin, across], [margin, -across]])


def rare_example(n: int, *, margin: float) -> Float[np.ndarray, "n 3"]:
    r"""Two crowds that face each other, and one example that both of them push aside.

    .. math::

        \Big(\mu, \pm\sqrt{\tfrac{3}{4} - \mu^2}, \tfrac{1}{2}\Big), \qquad
        \text{once } \big(\mu, 0, -\sqrt{1 - \mu^2}\big)

    Two thirds of the crowd have the upper sign. The plane across the first axis separates all unit vectors with margin
    :math:`\mu`, which is small beside what the crowds do to each other: it takes the perceptron of the order of
    :math:`1/\mu^2` corrections of a crowd until they agree. Each of them makes a mistake of the rare example, which
    comes right by :math:`1/n` a step, so that all take of the order of :math:`n/\mu^2`. A step that is divided by the
    share of mistakes does not wait.

    Args:
        n: number of examples; at least 4.
        margin: :math:`\mu`; above 0, at most 1/2.

    Returns:
        ``(n, 3)``; the last row is the rare one.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter. With one crowd, and :math:`\mu` of order 1, Tyurin (2024), theorem 5.1.

    >>> print(rare_example(4, margin=0.5).round(3) + 0.0)
    [[ 0.5    0.707  0.5  ]
     [ 0.5    0.707  0.5  ]
     [ 0.5   -0.707  0.5  ]
     [ 0.5    0.    -0.866]]
    """
    require.integer(4, n=n)
    require.positive(margin=margin)
    require.within(0, 0.5, margin=margin)
    upper = round(2 * (n - 1) / 3)
    across = np.sqrt(0.75 - margin**2) * np.where(np.arange(n - 1) < upper, 1.0, -1.0)
    crowd = np.stack([np.full(n - 1, margin), across, np.full(n - 1, 0.5)], axis=1)
    return np.vstack([crowd, [margin, 0.0, -np.sqrt(1 - margin**2)]])


class DescentCollapse(NamedTuple):
    """When plain descent came to a halt.

    Attributes:
        steps: number of updates after which the gradient is exactly 0; NaN if that was never.
        margin: of the example then, or at the end.
    """

    steps: float
    margin: float


@partial(jax.jit, static_argnames="dtype")
def _halt(dtype: str, rate: Array, steps: Array) -> tuple[Array, Array, Array]:
    limits = jnp.finfo(dtype)
    # a compiler may keep more digits between operations than the type has
    rounded = partial(jax.lax.reduce_precision, exponent_bits=limits.nexp, mantissa_bits=limits.nmant)
    one = jnp.ones((), dtype)

    def pull(margin):
        total = rounded(one + rounded(jnp.exp(-margin.astype(dtype))))
        return (one - rounded(one / total)).astype(margin.dtype)

    def step(state):
        margin, taken = state
        change = rate * pull(margin)
        # a gradient of 0 stays 0: nothing happens in what is left of a round
        return margin + change, taken + (change > 0).astype(taken.dtype)

    def goes_on(state):
        margin, taken = state
        return (pull(margin) > 0) & (taken + STEPS_AT_ONCE <= steps)

    def rounds(state):
        for _ in range(STEPS_AT_ONCE):
            state = step(state)
        return state

    state = jax.lax.while_loop(goes_on, rounds, (jnp.zeros(()), jnp.zeros_like(steps)))
    margin, taken = jax.lax.while_loop(lambda state: (pull(state[0]) > 0) & (state[1] < steps), step, state)
    return taken, margin, pull(margin) == 0


def collapse_of_descent(dtype: str, *, rate: float, steps: int) -> DescentCollapse:
    r"""Plain descent on one example, whose gradient is computed in a precision, until it is exactly 0.

    .. math:: m \leftarrow m + \rho\, \Big(1 \ominus \frac{1}{1 \oplus e^{-m}}\Big)

    The margin :math:`m` is kept in double precision. What multiplies the rate :math:`\rho` is minus the derivative of
    ``softmax_cross_entropy`` of the logits :math:`(m, 0)` by the first, with every operation in ``dtype``.

    Args:
        dtype: of the loss, one of ``DTYPES``.
        rate: :math:`\rho`, step size times the squared length of the example; positive.
        steps: after which to give up; at least 1. Ten million take less than a second, so float64 cannot be waited for.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> collapse_of_descent("bfloat16", rate=1.0, steps=1000).steps
    224.0
    """
    require.one_of(DTYPES, dtype=dtype)
    require.positive(rate=rate)
    require.integer(1, steps=steps)
    taken, margin, over = _halt(dtype, place(rate, float), place(steps))
    return DescentCollapse(float(taken) if over else float("nan"), float(margin))
