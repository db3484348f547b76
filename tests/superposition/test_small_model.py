"""The exact loss of the small model: against Monte Carlo, quadrature, and its own formula in sixty digits."""

from itertools import product

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.integrate import nquad, quad
from scipy.optimize import minimize

from solvable.superposition.theory.geometry import feature_dimensionality, feature_geometry
from solvable.superposition.theory.small_model import BLOCKS, expected_loss, form_boundary, form_loss, form_weights

DENSITIES = np.array([1.0, 0.5, 0.2, 0.05])


def model(n, m=2, seed=0, size=0.7):
    draw = np.random.default_rng([n, m, seed])
    return size * draw.normal(size=(n, m)), draw.uniform(-0.4, 0.3, size=n)


def loss_at(x, weights, biases):
    return (x - np.maximum(x @ weights @ weights.T + biases, 0)) ** 2


def active_sets(density):
    for active in product((0, 1), repeat=len(density)):
        active = np.array(active)
        yield active, np.prod(np.where(active, density, 1 - density))


def in_sixty_digits(weights, biases, density):
    """The sum over corners for every set of active features, without regard for digits that cancel."""
    n = len(biases)
    rows = [[mpmath.mpf(float(w)) for w in row] for row in weights]
    products = [[mpmath.fdot(a, b) for b in rows] for a in rows]

    def integral(power, bias, coefficients):
        """Of t^power over the cube, where t = bias + c . u > 0; divided by power!."""
        found = mpmath.mpf(0)
        for corner in product((0, 1), repeat=len(coefficients)):
            t = bias + mpmath.fdot(corner, coefficients)
            k = power + len(coefficients)
            sign = (-1) ** (len(corner) - sum(corner))
            found += sign * (max(t, 0) ** k if k or t > 0 else 0) / mpmath.factorial(k)
        return found / mpmath.fprod(coefficients)

    with mpmath.workdps(60):
        total = mpmath.mpf(0)
        for i, bias in enumerate(map(mpmath.mpf, map(float, biases))):
            for active, chance in active_sets(np.full(n, density)):
                seen = [c for c, on in zip(products[i], active, strict=True) if on and c]
                term = 2 * integral(2, bias, seen)
                if active[i]:
                    own, rest = (
                        products[i][i],
                        [c for j, (c, on) in enumerate(zip(products[i], active, strict=True)) if on and c and j != i],
                    )
                    if own:
                        # by parts: u f(t + c u) = [u F]' / c - F / c
                        cross = (integral(2, bias + own, rest) - integral(2, bias, [*rest, own])) / own
                    else:
                        cross = integral(1, bias, rest) / 2
                    term += mpmath.mpf(1) / 3 - 2 * cross
                total += mpmath.mpf(float(chance)) * term
        return float(total)


@pytest.mark.parametrize(("n", "density"), [(1, 0.4), (2, 1.0), (5, 0.2), (5, 1.0), (8, 0.3)])
def test_the_loss_is_the_mean_over_inputs(n, density):
    weights, biases = model(n)
    draw = np.random.default_rng(1)
    importance = np.linspace(1.0, 0.5, n)
    x = np.where(draw.random((200_000, n)) < density, draw.random((200_000, n)), 0)
    found = loss_at(x, weights, biases) @ importance
    exact = expected_loss(weights, biases, density=density, importance=importance)
    assert abs(found.mean() - exact) < 4 * found.std() / np.sqrt(len(x))  # four standard errors


@pytest.mark.parametrize(("n", "error"), [(1, 1e-10), (2, 1e-8)])
def test_the_loss_is_an_integral(n, error):
    weights, biases = model(n, seed=3)
    density = np.array([0.3, 0.8])[:n]

    def integrand(*u, active):
        return loss_at(active * np.array(u), weights, biases).sum()

    expected = 0
    for active, chance in active_sets(density):
        kinks = {"epsabs": error / 10, "limit": 200}  # of ReLU², where only its second derivative jumps
        expected += chance * nquad(lambda *u, active=active: integrand(*u, active=active), [(0, 1)] * n, opts=kinks)[0]
    np.testing.assert_allclose(expected_loss(weights, biases, density=density), expected, rtol=0, atol=error)


