"""The error of the one answer that is selected: by sums over all places of k samples, by drawing, by known limits."""

import itertools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from solvable.best_of_k.theory import selection
from solvable.best_of_k.theory.selection import best_of_k_error, selected_moments, softmax_selection_error
from tests.best_of_k import references

# of the teacher's bias and of the judge's; always six of them and six k, so that little is compiled
B = np.array([0.0, 0.5, 0.3, 1.0, -0.4, 0.2])
A = np.array([0.0, 0.5, 2.0, -1.0, 3.5, -0.7])
KS = np.array([1.0, 2.0, 7.0, 60.0, 1000.0, 1e6])


def errors(t, ks=KS, b=B, a=A):
    return np.asarray(softmax_selection_error(ks, np.broadcast_to(np.asarray(t, float), b.shape), **biases(b, a)))


def biases(b, a):
    return {"bias_teacher": b, "bias_reward": a}


def test_the_nearest_of_two_to_their_mean():
    # the smaller of two squares of Gaussians: 1 - 2/pi
    expected = np.full(6, 1 - 2 / math.pi)
    found = errors(0, np.full(6, 2.0), np.zeros(6), np.zeros(6))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)  # as documented


@pytest.mark.parametrize(("t", "digits"), [(0.0, 1e-12), (1e-6, 1e-8), (1e-3, 1e-11), (0.3, 1e-11), (40.0, 1e-11)])
def test_of_a_single_answer_the_judge_selects_nothing(t, digits):
    np.testing.assert_allclose(errors(t)[:, 0], 1 + B**2, rtol=digits, atol=0)  # as documented


def test_the_number_of_answers_alone_may_be_traced():
    def error(k):
        return softmax_selection_error(k, 0.5, **biases(0.2, 0.3))

    ks = jnp.array([2.0, 5.0])
    # compiled for two shapes: rounding
    np.testing.assert_allclose(jax.vmap(error)(ks), error(ks), rtol=1e-12, atol=0)


def test_a_far_judge_selects_nothing_from_a_single_answer():
    # where the total is asserted to hold to half of the digits, the error does too
    t, a = np.array([3.0, 10.0, 10.0, 30.0, 100.0]), np.array([40.0, 45.0, 70.0, 100.0, 100.0])
    found = softmax_selection_error(1.0, t, **biases(0.3, a))
    np.testing.assert_allclose(found, 1.09, rtol=1e-7, atol=0)


def test_the_best_answer_over_the_places_of_the_nearest():
    found = np.asarray(best_of_k_error(KS, **biases(B, A)))
    expected = [[references.nearest(k, a, references.error_from(b, a)) for k in KS] for b, a in zip(B, A, strict=True)]
    # rounding of the reference: k times that of the chance to be nearer than 1 / k
    np.testing.assert_allclose(found[:, :5], np.array(expected)[:, :5], rtol=2e-12, atol=0)
    np.testing.assert_allclose(found[:, 5], np.array(expected)[:, 5], rtol=1e-9, atol=0)


