"""Draws of tasks and networks: their law, what they do not depend on, the paper's, and means over fresh inputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erfinv

from solvable.lazy_rich.experiment import (
    Task,
    draw_committee,
    draw_task,
    monte_carlo_test_loss,
    paper_task,
    quadratic_target,
    task,
)
from solvable.randomness import generator
from tests.lazy_rich import gaussian, neurons


def test_targets_are_half_the_square_of_the_projection():
    rng = np.random.default_rng(0)
    x, beta = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4))
    expected = [
        [sum(xi * bi for xi, bi in zip(row, b, strict=True)) ** 2 / 2 for row in rows]
        for rows, b in zip(x, beta, strict=True)
    ]
    np.testing.assert_allclose(quadratic_target(x, beta), expected, rtol=1e-14)  # sums of four
    np.testing.assert_allclose(quadratic_target(x[0], beta[0]), expected[0], rtol=1e-14)


def test_inputs_and_directions_follow_their_law(key):
    drawn = draw_task(3, 50, key=key, seeds=1000)
    assert (drawn.x.shape, drawn.y.shape, drawn.beta.shape) == ((1000, 50, 3), (1000, 50), (1000, 3))
    x = drawn.x.reshape(-1, 3)
    # five standard errors: of means of entries of variance 1/3, and of their products
    np.testing.assert_allclose(x.mean(axis=0), 0, atol=5 / np.sqrt(3 * 50_000))
    np.testing.assert_allclose(x.T @ x / 50_000, np.eye(3) / 3, atol=5 * np.sqrt(2 / 50_000) / 3)
    np.testing.assert_allclose(np.sum(drawn.beta**2, axis=1), 3, rtol=1e-14)  # rounding
    # a uniform direction: no mean, and no axis before another; products of entries of size 1 vary by at most 1
    np.testing.assert_allclose(drawn.beta.mean(axis=0), 0, atol=5 / np.sqrt(1000))
    np.testing.assert_allclose(drawn.beta.T @ drawn.beta / 1000, np.eye(3), atol=5 / np.sqrt(1000))
    np.testing.assert_allclose(drawn.y, np.einsum("spd,sd->sp", drawn.x, drawn.beta) ** 2 / 2, rtol=1e-12)
    assert len(np.unique(drawn.x)) == drawn.x.size


def test_without_seeds_there_is_one_task_and_no_axis(key):
    drawn = draw_task(3, 5, key=key)
    assert (drawn.x.shape, drawn.y.shape, drawn.beta.shape) == ((5, 3), (5,), (3,))
    one = draw_task(3, 5, key=key, seeds=1)
    for alone, first in zip(drawn, one, strict=True):
        np.testing.assert_array_equal(first, alone[None])


def test_neurons_are_standard_normal(key):
    weights = draw_committee(20_000, 3, key=key)
    assert weights.shape == (20_000, 3)
    # five standard errors
    np.testing.assert_allclose(weights.mean(axis=0), 0, atol=5 / np.sqrt(20_000))
    np.testing.assert_allclose(weights.T @ weights / 20_000, np.eye(3), atol=5 * np.sqrt(2 / 20_000))
    several = draw_committee(4, 3, key=key, seeds=2)
    assert several.shape == (2, 4, 3)
    assert len(np.unique(several)) == several.size


def _draws(seed=0):
    key = jax.random.key(seed)
    paper_task.cache_clear()
    return [*draw_task(4, 6, key=key, seeds=2), draw_committee(5, 4, key=key), *paper_task(4, 6, 5).task]


def test_draws_do_not_depend_on_precision_or_on_the_generator_that_jax_prefers():
    expected = _draws()
    with jax.enable_x64(False):
        single = _draws()
    for flag in (False, True):
        with jax.threefry_partitionable(flag):
            other = _draws()
        for one, two, three in zip(expected, single, other, strict=True):
            assert one.dtype == two.dtype == three.dtype == np.float64
            np.testing.assert_array_equal(two, one)
            np.testing.assert_array_equal(three, one)
    assert all((one != other).any() for one, other in zip(expected[:4], _draws(1)[:4], strict=True))


def test_the_loss_of_saying_nothing_is_the_mean_square_of_the_target():
    x, weight = gaussian.grid(3)
    beta = np.random.default_rng(0).normal(size=(2, 3))
    # exact quadrature, of sums of 125
    expected = [weight @ ((x @ b) ** 2 / 2) ** 2 for b in beta]
    assert Task(x, x[:, 0], beta).reference == pytest.approx(expected, rel=1e-12)
    assert Task(x, x[:, 0], beta[0]).reference == pytest.approx(expected[0], rel=1e-12)


# The authors' draws


def _threefry(key, counts):
    """Twenty rounds of Threefry-2x32 (Salmon et al., 2011): pairs of 32-bit words from pairs of counts."""
    keys = [*key, 0x1BD11BDA ^ key[0] ^ key[1]]
    a, b = ((word + k) % 2**32 for word, k in zip(counts, keys, strict=False))
    for block in range(5):
        for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[block % 2]:
            a = (a + b) % 2**32
            b = a ^ ((b << turn | b >> (32 - turn)) % 2**32)
        a = (a + keys[(block + 1) % 3]) % 2**32
        b = (b + keys[(block + 2) % 3] + block + 1) % 2**32
    return a, b


def _normal(seed, count):
    """What ``jax.random.normal`` made of ``PRNGKey(seed)`` before 2024: the counts are the two halves of a range."""
    counts = np.arange(count + count % 2, dtype=np.int64)
    counts[count:] = 0
    bits = np.concatenate(_threefry((0, seed), np.split(counts, 2)))[:count]
    # 23 bits make a number between -1 and 1, of which the lower end is the next in float32
    return np.sqrt(2) * erfinv(2 * (bits >> 9) / 2**23 - 1 + 2.0**-24)


def test_the_generator_written_out_here_is_threefry():
    # known answers that come with the generator (Random123, kat_vectors)
    zero, ones = np.array([0]), np.array([0xFFFFFFFF])
    assert [int(word[0]) for word in _threefry((0, 0), (zero, zero))] == [0x6B200159, 0x99BA4EFE]
    assert [int(word[0]) for word in _threefry((0xFFFFFFFF,) * 2, (ones, ones))] == [0x1CB996FC, 0xBB002BE7]


@pytest.mark.parametrize(("dim", "samples", "width"), [(40, 120, 2), (5, 7, 3)])
def test_the_papers_draws_are_those_of_its_keys(dim, samples, width):
    drawn = paper_task(dim, samples, width)
    pairs = [
        (drawn.task.x.T * np.sqrt(dim), _normal(0, dim * samples).reshape(dim, samples)),
        (drawn.task.beta, _normal(2, dim)),
        (drawn.weights, _normal(0, width * dim).reshape(width, dim)),
    ]
    for found, expected in pairs:
        # float32: the square of a uniform number is off by 6e-8, times the slope of what makes it a normal one; and an
        # inverse error function that is approximate to some roundings
        slope = np.sqrt(np.pi / 2) * np.exp(expected**2 / 2)
        assert (np.abs(found - expected) < 6e-8 * slope + 2e-6 * np.abs(expected)).all()
    # targets are made of these in double precision
    np.testing.assert_allclose(drawn.task.y, (drawn.task.x @ drawn.task.beta) ** 2 / 2, rtol=1e-11, atol=1e-16)
    np.testing.assert_array_equal(drawn.weights.astype(np.float32), drawn.weights)


def test_the_papers_direction_is_not_normalised():
    # as was measured with the authors' notebook
    assert np.mean(paper_task(40, 120, 2).task.beta ** 2) == pytest.approx(1.314, abs=5e-4)


@pytest.mark.parametrize("flag", [False, True])
def test_the_papers_draws_leave_the_generator_as_it_was(flag):
    paper_task.cache_clear()
    with jax.threefry_partitionable(flag):
        paper_task(4, 6, 5)
        assert jax.config.jax_threefry_partitionable is flag


def test_the_papers_draws_are_kept_and_nobody_changes_them():
    drawn = paper_task(4, 6, 5)
    assert paper_task(4, 6, 5) is drawn
    for array in (*drawn.task, drawn.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0.0


# Monte Carlo


def _network(seed=0):
    given = gaussian.Task(dim=3, width=5, seed=seed)
    wbar, m = gaussian.second_moments(given.weights)
    exact = sum(gaussian.risk(wbar, 0.2 * m, given.beta))
    return lambda x: jnp.asarray(neurons.say(given.weights, np.asarray(x), 1.0, 0.4)), given.beta, exact


def test_monte_carlo_scatters_about_the_exact_loss_by_its_own_error():
    predict, beta, exact = _network()
    z = []
    for key in jax.random.split(jax.random.key(0), 100):
        found = monte_carlo_test_loss(predict, beta, samples=2000, key=key)
        z.append((found.mean - exact) / found.error)
    # a mean and a mean square of a hundred nearly normal numbers, each within four of its standard errors
    assert abs(np.mean(z)) < 4 / 10
    assert abs(np.mean(np.square(z)) - 1) < 4 * np.sqrt(2) / 10


@pytest.mark.parametrize("samples", [2, 3, 4, 5, 8, 11])
def test_monte_carlo_takes_inputs_by_blocks(samples, key, monkeypatch):
    predict, beta, _ = _network()
    seen = []
    monkeypatch.setattr(task, "BLOCK", 4)

    def counted(x):
        assert isinstance(x, jax.Array)
        seen.append(len(x))
        return predict(x)

    found = monte_carlo_test_loss(counted, beta, samples=samples, key=key)
    x = generator(key).normal(size=(samples, 3)) / np.sqrt(3)
    squares = (np.asarray(predict(x)) - (x @ beta) ** 2 / 2) ** 2
    assert found.mean == pytest.approx(squares.sum() / samples, rel=1e-13)  # sums of eleven
    spread = np.sum((squares - squares.mean()) ** 2) / (samples - 1)
    assert found.error == pytest.approx(np.sqrt(spread / samples), rel=1e-12)
    assert sum(seen) == samples
    assert 1 <= min(seen) <= max(seen) <= 4


def test_monte_carlo_looks_at_ten_thousand_inputs_together(key):
    seen = []
    monte_carlo_test_loss(lambda x: seen.append(len(x)) or x[:, 0], np.ones(1), samples=25_000, key=key)
    assert seen == [10_000, 10_000, 5_000]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: draw_task(0, 5, key=key), "dim must be a whole number of at least 1, got 0"),
        (lambda key: draw_task(3, 0, key=key), "samples must be a whole number of at least 1, got 0"),
        (lambda key: draw_task(3, 5, key=key, seeds=0), "seeds must be a whole number of at least 1, got 0"),
        (lambda key: draw_committee(0, 5, key=key), "width must be a whole number of at least 1, got 0"),
        (lambda key: draw_committee(3, 0, key=key), "dim must be a whole number of at least 1, got 0"),
        (lambda key: paper_task(0, 5, 2), "dim must be a whole number of at least 1, got 0"),
        (lambda key: paper_task(3, 0, 2), "samples must be a whole number of at least 1, got 0"),
        (lambda key: paper_task(3, 5, 0), "width must be a whole number of at least 1, got 0"),
        (
            lambda key: monte_carlo_test_loss(lambda x: x[:, 0], np.ones(3), samples=1, key=key),
            "samples must be a whole number of at least 2, got 1",
        ),
    ],
)
def test_sizes_below_the_smallest_are_refused(call, message, key):
    with pytest.raises(ValueError, match=message):
        call(key)
