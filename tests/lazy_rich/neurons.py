"""Gradient descent of a committee neuron by neuron, in NumPy; none of it from the code under test."""

import itertools

import numpy as np

from tests.lazy_rich.gaussian import second_moments


def say(weights, x, alpha, eps):
    h = x @ weights.T
    return alpha * np.mean(h + eps / 2 * h**2, axis=1)


def descend(weights, x, y, *, alpha, eps, eta0, centred=True):
    """Neurons at the start and after each step, without end.

    The slope of the mean of ``left²`` along a neuron is ``2 alpha / (N P) Σ left (1 + eps h) x``.
    """
    first = say(weights, x, alpha, eps) if centred else 0.0
    while True:
        yield weights
        h = x @ weights.T
        left = alpha * np.mean(h + eps / 2 * h**2, axis=1) - first - y
        slope = 2 * alpha / (len(weights) * len(x)) * (left[:, None] * (1 + eps * h)).T @ x
        weights = weights - eta0 * len(weights) / alpha**2 * slope


def risk(linear, quadratic, beta):
    """As in ``gaussian``, for a symmetric matrix, by the mean and the variance of a quadratic form."""
    b, dim = quadratic - np.outer(beta, beta) / 2, len(beta)
    return (np.trace(b) / dim) ** 2, 2 * np.sum(b**2) / dim**2, linear @ linear / dim


def observe(weights, start, x, y, beta, *, alpha, eps, centred=True):
    """Training loss, test loss in three parts, mean squared length of a neuron, cosine of the change of M."""
    (wbar, m), (wbar0, m0) = (
        (w.mean(axis=0), w.T @ w / len(w)) for w in (np.asarray(weights, float), np.asarray(start, float))
    )
    hidden = float(centred)
    train = np.mean((say(weights, x, alpha, eps) - hidden * say(start, x, alpha, eps) - y) ** 2)
    parts = risk(alpha * (wbar - hidden * wbar0), alpha * eps / 2 * (m - hidden * m0), beta)
    change = m - m0
    size = np.linalg.norm(change) * (beta @ beta)
    cosine = beta @ change @ beta / size if size > 0 else 0.0
    return np.array([train, *parts, np.trace(m), cosine])


def follow(weights, x, y, beta, steps, *, centred=True, **rates):
    """What is observed at each of ``steps``, a column each."""
    settings = {name: rates[name] for name in ("alpha", "eps")}
    path = itertools.islice(descend(weights, x, y, centred=centred, **rates), max(steps) + 1)
    seen = (now for step, now in enumerate(path) if step in steps)
    return np.array([observe(now, weights, x, y, beta, centred=centred, **settings) for now in seen]).T


def spread(dim):
    """Neurons whose mean is 0 and whose second moment is 1 exactly: to a committee they are infinitely many."""
    weights = np.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])
    wbar, m = second_moments(weights)
    np.testing.assert_array_equal(wbar, 0)
    np.testing.assert_allclose(m, np.eye(dim), rtol=1e-15, atol=0)
    return weights


def table(run):
    """A recorded run in the order of :func:`observe`."""
    return np.array([run.train, *run.test, run.square_norm, run.cosine])
