"""Moments of the selected answer in few operations, for figures that are computed at every move.

The chapter's theory has the same numbers to more digits, by iterations that a page cannot run. Here each law is
integrated over a grid twice: once up to each place, which gives the chance that one answer is better, and once over
all places, with that chance to the power of the other answers.
"""

import math

import jax.numpy as jnp

ROOT = math.sqrt(2 * math.pi)
FIRST, SECOND = -41 / 720, 11 / 1440
"""Corrections to the trapezoidal rule at its end, from the neighbours of the end and from theirs."""
FAR = 6.0
"""Standard deviations beyond which nothing is."""
NEAREST = 160
"""Nodes in the distance."""
LEAST_SHARE = 1e-3
"""Of the typical distance of the nearest: its square does not count."""
MARGIN = 12.0
"""Scores that are reached with probability e^-12, relative to what counts."""
NOISE = (3.0, 40.0)
"""How far below and above the noise of a score reaches: exp(-e^3) is nothing, and neither is e^-40."""
WIDEST = 0.15
"""How fast the steps of scores may grow."""
TINY = 1e-12


def nearest_moments(k, a, nodes=NEAREST):
    """Mean signed distance from the target, and mean square, of the nearest of ``k``: ``(points, ks)`` each.

    Args:
        k: numbers of answers, ``(ks,)``, in increasing order.
        a: biases against the judge, ``(points,)``.
    """
    size = jnp.abs(a)[:, None]
    typical = ROOT / 2 * jnp.exp(jnp.minimum(size**2 / 2, 40.0)) / k[-1]
    low = jnp.minimum(LEAST_SHARE * typical, jnp.maximum(size - FAR - 1, 0.1))
    # where r = log(1 + e^place) is there; a small one would lose its digits in the difference
    start = jnp.where(low < 1e-2, jnp.log(low) + low / 2, low + jnp.log(1 - jnp.exp(-low)))
    step = (size + FAR - start) / (nodes - 1)
    # logarithmic for small distances, even for large ones
    place = start + step * jnp.arange(float(nodes))
    grown = jnp.exp(-jnp.abs(place))
    r = jnp.maximum(place, 0) + _log_of_one_and(grown)
    stretch = step * jnp.where(place > 0, 1, grown) / (1 + grown)
    both = jnp.exp(-2 * size * r)
    density = jnp.exp(-(r - size) * (r - size) / 2) * (1 + both) / ROOT
    chance = stretch * density
    # what is below the first place, where the chance grows by equal factors
    closer = _up_to(chance) + chance[:, :1] / (jnp.exp(step) - 1)
    left = jnp.exp(k * _log_of_rest(closer)[:, :, None])
    tanh = (1 - both) / (1 + both)
    first, second = stretch * (tanh + size * r * (1 - tanh * tanh)), stretch * 2 * r
    moments = jnp.stack([first, second], axis=1) @ left
    # below the first place no answer is
    signed = low * tanh[:, :1] + _at_start(first) + moments[:, 0]
    return jnp.sign(a)[:, None] * signed, low * low + _at_start(second) + moments[:, 1]


