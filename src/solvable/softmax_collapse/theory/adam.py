"""Why Adam collapses on schedule: it can lower a gradient no faster than its memory of squares forgets."""

import math

import numpy as np
from jaxtyping import Float

from solvable import require
from solvable._types import RealLike

HALVINGS = 200
"""Of an interval of floating-point numbers: more than it takes to reach neighbours."""


def adam_speed_limit(beta2: float) -> float:
    r"""Fastest steady decay of a gradient under Adam, by step.

    .. math:: c^* = -\tfrac12 \ln \beta_2

    Adam divides by the root :math:`\sqrt{v}` of a mean of squared gradients that forgets by the factor :math:`\beta_2`
    in a step. A gradient that decays faster than :math:`\sqrt{\beta_2}` leaves :math:`\sqrt v` behind; the steps
    shrink, and the decay slows down. Cross-entropy decays as :math:`e^{-g}` with the gap :math:`g`, so the gap grows by
    about :math:`c^*` in a step, whatever the learning rate, if only that is not too small.

    Args:
        beta2: memory of the squares, between 0 and 1.

    Raises:
        ValueError: ``beta2`` is not between 0 and 1.

    Source: derived in the chapter.

    >>> print(f"{adam_speed_limit(0.99):.6f}")
    0.005025
    """
    if not 0 < beta2 < 1:
        raise ValueError(f"beta2 must be above 0 and below 1, got {beta2!r}")
    return -0.5 * math.log(beta2)


def adam_rate(step: RealLike, *, beta1: float = 0.9, beta2: float = 0.999) -> Float[np.ndarray, "..."]:
    r"""Growth of the gap by step where Adam minimises :math:`e^{-g}`, in the steady state.

    .. math::

        s = \eta\, \rho(s), \qquad
        \rho(s) = \frac{1 - \beta_1}{1 - \beta_1 e^{s}} \sqrt{\frac{1 - \beta_2 e^{2s}}{1 - \beta_2}}

    For a gradient that decays as :math:`e^{-st}`, :math:`\rho` is what Adam multiplies the learning rate with. It is 1
    at :math:`s = 0` and 0 at :math:`s = c^* = -\tfrac12\ln\beta_2`: small learning rates set the pace themselves,
    large ones are held at :math:`c^*`.

    Args:
        step: :math:`\eta`, the learning rate times the gap's derivative by the weight; positive.
        beta1: memory of the mean.
        beta2: memory of the squares; above ``beta1**2``.

    Returns:
        :math:`s`, below ``adam_speed_limit(beta2)``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(adam_rate(np.array([1e-4, 1e-2, 1.0]), beta2=0.99).round(6))
    [9.900e-05 4.206e-03 5.025e-03]
    """
    require.positive(step=step)
    require.within(0, 1, beta1=beta1)
    if not beta1**2 < beta2 < 1:
        raise ValueError(f"beta2 must be above beta1**2 and below 1, got {beta2!r} and beta1 = {beta1!r}")
    step = np.asarray(step, float)
    low, high = np.zeros(step.shape), np.full(step.shape, adam_speed_limit(beta2))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mean = (1 - beta1) / (1 - beta1 * np.exp(middle))
        root = np.sqrt(np.maximum(-np.expm1(math.log(beta2) + 2 * middle), 0) / (1 - beta2))
        faster = step * mean * root > middle
        low, high = np.where(faster, middle, low), np.where(faster, high, middle)
    # NumPy makes a number of an array without axes in every sum
    return np.asarray((low + high) / 2)


def power_tail_growth_rate(beta2: float, *, degree: int, power: float = 2.0) -> float:
    r"""Exponential growth of the weights by step, where Adam minimises a loss whose tail is a power.

    .. math:: \frac{d \ln \lVert\theta\rVert}{dt} = \frac{c^*}{q d + 2}

    Logits of degree :math:`d` in the weights and a loss that falls as their power :math:`-q` have a gradient that falls
    as :math:`\lVert\theta\rVert^{-qd-1}`. Its ratio to :math:`\sqrt v \propto \beta_2^{t/2}` is the step, which has to
    grow with :math:`\lVert\theta\rVert`. It holds until steps are as large as the learning rate lets them be.

    Args:
        beta2: memory of the squares, between 0 and 1.
        degree: :math:`d`, the number of layers of a network of ReLUs without biases.
        power: :math:`q`; 2 for StableMax.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter.

    >>> print(f"{power_tail_growth_rate(0.99, degree=3):.6f}")
    0.000628
    """
    require.integer(1, degree=degree)
    require.positive(power=power)
    return adam_speed_limit(beta2) / (power * degree + 2)
