"""Separable logistic regression: where descent goes, how fast it grows, and how many steps it may take to separate.

Signed examples :math:`a_i = y_i x_i` are the rows of an array. Weights :math:`w` separate them where
:math:`a_i \\cdot w > 0` for every :math:`i`.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float
from scipy.optimize import nnls
from scipy.special import lambertw, wrightomega, zeta

from solvable import require
from solvable._types import RealLike

from .precision import significand_bits


class MaxMargin(NamedTuple):
    r"""The separating plane that keeps the largest distance from the nearest example.

    Attributes:
        direction: :math:`\hat w`, ``(d,)``; the shortest vector with :math:`a_i \cdot \hat w \ge 1` for every example.
        margin: :math:`\mu = 1/\lVert \hat w\rVert`, that distance.
        multipliers: :math:`\alpha`, ``(n,)``, non-negative; :math:`\hat w = \sum_i \alpha_i a_i`, and where
            :math:`\alpha_i` is positive the example is a nearest one.
    """

    direction: Float[np.ndarray, " d"]
    margin: float
    multipliers: Float[np.ndarray, " n"]


def _checked(examples: ArrayLike) -> Float[np.ndarray, "n d"]:
    require.finite(examples=examples)
    require.shape((None, None), examples=examples)
    if not np.size(examples):
        raise ValueError(f"examples must have at least one row and one column, got shape {np.shape(examples)}")
    return np.asarray(examples, float)


def _longest(examples: Float[np.ndarray, "n d"]) -> float:
    return float(np.linalg.norm(examples, axis=1).max())


def max_margin(examples: Float[ArrayLike, "n d"]) -> MaxMargin:
    r"""The direction in which gradient descent on the logistic loss ends.

    .. math::

        \hat w = \arg\min_w \{\lVert w\rVert : a_i \cdot w \ge 1\}, \qquad
        \mu = \max_{\lVert w\rVert = 1} \min_i\, a_i \cdot w = \frac{1}{\lVert \hat w\rVert}

    Found as a problem of least squares: for the :math:`u \ge 0` that bring :math:`\sum_i u_i (a_i, 1)` nearest to
    :math:`(0, 1)`, the conditions of a minimum are those of :math:`\hat w = \sum_i u_i a_i / (1 - \sum_i u_i)`.

    Args:
        examples: :math:`a`, ``(n, d)``; signed.

    Returns:
        Accurate to 1e-9 of its length.

    Raises:
        ValueError: ``examples`` is no finite matrix, or no plane through 0 separates it by a margin of more than a
            millionth of the longest example.

    Source: Soudry et al. (2018) for the limit of descent; the problem of least squares is derived in the chapter.

    >>> found = max_margin(np.array([[3.0, 1.0], [3.0, -1.0], [9.0, 2.0]]))
    >>> print(f"{found.margin:.6f}", found.direction.round(6) + 0.0)
    3.000000 [0.333333 0.      ]
    """
    examples = _checked(examples)
    longest = _longest(examples) or 1.0
    unit = examples / longest
    stacked = np.vstack([unit.T, np.ones(len(unit))])
    target = np.zeros(len(stacked))
    target[-1] = 1
    weights, _ = nnls(stacked, target)
    support = np.flatnonzero(weights > 0)
    # the residual loses digits where the margin is small; the support that it names does not
    direction = np.linalg.lstsq(unit[support], np.ones(len(support)))[0]
    length = np.linalg.norm(direction)
    if not len(support) or (unit @ direction < 1 - 1e-9).any() or length > 1e6:
        raise ValueError(f"examples must be separable by a plane through 0, got {len(examples)} that are not")
    multipliers = np.zeros(len(unit))
    # their sum is the squared length of the direction, which has all its digits
    multipliers[support] = weights[support] * length**2 / weights.sum()
    return MaxMargin(direction / longest, float(longest / length), multipliers / longest**2)


class StepBound(NamedTuple):
    """After how many steps at most every example is on its right side.

    Attributes:
        batch: where the step is a mean over all examples.
        normalised: where it is divided by the share of mistakes.
    """

    batch: float
    normalised: float


def perceptron_bound(examples: Float[ArrayLike, "n d"]) -> StepBound:
    r"""Most steps that the batch perceptron can take, and its normalised variant.

    .. math:: T \le \frac{n R^2}{\mu^2}, \qquad T_{\text{normalised}} \le \frac{R^2}{\mu^2}

    The first is :math:`v \leftarrow v + \frac{1}{n} \sum_{i:\, a_i \cdot v < 0} a_i` from 0, where all examples count
    one half. With :math:`s_t` the share of mistakes, the length of :math:`v` along :math:`\hat w` grows by at least
    :math:`\mu s_t`, its square by at most :math:`R^2 s_t^2 \le R^2 s_t`, since mistakes point against :math:`v`. So
    :math:`\mu \sum_t s_t \le \lVert v\rVert \le R \sqrt{\sum_t s_t}`, and :math:`\sum_t s_t \le R^2/\mu^2`, with every
    :math:`s_t \ge 1/n`. Division by :math:`s_t` puts 1 in its place.

    Args:
        examples: :math:`a`, ``(n, d)``; signed. :math:`R` is the length of the longest, :math:`\mu` the margin.

    Returns:
        Both bounds, in steps. The first is doubled where an example lies exactly on the plane on the way, and nothing
        else is a mistake: it counts one half.

    Raises:
        ValueError: ``examples`` is not separable, as in ``max_margin``.

    Source: Novikoff (1962); in this form Tyurin (2024), theorems 3.3 and 5.3.

    >>> print(tuple(round(bound, 6) for bound in perceptron_bound(np.array([[0.5, 1.0], [0.5, 1.0], [0.5, -1.0]]))))
    (15.0, 5.0)
    """
    margin, examples = max_margin(examples).margin, _checked(examples)
    normalised = (_longest(examples) / margin) ** 2
    return StepBound(len(examples) * normalised, normalised)


def descent_bound(examples: Float[ArrayLike, "n d"], *, step_size: float) -> StepBound:
    r"""Most steps that gradient descent on the logistic loss can take until it separates, whatever its step size.

    .. math::

        T \le 2n \Big( \frac{R^2}{\mu^2} + \frac{2B}{\eta \mu^2} \Big), \qquad
        T_{\text{normalised}} \le \frac{R^2}{\mu^2} + \frac{2B}{\eta \mu^2}, \qquad
        B = \frac{2n - 2}{2n - 1}\, W\Big(\frac{2n - 1}{e}\Big) \le \ln(2n - 1)

    The argument of ``perceptron_bound`` for :math:`\sigma(-a_i \cdot w)` in the place of mistakes. What changes is that
    right examples still push: by their margins' mean with these weights, which is largest, and then :math:`B`, for one
    mistake at margin 0 and all others at the same margin :math:`1 + W((2n-1)/e)`.

    Args:
        examples: :math:`a`, ``(n, d)``; signed.
        step_size: :math:`\eta`, of the mean loss, from :math:`w = 0`; positive.

    Returns:
        Both bounds, in steps.

    Raises:
        ValueError: an argument lies outside its domain, or ``examples`` is not separable, as in ``max_margin``.

    Source: for the normalised descent Tyurin (2024), theorem 6.1, with :math:`\ln(2n-1)` for :math:`B`; the rest is
    derived in the chapter.
    """
    require.positive(step_size=step_size)
    margin, examples = max_margin(examples).margin, _checked(examples)
    n = len(examples)
    push = (2 * n - 2) / (2 * n - 1) * float(lambertw((2 * n - 1) / math.e).real)
    normalised = (_longest(examples) / margin) ** 2 + 2 * push / (step_size * margin**2)
    return StepBound(2 * n * normalised, normalised)


def norm_growth(examples: Float[ArrayLike, "n d"], *, factor: float = 10.0) -> float:
    r"""By how much the weights lengthen while the number of steps grows by a factor, after many steps.

    .. math:: w(t) = \hat w \ln t + O(1) \qquad\Longrightarrow\qquad
        \lVert w(ft)\rVert - \lVert w(t)\rVert \to \lVert \hat w\rVert \ln f

    Args:
        examples: :math:`a`, ``(n, d)``; signed.
        factor: :math:`f`; a decade by default. At least 1.

    Raises:
        ValueError: ``factor`` is below 1, or ``examples`` is not separable, as in ``max_margin``.

    Source: Soudry et al. (2018).

    >>> print(f"{norm_growth(np.array([[2.0, 0.0]])):.6f}")
    1.151293
    """
    require.within(1, np.inf, factor=factor)
    return math.log(factor) / max_margin(examples).margin


def margin_after(steps: RealLike, *, rate: RealLike) -> Float[np.ndarray, "..."]:
    r"""Margin of one example under the flow that gradient descent follows.

    .. math:: \dot m = \rho\, \sigma(-m), \quad m(0) = 0 \qquad\Longrightarrow\qquad e^m + m = \rho t + 1, \quad
        m = \ln \omega(\rho t + 1)

    where :math:`\omega` is Wright's function, :math:`\omega + \ln \omega = z`. It is without loss of digits for any
    :math:`t`; for large ones :math:`m \approx \ln \rho t`.

    Args:
        steps: :math:`t`, of the descent; need not be whole; non-negative.
        rate: :math:`\rho`, step size times the squared length of the example; positive.

    Returns:
        The margin, of the common shape of the arguments.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(margin_after(np.array([0.0, np.e, 1e9]), rate=1.0).round(6))
    [ 0.        1.       20.723266]
    """
    require.non_negative(steps=steps)
    require.positive(rate=rate)
    return np.asarray(np.log(wrightomega(np.multiply(rate, steps, dtype=float) + 1)))


def margin_lead(steps: RealLike, *, rate: RealLike) -> Float[np.ndarray, "..."]:
    r"""How far at most gradient descent is ahead of its flow, and it is never behind.

    .. math::

        0 \le m_k - m(k) \le \frac{c\, m(k)}{1 + e^{m(k)} - c}, \qquad
        c = \frac{\rho}{2}\, e^{\rho/2}

    A step :math:`\delta = \rho\, \sigma(-m)` takes :math:`e^m + m` up by :math:`\rho + e^m (e^\delta - 1 - \delta)`.
    The second term lies between 0 and :math:`e^m e^\delta \delta^2/2 \le c\, \delta`, as :math:`\delta \le \rho/2` and
    :math:`e^m \delta \le \rho`, and the steps add up to :math:`m_k`.

    Args:
        steps: :math:`k`; non-negative.
        rate: :math:`\rho`; positive.

    Returns:
        The bound, of the common shape of the arguments; infinite where :math:`c \ge 1 + e^m`, which is after few steps
        that are large.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.
    """
    margin = margin_after(steps, rate=rate)
    with np.errstate(over="ignore"):
        excess = np.divide(rate, 2, dtype=float) * np.exp(np.divide(rate, 2, dtype=float))
    room = 1 + np.exp(margin) - excess
    return np.where(room > 0, excess * margin / np.where(room > 0, room, 1), np.inf)


def flow_collapse_steps(dtype: str, *, rate: float) -> float:
    r"""Steps after which the flow of one example has the margin at which softmax collapses, :math:`t \ln 2`.

    .. math:: T = \frac{2^t + t \ln 2 - 1}{\rho}

    for :math:`t` binary digits. All but :math:`2^t / \rho` is below 2 percent of it for bfloat16, and a millionth for
    float32. Descent is ahead by :math:`\frac{1}{2} t \ln 2` steps.

    Args:
        dtype: of the loss.
        rate: :math:`\rho`, step size times the squared length of the example; positive.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(f"{flow_collapse_steps('bfloat16', rate=1.0):.3f}")
    260.545
    """
    require.positive(rate=rate)
    bits = significand_bits(dtype)
    return (2.0**bits + bits * math.log(2) - 1) / rate


def rounded_collapse_steps(dtype: str, *, rate: float) -> float:
    r"""Steps of descent on one example until its gradient, computed in a precision, is exactly 0.

    .. math:: T \approx \kappa\, \frac{2^t}{\rho}, \qquad
        \kappa = \frac{1}{2} \sum_{k \ge 1} \frac{1}{k} \ln \frac{2k + 1}{2k - 1}
        = \sum_{j \ge 0} \frac{\zeta(2j + 2)}{(2j + 1)\, 2^{2j + 1}} = 0.8753\ldots

    Near its end the derivative by the right logit, :math:`1/(1 + u) - 1` with :math:`u = e^{-m}`, is a small multiple
    of :math:`2^{1-t}`: the nearest to :math:`-u`. With :math:`u = 2^{1-t} x` the flow takes
    :math:`\rho\, dt = -2^{t-1} dx / (x \operatorname{round}(x))`, down to :math:`x = 1/2`, where exact arithmetic would
    have :math:`-2^{t-1} dx/x^2`: rounding takes an eighth off the way. What is left out is of the order of
    :math:`t (1 + 1/\rho)` steps.

    Args:
        dtype: of the loss.
        rate: :math:`\rho`, step size times the squared length of the example; positive, and so small that the first
            step, of :math:`\rho/2`, does not pass :math:`t \ln 2`.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(f"{rounded_collapse_steps('float32', rate=1.0):.0f}")
    14685374
    """
    require.positive(rate=rate)
    bits = significand_bits(dtype)
    require.within(0, 2 * bits * math.log(2), rate=rate)
    terms = np.arange(30)  # a quarter each, to the end of float64
    kappa = float(np.sum(zeta(2 * terms + 2) / ((2 * terms + 1) * 2.0 ** (2 * terms + 1))))
    return kappa * 2.0**bits / rate


FACING_CROWDS_EDGE = 9.0
"""Step size above which descent between the crowds of ``facing_crowds_steps`` no longer settles."""


def facing_crowds_steps(*, margin: RealLike, step_size: float) -> Float[np.ndarray, "..."]:
    r"""Steps until descent separates two crowds that face each other, one of them twice as large.

    .. math::

        T \approx \frac{3}{8 \mu^2}\, \frac{2 + \ln 6}{\eta} \quad (\eta \le 9), \qquad
        T \approx \frac{3}{8 \mu^2} \quad (\eta = \infty)

    Two thirds of the examples are :math:`(\mu, \sqrt{1 - \mu^2})`, the others :math:`(\mu, -\sqrt{1 - \mu^2})`, with
    :math:`\mu \ll 1`. Across, the weight :math:`y` soon balances the crowds at :math:`z = \mu w_1`,
    :math:`2\, \sigma(-z - y) = \sigma(-z + y)`, while :math:`\dot z = \frac{4}{3} \mu^2 \sigma(-z - y)`. In
    :math:`q = e^{z + y}` that is :math:`e^{2z} = q (q - 1)/2`, from 2 at the start to 3 where :math:`y = z`, and the
    time is an integral of :math:`2 + 1/q + 2/(q - 1)`. The perceptron goes round :math:`y = \frac{1}{6}, -\frac{1}{6},
    \frac{1}{2}` for ever, and :math:`w_1` grows by :math:`\frac{4}{9} \mu` a step until :math:`\mu w_1` is
    :math:`\frac{1}{6}`. So steps of more than :math:`2 + \ln 6 = 3.8` that still settle, up to 9, separate sooner than
    steps without end.

    Args:
        margin: :math:`\mu`; above 0, below 1.
        step_size: :math:`\eta`, of the mean loss; above 0, at most ``FACING_CROWDS_EDGE``, or infinite.

    Returns:
        The number of steps, up to some of order 1, of the shape of ``margin``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> [f"{facing_crowds_steps(margin=0.05, step_size=eta):.0f}" for eta in (1.0, 9.0, np.inf)]
    ['569', '63', '150']
    """
    require.positive(margin=margin)
    require.within(0, np.nextafter(1.0, 0.0), margin=margin)
    require.positive_or_infinite(step_size=step_size)
    if FACING_CROWDS_EDGE < step_size < np.inf:
        raise ValueError(f"step_size must be at most {FACING_CROWDS_EDGE} or infinite, got {step_size!r}")
    factor = 1 if np.isinf(step_size) else (2 + math.log(6)) / step_size
    return np.asarray(3 * factor / (8 * np.square(margin, dtype=float)))
