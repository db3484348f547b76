"""Means over the inputs of the chapter, by quadrature, and tasks of all sizes; none of it from the code under test."""

import itertools

import numpy as np


def grid(dim, count=5):
    """Points and weights of a rule for ``x ~ N(0, I/D)``: exact for polynomials of degree 2 count - 1 in each entry."""
    points, weights = np.polynomial.hermite_e.hermegauss(count)
    x = np.array(list(itertools.product(points, repeat=dim))) / np.sqrt(dim)
    return x, np.prod(list(itertools.product(weights / weights.sum(), repeat=dim)), axis=1)


def target(dim, seed=0):
    """A direction of length sqrt(D), along no axis."""
    beta = np.random.default_rng([seed, 1]).normal(size=dim)
    return beta * np.sqrt(dim) / np.linalg.norm(beta)


class Task:
    """Inputs, targets and neurons of a committee, none of them special."""

    def __init__(self, samples=9, dim=4, width=7, seed=0):
        rng = np.random.default_rng([seed, 0])
        self.x = rng.normal(size=(samples, dim)) / np.sqrt(dim)
        self.beta = target(dim, seed)
        self.y = (self.x @ self.beta) ** 2 / 2
        self.weights = rng.normal(size=(width, dim))

    @property
    def data(self):
        return self.x, self.y, self.beta


def second_moments(weights):
    return weights.mean(axis=0), np.mean([np.outer(w, w) for w in weights], axis=0)


def risk(linear, quadratic, beta):
    """Three parts of the mean square of ``linear·x + xᵀ quadratic x - (β·x)²/2``: of its mean, its even part, its odd.

    By Isserlis' theorem, written out entry by entry: the mean of x_i x_j x_k x_l is one over D² for each pairing.
    """
    dim = len(beta)
    b = quadratic - np.outer(beta, beta) / 2
    mean = sum(b[i, i] for i in range(dim)) / dim
    power = 0.0
    for i, j, k, m in itertools.product(range(dim), repeat=4):
        pairings = (i == j) * (k == m) + (i == k) * (j == m) + (i == m) * (j == k)
        power += b[i, j] * b[k, m] * pairings / dim**2
    return mean**2, power - mean**2, sum(value**2 for value in linear) / dim
