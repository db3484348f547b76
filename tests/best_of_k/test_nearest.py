"""The nearest of k samples: in forty digits, by quadrature, by drawing."""

import math
import re

import mpmath
import numpy as np
import pytest
from scipy.integrate import quad

from solvable.best_of_k.theory.nearest import mass_within, nearest_distance, selected_density, survival_exponent

BIASES = [-12.0, -3.0, -0.25, 0.0, 0.5, 2.0, 6.0, 12.0]
DISTANCES = [1e-12, 1e-6, 1e-3, 0.02, 0.08, 0.22, 0.31, 0.9, 2.5, 7.0, 15.0]


def exact_mass(r, a):
    a = abs(a)  # on the side of the target where both terms are small
    return mpmath.ncdf(r - a) - mpmath.ncdf(-r - a)


def exact_exponent(r, a):
    mass = exact_mass(r, a)
    return -mpmath.log1p(-mass) if mass < 0.5 else -mpmath.log(mpmath.ncdf(-r - a) + mpmath.ncdf(a - r))


def table(function, rows, columns):
    with mpmath.workdps(40):
        return np.array([[float(function(mpmath.mpf(r), mpmath.mpf(a))) for a in columns] for r in rows])


def test_the_mass_near_a_target():
    found = mass_within(np.array(DISTANCES)[:, None], np.array(BIASES))
    # rounding of an argument x is x^2 roundings of its tail, 27^2 here at most where the tail counts at all
    np.testing.assert_allclose(found, table(exact_mass, DISTANCES, BIASES), rtol=1e-13, atol=0)


def test_all_of_the_mass_is_somewhere():
    np.testing.assert_array_equal(mass_within(np.inf, np.array([0.0, -3.0, 12.0])), 1.0)
    np.testing.assert_array_equal(mass_within(0.0, np.array([0.0, -3.0, 12.0])), 0.0)


def test_how_unlikely_it_is_that_a_sample_is_farther():
    found = survival_exponent(np.array(DISTANCES)[:, None], np.array(BIASES))
    # as above; the logarithm of what is left reduces it
    np.testing.assert_allclose(found, table(exact_exponent, DISTANCES, BIASES), rtol=1e-13, atol=0)


def bisected(exponent, bias):
    """Forty digits of the distance, by halving its logarithm."""
    low, high = mpmath.mpf(-40), mpmath.log(bias + 20)
    for _ in range(70):
        middle = (low + high) / 2
        beyond = exact_exponent(mpmath.exp(middle), bias) > exponent
        low, high = (low, middle) if beyond else (middle, high)
    return mpmath.exp(low)


def test_the_distance_that_a_sample_exceeds_with_a_given_probability():
    exponents, biases = [1e-15, 1e-9, 1e-4, 0.05, 0.6, 1.0, 5.0, 60.0], [0.0, 0.5, 2.0, 6.0, 12.0]
    found = nearest_distance(np.array(exponents)[:, None], np.array(biases))
    # seventy halvings of a range of 43 leave 4e-20; rounding as above
    np.testing.assert_allclose(found, table(bisected, exponents, biases), rtol=1e-13, atol=0)
    mirrored = nearest_distance(np.array(exponents)[:, None], -np.array(biases))
    np.testing.assert_array_equal(mirrored, found)


def density_at(places, k, a):
    """The density, always of as many places: what is compiled once serves every test."""
    padded = np.resize(places, 2400)
    return np.asarray(selected_density(padded, k, bias_reward=a))[: len(places)]


def panels(edges, count=2400):
    """Nodes and weights of ten-point Gauss rules between edges, spread so that there are as many as asked for."""
    nodes, weights = np.polynomial.legendre.leggauss(10)
    ends = np.interp(np.linspace(0, len(edges) - 1, count // 10 + 1), np.arange(len(edges)), edges)
    half, middle = np.diff(ends) / 2, (ends[1:] + ends[:-1]) / 2
    return (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


@pytest.mark.parametrize(("k", "a"), [(1, 1.3), (2, -0.7), (5, 0.0), (100, 2.0), (1000, 4.0)])
def test_the_law_of_the_selected_sample_adds_up_to_one(k, a):
    # the target, where there is a kink, is an edge, and the distances at which k samples are found have panels enough
    w, weights = panels([-12, -a - 0.5, -a - 0.05, -a, -a + 0.05, -a + 0.5, 12])
    # rounding of k times the chance of a sample nearer than 1 / k
    assert weights @ density_at(w, k, a) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("a", [0.0, 0.8, -2.5])
def test_of_two_the_selected_one_is_there_when_the_other_is_farther(a):
    places = np.array([-3.0, -1.2, -0.8, 0.1, 0.8, 2.6])

    def gauss(z):
        return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    expected = []
    for w in places:
        r = abs(w + a)
        farther = quad(gauss, -np.inf, -a - r, epsabs=1e-13)[0] + quad(gauss, -a + r, np.inf, epsabs=1e-13)[0]
        expected.append(2 * gauss(w) * farther)
    # what the quadrature was asked for
    np.testing.assert_allclose(density_at(places, 2, a), expected, rtol=1e-9, atol=1e-12)


def test_the_selected_of_five_drawn_samples():
    rng, count, a = np.random.default_rng([6, 1]), 200_000, 0.6
    z = rng.normal(size=(count, 5))
    chosen = z[np.arange(count), np.argmin(np.abs(z + a), axis=1)]
    edges = np.array([-8, -2.0, -1.2, -0.8, -0.6, -0.4, 0.0, 0.8, 8.0])
    counts, _ = np.histogram(chosen, edges)
    w, weights = panels(edges)
    shares = (weights * density_at(w, 5, a)).reshape(8, -1).sum(axis=1)
    # four and a half standard errors of a count, in each of eight bins
    assert (np.abs(counts / count - shares) < 4.5 * np.sqrt(shares / count)).all()


def test_the_density_of_the_nearest_is_the_rate_at_which_survival_falls():
    r, a, k, h = np.array([0.05, 0.4, 1.1, 2.0, 3.1]), 1.2, 7, 1e-5
    both = density_at(-a + r, k, a) + density_at(-a - r, k, a)
    with mpmath.workdps(30):
        survive = [[mpmath.exp(-k * exact_exponent(x + side * h, a)) for side in (-1, 1)] for x in r]
        expected = [float((low - high) / (2 * h)) for low, high in survive]
    # of a central difference: h^2 / 6 times a third derivative of order k^3, 6e-9 at most
    np.testing.assert_allclose(both, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mass_within(-1.0, 0.0), "distance must be non-negative, got -1.0"),
        (lambda: mass_within(np.nan, 0.0), "distance must be non-negative, got nan"),
        (lambda: mass_within(1.0, np.inf), "bias must be "),
        (lambda: survival_exponent(-1.0, 0.0), "distance must be non-negative, got -1.0"),
        (lambda: survival_exponent(np.inf, 0.0), "distance must be non-negative, got inf"),
        (lambda: survival_exponent(1.0, np.nan), "bias must be "),
        (lambda: nearest_distance(0.0, 0.0), "exponent must be positive, got 0.0"),
        (lambda: nearest_distance(np.array([1.0, -1.0]), 0.0), "exponent must be positive, got -1.0 at index (1,)"),
        (lambda: nearest_distance(1.0, np.nan), "bias must be "),
        (lambda: selected_density(np.inf, 2, bias_reward=0.0), "w must be "),
        (lambda: selected_density(0.0, 2, bias_reward=np.inf), "bias_reward must be "),
        (lambda: selected_density(0.0, 0.5, bias_reward=0.0), "k must be between 1 and inf, got 0.5"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