def test_a_target_that_no_sample_comes_near():
    b, a = np.array([0.0, 6.0, 4.0, -5.0, 3.0, 10.0]), np.array([6.0, 6.0, 4.0, 5.0, -8.0, 10.0])
    found = errors(0, b=b, a=a)[:, :5]
    expected = [
        [references.nearest(k, y, references.error_from(x, y)) for k in KS[:5]] for x, y in zip(b, a, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=2e-12, atol=0)  # as documented, and rounding of the reference


@pytest.mark.parametrize(("k", "b", "a"), [(2, 0.5, 0.5), (7, 0.3, 2.0), (60, -0.4, 3.5)])
def test_the_best_answer_by_quadrature_over_its_density(k, b, a):
    def integrand(w):
        return (w + b) ** 2 * k * references.density(w) * math.exp((k - 1) * references.log_survival(abs(w + a), a))

    edges = [-10, -a - 2, -a - 0.3, -a, -a + 0.3, -a + 2, 10]
    expected = sum(
        quad(integrand, low, high, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for low, high in itertools.pairwise(edges)
    )
    found = errors(0)[list(B).index(b), list(KS).index(k)]
    assert found == pytest.approx(expected, rel=1e-11)  # what the quadrature was asked for, six times


def test_at_a_billion_answers_the_law_of_the_inverse_square():
    k = np.full(6, 2.0**30)
    found = errors(0, k)[:, 0] - (B - A) ** 2
    expected = (1 - 2 * A * (A - B)) / (2 * references.density(A) ** 2 * k**2)
    judged_by_the_teacher = A == B
    # the next term is 3 / k; elsewhere the square that is taken away hides all of it but a few units of 1e-16
    np.testing.assert_allclose(found[judged_by_the_teacher], expected[judged_by_the_teacher], rtol=1e-8, atol=0)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12 * (1 + (B - A).max() ** 2))


def test_the_inverse_square_and_how_soon_it_holds():
    k = np.array([16.0, 1024.0, 1.0, 1.0, 1.0, 1.0])
    share = (k**2 * errors(0, k) / math.pi)[0, :2]
    # facts of an independent program, to the digits that it gave
    np.testing.assert_allclose(share, [0.8511, 0.9971], rtol=0, atol=5e-5)


def test_where_the_nearest_lies():
    found = selected_moments(KS, np.zeros(6), bias_reward=A)
    first = [[references.nearest(k, a, lambda v: v) for k in KS[:5]] for a in A]
    second = [[references.nearest(k, a, np.square) for k in KS[:5]] for a in A]
    # rounding of the reference; its first moment is a difference of both sides, which k samples make small
    np.testing.assert_allclose(found.first[:, :5], first, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(found.second[:, :5], second, rtol=2e-12, atol=0)


@pytest.mark.parametrize("t", [1.0, 5.0])
@pytest.mark.parametrize("k", [2, 3])
def test_the_softmax_of_few_answers_over_all_of_their_places(k, t):
    expected = [references.product(k, t, b, a) for b, a in zip(B, A, strict=True)]
    found = errors(t, np.full(6, float(k)))[:, 0]
    # of the reference's limits, 8.5 standard deviations: k times 2e-17 times their square
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0)


@pytest.mark.parametrize(("t", "points"), [(20.0, range(6)), (1.0, range(6)), (0.1, [2, 3]), (0.05, [1])])
def test_the_softmax_by_an_integral_over_the_inverse_of_its_sum(t, points):
    ks = np.array([1.0, 2.0, 5.0, 50.0, 1000.0, 1e6])
    found = errors(t, ks)
    for i in points:
        # as documented; the reference is checked by its own total, to the same
        np.testing.assert_allclose(found[i], references.soft_error(ks, t, B[i], A[i]), rtol=1e-11, atol=0)


def test_where_the_softly_selected_lies():
    ks, t = np.array([1.0, 2.0, 5.0, 50.0, 1000.0, 1e6]), np.full(6, 1.0)
    found = selected_moments(ks, t, bias_reward=A)
    first = [references.softly(ks, 1.0, a, lambda v: v) for a in A]
    second = [references.softly(ks, 1.0, a, np.square) for a in A]
    np.testing.assert_allclose(found.first, first, rtol=1e-11, atol=1e-13)  # as documented; zero by symmetry at a = 0
    np.testing.assert_allclose(found.second, second, rtol=1e-11, atol=0)


@pytest.mark.parametrize("t", [0.3, 1e-3])
def test_the_softmax_of_drawn_answers(t):
    rng, b, a = np.random.default_rng([6, 2]), -0.4, 3.5
    z = rng.normal(size=(100_000, 16))
    score = -((z + a) ** 2) / (2 * t)
    p = np.exp(score - score.max(axis=1, keepdims=True))
    drawn = np.sum(p * (z + b) ** 2, axis=1) / p.sum(axis=1)
    found = errors(t, np.full(6, 16.0))[4, 0]
    assert abs(drawn.mean() - found) < 4 * drawn.std() / math.sqrt(len(drawn))  # four standard errors


def test_a_cold_softmax_takes_the_nearest():
    ks = np.array([1.0, 2.0, 4.0, 7.0, 16.0, 60.0])
    apart = [np.abs(errors(t, ks) - errors(0, ks)) for t in (1e-2, 1e-3, 1e-4)]
    # two squares of distances lie within t of each other with a chance of order t: ten times colder, ten times
    # nearer, less what the next order does at k = 60, where the nearest are closer than t
    assert (apart[2] < apart[1] / 5 + 1e-10).all()
    assert (apart[1] < apart[0] / 3 + 1e-10).all()
    assert (apart[2] < 1e-2).all()


def test_a_hot_softmax_takes_any():
    t = 1e6
    # the first term of the series, doubled for the rest
    bound = 2 * (1 + 2 * np.abs(A * B)) / t
    assert (np.abs(errors(t) - (1 + B**2)[:, None]) < bound[:, None]).all()


def test_endlessly_many_answers_follow_the_tilted_law():
    t, q = 0.5, 1 / 1.5
    floor = (B - q * A) ** 2 + 1 - q
    # 2^30 answers: the correction is n2 / k, below e^{a^2} / k = 2e-4 at a = 3.5 and 2e-9 at a <= 1
    slack = 5 * np.exp(A**2 / 3.75) / 2**30
    assert (np.abs(errors(t, np.full(6, 2.0**30))[:, 0] - floor) < 5 * slack + 1e-11).all()


@pytest.mark.parametrize("t", [0.0, 0.2])
def test_a_mirror_changes_nothing(t):
    np.testing.assert_allclose(errors(t, b=-B, a=-A), errors(t), rtol=1e-13, atol=0)  # sums in another order


def test_a_judge_on_the_wrong_side_of_the_mean():
    # facts of two independent programs
    found = errors(5.0, np.array([1.0, 2.0, 4.0, 1.0, 1.0, 1.0]), np.full(6, 0.2), np.full(6, -1.8))[0, :3]
    np.testing.assert_allclose(found, [1.0400, 1.0233, 1.0478], rtol=0, atol=5e-5)


def test_every_point_meets_every_k():
    t, b = np.array([[0.0], [0.4]]), np.array([0.1, 0.3, -0.6])
    found = softmax_selection_error(KS.reshape(3, 2), t, bias_teacher=b, bias_reward=1.2)
    assert found.shape == (2, 3, 3, 2)
    for i in range(2):
        # each point is computed alone, in the same way
        one = errors(t[i, 0], b=np.tile(b, 2), a=np.full(6, 1.2))[:3]
        np.testing.assert_allclose(found[i].reshape(3, 6), one, rtol=1e-13, atol=0)


def test_whole_numbers_are_numbers():
    found = softmax_selection_error(np.arange(1, 7), np.full(6, 1), bias_teacher=np.ones(6, int), bias_reward=A)
    expected = errors(1.0, np.arange(1.0, 7.0), np.ones(6), A)
    np.testing.assert_array_equal(found, expected)


def test_inside_a_compiled_function():
    inside = jax.jit(lambda k, t, b, a: softmax_selection_error(k, t, **biases(b, a)))
    t = np.array([0.0, 0.5, 0.0, 3.0, 0.0, 0.5])
    found = inside(*map(jnp.asarray, (KS, t, B, A)))
    np.testing.assert_allclose(found, errors(t), rtol=1e-12, atol=0)  # rounding
    np.testing.assert_array_equal(errors(t)[[0, 2, 4]], errors(0)[[0, 2, 4]])


@pytest.mark.parametrize("t", [0.0, 0.05, 3.0])
def test_in_single_precision(t):
    ks = np.array([1.0, 2.0, 7.0, 60.0, 1000.0, 10_000.0])
    expected = errors(t, ks)
    with jax.enable_x64(False):
        single = [jnp.asarray(x, jnp.float32) for x in (ks, np.full(6, t), B, A)]
        found = softmax_selection_error(single[0], single[1], **biases(*single[2:]))
        assert found.dtype == jnp.float32
        found = np.asarray(found, float)
    # seven digits, less two for sums, and two for k times the rounding of a chance
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=0)


