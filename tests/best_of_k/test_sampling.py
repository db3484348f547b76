"""Drawing answers and choosing among them: against plain draws, plain loops, and quadrature."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binomtest, ks_2samp, kstest

from solvable.best_of_k.experiment.selection import AT_ONCE, CHUNK, selection_sampler, streamed_selection
from tests.best_of_k.references import density, error_from, nearest, softly

COUNTS, BIASES = np.array([1, 2, 5, 50]), np.array([0.0, 0.7, -2.0])


def chosen_of(k, a, draws, seed):
    z = np.random.default_rng(seed).normal(size=(draws, k))
    return z[np.arange(draws), np.argmin(np.abs(z + a), axis=1)]


def test_the_sampled_choice_has_the_law_of_the_nearest_of_k():
    found = selection_sampler(jax.random.key(1), COUNTS[:, None], 6000, bias_reward=BIASES)
    assert found.shape == (4, 3, 6000)
    for row, k in enumerate(COUNTS):
        for column, a in enumerate(BIASES):
            plain = chosen_of(k, a, 6000, seed=10 * row + column)
            # twelve comparisons: one would fail by chance in a thousand such tests
            assert ks_2samp(found[row, column], plain).pvalue > 1e-4, (k, a)


def test_the_nearest_of_very_many_is_at_an_exponential_distance_on_either_side():
    k = np.array([2.0**20, 2.0**30, 2.0**40, 2.0**40])
    found = np.asarray(selection_sampler(jax.random.key(2), k[:, None], 6000, bias_reward=BIASES)) + BIASES[:, None]
    # rounding of -a, up to 2e-16, is a thousandth of the distance; the density changes by less over it
    tau = k[:, None, None] * 2 * density(BIASES)[:, None] * np.abs(found)
    for one, distance in zip(found.reshape(12, -1), tau.reshape(12, -1), strict=True):
        assert kstest(distance, "expon").pvalue > 1e-4
        # both sides are as likely, and neither is the nearer one
        assert binomtest(int((one > 0).sum()), 6000).pvalue > 1e-4
        assert ks_2samp(distance[one > 0], distance[one < 0]).pvalue > 1e-4
    # choices at different points are independent: 66 correlations
    assert np.abs(np.corrcoef(tau.reshape(12, -1)) - np.eye(12)).max() < 4.5 / np.sqrt(6000)


def test_the_side_is_drawn_by_the_density_there(key):
    counts = np.full((4, 1), 3)
    found = np.asarray(selection_sampler(key, counts, 6000, bias_reward=np.full(3, 1.2))).ravel() + 1.2
    # within thin shells of distances: two counts in the ratio of two densities
    for low, high in [(0.1, 0.2), (0.5, 0.6), (0.9, 1.0)]:
        shell = found[(np.abs(found) > low) & (np.abs(found) < high)]
        r = np.abs(shell).mean()
        share = density(r - 1.2) / (density(r - 1.2) + density(r + 1.2))
        assert abs((shell > 0).mean() - share) < 4.5 * np.sqrt(share * (1 - share) / shell.size)


def test_the_same_key_draws_the_same_choice(key):
    one, same, other = (
        selection_sampler(k, COUNTS[:, None], 6000, bias_reward=BIASES) for k in [key, key, jax.random.key(1)]
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).all()


def check_single(found):
    assert found.dtype == jnp.float32
    assert np.isfinite(found).all()
    for row, plain in enumerate([chosen_of(1, 0.7, 6000, 1), chosen_of(5, 0.7, 6000, 2)]):
        assert ks_2samp(found[row], plain).pvalue > 1e-4
    # the rounding of the target is 6e-8, a tenth of the distance: the law's scale, roughly
    assert 0.8 < 2.0**20 * 2 * density(0.7) * np.abs(np.asarray(found[2], float) + 0.7).mean() < 1.2


def test_in_single_precision_the_choice_has_the_same_law():
    with jax.enable_x64(False):
        found = selection_sampler(jax.random.key(3), np.array([1.0, 5.0, 2.0**20], np.float32), 6000, bias_reward=0.7)
        check_single(np.asarray(found))


def test_arrays_in_single_precision_stay_single_beside_double():
    k, a = np.array([1.0, 5.0, 2.0**20], np.float32), np.float32(0.7)
    check_single(selection_sampler(jax.random.key(3), k, 6000, bias_reward=jnp.asarray(a)))


def draws_of(key, doublings, points):
    """Answers in the order in which they are drawn, ``(points, k)``: points in stretches, their answers in chunks."""
    chunk = min(2**doublings, CHUNK)
    together = min(points, AT_ONCE // chunk)
    rows = []
    for at in range(0, points, together):
        own = jax.random.fold_in(key, at)
        parts = [jax.random.normal(jax.random.fold_in(own, i), (together, chunk)) for i in range(2**doublings // chunk)]
        rows.append(np.concatenate(parts, axis=1))
    return np.concatenate(rows)[:points]


def plain_loop(z, t, b, a):
    """Errors and effective numbers at every power of two, each from all of its answers."""
    errors, effective = [], []
    for j in range(z.shape[1].bit_length()):
        rows = []
        for answers, teacher, judge in zip(z[:, : 2**j], b, a, strict=True):
            score, error = -((answers + judge) ** 2), (answers + teacher) ** 2
            if t == 0:
                rows.append((error[np.argmax(score)], 1.0))
            else:
                weight = np.exp((score - score.max()) / (2 * t))
                rows.append((weight @ error / weight.sum(), weight.sum() ** 2 / (weight @ weight)))
        errors.append([row[0] for row in rows])
        effective.append([row[1] for row in rows])
    return np.array(errors), np.array(effective)


# one shape, and so one compiled program, serves most of the tests; more points than are drawn at once
POINTS, DOUBLINGS = 600, 12
SPREAD = np.random.default_rng(0).normal(size=(2, POINTS))


@pytest.mark.parametrize("t", [0.0, 1e-3, 0.4, 20.0])
@pytest.mark.parametrize(("doublings", "points"), [(0, 3), (3, 3), (DOUBLINGS, POINTS)])
def test_a_stream_chooses_as_a_plain_loop_does(key, t, doublings, points):
    b, a = SPREAD[:, :points]
    run = streamed_selection(key, doublings, t, bias_teacher=b, bias_reward=a)
    error, effective = plain_loop(draws_of(key, doublings, points), t, b, a)
    np.testing.assert_array_equal(run.k, 2 ** np.arange(doublings + 1))
    # the rounding of scores of up to 60, divided by 2 t, and of sums of one sign; that of a small square
    np.testing.assert_allclose(run.error, error, rtol=1e-14 * (1 + 60 / max(t, 1e-3)), atol=1e-15)
    np.testing.assert_allclose(run.effective, effective, rtol=1e-14 * (1 + 60 / max(t, 1e-3)), atol=0)


def test_what_is_chosen_among_few_is_among_many(key):
    b = SPREAD[0]
    run = streamed_selection(key, DOUBLINGS, 0.0, bias_teacher=b, bias_reward=b)
    # the teacher's own choice never becomes worse
    assert (np.diff(run.error, axis=0) <= 0).all()
    assert (run.error[-1] < run.error[0]).all()
    np.testing.assert_array_equal(run.effective, 1.0)


def test_one_bias_serves_all_points(key):
    a = SPREAD[1, :3]
    run = streamed_selection(key, 3, 0.5, bias_teacher=0.3, bias_reward=a)
    same = streamed_selection(key, 3, 0.5, bias_teacher=np.full(3, 0.3), bias_reward=a)
    np.testing.assert_array_equal(run.error, same.error)
    assert streamed_selection(key, 0, 0.5, bias_teacher=0.3, bias_reward=0.1).error.shape == (1, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tiny_temperature_is_as_good_as_none(key, dtype):
    b = SPREAD[0].astype(dtype)
    soft = streamed_selection(key, DOUBLINGS, 1e-6, bias_teacher=b, bias_reward=b)
    hard = streamed_selection(key, DOUBLINGS, 0.0, bias_teacher=b, bias_reward=b)
    assert soft.error.dtype == hard.error.dtype == soft.effective.dtype == dtype
    assert np.isfinite(soft.error).all()
    assert np.isfinite(soft.effective).all()
    # one answer, one weight: it is 1
    np.testing.assert_allclose(soft.error[0], hard.error[0], rtol=1e-6)
    np.testing.assert_array_equal(soft.effective[0], 1.0)
    # two squares of a distance are within 30 t = 3e-5 of each other in few cases; the rest are chosen as if hard
    assert (np.isclose(soft.error[1], hard.error[1], rtol=1e-6, atol=0)).mean() > 0.97
    # a mean over weights is worse than the best, by about t; two programs round answers of up to 4 in their own ways
    worse = soft.error - hard.error
    assert (worse > -16 * np.finfo(dtype).eps * (np.sqrt(hard.error) + hard.error)).all()
    assert worse.mean(axis=1).max() < 1e-5


def test_the_effective_number_of_answers(key):
    a = np.full(POINTS, 0.5)
    hot = streamed_selection(key, DOUBLINGS, 1e6, bias_teacher=a, bias_reward=a)
    # all weights equal, but for squares of up to 40 over 2e6
    np.testing.assert_allclose(hot.effective, np.tile(hot.k[:, None], POINTS), rtol=1e-4)
    # medians of 256 answers, measured before: 10, 32 and 96
    for t, median in [(1e-3, 10), (1e-2, 32), (0.1, 96)]:
        found = streamed_selection(key, DOUBLINGS, t, bias_teacher=a, bias_reward=a)
        # a spread of about a third over the root of 600, for both medians, and the rounding of 10 to a whole number
        assert np.median(found.effective[8]) == pytest.approx(median, rel=0.1)


@pytest.mark.parametrize(("b", "a"), [(0.4, 0.4), (0.2, -1.3)])
@pytest.mark.parametrize("t", [0.0, 0.3])
def test_means_over_many_inputs_are_those_of_theory(b, a, t):
    biases = {"bias_teacher": np.full(POINTS, b), "bias_reward": np.full(POINTS, a)}
    run = streamed_selection(jax.random.key(6), DOUBLINGS, t, **biases)
    value = error_from(b, a)
    expected = softly(run.k, t, a, value) if t else np.array([nearest(k, a, value) for k in run.k])
    errors = run.error.std(axis=1, ddof=1) / np.sqrt(POINTS)
    assert (np.abs(run.error.mean(axis=1) - expected) < 4.5 * errors).all()


@pytest.mark.parametrize("t", [0.0, 0.05])
def test_single_and_double_precision_agree(t):
    moments = []
    for dtype in (np.float32, np.float64):
        b = np.full(POINTS, 0.5, dtype)
        run = streamed_selection(jax.random.key(7), DOUBLINGS, t, bias_teacher=b, bias_reward=b)
        moments.append((run.error.mean(axis=1, dtype=float), run.error.std(axis=1, dtype=float)))
    (single, spread), (double, other) = moments
    # four and a half standard errors of the difference: the draws differ
    assert (np.abs(single - double) < 4.5 * np.hypot(spread, other) / np.sqrt(POINTS)).all()


KEY, ONE = jax.random.key(0), np.zeros(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: selection_sampler(KEY, 0.5, 1, bias_reward=0.0), "k must be between 1 and inf, got 0.5"),
        (lambda: selection_sampler(KEY, np.inf, 1, bias_reward=0.0), "k must be finite, got inf"),
        (lambda: selection_sampler(KEY, 1, 0, bias_reward=0.0), "draws must be a whole number of at least 1, got 0"),
        (lambda: selection_sampler(KEY, 1, 1, bias_reward=np.nan), "bias_reward must be finite, got nan"),
        (
            lambda: streamed_selection(KEY, -1, 0.0, bias_teacher=ONE, bias_reward=ONE),
            "doublings must be a whole number of at least 0, got -1",
        ),
        (
            lambda: streamed_selection(KEY, 41, 0.0, bias_teacher=ONE, bias_reward=ONE),
            "doublings must be between 0 and 40, got 41",
        ),
        (
            lambda: streamed_selection(KEY, 1, -0.1, bias_teacher=ONE, bias_reward=ONE),
            "t must be non-negative, got -0.1",
        ),
        (
            lambda: streamed_selection(KEY, 1, np.inf, bias_teacher=ONE, bias_reward=ONE),
            "t must be non-negative, got inf",
        ),
        (
            lambda: streamed_selection(KEY, 1, 0.0, bias_teacher=np.array([np.nan]), bias_reward=ONE),
            "bias_teacher must be finite, got nan at index (0,)",
        ),
        (
            lambda: streamed_selection(KEY, 1, 0.0, bias_teacher=ONE, bias_reward=np.array([0.0, np.inf])),
            "bias_reward must be finite, got inf at index (1,)",
        ),
        (
            lambda: streamed_selection(KEY, 1, 0.0, bias_teacher=np.zeros((2, 1)), bias_reward=ONE),
            "bias_teacher must have shape (any,), got (2, 1)",
        ),
        (
            lambda: streamed_selection(KEY, 1, 0.0, bias_teacher=ONE[:0], bias_reward=ONE[:0]),
            "bias_teacher must hold at least one bias, got none",
        ),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
