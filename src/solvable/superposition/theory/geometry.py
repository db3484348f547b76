"""The geometry of features that share dimensions: which are represented, how they overlap, and what each one takes up.

A matrix of weights ``W`` is ``(n, m)``, and its rows are the features. Nothing here forms a table of ``n x n`` unless
``n`` is the smaller of the two, so that the embeddings of a language model may be measured as well.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int, Real

from solvable import require
from solvable._types import RealLike, promote

PLATEAUS = (1, 3 / 4, 2 / 3, 1 / 2, 2 / 5, 3 / 8)
"""Dimensionality of a feature of its own, a tetrahedron, a triangle, an antipodal pair, a pentagon, a square antiprism:
the lines of Elhage et al. (2022)."""


def represented_fraction(weights: Float[ArrayLike, "n m"], *, threshold: Real[ArrayLike, ""] = 0.5) -> Float[Array, ""]:
    r"""Share of the features whose rows are longer than a threshold.

    .. math:: \phi_\theta = \frac1n \#\{i : |W_i| > \theta\}

    Args:
        weights: ``(n, m)``; rows are features.
        threshold: :math:`\theta`; not negative.

    Raises:
        ValueError: the threshold is negative, or ``weights`` is not a matrix with rows.

    Source: Liu, Liu and Gore (2025).

    >>> float(represented_fraction(jnp.array([[1.0, 0.0], [0.0, 0.3]])))
    0.5
    """
    require.non_negative(threshold=threshold)
    _require_rows(1, weights)
    weights, threshold = promote(weights, threshold)
    return _represented(weights, threshold)


@jax.jit
def _represented(weights, threshold):
    return jnp.mean(jnp.linalg.norm(weights, axis=1) > threshold, dtype=weights.dtype)


def mean_squared_overlap(weights: Float[ArrayLike, "n m"], *, centred: bool = False) -> Float[Array, ""]:
    r"""Mean squared cosine between two features.

    .. math::

        \overline{o} = \frac{1}{n(n-1)} \sum_{i \ne j} (\hat W_i \cdot \hat W_j)^2
        = \frac{n - m}{m(n-1)} + \frac{1}{n(n-1)} \left\| \hat W^\top \hat W - \frac nm 1 \right\|^2_F

    The second form, in :math:`O(n m^2)`, serves where ``n > m``. It proves Welch's bound, and the excess over the bound
    is a sum of squares, from which nothing cancels; so the result is good to a few units in the last place. Where
    ``n <= m`` the pairs themselves are summed, so that orthonormal rows give 0 up to the square of the rounding.

    Args:
        weights: ``(n, m)``; rows are features, at least two, none of them zero.
        centred: whether to subtract the mean row first. The embeddings of language models point to one side,
            which dominates their overlaps.

    Returns:
        Between 0 and 1; nan under ``jit`` where a row is zero.

    Raises:
        ValueError: a row is zero (once centred, where that is asked for), or there are fewer than two.

    Source: the second form is derived in the chapter; the bound is that of Welch (1974), for real vectors.

    >>> float(mean_squared_overlap(jnp.array([[1.0, 0.0], [-2.0, 0.0], [0.0, 3.0]])).round(6))
    0.333333
    """
    _require_rows(2, weights)
    _refuse_zero_rows(weights, centred=centred)
    (weights,) = promote(weights)
    return _mean_squared_overlap(weights, centred=centred)


@partial(jax.jit, static_argnames="centred")
def _mean_squared_overlap(weights, *, centred):
    n, m = weights.shape
    unit = _unit_rows(weights - jnp.mean(weights, axis=0) if centred else weights)
    if n <= m:
        return jnp.sum(_without_diagonal(unit @ unit.T) ** 2) / (n * (n - 1))
    excess = jnp.sum((unit.T @ unit - n / m * jnp.eye(m, dtype=unit.dtype)) ** 2)
    return (n - m) / (m * (n - 1)) + excess / (n * (n - 1))


def max_overlap(weights: Float[ArrayLike, "n m"], *, block: int = 1024) -> Float[Array, ""]:
    r"""Largest cosine between two features, :math:`\max_{i \ne j} |\hat W_i \cdot \hat W_j|`.

    Block by block, so that no more than ``block * block`` overlaps are in memory at once.

    Args:
        weights: ``(n, m)``; rows are features, at least two, none of them zero.
        block: how many rows are held against as many others at a time.

    Returns:
        Between 0 and 1; nan under ``jit`` where a row is zero.

    Raises:
        ValueError: a row is zero, there are fewer than two, or ``block`` is not a whole number of at least 1.

    Source: the coherence of a frame.

    >>> float(max_overlap(jnp.array([[1.0, 0.0], [0.0, 1.0], [4.0, 3.0], [0.0, -1.0]])).round(6))
    1.0
    """
    require.integer(1, block=block)
    _require_rows(2, weights)
    _refuse_zero_rows(weights)
    (weights,) = promote(weights)
    return _max_overlap(weights, block=min(block, len(weights)))


@partial(jax.jit, static_argnames="block")
def _max_overlap(weights, *, block):
    n = len(weights)
    count = -(-n // block)
    # rows of zeros fill the last block: they overlap with nothing
    blocks = jnp.pad(_unit_rows(weights), ((0, count * block - n), (0, 0))).reshape(count, block, -1)

    def larger(found, pair):
        one, other = pair
        overlaps = jnp.abs(blocks[one] @ blocks[other].T)
        overlaps = jnp.where((one == other) & jnp.eye(block, dtype=bool), 0, overlaps)
        return jnp.maximum(found, jnp.max(overlaps)), None

    pairs = tuple(map(jnp.asarray, np.triu_indices(count)))
    found, _ = jax.lax.scan(larger, jnp.zeros((), weights.dtype), pairs)
    return jnp.minimum(found, 1)  # rounding may carry parallel rows beyond


def welch_bound(n: RealLike, m: RealLike) -> Float[Array, "..."]:
    r"""Smallest mean squared overlap of ``n`` unit vectors in ``m`` dimensions.

    .. math:: \kappa^2 = \max\left(0, \frac{n - m}{m (n - 1)}\right)

    Where ``n >= m`` it is reached by tight frames, :math:`\hat W^\top \hat W = (n/m)\, 1`, and by nothing else; where
    ``n < m`` by orthonormal rows. Its root :math:`\kappa` bounds the largest overlap, and is reached by equiangular
    tight frames alone.

    Args:
        n: number of vectors; whole, at least 2, any shape.
        m: number of dimensions; whole, at least 1.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Welch (1974).

    >>> welch_bound(16, jnp.array([1.0, 6.0, 16.0, 20.0])).round(6).tolist()
    [1.0, 0.111111, 0.0, 0.0]
    """
    require.integer(2, n=n)
    require.integer(1, m=m)
    n, m = promote(n, m)
    return jnp.maximum((n - m) / (m * (n - 1)), 0)


class OverlapMoments(NamedTuple):
    """Of the squared cosine between two random directions.

    Attributes:
        mean: of the square.
        variance: of the square.
    """

    mean: Float[Array, "..."]
    variance: Float[Array, "..."]


def random_code_overlap(m: RealLike) -> OverlapMoments:
    r"""Squared overlap of two independent unit vectors, uniform on the sphere in ``m`` dimensions.

    .. math:: \mathrm E\, (w \cdot w')^2 = \frac1m, \qquad \mathrm{Var}\, (w \cdot w')^2 = \frac{2(m-1)}{m^2(m+2)}

    The square follows a Beta distribution with the parameters :math:`1/2` and :math:`(m-1)/2`.

    Args:
        m: number of dimensions; whole, at least 1, any shape.

    Raises:
        ValueError: ``m`` is not such a number.

    Source: derived in the chapter.

    >>> [round(float(value), 6) for value in random_code_overlap(2)]
    [0.5, 0.125]
    """
    require.integer(1, m=m)
    (m,) = promote(m)
    return OverlapMoments(1 / m, 2 * (m - 1) / (m**2 * (m + 2)))


def tightness(weights: Float[ArrayLike, "n m"]) -> Float[Array, ""]:
    r"""How far a set of features is from a tight frame; 0 for a tight frame, and for nothing else.

    .. math:: t = \frac{\|W^\top W - c\, 1\|_F}{\|c\, 1\|_F}, \qquad c = \frac{\|W\|_F^2}{m}

    It is :math:`\sqrt{m - 1}` where all rows are parallel, and at least :math:`\sqrt{(m-n)/n}` where there are
    fewer rows than dimensions. For unit rows :math:`t^2 = m (1 - 1/n) (\overline o - \kappa^2)`, the excess of
    :func:`mean_squared_overlap` over the bound of Welch before it is cut off at 0.

    Args:
        weights: ``(n, m)``; rows are features, not all of them zero.

    Raises:
        ValueError: all weights are zero (nan under ``jit``), or ``weights`` is not a matrix with rows.

    Source: derived in the chapter.

    >>> float(tightness(jnp.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-0.8, 0.6]])).round(6))
    0.0
    """
    _require_rows(1, weights)
    if not isinstance(weights, jax.core.Tracer):
        require.positive(**{"norm of weights": np.linalg.norm(weights)})
    (weights,) = promote(weights)
    return _tightness(weights)


@jax.jit
def _tightness(weights):
    m = weights.shape[1]
    level = jnp.sum(weights**2) / m
    away = weights.T @ weights / level - jnp.eye(m, dtype=weights.dtype)
    return jnp.sqrt(jnp.sum(away**2) / m)


def interference(weights: Float[ArrayLike, "n m"]) -> Float[Array, " n"]:
    r"""How strongly the other features show in the direction of each.

    .. math:: I_i = \sum_{j \ne i} (\hat W_i \cdot W_j)^2

    Where ``n > m`` it is :math:`\hat W_i^\top W^\top W \hat W_i - |W_i|^2`, in :math:`O(n m^2)`, so that what is
    far below :math:`|W_i|^2` is lost in its rounding.

    Args:
        weights: ``(n, m)``; rows are features.

    Returns:
        ``(n,)``, in the unit of squared weights; 0 for a row of zeros, which has no direction.

    Raises:
        ValueError: ``weights`` is not a matrix with rows.

    Source: Elhage et al. (2022).

    >>> interference(jnp.array([[2.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])).tolist()
    [1.0, 4.0, 0.0]
    """
    _require_rows(1, weights)
    (weights,) = promote(weights)
    return _interference(weights)


def feature_dimensionality(weights: Float[ArrayLike, "n m"]) -> Float[Array, " n"]:
    r"""What part of a dimension each feature has to itself.

    .. math::

        D_i = \frac{|W_i|^2}{\sum_j (\hat W_i \cdot W_j)^2} = \frac{|W_i|^2}{|W_i|^2 + I_i}
        \le W_i^\top (W^\top W)^+ W_i

    with the :func:`interference` :math:`I_i`. By the inequality, that of Cauchy and Schwarz, the sum over features is
    at most the rank of ``W``, and so at most ``m``; it is the rank where every row is an eigenvector of
    :math:`W^\top W`, as in tight frames.

    Args:
        weights: ``(n, m)``; rows are features.

    Returns:
        ``(n,)``, between 0 and 1; 0 for a row of zeros.

    Raises:
        ValueError: ``weights`` is not a matrix with rows.

    Source: Elhage et al. (2022); the bound is derived in the chapter.

    >>> feature_dimensionality(jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])).tolist()
    [0.5, 0.5, 1.0, 0.0]
    """
    _require_rows(1, weights)
    (weights,) = promote(weights)
    return _dimensionality(weights)


@jax.jit
def _interference(weights):
    n, m = weights.shape
    squares = jnp.sum(weights**2, axis=1)
    # a row of zeros stays one, and does not spoil the gradient
    unit = weights / jnp.sqrt(jnp.where(squares > 0, squares, 1))[:, None]
    if n <= m:
        return jnp.sum(_without_diagonal(unit @ weights.T) ** 2, axis=1)
    return jnp.maximum(jnp.sum(unit @ (weights.T @ weights) * unit, axis=1) - squares, 0)


@jax.jit
def _dimensionality(weights):
    squares = jnp.sum(weights**2, axis=1)
    return jnp.where(squares > 0, squares / jnp.where(squares > 0, squares + _interference(weights), 1), 0)


class PlateauExcess(NamedTuple):
    """Features near certain dimensionalities, one entry for each level.

    Attributes:
        count: features within the width of the level.
        expected: how many a smooth density would put there, by its neighbourhood; at an end it may be negative.
        excess: their difference.
        standard_error: of the excess, for independent features.
    """

    count: Int[np.ndarray, " levels"]
    expected: Float[np.ndarray, " levels"]
    excess: Float[np.ndarray, " levels"]
    standard_error: Float[np.ndarray, " levels"]


def plateau_excess(
    dimensionalities: Float[ArrayLike, "..."],
    *,
    levels: tuple[float, ...] = PLATEAUS,
    width: float = 0.02,
) -> PlateauExcess:
    r"""Whether dimensionalities gather at certain levels more than a smooth density explains.

    .. math::

        \text{excess} = c - \sum_{k=1}^2 a_k \frac{\ell}{\ell_k} N_k, \qquad
        \text{s.e.} = \sqrt{c + \sum_{k=1}^2 \left(a_k \frac{\ell}{\ell_k}\right)^2 N_k}

    There are ``c`` features in the window of a level, of length :math:`\ell`, which reaches a ``width`` to either side,
    and :math:`N_k` in two flanks of lengths :math:`\ell_k`, from there to three widths. What lies outside 0 to 1, or
    in the window of another level, is no part of a flank. The mean density in a flank is that at its centre of mass
    :math:`x_k`, and a straight line through both gives the density at the centre ``x`` of the window:
    :math:`a_1 = (x_2 - x)/(x_2 - x_1)`, :math:`a_2 = 1 - a_1`. A level at an end, such as 1, has half a window and
    no flank beyond; there the line is continued from two flanks on one side, the second from three to five widths.
    So it is where a flank is shorter than a quarter of the width.

    A linear density has thus no excess on average. A curved density :math:`\rho` of ``N`` features has to leading order
    :math:`-4 N \rho''` times the cube of the width between two whole flanks, and :math:`\tfrac52 N \rho''` at an end.
    A plateau broader than its window spills into the flanks, and its excess is too small. Levels less than two
    widths apart share features: 2/5 and 3/8 do where the width exceeds 0.0125. The standard error is that of
    independent Poisson counts: it means little where they are below ten, nothing where they are all 0, and features
    of one network are not independent.

    Args:
        dimensionalities: of features, any shape; those of several networks may be pooled.
        levels: between 0 and 1, different.
        width: half of the length of a window.

    Raises:
        ValueError: an argument lies outside its domain, or a level has not two flanks.

    Source: derived in the chapter; the levels are those of Elhage et al. (2022).

    >>> spread = np.linspace(0.0, 1.0, 1001)
    >>> plateau_excess(np.append(spread, [0.5] * 30), levels=(0.5,), width=0.0205).excess.round(6).tolist()
    [30.0]
    """
    require.non_negative(dimensionalities=dimensionalities)
    require.within(0, 1, levels=levels)
    require.positive(width=width)
    levels = np.asarray(levels, dtype=float)
    if levels.ndim != 1 or np.unique(levels).size < levels.size:
        raise ValueError(f"levels must be different numbers on one axis, got {levels!r}")
    sample = np.ravel(np.asarray(dimensionalities))
    within = np.abs(sample[:, None] - levels) <= width
    free = sample[~within.any(axis=1)]
    # the first two that are there count; the farther ones stand in at the ends
    steps = np.array([[-3, -1], [1, 3], [-5, -3], [3, 5]])
    rows = []
    for level, count in zip(levels, np.count_nonzero(within, axis=0), strict=True):
        flanks = [_flank(*ends, levels, width) for ends in level + width * steps]
        flanks = [flank for flank in flanks if flank.length > width / 4][:2]
        if len(flanks) < 2:
            raise ValueError(f"width must leave every level two flanks, got {width!r}, too much at the level {level}")
        centres, lengths = np.array([(flank.centre, flank.length) for flank in flanks]).T
        counts = np.array([np.count_nonzero((free >= flank.low) & (free < flank.high)) for flank in flanks])
        low, high = max(level - width, 0), min(level + width, 1)
        share = ((low + high) / 2 - centres[0]) / (centres[1] - centres[0])
        weights = (high - low) * np.array([1 - share, share]) / lengths
        expected = weights @ counts
        rows.append((expected, count - expected, np.sqrt(count + weights**2 @ counts)))
    return PlateauExcess(np.count_nonzero(within, axis=0), *np.array(rows).reshape(-1, 3).T)


class _Flank(NamedTuple):
    low: float
    high: float
    length: float
    centre: float


def _flank(low: float, high: float, levels: np.ndarray, width: float) -> _Flank:
    """Length and centre of mass of what lies between two places, between 0 and 1, and in the window of no level."""
    cuts = np.sort(np.clip([low, high, *(levels - width), *(levels + width)], max(low, 0), max(min(high, 1), 0)))
    middles, lengths = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts)
    lengths[np.any(np.abs(middles[:, None] - levels) < width, axis=1)] = 0
    length = lengths.sum()
    return _Flank(low, high, length, middles @ lengths / length if length > 0 else 0.0)


class FeatureGeometry(NamedTuple):
    """Where the represented features lie in the plane, in the order of their angles.

    Attributes:
        features: ``(k,)``; which rows they are.
        angles: ``(k,)``; in degrees, from 0 to 360.
        gaps: ``(k,)``; degrees from each to the next, and from the last to the first; they sum to 360.
        norms: ``(k,)``; lengths of the rows.
        dimensionality: ``(k,)``; see :func:`feature_dimensionality`.
        form: the name of the figure that they make.
    """

    features: Int[np.ndarray, " k"]
    angles: Float[np.ndarray, " k"]
    gaps: Float[np.ndarray, " k"]
    norms: Float[np.ndarray, " k"]
    dimensionality: Float[np.ndarray, " k"]
    form: str


FORMS = {
    "nothing": (),
    "one feature": (360,),
    "orthogonal pair": (90, 270),
    "antipodal pair": (180, 180),
    "triangle": (120,) * 3,
    "one pair and one": (90, 90, 180),
    "two pairs": (90,) * 4,
    "pentagon": (72,) * 5,
    "hexagon": (60,) * 6,
}
"""Gaps in degrees, in ascending order; a pair without an adjective is antipodal, and orthogonal to what is with it."""


def feature_geometry(
    weights: Float[ArrayLike, "n 2"], *, threshold: float = 0.5, tolerance: float = 4.0
) -> FeatureGeometry:
    """What figure the features make that two dimensions represent.

    Args:
        weights: ``(n, 2)``; rows are features.
        threshold: a feature is represented if its row is longer.
        tolerance: by how many degrees each gap may miss that of the figure.

    Returns:
        Arrays of NumPy, with a name of the figure among "nothing", "one feature", "orthogonal pair", "antipodal pair",
        "triangle", "one pair and one" (a third at right angles to an antipodal pair), "two pairs" (at right
        angles, a square), "pentagon", "hexagon", or "other".

    Raises:
        ValueError: there are not two dimensions, or ``threshold`` or ``tolerance`` is negative.

    Source: derived in the chapter; the figures are those of Elhage et al. (2022).

    >>> feature_geometry(np.array([[1.0, 0.0], [0.0, 1.2], [0.1, 0.0]])).form
    'orthogonal pair'
    """
    require.shape((None, 2), weights=weights)
    require.finite(weights=weights)
    require.non_negative(threshold=threshold, tolerance=tolerance)
    weights = np.asarray(weights)
    norms = np.linalg.norm(weights, axis=1)
    (kept,) = np.nonzero(norms > threshold)
    angles = np.degrees(np.arctan2(weights[kept, 1], weights[kept, 0])) % 360
    order = np.argsort(angles)
    kept, angles = kept[order], angles[order]
    gaps = np.diff(angles, append=angles[:1] + 360)
    dimensionality = np.asarray(feature_dimensionality(weights))[kept] if len(weights) else norms
    alike = (
        name
        for name, pattern in FORMS.items()
        if len(pattern) == len(gaps) and np.all(np.abs(np.sort(gaps) - pattern) <= tolerance)
    )
    return FeatureGeometry(kept, angles, gaps, norms[kept], dimensionality, next(alike, "other"))


def _unit_rows(weights):
    return weights / jnp.linalg.norm(weights, axis=1, keepdims=True)


def _without_diagonal(square):
    return jnp.where(jnp.eye(len(square), dtype=bool), 0, square)


def _require_rows(minimum: int, weights: object) -> None:
    require.shape((None, None), weights=weights)
    if np.shape(weights)[0] < minimum or np.shape(weights)[1] < 1:
        raise ValueError(f"weights must have at least {minimum} x 1 entries, got shape {np.shape(weights)}")


def _refuse_zero_rows(weights: object, *, centred: bool = False) -> None:
    if isinstance(weights, jax.core.Tracer):
        return
    rows = np.asarray(weights)
    if centred:
        require.positive(**{"norms of centred weights": np.linalg.norm(rows - rows.mean(axis=0), axis=1)})
    else:
        require.positive(**{"norms of weights": np.linalg.norm(rows, axis=1)})