def test_a_law_that_does_not_add_up_is_noticed(monkeypatch):
    moments = selection._over_points.__wrapped__
    # compiled anew, since what is compiled already has its nodes
    monkeypatch.setattr(selection, "_over_points", jax.jit(lambda *arguments: moments(*arguments)))
    monkeypatch.setattr(selection, "SCORES", 12)
    with pytest.raises(ArithmeticError, match="adds up to 1 only within"):
        errors(0.4)


def test_a_target_too_far_out_is_noticed():
    with pytest.raises(ArithmeticError, match="adds up to 1 only within"):
        errors(0.1, a=np.full(6, 32.0))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: selected_moments(0.5, 0.0, bias_reward=0.0), "k must be between 1 and inf, got 0.5"),
        (lambda: selected_moments(np.inf, 0.0, bias_reward=0.0), "k must be "),
        (lambda: selected_moments(2, -0.1, bias_reward=0.0), "t must be non-negative, got -0.1"),
        (lambda: selected_moments(2, np.inf, bias_reward=0.0), "t must be non-negative, got inf"),
        (lambda: selected_moments(2, 0.0, bias_reward=np.nan), "bias_reward must be "),
        (lambda: best_of_k_error(0, bias_teacher=0.0, bias_reward=0.0), "k must be between 1 and inf, got 0"),
        (lambda: best_of_k_error(2, bias_teacher=np.inf, bias_reward=0.0), "bias_teacher must be "),
        (lambda: softmax_selection_error(0, 1.0, **biases(0.0, 0.0)), "k must be between 1 and inf, got 0"),
        (lambda: softmax_selection_error(2, -1.0, **biases(0.0, 0.0)), "t must be non-negative, got -1.0"),
        (lambda: softmax_selection_error(2, 1.0, **biases(np.nan, 0.0)), "bias_teacher must be "),
        (lambda: softmax_selection_error(2, 1.0, **biases(0.0, np.inf)), "bias_reward must be "),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