def softmax_moments(k, t, a, scores, band):
    """The same of the answer that a softmax selects.

    It is the one with the best score, :math:`G - (z + a)^2 / 2t` with :math:`G` a Gumbel variable.

    Args:
        k: numbers of answers, ``(ks,)``, in increasing order.
        t: temperatures, positive, ``(points,)``.
        a: biases against the judge, ``(points,)``.
        scores: number of nodes in the score.
        band: number of nodes in the noise that a score is made of.
    """
    t, size = t[:, None], jnp.abs(a)[:, None]
    most, least = jnp.log(k[-1]), jnp.maximum(size - FAR, 0)
    low = size**2 / (2 * (1 + t)) - jnp.log(t / (1 + t)) / 2
    low = jnp.maximum(low, least**2 / (2 * t)) - MARGIN - most
    farthest = (size + FAR) ** 2 / (2 * t)
    # even steps where the noise decides, growing ones where the distance does
    bend = jnp.minimum(1 / (8 * t), WIDEST)
    start = jnp.minimum(low, (jnp.sqrt(1 + 4 * bend * jnp.maximum(low, 0)) - 1) / (2 * bend)) - 1
    end = (jnp.sqrt(1 + 4 * bend * (farthest + MARGIN / 2)) - 1) / (2 * bend)
    step = (end - start) / (scores - 1)
    place = start + step * jnp.arange(float(scores))
    fall = jnp.exp(-jnp.abs(place))
    soft = jnp.maximum(place, 0) + jnp.log(1 + fall)
    y = place + bend * soft**2
    stretch = step * (1 + 2 * bend * soft * jnp.where(place > 0, 1, fall) / (1 + fall))

    # (z + a)^2 / 2t = begin + x^2: smooth at both ends of the band of it that the noise makes up for
    begin = jnp.maximum(y - NOISE[0], 0)
    reach = jnp.sqrt(jnp.maximum(jnp.minimum(jnp.maximum(y, 0) + NOISE[1], farthest) - begin, 0.01))[:, :, None]
    part = jnp.arange(float(band)) / (band - 1)
    x = reach * part
    q = begin[:, :, None] + x * x
    r = jnp.sqrt((2 * t)[:, :, None] * q)
    both = jnp.exp((-2 * size)[:, :, None] * r)
    above = y[:, :, None] - q
    # dr / dx = 2 t x / r, and sqrt(2 t) where both are 0
    along = (2 * t)[:, :, None] * (x + TINY) / (r + TINY * jnp.sqrt(2 * t)[:, :, None])
    away = r - size[:, :, None]
    drawn = jnp.exp(above - jnp.exp(above) - 0.5 * away * away) * along
    weights = jnp.where(part > 0, 1, 0.5) / (band - 1)
    here = reach[:, :, 0] / ROOT * stretch
    mirrored = drawn * both
    sides = drawn + mirrored, (drawn - mirrored) * r
    chance, first, second = (here * (each @ weights) for each in (*sides, sides[0] * r * r))

    left = jnp.exp((k - 1) * _log_of_rest(_up_to(chance))[:, :, None])
    # the chances of all places add up to one but for the error of the rule, which is the same above and below
    moments = jnp.stack([chance, first, second], axis=1) @ left
    return jnp.sign(a)[:, None] * moments[:, 1] / moments[:, 0], moments[:, 2] / moments[:, 0]


def error(b, a, first, second):
    """Squared error in predictive variances, ``(points, ks)``, from the moments."""
    apart = (b - a)[:, None]
    return apart**2 + 2 * apart * first + second


def _at_start(amounts):
    """What a sum over all nodes lacks at the first: half of it is too much, and the rule errs by the slope there."""
    return -amounts[:, :1] / 2 + (4 * amounts[:, 1:2] - 3 * amounts[:, :1] - amounts[:, 2:3]) / 24


def _up_to(amounts):
    """Integral up to each place, where ``amounts`` are the integrand times the step."""
    count = amounts.shape[1]
    behind = jnp.arange(float(count)) - jnp.arange(float(count))[:, None]
    size = jnp.abs(behind)
    beside = FIRST * jnp.clip(1 - jnp.abs(size - 1), 0, 1) + SECOND * jnp.clip(1 - jnp.abs(size - 2), 0, 1)
    return amounts @ (jnp.clip(behind + 0.5, 0, 1) - jnp.sign(behind) * beside)


def _log_of_rest(part):
    """``log(1 - part)``: the page has no logarithm that keeps the digits of a small part."""
    small = -part * (1 + part * (1 / 2 + part * (1 / 3 + part / 4)))
    return jnp.where(part < 1e-3, small, jnp.log(jnp.maximum(1 - part, 1e-30)))


def _log_of_one_and(part):
    """``log(1 + part)``, for the same reason."""
    small = part * (1 - part * (1 / 2 - part * (1 / 3 - part / 4)))
    return jnp.where(part < 1e-3, small, jnp.log(1 + part))
