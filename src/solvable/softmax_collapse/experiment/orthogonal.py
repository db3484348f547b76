"""Gradients at right angles to the weights, for any optimiser."""

import optax

from solvable import require

from ..theory.directions import WHOLE, project_orthogonal


def orthogonal_gradients(*, whole: str = "tree", rescale: bool = False) -> optax.GradientTransformation:
    r"""An optax transformation that takes from a gradient its part along the parameters.

    .. math:: g \leftarrow g - \frac{\langle \theta, g\rangle}{\langle \theta, \theta\rangle}\, \theta

    Put it before the optimiser: ``optax.chain(orthogonal_gradients(), optax.adamw(1e-2))`` is the paper's ⊥AdamW. The
    steps of an optimiser with a memory are not quite orthogonal, and orthogonal steps too lengthen the parameters.

    Args:
        whole: ``"tree"`` for all parameters as one vector, ``"tensor"`` for each array by itself.
        rescale: whether to restore the gradient's length.

    Raises:
        ValueError: ``whole`` is neither. Its update refuses to run without the parameters.

    Source: Prieto et al. (2025), equation 12. Their code works tensor by tensor and rescales.

    >>> import jax.numpy as jnp
    >>> weights = jnp.array([2.0, 0.0])
    >>> rule = optax.chain(orthogonal_gradients(), optax.sgd(1.0))
    >>> change, _ = rule.update(jnp.array([1.0, 1.0]), rule.init(weights), weights)
    >>> print(change)
    [-0. -1.]
    """
    require.one_of(WHOLE, whole=whole)

    # optax's own wrappers pass the parameters by this name
    def update(updates, state, params=None):
        if params is None:
            raise ValueError("params must be given to update, got None")
        return project_orthogonal(updates, params, whole=whole, rescale=rescale), state

    return optax.GradientTransformation(lambda parameters: optax.EmptyState(), update)
