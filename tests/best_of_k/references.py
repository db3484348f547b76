"""What the nearest and the softly chosen of k Gaussian samples come to, by sums over nodes; none of it by the code
under test.

Values are asked of ``v = w + a``, the place of the chosen sample as seen from the judge's target.
"""

import numpy as np
from scipy.special import log_ndtr, ndtr


def error_from(b, a):
    """Squared error against the teacher, of a sample at v from the judge's target."""
    return lambda v: (v + b - a) ** 2


def density(z):
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def log_survival(r, a):
    """Logarithm of the chance that a sample is farther than r."""
    mass = ndtr(r - abs(a)) - ndtr(-r - abs(a))
    beyond = np.logaddexp(log_ndtr(-r - abs(a)), log_ndtr(abs(a) - r))
    return np.where(mass < 0.5, np.log1p(-np.minimum(mass, 0.5)), beyond)


def nearest(k, a, value):
    """Mean of a value of the nearest of k: a sum over both sides at every distance, even in its logarithm.

    Rounding of the chance to be within a distance, about 1 / k where it counts, leaves k times 1e-16.
    """
    log_r, step = np.linspace(-33 - np.log(k), np.log(abs(a) + 10), 6001, retstep=True)
    r = np.exp(log_r)
    ahead, behind = density(r - a), density(r + a)
    weights = step * r * k * np.exp((k - 1) * log_survival(r, a))
    assert abs(weights @ (ahead + behind) - 1) < 1e-12 + 1e-15 * k
    return weights @ (ahead * value(r) + behind * value(-r))


def softly(ks, t, a, value):
    """Mean of a value of the one that a softmax chooses, for several k: 1 / sum W as an integral of e^{-u sum W}."""
    ks = np.asarray(ks, float)
    step = min(t / 30, 0.05)
    z = np.arange(-9, 9, step)
    law, q = density(z) * step, (z + a) ** 2 / (2 * t)
    log_u = np.arange(-36 - np.log(ks.max()), (8.5 + abs(a)) ** 2 / (2 * t) + 5, 0.2)
    total, mean = np.zeros(ks.shape), np.zeros(ks.shape)
    for some in np.array_split(log_u, 1 + log_u.size * z.size // 2_000_000):
        uw = np.exp(np.minimum(some[:, None] - q, 40))
        left = np.exp(-uw)
        miss, none = -np.expm1(-uw) @ law, left @ law
        log_none = np.where(miss < 0.5, np.log1p(-np.minimum(miss, 0.5)), np.log(np.maximum(none, 1e-300)))
        others = 0.2 * ks * np.exp((ks - 1) * log_none[:, None])
        chosen = uw * left
        total += (chosen @ law) @ others
        mean += (chosen @ (law * value(z + a))) @ others
    np.testing.assert_allclose(total, 1, rtol=0, atol=1e-11)
    return mean


def soft_error(ks, t, b, a):
    return softly(ks, t, a, error_from(b, a))


def product(k, t, b, a):
    """The error for few samples: the softmax itself, summed over the grid of all of their places."""
    step = {2: 0.04, 3: 0.11}[k]
    z = np.arange(-8.5, 8.5, step)
    law = density(z) * step
    score = -((z + a) ** 2) / (2 * t)
    error = (z + b) ** 2
    if k == 2:
        first = 1 / (1 + np.exp(score[None, :] - score[:, None]))
        return 2 * (law * error) @ first @ law
    others = np.exp(score)[:, None] + np.exp(score)
    first = np.exp(score)[:, None, None] / (np.exp(score)[:, None, None] + others)
    return 3 * np.einsum("i,j,k,ijk->", law * error, law, law, first, optimize=True)


def inputs(variance, count=48):
    """Half of the nodes of a Gauss-Hermite rule for biases, and the weights of an even function there."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    half = nodes > 0
    return np.sqrt(variance) * nodes[half], 2 * weights[half] / weights.sum()
