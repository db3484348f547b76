"""Draws of sparse features: the law that their tables hold, exactly, and samples against it."""

from functools import partial

import jax
import numpy as np
import pytest
import scipy.stats

from solvable.superposition.experiment.data import (
    Dense,
    Sparse,
    draw_batch,
    prepare,
    room_for,
    sample_sparse_features,
)

WORD = 2**32
# a mean of 0.097, so that only active entries are drawn; features that are never active at both ends and between
RARE = np.array([0.0, 0.85, 0.1, 0.03, 0.0, 0.05, 1e-2, 1e-3, 1e-4, 0.029, 0.0])
OFTEN = np.array([1.0, 0.9, 0.51, 0.2, 1e-3, 0.0])
SAMPLES = 40_000
# a few hundred numbers are held against their laws: the chance that one of them is further off is 1e-4
DEVIATIONS = 5.0


@pytest.fixture(scope="module", params=[RARE, OFTEN], ids=["sparse", "dense"])
def drawn(request):
    return request.param, np.asarray(sample_sparse_features(request.param, SAMPLES, key=jax.random.key(3)))


def stays_empty(tables, batch):
    """Probability that an entry is struck by none of the events, from the tables: feature by feature."""
    share = np.diff(np.asarray(tables.bounds, dtype=float) / WORD, prepend=0)
    counts = np.asarray(tables.counts, dtype=float)
    mass = np.diff(counts, prepend=0)
    events = int(tables.fewest) + np.arange(len(counts))
    return np.sum(mass * (1 - share[:, None] / batch) ** events, axis=1)


@pytest.mark.parametrize("batch", [1, 16, 1000])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e-6])
def test_tables_hold_the_law_exactly(batch, scale):
    p = scale * RARE
    tables = prepare(p, batch)
    assert isinstance(tables, Sparse)
    # the distribution function of the count is rounded to 24 bits, each step of which is one event more or less among
    # an expected number of batch * p.sum(): by 3e-8 at most, of p's share; the bounds are good to 2^-33 of the whole
    empty = stays_empty(tables, batch)
    tolerance = 6e-8 * max(1, 1 / (batch * p.sum())) * p + 2**-31 * p.sum()
    np.testing.assert_array_less(np.abs(1 - empty - p), tolerance + 1e-15)
    np.testing.assert_array_equal(np.diff(np.asarray(tables.bounds), prepend=0)[p == 0], 0)


def test_the_number_of_events_is_that_of_poisson():
    rate = -np.log1p(-RARE).sum()
    for batch in (3, 256, 20_000):
        tables = prepare(RARE, batch)
        low, size = int(tables.fewest), len(tables.counts)
        law = scipy.stats.poisson(batch * rate)
        np.testing.assert_allclose(tables.counts, law.cdf(low + np.arange(size)), rtol=0, atol=2**-24)
        # nothing is cut off but for one batch in a million million
        assert law.cdf(low - 1) < 1e-12
        assert law.sf(low + size - 1) < 1e-12
        assert room_for(tables) >= low + size - 1
        # not much more than there is to draw: twelve deviations of a count, in steps of 64
        assert size < 20 * np.sqrt(batch * rate) + 128


def test_features_are_active_as_often_as_they_should_be(drawn):
    p, x = drawn
    active = (x > 0).mean(axis=0)
    deviation = np.sqrt(p * (1 - p) / SAMPLES)
    # the odd value of 0 itself, one in 2^23, is no activity
    np.testing.assert_array_less(np.abs(active - p), DEVIATIONS * deviation + 1e-6 * p + 1e-15)


