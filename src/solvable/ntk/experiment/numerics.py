"""Where the formulas are right and the numbers are not: few bits, nearly singular kernels, and the textbook inverse."""

import numpy as np
import scipy.linalg
from jaxtyping import ArrayLike, Float
from scipy.integrate import solve_ivp

from solvable import require

DECADES = np.arange(-16, 0)


def jitter_needed(kernel: Float[ArrayLike, "n n"], dtype: str) -> float:
    """Smallest power of ten that, times the mean diagonal, makes a kernel's Cholesky factorisation succeed.

    Args:
        kernel: ``(n, n)``; computed in float64.
        dtype: ``float32`` or ``float64``, to which it is rounded before it is factorised.

    Returns:
        The fraction of the mean diagonal to add; 0 where none is needed.

    Raises:
        ValueError: the precision is not one of the two, or no jitter below 1 is enough.

    >>> jitter_needed(np.eye(2), "float32")
    0.0
    """
    require.one_of(("float32", "float64"), dtype=dtype)
    rounded = np.asarray(kernel, dtype)
    mean = np.mean(np.diag(rounded))
    for jitter in (0.0, *(10.0**DECADES)):
        try:
            np.linalg.cholesky(rounded + np.asarray(jitter * mean, dtype) * np.eye(len(rounded), dtype=dtype))
        except np.linalg.LinAlgError:
            continue
        return float(jitter)
    raise ValueError(f"kernel must be positive semidefinite, got one that a jitter of {jitter:g} does not mend")


def textbook_prediction(
    ntk_tt: Float[ArrayLike, "n n"], y: Float[ArrayLike, " n"], ntk_st: Float[ArrayLike, "m n"], *, t: float
) -> Float[np.ndarray, " m"]:
    r"""The prediction as it is printed, :math:`\Theta(x, X)\,\Theta^{-1}(I - e^{-t\Theta/N})\,y`, inverse included.

    Right on paper; where the kernel is nearly singular the difference from the identity has lost the digits that the
    inverse then asks for.

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.
        y: ``(n,)``; targets; the initial outputs are 0.
        ntk_st: ``(m, n)``; kernel between test and training inputs.
        t: time of the flow on the mean loss.
    """
    ntk_tt, y, ntk_st = map(np.asarray, (ntk_tt, y, ntk_st))
    learned = (np.eye(len(y)) - scipy.linalg.expm(-t / len(y) * ntk_tt)) @ y
    # not scipy's solve, which warns that the kernel is nearly singular: that is the point
    return ntk_st @ np.linalg.solve(ntk_tt, learned)


def integrated_prediction(
    ntk_tt: Float[ArrayLike, "n n"], y: Float[ArrayLike, " n"], ntk_st: Float[ArrayLike, "m n"], *, t: float
) -> Float[np.ndarray, " m"]:
    r"""The same prediction without any formula: :math:`\dot f = -\frac{1}{N}\Theta(\cdot, X)(f(X) - y)`, integrated.

    By a Runge–Kutta method of order 8 at relative tolerance 1e-12.

    Args:
        ntk_tt: ``(n, n)``; kernel between the training inputs.
        y: ``(n,)``; targets; the initial outputs are 0.
        ntk_st: ``(m, n)``; kernel between test and training inputs.
        t: time of the flow on the mean loss.
    """
    joint = np.concatenate([np.asarray(ntk_tt), np.asarray(ntk_st)]) / len(np.asarray(y))
    y = np.asarray(y)
    run = solve_ivp(
        lambda _, f: -joint @ (f[: len(y)] - y), (0, t), np.zeros(len(joint)), method="DOP853", rtol=1e-12, atol=1e-14
    )
    return run.y[len(y) :, -1]
