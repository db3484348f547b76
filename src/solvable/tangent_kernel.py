"""The neural tangent kernel of any network, from its parameters: a matrix, products with it, and a linear model."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from solvable import require

# apply_fn(params, x): outputs (n, outputs) at inputs (n, ...)
Network = Callable[[PyTree, Array], Array]

METHODS = ("jacobian", "ntk_vp")


def linearize(apply_fn: Network, params0: PyTree) -> Network:
    r"""The network's first-order Taylor expansion in its parameters, a linear model.

    .. math:: f^{\text{lin}}(\theta, x) = f(\theta_0, x) + \nabla_\theta f(\theta_0, x) \cdot (\theta - \theta_0)

    Args:
        apply_fn: ``apply_fn(params, x)``.
        params0: where to expand.

    Returns:
        A function of parameters and inputs, like ``apply_fn``.

    Source: Lee et al. (2019), abstract (first-order Taylor expansion around the initial parameters).

    >>> square = linearize(lambda w, x: w**2 * x, jnp.array(3.0))
    >>> float(square(jnp.array(4.0), jnp.array(1.0)))
    15.0
    """

    def linear(params: PyTree, x: Array) -> Array:
        change = jax.tree.map(jnp.subtract, params, params0)
        outputs, moved = jax.jvp(lambda p: apply_fn(p, x), (params0,), (change,))
        return outputs + moved

    return linear


def ntk_vector_product(
    apply_fn: Network, params: PyTree, x1: Float[Array, "n1 ..."], x2: Float[Array, "n2 ..."] | None = None
) -> Callable[[Float[Array, "n2 outputs"]], Float[Array, "n1 outputs"]]:
    r"""The product of the kernel with a vector, without the kernel: one backward and one forward pass.

    .. math:: v \mapsto \Theta(x_1, x_2)\, v = \nabla_\theta f(x_1) \left[\nabla_\theta f(x_2)^\top v\right]

    Args:
        apply_fn: ``apply_fn(params, x)``.
        params: where to take the gradients.
        x1: inputs of the rows.
        x2: inputs of the columns; ``x1`` by default.

    Returns:
        A function of ``v``, ``(n2, outputs)``, that gives ``(n1, outputs)``; all outputs, none averaged.

    Source: Novak, Sohl-Dickstein and Schoenholz (2022).

    >>> product = ntk_vector_product(lambda w, x: x @ w, jnp.eye(2), jnp.array([[3.0, 4.0]]))
    >>> product(jnp.ones((1, 2))).tolist()
    [[25.0, 25.0]]
    """
    backward = jax.vjp(lambda p: apply_fn(p, x1 if x2 is None else x2), params)[1]

    def product(v: Float[Array, "n2 outputs"]) -> Float[Array, "n1 outputs"]:
        return jax.jvp(lambda p: apply_fn(p, x1), (params,), backward(v))[1]

    return product


def empirical_ntk(
    apply_fn: Network,
    params: PyTree,
    x1: Float[Array, "n1 ..."],
    x2: Float[Array, "n2 ..."] | None = None,
    *,
    method: str = "jacobian",
    trace_outputs: bool = True,
    block: int | None = None,
) -> Float[Array, "n1 n2"] | Float[Array, "n1 n2 outputs outputs"]:
    r"""Neural tangent kernel of a network as it stands, by automatic differentiation.

    .. math:: \Theta_{cc'}(x, x') = \nabla_\theta f_c(x) \cdot \nabla_\theta f_{c'}(x')

    Args:
        apply_fn: ``apply_fn(params, x)``, each of whose outputs depends on its own input alone; hashable, and
            compiled once for as long as it is the same function.
        params: where to take the gradients; any pytree of arrays.
        x1: inputs of the rows, along the first axis.
        x2: inputs of the columns; ``x1`` by default.
        method: ``jacobian`` contracts the gradients of all outputs, whose memory grows with inputs times parameters;
            ``ntk_vp`` multiplies the kernel with each unit vector, which takes more time and no such memory.
        trace_outputs: average over ``c = c'``, the kernel of one output of a wide network; otherwise all of them.
        block: with ``jacobian``, how many inputs have their gradients held at a time; with ``ntk_vp``, how many unit
            vectors are sent through at a time. By default all, and one.

    Returns:
        ``(n1, n2)``, or ``(n1, n2, outputs, outputs)`` where nothing is averaged. No mean over inputs is taken.

    Raises:
        ValueError: ``method`` is not a known one, or ``block`` is not a whole number of at least 1.

    Source: the definition; Novak, Sohl-Dickstein and Schoenholz (2022) compare the methods.

    >>> linear = lambda w, x: x @ w
    >>> empirical_ntk(linear, jnp.ones((2, 1)), jnp.array([[3.0, 4.0], [1.0, 0.0]])).tolist()
    [[25.0, 3.0], [3.0, 1.0]]
    """
    require.one_of(METHODS, method=method)
    if block is not None:
        require.integer(1, block=block)
    return _kernel(apply_fn, params, x1, x2, method=method, trace_outputs=trace_outputs, block=block)


@partial(jax.jit, static_argnames=("apply_fn", "method", "trace_outputs", "block"))
def _kernel(apply_fn, params, x1, x2, *, method, trace_outputs, block):
    compute = _by_jacobian if method == "jacobian" else _by_products
    kernel = compute(apply_fn, params, x1, x2, block)
    return jnp.trace(kernel, axis1=2, axis2=3) / kernel.shape[2] if trace_outputs else kernel


def _jacobian(apply_fn, params, x):
    """Gradients of every output at every input: leaves of shape ``(n, outputs, parameters)``."""
    gradients = jax.vmap(jax.jacrev(lambda p, one: apply_fn(p, one[None])[0]), in_axes=(None, 0))(params, x)
    return [leaf.reshape(*leaf.shape[:2], -1) for leaf in jax.tree.leaves(gradients)]


def _contract(first, second):
    """Inner products of all rows, ``(n1, n2, outputs, outputs)``, one matrix product for each leaf."""

    def product(a, b):
        flat = a.reshape(-1, a.shape[-1]) @ b.reshape(-1, b.shape[-1]).T
        return flat.reshape(*a.shape[:2], *b.shape[:2])

    return sum(product(a, b) for a, b in zip(first, second, strict=True)).transpose(0, 2, 1, 3)


def _by_jacobian(apply_fn, params, x1, x2, block):
    jacobian = partial(_jacobian, apply_fn, params)
    if block is None:
        first = jacobian(x1)
        return _contract(first, first if x2 is None else jacobian(x2))
    others = x1 if x2 is None else x2

    def row(one):
        first = jacobian(one[None])
        return jax.lax.map(lambda other: _contract(first, jacobian(other[None]))[0, 0], others, batch_size=block)

    return jax.lax.map(row, x1, batch_size=block)


def _by_products(apply_fn, params, x1, x2, block):
    product = ntk_vector_product(apply_fn, params, x1, x2)
    shape = jax.eval_shape(apply_fn, params, x1 if x2 is None else x2)
    size = int(np.prod(shape.shape))
    units = jnp.eye(size, dtype=shape.dtype).reshape(size, *shape.shape)
    # rows of the transposed kernel: for each column and its output, the product at all inputs
    columns = jax.lax.map(product, units, batch_size=block)
    return jnp.transpose(columns.reshape(*shape.shape, len(x1), shape.shape[1]), (2, 0, 3, 1))


def kernel_cosine(a: Float[np.ndarray, "*#n k k"], b: Float[np.ndarray, "*#n k k"]) -> Float[np.ndarray, "*n"]:
    """Cosine of the angle between kernels taken as vectors of their entries; leading axes broadcast.

    >>> float(kernel_cosine(np.eye(2), 3 * np.eye(2)).round(12))
    1.0
    """
    inner = np.sum(a * b, axis=(-2, -1))
    return np.asarray(inner / (np.linalg.norm(a, axis=(-2, -1)) * np.linalg.norm(b, axis=(-2, -1))))