def test_features_are_active_independently(drawn):
    p, x = drawn
    active = (x > 0).astype(float)
    pairs = active.T @ active / SAMPLES
    both = np.outer(p, p)
    deviation = np.sqrt(both * (1 - both) / SAMPLES)
    apart = ~np.eye(len(p), dtype=bool)
    # a count of one where less than one is expected is no wonder
    excess = np.abs(pairs - both) - DEVIATIONS * deviation - 3 / SAMPLES - 1e-6 * both
    assert (excess[apart] < 0).all()
    # and so are examples: how many features are active in one, and in its neighbour
    total = active.sum(axis=1) - p.sum()
    variance = (p * (1 - p)).sum()
    kurtosis = 3 + (p * (1 - p) * (1 - 6 * p * (1 - p))).sum() / variance**2
    assert abs(total.var() / variance - 1) < DEVIATIONS * np.sqrt((kurtosis - 1) / SAMPLES)
    for lag in (1, 2, SAMPLES // 2):
        assert abs(np.mean(total * np.roll(total, lag)) / variance) < DEVIATIONS / np.sqrt(SAMPLES)


def test_values_are_uniform_between_0_and_2(drawn):
    p, x = drawn
    assert x.dtype == np.float32
    assert x.min() == 0
    assert 1.99 < x.max() <= 2
    for i in np.flatnonzero(p):
        values = x[x[:, i] > 0, i]
        # one in about a dozen tests is below by chance once in a thousand
        assert scipy.stats.kstest(values, "uniform", args=(0, 2)).pvalue > 1e-4
    # those of two features have nothing to do with each other, nor with how many are active
    first, second = np.argsort(-p)[:2]
    both = (x[:, first] > 0) & (x[:, second] > 0)
    for other in (x[both, second], (x[both] > 0).sum(axis=1)):
        assert abs(np.corrcoef(x[both, first], other)[0, 1]) < DEVIATIONS / np.sqrt(both.sum())


@pytest.mark.parametrize("p", [np.array([0.2, 0.05, 0.01]), np.array([0.95, 0.3])], ids=["sparse", "dense"])
def test_the_number_of_active_entries_in_a_batch_is_binomial(p):
    batch, repeats = 16, 20_000
    tables = prepare(p, batch)
    draw = jax.jit(jax.vmap(partial(draw_batch, tables, batch, slots=room_for(tables))))
    x = np.asarray(draw(jax.random.split(jax.random.key(5), repeats)))
    counts = (x > 0).sum(axis=1)
    for i, one in enumerate(p):
        found = np.bincount(counts[:, i], minlength=batch + 1)
        expected = repeats * scipy.stats.binom(batch, one).pmf(np.arange(batch + 1))
        # cells of at least five, and the tail in one
        rare = expected < 5
        found, expected = (np.append(part[~rare], part[rare].sum()) for part in (found, expected))
        statistic = np.sum((found - expected) ** 2 / np.maximum(expected, 1e-9))
        assert scipy.stats.chi2(len(found) - 1).sf(statistic) > 1e-4
    # features do not share a count
    correlation = np.corrcoef(counts, rowvar=False) - np.eye(len(p))
    assert np.abs(correlation).max() < DEVIATIONS / np.sqrt(repeats)
    # every place in a batch is as good as another
    where = (x[:, :, 0] > 0).mean(axis=0)
    np.testing.assert_array_less(np.abs(where - p[0]), DEVIATIONS * np.sqrt(p[0] * (1 - p[0]) / repeats))


def test_a_feature_that_is_active_once_in_a_hundred_thousand_examples():
    p = np.full(100, 1e-5)
    x = np.asarray(sample_sparse_features(p, SAMPLES, key=jax.random.key(0)))
    found = np.count_nonzero(x)
    assert abs(found - 40) < 5 * np.sqrt(40)
    assert x.shape == (SAMPLES, 100)
    # beside frequent ones, single precision would round its share to a multiple of 6e-8; it is good to 1.5 in 2^32
    crowd = np.append(np.full(99, 0.05), 1e-6)
    share = np.diff(np.asarray(prepare(crowd, 100).bounds, dtype=float))[-1] / WORD
    rate = -np.log1p(-crowd).sum()
    np.testing.assert_allclose(share * rate, 1e-6, rtol=0, atol=1.5 * rate / WORD + 1e-12)


def test_which_way_is_taken():
    assert isinstance(prepare(np.append(0.9, np.zeros(9)), 4), Sparse)
    assert isinstance(prepare(np.append(0.91, np.zeros(99)), 4), Dense)
    assert isinstance(prepare(np.full(3, 0.09), 4), Sparse)
    assert isinstance(prepare(np.full(3, 0.11), 4), Dense)
    # whole numbers are probabilities too
    always = prepare(np.array([1, 0, 1]), 4)
    assert isinstance(always, Dense)
    assert room_for(always) is None
    np.testing.assert_array_equal(draw_batch(always, 4, jax.random.key(0)) > 0, [[True, False, True]] * 4)


def test_the_law_of_dense_entries_is_that_of_their_bounds():
    tables = prepare(OFTEN, 3)
    bounds = np.asarray(tables.bounds, dtype=float)
    np.testing.assert_allclose(bounds / WORD, OFTEN, rtol=0, atol=2**-32)
    # the largest value that a feature can take, where it can take many
    np.testing.assert_allclose(((bounds - 1) * np.asarray(tables.scale))[:5], 2, rtol=3e-7, atol=0)


def test_spectra_of_nearly_equal_rates_share_a_program():
    rates = np.arange(1, 513.0)
    sizes = set()
    for alpha in (0.0, 0.5, 0.9, 1.0):
        tables = prepare(rates**-alpha / (rates**-alpha).sum(), 256)
        sizes.add((room_for(tables), len(tables.counts)))
    assert len(sizes) == 1


@pytest.mark.parametrize("p", [RARE, OFTEN], ids=["sparse", "dense"])
def test_the_same_key_draws_the_same_in_every_precision(p):
    one, again, other = (sample_sparse_features(p, 50, key=jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (np.asarray(one) != np.asarray(other)).any()
    with jax.enable_x64(False):
        single = np.asarray(sample_sparse_features(p, 50, key=jax.random.key(0)))
        np.testing.assert_array_equal(single, one)
    assert one.dtype == single.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: prepare(np.array([0.5, -0.1]), 4), "frequencies must be between 0 and 1, got -0.1 at index"),
        (lambda: prepare(np.array([1.1]), 4), "frequencies must be between 0 and 1"),
        (lambda: prepare(np.array([np.nan]), 4), "frequencies must be between 0 and 1"),
        (lambda: prepare(np.zeros(3), 4), "the sum of frequencies must be positive"),
        (lambda: prepare(np.full(3, 0.1), 0), "batch must be a whole number of at least 1, got 0"),
        (
            lambda: sample_sparse_features(np.array([2.0]), 4, key=jax.random.key(0)),
            "frequencies must be between 0 and 1, got 2.0",
        ),
        (
            lambda: sample_sparse_features(np.full(3, 0.1), 0, key=jax.random.key(0)),
            "samples must be a whole number of at least 1, got 0",
        ),
    ],
)
def test_refuses_what_it_cannot_draw(call, message):
    with pytest.raises(ValueError, match=message):
        call()