@pytest.mark.parametrize("seed", range(9))
def test_digits_do_not_cancel_where_coefficients_are_small(seed):
    draw = np.random.default_rng(seed)
    if seed % 3 == 0:  # rows of very different lengths
        weights = draw.normal(size=(4, 2)) * 10.0 ** -draw.integers(0, 7, size=(4, 1))
    elif seed % 3 == 1:  # nearly at right angles, and a last one that is nearly nothing
        angles = np.radians([0, 90, 180, 33]) + 10.0 ** -draw.integers(1, 9) * draw.normal(size=4)
        weights = np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array([[1], [1], [1], [10.0**-seed]])
    else:  # coefficients of a tenth, which are large enough
        weights = draw.normal(size=(4, 2)) * np.array([[1], [0.3], [0.1], [0.1]])
    biases = -0.3 * draw.random(4) * (draw.random(4) < 0.7)
    density = (1.0, 0.3)[seed % 2]
    exact = in_sixty_digits(weights, biases, density)
    largest = np.max(np.abs(biases) + np.abs(weights @ weights.T).sum(axis=1))
    for dtype in (np.float64, np.float32):
        found = expected_loss(weights.astype(dtype), biases.astype(dtype), density=dtype(density))
        assert found.dtype == dtype
        # differences are taken where they lose a quarter of the digits; four outputs, of the size of a squared sum
        error = 4 * np.finfo(dtype).eps ** 0.75 * max(1, largest**2)
        np.testing.assert_allclose(found, exact, rtol=0, atol=error)


def test_what_needs_no_integral():
    # nothing is said: E x² = p / 3; a constant: variance and distance from the mean
    np.testing.assert_allclose(expected_loss(np.zeros((5, 2)), np.zeros(5), density=0.3), 0.5, rtol=1e-14, atol=0)
    expected = 0.7 / 3 - 0.7**2 / 4 + (0.7 / 2 - 0.2) ** 2
    found = expected_loss(np.zeros((1, 2)), np.full(1, 0.2), density=0.7)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=0)
    # as many dimensions as features: nothing is lost
    np.testing.assert_allclose(expected_loss(np.eye(4), np.zeros(4), density=0.6), 0, rtol=0, atol=1e-14)
    # nothing is active, and the bias is all that is said
    np.testing.assert_allclose(expected_loss(np.eye(2), np.full(2, 0.5), density=0.0), 0.5, rtol=1e-13, atol=0)


def test_the_loss_is_linear_in_the_density_of_each_feature():
    weights, biases = model(4)
    density = np.array([0.2, 0.9, 0.5, 0.4])
    ends = [expected_loss(weights, biases, density=np.where(np.arange(4) == 2, p, density)) for p in (0.0, 1.0)]
    found = expected_loss(weights, biases, density=density)
    np.testing.assert_allclose(found, np.mean(ends), rtol=1e-12, atol=0)  # rounding of sums


def test_the_gradient_is_that_of_finite_differences():
    weights, biases = model(3)
    weights[0] = 0  # where differences are replaced by a series

    def loss(weights, biases):
        return expected_loss(weights, biases, density=0.4, importance=0.9 ** np.arange(3.0))

    slopes = jax.jit(jax.grad(loss, argnums=(0, 1)))(jnp.asarray(weights), jnp.asarray(biases))
    step = 1e-4
    # a weight of a row of zeros, one of another row, and a bias
    for row, column in ((0, 1), (2, 0), (1, None)):
        moved = []
        for sign in (1, -1):
            near = [weights.copy(), biases.copy()]
            near[column is None][row if column is None else (row, column)] += sign * step
            moved.append(loss(*near))
        found = slopes[1][row] if column is None else slopes[0][row, column]
        # the square of the step, times a third derivative of order 10
        np.testing.assert_allclose(found, (moved[0] - moved[1]) / (2 * step), rtol=0, atol=1e-6)


