"""The data sets: a hand-made hierarchy of four items, and trees of any depth grown at random."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Array, Float, Key

from solvable import require
from solvable.randomness import generator


class Dataset(NamedTuple):
    """Items, what is true of each, and the modes of the map from the one to the other.

    Attributes:
        inputs: ``(items, items)``; one-hot, a column an item, so the input correlations are the identity.
        targets: ``(properties, items)``; what the network should say of each item. As the inputs are one-hot, this is
            also the input–output correlation matrix ``targets @ inputs.T``.
        items: names of the items.
        properties: names of the properties.
        u: ``(properties, modes)``; left singular vectors of the targets, a column a mode.
        s: ``(modes,)``; singular values, in decreasing order.
        v: ``(items, modes)``; right singular vectors.
    """

    inputs: Float[np.ndarray, "items items"]
    targets: Float[np.ndarray, "properties items"]
    items: tuple[str, ...]
    properties: tuple[str, ...]
    u: Float[np.ndarray, "properties modes"]
    s: Float[np.ndarray, " modes"]
    v: Float[np.ndarray, "items modes"]


_PROPERTIES = {
    "grows": (1, 1, 1, 1),
    "moves": (1, 1, 0, 0),
    "has roots": (0, 0, 1, 1),
    "flies": (1, 0, 0, 0),
    "swims": (0, 1, 0, 0),
    "has leaves": (0, 0, 1, 0),
    "has petals": (0, 0, 0, 1),
}


def hierarchical_dataset() -> Dataset:
    """Two animals and two plants with seven properties, from the one that all share to those of a single item.

    The last two singular values are equal, so a numerical decomposition may return any rotation of their vectors. Here
    the vectors are written by hand: what all share, animals against plants, canary against salmon, oak against rose.

    Returns:
        Four items and seven properties; the singular values are the square roots of 7, 3, 1 and 1.

    >>> data = hierarchical_dataset()
    >>> (data.s**2).round(12).tolist()
    [7.0, 3.0, 1.0, 1.0]
    >>> bool(np.allclose(data.u * data.s @ data.v.T, data.targets))
    True
    """
    targets = np.array(list(_PROPERTIES.values()), dtype=float)
    pair = np.sqrt(0.5)
    v = np.array([[0.5, 0.5, pair, 0], [0.5, 0.5, -pair, 0], [0.5, -0.5, 0, pair], [0.5, -0.5, 0, -pair]])
    scaled = targets @ v
    s = np.linalg.norm(scaled, axis=0)
    return Dataset(np.eye(4), targets, ("canary", "salmon", "oak", "rose"), tuple(_PROPERTIES), scaled / s, s, v)


def branching_dataset(
    levels: int, branching: int, flip_probability: float, features: int, *, key: Key[Array, ""]
) -> Float[np.ndarray, "features items"]:
    """Targets of ``branching**levels`` items whose features spread down a tree, each edge flipping some of them.

    The root has independent signs, +1 or -1 with equal probability; every child copies its parent and flips each
    feature with probability ``flip_probability``; the leaves are the items.

    Args:
        levels: edges from the root to a leaf; at least 1.
        branching: children of each node; at least 1.
        flip_probability: between 0 and 1.
        features: number of features; at least 1.
        key: the source of randomness.

    Returns:
        Signs, a column an item; items that are close in the tree stand side by side.

    Raises:
        ValueError: an argument lies outside its domain.

    >>> import jax
    >>> branching_dataset(3, 2, 0.15, 100, key=jax.random.key(0)).shape
    (100, 8)
    """
    require.integer(1, levels=levels, branching=branching, features=features)
    require.within(0.0, 1.0, flip_probability=flip_probability)
    draw = generator(key)
    signs = draw.choice([-1.0, 1.0], size=(features, 1))
    for _ in range(levels):
        signs = np.repeat(signs, branching, axis=1)
        signs = np.where(draw.random(signs.shape) < flip_probability, -signs, signs)
    return signs
