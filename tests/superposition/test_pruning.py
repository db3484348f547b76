"""Pruned data for a perceptron: by other quadratures and searches, by known limits, by students of finite size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize, minimize_scalar
from scipy.stats import norm

from solvable.randomness import generator
from solvable.superposition.experiment.pruning import shortest_separator, simulate_pruned_perceptron
from solvable.superposition.theory.pruning import pruned_perceptron_error


def shortfall(a):
    """Mean of ``(a - xi)_+^2``."""
    return (a**2 + 1) * norm.cdf(a) + a * norm.pdf(a)


def teacher_probe(alpha_total, fraction, keep):
    """The search over the overlap R for the largest margin, as it is written without the ratio of both."""
    low, high = (0.0, norm.isf((1 - fraction) / 2)) if keep == "hard" else (norm.isf(fraction / 2), np.inf)
    t, weight = np.polynomial.legendre.leggauss(300)
    high = min(high, 12.0)
    z, weight = low + (high - low) * (t + 1) / 2, weight * (high - low) / 2

    def margin(angle):
        r, s = np.cos(angle), np.sin(angle)

        def excess(kappa):
            return alpha_total * (2 * weight * norm.pdf(z)) @ shortfall((kappa - r * z) / s) - 1

        return brentq(excess, -5, 60, xtol=1e-14)

    found = minimize_scalar(lambda t: -margin(t), bounds=(0.01, 1.57), method="bounded", options={"xatol": 1e-10})
    return found.x / np.pi, np.cos(found.x), -found.fun


@pytest.mark.parametrize(
    ("alpha_total", "fraction", "keep"),
    [(3.0, 1.0, "hard"), (3.0, 0.5, "hard"), (3.0, 0.5, "easy"), (8.0, 0.3, "hard"), (0.5, 0.2, "easy")],
)
def test_the_margin_is_the_largest_over_overlaps(alpha_total, fraction, keep):
    found = pruned_perceptron_error(alpha_total, fraction, keep=keep)
    error, overlap, margin = teacher_probe(alpha_total, fraction, keep)
    np.testing.assert_allclose(found.margin, margin, rtol=1e-10, atol=0)  # root and quadrature
    # a maximum is flat: its place is known to the square root of the rounding of its height, times a curvature
    np.testing.assert_allclose([found.error, found.overlap], [error, overlap], rtol=2e-6, atol=0)


@pytest.mark.parametrize("keep", ["hard", "easy"])
@pytest.mark.parametrize(("alpha_total", "fraction", "angle"), [(3.0, 0.5, 0.5), (8.0, 0.3, 1.0)])
def test_a_probe_beside_the_teacher_is_that_of_a_search_in_its_own_axes(alpha_total, fraction, keep, angle):
    c, s = np.cos(angle), np.sin(angle)
    low, high = (0.0, norm.isf((1 - fraction) / 2)) if keep == "hard" else (norm.isf(fraction / 2), 9.0)
    t, weight = np.polynomial.legendre.leggauss(70)
    z = low + (high - low) * (t + 1) / 2
    # z along the probe, of both signs, and v across it, from where the teacher says yes; the other half is its mirror
    z, across = np.concatenate([z, -z]), np.tile(weight * (high - low) / 2, 2)
    start = np.clip(-c * z / s, -9, 9)
    v = start[:, None] + (9 - start)[:, None] * (t + 1) / 2
    measure = 2 * (across * norm.pdf(z))[:, None] * weight * (9 - start)[:, None] / 2 * norm.pdf(v)

    def gain(p):
        pull = p[0] * z[:, None] + p[1] * v
        root = brentq(lambda k: alpha_total * np.sum(measure * shortfall(k - pull)) - 1, -60, 60, xtol=1e-13)
        return root / np.sqrt(1 + p @ p)

    best = minimize(lambda p: -gain(p), [c, s], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-13})
    teacher = (best.x @ [c, s]) / np.sqrt(1 + best.x @ best.x)
    found = pruned_perceptron_error(alpha_total, fraction, keep=keep, probe_angle=angle)
    # the rules of quadrature differ by 1e-6 at most where the edge meets the teacher's axis
    np.testing.assert_allclose(found.margin, -best.fun, rtol=3e-6, atol=0)
    np.testing.assert_allclose([found.overlap, found.error], [teacher, np.arccos(teacher) / np.pi], rtol=3e-5, atol=0)


@pytest.mark.parametrize("angle", [0.0, 0.4])
@pytest.mark.parametrize("keep", ["hard", "easy"])
def test_where_all_is_kept_there_is_no_choice(keep, angle):
    alphas = np.array([0.5, 3.0, 20.0])
    found = pruned_perceptron_error(alphas, 1.0, keep=keep, probe_angle=angle)
    plain = pruned_perceptron_error(alphas, 1.0)
    np.testing.assert_allclose(np.array(found), np.array(plain), rtol=1e-6, atol=0)  # the quadrature in two dimensions


def test_without_pruning_the_error_falls_as_one_over_alpha():
    # near the boundary u has the density sqrt(2/pi), so that alpha E[(k - xi)_+^3] / 3 = p sqrt(pi/2); k/p is largest
    def cube(k):
        return quad(lambda x: (k - x) ** 3 * norm.pdf(x), -12, k, epsabs=1e-14)[0]

    k = minimize_scalar(lambda k: cube(k) / k, bounds=(0.1, 5), method="bounded", options={"xatol": 1e-10}).x
    constant = 3 * np.sqrt(np.pi / 2) / np.pi / cube(k)
    assert constant == pytest.approx(0.5005, abs=5e-5)  # Opper, Kinzel, Kleinz and Nehl (1990), to four digits
    alphas = np.array([1e3, 1e4, 1e5])
    # the next order is 1/alpha^2, because the density is even
    np.testing.assert_allclose(alphas * pruned_perceptron_error(alphas, 1.0).error, constant, rtol=2e-6, atol=0)


def test_pruning_by_the_teacher_changes_nothing_where_data_abound():
    # all that matters are the examples nearest to the boundary, which the hard choice keeps
    found = pruned_perceptron_error(1e5, np.array([1.0, 0.3, 0.05])).error
    np.testing.assert_allclose(found, found[0], rtol=1e-5, atol=0)


def test_few_examples_are_learned_as_by_hebb():
    alphas = np.array([1e-4, 1e-3])
    # orthogonal examples: R = sqrt(2 alpha / pi), with corrections of alpha
    overlap = pruned_perceptron_error(alphas, 1.0).overlap
    np.testing.assert_allclose(overlap, np.sqrt(2 * alphas / np.pi), rtol=2e-3, atol=0)


def test_examples_on_the_boundary_say_nothing_up_to_two_for_each_dimension():
    fraction = 1e-4
    below, above = pruned_perceptron_error(np.array([1.0, 1.9, 2.1, 3.0]) / fraction, fraction).error.reshape(2, 2)
    # Cover's capacity: up to it labels can be separated without the teacher, beyond it only along the teacher
    assert (below > 0.49).all()
    assert (above < 20 * fraction).all()
    # and up to it the margin is Gardner's, of random labels
    kappa = brentq(lambda k: shortfall(k) - 1, -5, 5)
    np.testing.assert_allclose(pruned_perceptron_error(1 / fraction, fraction).margin, kappa, rtol=1e-3, atol=0)


@pytest.mark.parametrize("angle", [0.3, 1.0])
def test_pruning_hard_by_a_poor_probe_leaves_an_error(angle):
    # the examples lie in the hyperplane of the probe, where the teacher is its projection
    found = pruned_perceptron_error(300 / 1e-4, 1e-4, probe_angle=angle)
    floor = 0.5 - angle / np.pi
    # what is left of 1/alpha within the hyperplane adds in squares
    np.testing.assert_allclose(found.error, floor, rtol=0, atol=1e-3)


@pytest.mark.parametrize("keep", ["hard", "easy"])
def test_a_small_angle_changes_little(keep):
    none, small, twice = (
        float(pruned_perceptron_error(3.0, 0.5, keep=keep, probe_angle=a).error) for a in (0, 0.1, 0.2)
    )
    # even in the angle; the quadrature's own error of 1e-4 at most
    assert 0 < small - none < 0.05 * none
    assert (twice - none) / (small - none) == pytest.approx(4, abs=0.8)


def test_scarce_data_keep_easy_and_abundant_data_keep_hard():
    totals = np.array([2.0, 20.0])
    hard, easy = (pruned_perceptron_error(totals, 0.3, keep=keep).error for keep in ("hard", "easy"))
    assert easy[0] < 0.6 * hard[0]
    assert hard[1] < 0.8 * easy[1]


def test_settings_broadcast_compile_and_map():
    totals, fractions = np.array([[2.0], [9.0]]), np.array([0.2, 0.5, 1.0])
    found = pruned_perceptron_error(totals, fractions)
    assert found.error.shape == (2, 3)
    assert pruned_perceptron_error(np.ones((0, 2)), 0.5).margin.shape == (0, 2)
    # more than one block of settings
    many = pruned_perceptron_error(np.linspace(2, 9, 71), 0.5).error
    np.testing.assert_allclose(many[np.array([0, -1])], found.error[:, 1], rtol=1e-6, atol=0)
    np.testing.assert_allclose(found.error[1, 1], pruned_perceptron_error(9.0, 0.5).error, rtol=1e-6, atol=0)
    compiled = jax.jit(jax.vmap(lambda total: pruned_perceptron_error(total, 0.5).error))(jnp.asarray(totals[:, 0]))
    np.testing.assert_allclose(compiled, found.error[:, 1], rtol=1e-6, atol=0)  # a flat maximum, as above
    np.testing.assert_allclose(jnp.cos(np.pi * found.error), found.overlap, rtol=1e-12, atol=0)


@pytest.mark.parametrize("angle", [0.0, 0.5])
def test_float32_stays_float32(angle):
    single = pruned_perceptron_error(np.float32(3.0), np.array([0.5, 1.0], np.float32), probe_angle=angle)
    assert {part.dtype for part in single} == {np.dtype(np.float32)}
    double = pruned_perceptron_error(3.0, np.array([0.5, 1.0]), probe_angle=angle)
    # a flat maximum: the square root of rounding
    np.testing.assert_allclose(np.array(single), np.array(double), rtol=3e-3, atol=0)


def test_the_shortest_separator_rests_on_its_examples():
    draw = np.random.default_rng(1)
    teacher = draw.normal(size=8)
    x = draw.normal(size=(40, 8))
    x *= np.sign(x @ teacher)[:, None]
    found = shortest_separator(x)
    distance = x @ found
    assert distance.min() == pytest.approx(1, abs=1e-9)
    # optimal because it is a sum of examples at the margin with positive weights (Karush, Kuhn and Tucker)
    support = x[distance < 1 + 1e-7]
    weights, *_ = np.linalg.lstsq(support.T, found, rcond=None)
    assert (weights > 0).all()
    np.testing.assert_allclose(support.T @ weights, found, rtol=0, atol=1e-9)


def test_what_nothing_separates_is_refused():
    with pytest.raises(ValueError, match="x must be rows that some vector separates"):
        shortest_separator(np.array([[1.0, 0.0], [-1.0, 0.1], [0.0, -1.0]]))


@pytest.mark.parametrize(
    ("keep", "angle", "totals", "fractions"),
    [
        ("hard", 0.0, (3.0, 3.0, 12.0), (1.0, 0.5, 0.4)),
        ("easy", 0.0, (3.0, 6.0), (0.5, 0.4)),
        ("hard", 0.6, (3.0, 8.0), (0.5, 0.5)),
        ("easy", 0.6, (4.0,), (0.5,)),
    ],
)
def test_students_have_the_error_of_the_theory(keep, angle, totals, fractions, key):
    seeds, dim = 24, 80
    runs = simulate_pruned_perceptron(totals, fractions, key=key, seeds=seeds, dim=dim, keep=keep, probe_angle=angle)
    theory = np.asarray(
        pruned_perceptron_error(np.array(totals), np.array(fractions), keep=keep, probe_angle=angle).error
    )
    assert runs.shape == (len(totals), seeds)
    error = runs.std(axis=1, ddof=1) / np.sqrt(seeds)
    # four standard errors, and the neglected terms of order 1/N
    np.testing.assert_array_less(np.abs(runs.mean(axis=1) - theory), 4 * error + 2 * theory / dim)


@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_a_student_of_one_example_is_that_example(angle, key):
    x = generator(key).normal(size=(4, 2))
    order = np.argsort(np.abs(x @ [np.cos(angle), np.sin(angle)]))
    for keep, one in (("hard", x[order[0]]), ("easy", x[order[-1]])):
        found = simulate_pruned_perceptron([2.0], [0.25], key=key, seeds=1, dim=2, keep=keep, probe_angle=angle)
        # the teacher is the first axis; rounding of a system of two equations
        np.testing.assert_allclose(found, [[np.arctan2(abs(one[1]), abs(one[0])) / np.pi]], rtol=1e-9, atol=0)


def test_where_all_is_kept_every_choice_teaches_the_same(key):
    hard, easy, probed = (
        simulate_pruned_perceptron([2.0], [1.0], key=key, seeds=3, dim=10, **choice)
        for choice in ({}, {"keep": "easy"}, {"probe_angle": 0.7})
    )
    np.testing.assert_allclose(hard, easy, rtol=1e-9, atol=0)  # the same examples, in another order
    np.testing.assert_allclose(hard, probed, rtol=1e-9, atol=0)
    assert len(np.unique(hard)) == 3


THEORY, RUN = pruned_perceptron_error, simulate_pruned_perceptron


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: THEORY(0.0, 0.5), "alpha_total must be positive"),
        (lambda _: THEORY(np.inf, 0.5), "alpha_total must be positive"),
        (lambda _: THEORY(1.0, 0.0), "fraction must be positive"),
        (lambda _: THEORY(1.0, 1.1), "fraction must be between 0 and 1"),
        (lambda _: THEORY.__wrapped__(1.0, 0.5, keep="all"), "keep must be one of"),
        (lambda _: THEORY(1.0, 0.5, probe_angle=0.01), "probe_angle must be between 0.05"),
        (lambda _: THEORY(1.0, 0.5, probe_angle=1.6), "probe_angle must be between 0.05"),
        (lambda _: shortest_separator(np.ones((0, 3))), "number of rows must be a whole number of at least 1"),
        (lambda _: shortest_separator(np.full((2, 3), np.nan)), "x must be finite"),
        (lambda key: RUN([0.0], [0.5], key=key), "alpha_total must be positive"),
        (lambda key: RUN([1.0], [0.0], key=key), "fraction must be positive"),
        (lambda key: RUN([1.0], [1.5], key=key), "fraction must be between 0 and 1"),
        (lambda key: RUN([1.0, 2.0], [0.5], key=key), "fraction must have shape"),
        (lambda key: RUN([1.0], [1e-4], key=key), "kept must be a whole number of at least 1"),
        (lambda key: RUN([1.0], [0.5], key=key, seeds=0), "seeds must be a whole number"),
        (lambda key: RUN([1.0], [0.5], key=key, dim=1), "dim must be a whole number of at least 2"),
        (lambda key: RUN.__wrapped__([1.0], [0.5], key=key, keep="all"), "keep must be one of"),
        (lambda key: RUN([1.0], [0.5], key=key, probe_angle=-0.1), "probe_angle must be between 0"),
    ],
)
def test_refuses_what_it_cannot_answer(call, message, key):
    with pytest.raises(ValueError, match=message):
        call(key)