def test_the_loss_may_be_mapped_over_densities():
    weights, biases = model(2)
    many = jax.vmap(lambda p: expected_loss(weights, biases, density=p))(jnp.asarray(DENSITIES))
    one_by_one = [expected_loss(weights, biases, density=p) for p in DENSITIES]
    np.testing.assert_allclose(many, one_by_one, rtol=1e-12, atol=0)  # the order of sums


@pytest.mark.parametrize("form", BLOCKS)
def test_a_form_costs_what_its_weights_cost(form):
    found = form_loss(form, density=DENSITIES)
    for loss, norms, biases, density in zip(*found, DENSITIES, strict=True):
        weights = form_weights(form, norms)
        # rounding: both are sums of products of order 1
        np.testing.assert_allclose(expected_loss(weights, biases, density=density), loss, rtol=0, atol=1e-12)
        assert feature_geometry(weights, tolerance=1e-9).form == form
    assert found.norms.shape == found.biases.shape == (4, 5)


@jax.jit
def _cost_of_form(parameters, directions, kept, density):
    norm, bias = parameters
    biases = jnp.where(kept > 0, bias, density / 2)
    return expected_loss(norm * directions, biases, density=density)


@pytest.mark.parametrize("form", ["triangle", "two pairs", "pentagon"])
@pytest.mark.parametrize("density", [0.9, 0.3, 0.05])
def test_no_norm_and_bias_is_better(form, density):
    found = form_loss(form, density=density)
    kept = (found.norms > 0).astype(float)
    directions = form_weights(form, kept)
    ends = [
        minimize(
            _cost_of_form,
            start,
            args=(directions, kept, density),
            method="Nelder-Mead",
            options={"xatol": 1e-7, "fatol": 1e-13},
        )
        for start in ([0.7, 0.3], [1.2, -0.2])
    ]
    best = min(ends, key=lambda end: end.fun)
    np.testing.assert_allclose(found.loss, best.fun, rtol=0, atol=1e-11)  # the square of the simplex's last size
    np.testing.assert_allclose([found.norms[0], found.biases[0]], best.x, rtol=0, atol=1e-5)  # the root of the former


def test_dense_pairs_are_linear():
    # b = r² = 1/2: nothing is cut off, and two of four features' sums are lost: a half of the variance of each
    found = form_loss("two pairs", density=1.0)
    np.testing.assert_allclose(found.loss, 3 / 12, rtol=1e-12, atol=0)
    # the place of a maximum is known to the root of the rounding
    np.testing.assert_allclose(found.norms, np.sqrt([0.5] * 4 + [0]), rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.biases, 0.5, rtol=0, atol=1e-6)


def test_of_sparse_features_one_at_a_time_is_active():
    def cost(parameters):
        square, bias = parameters

        def squared(u, c, target):
            return (target * u - max(bias + c * square * u, 0)) ** 2

        own = quad(squared, 0, 1, args=(1.0, 1.0), epsabs=1e-12)[0]
        # of the others two stand at 72 degrees and two, of which nothing is seen, at 144
        return own + 2 * quad(squared, 0, 1, args=(np.cos(np.radians(72)), 0.0), epsabs=1e-12)[0]

    best = minimize(cost, [1.3, -0.3], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-14})
    density = 1e-5
    found = form_loss("pentagon", density=density)
    # two at a time: an order of the density, times the ten pairs
    np.testing.assert_allclose(found.loss / (5 * density), best.fun, rtol=1e-2, atol=0)
    np.testing.assert_allclose(found.norms[0] ** 2, best.x[0], rtol=1e-3, atol=0)
    np.testing.assert_allclose(found.biases[0], best.x[1], rtol=1e-3, atol=0)


