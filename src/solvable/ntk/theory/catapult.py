"""A network small enough to solve at every learning rate: two linear layers, one example, and the catapult."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from solvable import require
from solvable._types import RealLike, promote


class Catapult(NamedTuple):
    """Gradient descent on one example, step by step; leading axes are those of the arguments.

    Attributes:
        outputs: ``(..., steps + 1)``; what the network says, with the target at 0.
        kernels: ``(..., steps + 1)``; its neural tangent kernel.
    """

    outputs: Float[Array, "... n"]
    kernels: Float[Array, "... n"]


def catapult_recursion(f0: RealLike, lam0: RealLike, *, eta: RealLike, width: RealLike, steps: int) -> Catapult:
    r"""Gradient descent on a two-layer linear network with one example, in its output and its kernel alone.

    .. math::

        f_{k+1} = f_k \left(1 - \eta\lambda_k + \frac{\eta^2 f_k^2}{n}\right), \qquad
        \lambda_{k+1} = \lambda_k + \frac{\eta f_k^2}{n} \left(\eta\lambda_k - 4\right)

    for :math:`f = u \cdot v / \sqrt{n}`, the loss :math:`f^2/2` and the kernel
    :math:`\lambda = (\lVert u \rVert^2 + \lVert v \rVert^2)/n`. At infinite width the kernel stands still. At finite
    width and :math:`2 < \eta\lambda_0 < 4` the output first grows, the kernel falls until
    :math:`\eta\lambda < 2`, and the output settles.

    Args:
        f0: initial output.
        lam0: initial kernel; positive, and at least :math:`2|f_0|/\sqrt{n}`, as it is for any weights.
        eta: learning rate; positive.
        width: ``n``, number of hidden units; positive, infinity allowed.
        steps: how many; at least 1.

    Returns:
        Output and kernel before the first step and after each.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Lewkowycz et al. (2020) analyse this network; the recursion is derived in the chapter.

    >>> catapult_recursion(1.0, 2.0, eta=0.5, width=jnp.inf, steps=1).outputs.tolist()
    [1.0, 0.0]
    """
    require.finite(f0=f0)
    require.positive(lam0=lam0, eta=eta)
    require.integer(1, steps=steps)
    require.positive_or_infinite(width=width)
    return _descend(*jnp.broadcast_arrays(*promote(f0, lam0, eta, width)), steps=steps)


@partial(jax.jit, static_argnames="steps")
def _descend(f0, lam0, eta, width, *, steps):
    def step(state, _):
        f, lam = state
        push = eta * f**2 / width
        state = f * (1 - eta * lam + eta * push), lam + push * (eta * lam - 4)
        return state, state

    _, (outputs, kernels) = jax.lax.scan(step, (f0, lam0), length=steps)
    paths = (jnp.concatenate([start[None], path]) for start, path in ((f0, outputs), (lam0, kernels)))
    return Catapult(*(jnp.moveaxis(path, 0, -1) for path in paths))
