"""The energy that a neuron climbs when it learns modular addition by itself, and its maxima: single frequencies."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from solvable import require


class Pairs(NamedTuple):
    """Pairs of numbers and their sums.

    Attributes:
        x: ``(n, 2 M)``; the two numbers, each one-hot, side by side.
        y: ``(n, M)``; their sum modulo ``M``, one-hot.
    """

    x: Float[np.ndarray, "n inputs"]
    y: Float[np.ndarray, "n outputs"]


def addition_pairs(m: int) -> Pairs:
    """All ``m**2`` pairs of numbers below ``m``; the second number changes fastest.

    >>> [part.shape for part in addition_pairs(3)]
    [(9, 6), (9, 3)]
    """
    require.integer(1, m=m)
    a, b = np.divmod(np.arange(m * m), m)
    one_hot = np.eye(m)
    return Pairs(np.concatenate([one_hot[a], one_hot[b]], axis=1), one_hot[(a + b) % m])


def feature_energy(
    w: Float[np.ndarray, "*batch inputs"], x: Float[np.ndarray, "n inputs"], y: Float[np.ndarray, "n outputs"]
) -> Float[np.ndarray, "*batch"]:
    r"""How much of the targets a neuron with a square activation sees, which its weights ascend.

    .. math::

        E(w) = \tfrac{1}{2} \lVert \tilde{Y}^\top \sigma(X w) \rVert^2, \qquad \sigma(z) = z^2, \qquad
        \tilde{Y} = P_1^\perp Y

    for targets whose columns are centred over the ``n`` examples. For all pairs of a modular addition and
    :math:`w = [u; v]` only the cross term of :math:`(u_a + v_b)^2` depends on the sum, which leaves a convolution:

    .. math:: E = 2 \sum_c \left[(u * v)_c - \overline{u * v}\right]^2
        = \frac{2}{M} \sum_{k \neq 0} |\hat{u}_k|^2 |\hat{v}_k|^2

    Args:
        w: ``(..., inputs)``; weights of a neuron.
        x: ``(n, inputs)``; examples, a row each.
        y: ``(n, outputs)``; their targets.

    Returns:
        ``(...)``; not negative.

    Raises:
        ValueError: the shapes do not fit, or an entry is not finite.

    Source: Tian (2025) for the energy; the second form is derived in the chapter.

    >>> x, y = addition_pairs(4)
    >>> float(feature_energy(single_frequency_feature(4, 1), x, y).round(12))
    1.0
    """
    require.shape((None, np.shape(w)[-1]), x=x)
    require.shape((len(x), None), y=y)
    require.finite(w=w, x=x, y=y)
    return np.asarray(np.sum(((w @ x.T) ** 2 @ (y - y.mean(axis=0))) ** 2, axis=-1) / 2)


def single_frequency_feature(
    m: int, k: int, phase: float = 0.0, second_phase: float | None = None
) -> Float[np.ndarray, " inputs"]:
    r"""A local maximum of the energy of all pairs among weights of length 1: one frequency, shared equally.

    .. math:: u_a \propto \cos(2\pi k a/M + \phi), \qquad v_b \propto \cos(2\pi k b/M + \phi'), \qquad
        \lVert u \rVert^2 = \lVert v \rVert^2 = \tfrac{1}{2}

    The energy depends on neither phase: it is the same for shifted numbers. With :math:`\phi' = -\phi`, or that plus
    half a turn, it is the :math:`[u; \pm P u]` of the paper, where :math:`P` sends :math:`a` to :math:`-a`.

    Args:
        m: how many numbers; at least 2.
        k: frequency; at least 1 and at most ``m / 2``. Where it is ``m / 2``, a phase of a quarter turn is refused: the
            cosine vanishes at all numbers.
        phase: of the first number, in radians.
        second_phase: of the second number; minus the first by default.

    Returns:
        ``(2 m,)``.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: Tian (2025); the free phases are derived in the chapter.

    >>> single_frequency_feature(2, 1).round(12).tolist()
    [0.5, -0.5, 0.5, -0.5]
    """
    require.integer(2, m=m)
    require.integer(1, k=k)
    require.within(1, m / 2, k=k)
    phases = np.array([phase, -phase if second_phase is None else second_phase])
    require.finite(phase=phases[0], second_phase=phases[1])
    halves = np.cos(2 * np.pi * k * np.arange(m) / m + phases[:, None])
    lengths = np.linalg.norm(halves, axis=1, keepdims=True)
    if (lengths < 1e-6).any():
        raise ValueError(f"a cosine of frequency {k} vanishes at all {m} numbers, got phases {phases.tolist()}")
    return (halves / (np.sqrt(2) * lengths)).reshape(2 * m)


def single_frequency_energy(m: int, k: int) -> float:
    r"""Energy of :func:`single_frequency_feature` on all pairs.

    .. math:: E^* = \frac{M}{4}, \qquad \text{or } \frac{M}{2} \text{ for } k = \frac{M}{2}

    Half of the squared length is at either number, and half of that at either of :math:`\pm k`:
    :math:`|\hat{u}_k|^2 = |\hat{v}_k|^2 = M/4`, in two terms of the sum over frequencies. Where
    :math:`k = M/2` the two are one, :math:`M/2`, in one term.

    The paper prints a quarter of either, :math:`M/16` and :math:`M/8`. That is what remains without the 2 of the cross
    term :math:`2 u_a v_b`, which the energy squares, and also what weights of squared length 1/2 give.

    Args:
        m: how many numbers; at least 2.
        k: frequency; at least 1 and at most ``m / 2``.

    Returns:
        The energy for weights of length 1.

    Raises:
        ValueError: an argument lies outside its domain.

    Source: derived in the chapter; Tian (2025) up to the factor 4.

    >>> single_frequency_energy(11, 3)
    2.75
    """
    require.integer(2, m=m)
    require.integer(1, k=k)
    require.within(1, m / 2, k=k)
    return m / 2 if 2 * k == m else m / 4


def frequency_power(w: Float[np.ndarray, "*batch inputs"], k: int) -> Float[np.ndarray, "*batch"]:
    r"""Fraction of the squared length of ``[u; v]`` that is at one frequency.

    .. math:: \frac{\sum_{j = \pm k} |\hat{u}_j|^2 + |\hat{v}_j|^2}{M \lVert w \rVert^2}

    Args:
        w: ``(..., 2 M)``; weights for two one-hot numbers; not zero.
        k: frequency; from 0 to ``M / 2``.

    Returns:
        ``(...)``; between 0 and 1.

    Raises:
        ValueError: the length of ``w`` is odd, ``w`` is zero, or ``k`` lies outside its domain.

    >>> frequency_power(single_frequency_feature(7, 2, phase=1.0), 2).round(12).item()
    1.0
    """
    if np.shape(w)[-1] % 2:
        raise ValueError(f"w must hold two numbers of equal size, got {np.shape(w)[-1]} entries")
    m = np.shape(w)[-1] // 2
    require.integer(0, k=k)
    require.within(0, m / 2, k=k)
    length = np.sum(w**2, axis=-1)
    require.positive(**{"the length of w": length})
    spectrum = np.abs(np.fft.rfft(w.reshape(*w.shape[:-1], 2, m))[..., k]) ** 2
    both_signs = 1 if k in (0, m / 2) else 2
    return np.asarray(both_signs * spectrum.sum(axis=-1) / (m * length))
