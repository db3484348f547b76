"""Kernels that another library has computed, kept to be held against ours.

They come from neural-tangents 0.6.5 on jax 0.4.23 in float64; that library does not run on current JAX. Dense layers in
its ``ntk`` parametrisation, the output layer included.
"""

from importlib import resources
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float


class ReferenceKernels(NamedTuple):
    """Both kernels of one architecture.

    Attributes:
        activation: ``relu`` or ``erf``.
        hidden_layers: layers of units between input and output.
        sigma_w: scale of the weights.
        sigma_b: scale of the biases.
        between: ``tt`` for the first inputs with themselves, ``zt`` for the second with the first.
        nngp: ``(n, 12)``.
        ntk: ``(n, 12)``; on the diagonal of ``tt`` ReLU's is off by about 1e-8.
    """

    activation: str
    hidden_layers: int
    sigma_w: float
    sigma_b: float
    between: Literal["tt", "zt"]
    nngp: Float[np.ndarray, "n m"]
    ntk: Float[np.ndarray, "n m"]


class Reference(NamedTuple):
    """Inputs and the kernels between them.

    Attributes:
        x: ``(12, 5)``; the first inputs.
        z: ``(5, 5)``; the second inputs.
        entries: kernels, one entry for each architecture and pair of inputs.
    """

    x: Float[np.ndarray, "12 5"]
    z: Float[np.ndarray, "5 5"]
    entries: tuple[ReferenceKernels, ...]


def reference_kernels() -> Reference:
    """Read the stored kernels.

    >>> len(reference_kernels().entries)
    16
    """
    with resources.files(__package__).joinpath("neural_tangents_reference.npz").open("rb") as file:
        arrays = dict(np.load(file))
    entries = []
    for name in arrays:
        if not name.endswith("_nngp"):
            continue
        stem = name.removesuffix("_nngp")
        activation, hidden_layers, sigma_w, sigma_b, between = stem.split("_")
        entries.append(
            ReferenceKernels(
                activation,
                int(hidden_layers),
                float(sigma_w),
                float(sigma_b),
                between,
                arrays[name],
                arrays[f"{stem}_ntk"],
            )
        )
    return Reference(arrays["X"], arrays["Z"], tuple(entries))