def test_features_of_a_form_take_up_their_part_of_a_dimension():
    for form, part in (("orthogonal pair", 1), ("triangle", 2 / 3), ("two pairs", 1 / 2), ("pentagon", 2 / 5)):
        weights = form_weights(form, form_loss(form, density=0.1).norms)
        shares = np.asarray(feature_dimensionality(weights))
        np.testing.assert_allclose(shares[shares > 0], part, rtol=1e-12, atol=0)


def test_forms_cross_where_they_cost_the_same():
    boundary = form_boundary("pentagon", "two pairs", low=0.05, high=0.5)
    pentagon, pairs = (
        [form_loss(form, density=boundary * factor).loss.item() for factor in (1 - 1e-3, 1, 1 + 1e-3)]
        for form in ("pentagon", "two pairs")
    )
    np.testing.assert_allclose(pentagon[1], pairs[1], rtol=1e-8, atol=0)
    assert pentagon[0] < pairs[0]
    assert pentagon[2] > pairs[2]
    # the same crossing in a narrower window
    narrow = form_boundary("pentagon", "two pairs", low=0.2, high=0.25)
    np.testing.assert_allclose(boundary, narrow, rtol=0, atol=2e-9)


def test_more_densities_than_one_program_takes():
    density = np.linspace(0.1, 0.9, 70).reshape(2, 35)
    found = form_loss("pentagon", density=density)
    assert found.loss.shape == (2, 35)
    assert found.norms.shape == (2, 35, 5)
    assert found.loss[1, 34] == form_loss("pentagon", density=0.9).loss


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: expected_loss.__wrapped__(np.ones(3), np.ones(3), density=0.1), "weights must have shape"),
        (lambda: expected_loss.__wrapped__(np.ones((3, 2)), np.ones(2), density=0.1), "biases must have shape"),
        (lambda: expected_loss(np.ones((9, 2)), np.ones(9), density=0.1), "weights must have 1 to 8 rows, got 9"),
        (lambda: expected_loss(np.ones((0, 2)), np.ones(0), density=0.1), "weights must have 1 to 8 rows, got 0"),
        (lambda: expected_loss(np.ones((3, 2)), np.ones(3), density=1.1), "density must be between 0 and 1"),
        (lambda: expected_loss(np.ones((3, 2)), np.ones(3), density=np.ones(2)), "density must have shape"),
        (lambda: expected_loss(np.ones((3, 2)), np.ones(3), density=0.1, importance=-1.0), "importance must be non-"),
        (lambda: expected_loss(np.ones((3, 2)), np.ones(3), density=0.1, importance=np.ones(2)), "importance must"),
        (lambda: form_loss("hexagon", density=0.1), "form must be one of"),
        (lambda: form_loss("pentagon", density=0.0), "density must be positive"),
        (lambda: form_loss("pentagon", density=1.5), "density must be between 0 and 1"),
        (lambda: form_weights("hexagon", np.ones(5)), "form must be one of"),
        (lambda: form_weights("pentagon", -np.ones(5)), "norms must be non-negative"),
        (lambda: form_weights.__wrapped__("pentagon", np.ones(4)), "norms must have shape"),
        (lambda: form_boundary("pentagon", "two pairs", low=0.0), "low and high must satisfy"),
        (lambda: form_boundary("pentagon", "two pairs", high=1.5), "low and high must satisfy"),
        (lambda: form_boundary("pentagon", "two pairs", low=0.5, high=0.2), "low and high must satisfy"),
        (lambda: form_boundary("two pairs", "pentagon", low=0.1, high=0.5), "first and second must cross"),
    ],
)
def test_refuses_what_it_cannot_answer(call, message):
    with pytest.raises(ValueError, match=message):
        call()
