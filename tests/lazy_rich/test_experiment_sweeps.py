"""Sweeps, against committees whose moments are those of infinitely many neurons, descended in NumPy."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable.lazy_rich.experiment import (
    Sweep,
    Task,
    draw_task,
    many,
    recorded_steps,
    run_map,
    run_samples,
    run_settings,
    run_widths,
)
from solvable.lazy_rich.theory import PopulationLoss
from solvable.randomness import generator
from tests.lazy_rich import neurons

SMALL = {"dim": 4, "samples": 9, "eta0": 0.1, "steps": 70}


def columns(sweep, *place):
    """One run of a sweep, as ``neurons.observe`` orders it."""
    return np.array([part[place] for part in (sweep.train, *sweep.test, sweep.square_norm, sweep.cosine)])


def lazily(x, y, beta, eps, eta0, steps):
    """The linearised network of infinitely many neurons, as a kernel machine that is trained."""
    kernel, pull, rows = x @ x.T + eps**2 * (x @ x.T) ** 2, np.zeros(len(x)), []
    for step in range(max(steps) + 1):
        left = kernel @ pull - y
        if step in steps:
            quadratic = eps**2 * np.einsum("p,pi,pj->ij", pull, x, x)
            rows.append([np.mean(left**2), *neurons.risk(pull @ x, quadratic, beta)])
        pull = pull - 2 * eta0 / len(x) * left
    return np.array(rows).T


# Many runs in one program


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("counts", [(1, 1), (1, 2), (2, 1), (3, 3), (2, 5)])
def test_every_pair_is_a_loop_in_a_loop(counts, threads, monkeypatch):
    monkeypatch.setattr(many, "THREADS", threads)
    rng = np.random.default_rng(0)
    settings = {"a": rng.normal(size=(counts[0], 2)), "b": np.arange(counts[0])}
    tasks = rng.normal(size=(counts[1], 2, 3)), rng.normal(size=counts[1])

    def run(setting, task):
        matrix, shift = task
        return {"said": setting["a"] @ matrix + shift, "twice": 2 * setting["b"]}

    found = many.every_pair(run, settings, tasks)
    assert (found["said"].shape, found["twice"].shape) == ((*counts, 3), counts)
    assert all(isinstance(part, np.ndarray) for part in found.values())
    for i in range(counts[0]):
        for j in range(counts[1]):
            expected = settings["a"][i] @ tasks[0][j] + tasks[1][j]
            np.testing.assert_allclose(found["said"][i, j], expected, rtol=0, atol=1e-14)  # sums of three
            assert found["twice"][i, j] == 2 * i


def test_a_run_is_compiled_once_and_every_thread_has_its_share(monkeypatch):
    lengths, real = [], jax.block_until_ready
    together = threading.Barrier(many.THREADS, timeout=20)

    def wait(done):
        together.wait()  # for the other, which is there at the same time
        lengths.append(len(done))
        return real(done)

    monkeypatch.setattr(many.jax, "block_until_ready", wait)
    traced = []
    found = many.every_pair(lambda a, b: traced.append(a) or a * b, np.arange(3.0), np.arange(3.0))
    np.testing.assert_array_equal(found, np.outer(np.arange(3), np.arange(3)))
    assert len(traced) == 1
    assert lengths == [5] * many.THREADS


# When a run is recorded


@pytest.mark.parametrize("last", [1, 3, 64, 65, 500, 2000, 20_000])
def test_every_step_is_recorded_at_the_beginning_and_then_as_many_as_in_every_doubling(last):
    steps = recorded_steps(last)
    assert np.issubdtype(steps.dtype, np.integer)
    assert (np.diff(steps) > 0).all()
    dense = min(last, 64)
    np.testing.assert_array_equal(steps[: dense + 1], np.arange(dense + 1))
    assert steps[-1] == last
    # 240 numbers over log(last) are so far apart, up to the rounding to whole steps
    late = steps[steps > 64].astype(float)
    assert (late[1:] <= late[:-1] * last ** (1 / 238) + 1).all()
    assert len(steps) <= 65 + 240


def test_few_records_may_be_asked_for():
    # nine numbers: 0, and eight from 1 to 10^7 on a log scale
    np.testing.assert_array_equal(recorded_steps(10**7, 9)[65:], [100, 1000, 10**4, 10**5, 10**6, 10**7])


# The sweeps


def test_settings_are_runs_of_infinitely_many_neurons_on_the_same_tasks(key):
    alphas, epsilons = (0.5, 2.0, 2.0), (0.3, 0.3, 0.8)
    sweep = run_settings(alphas, epsilons, seeds=2, key=key, **SMALL)
    np.testing.assert_array_equal(sweep.steps, recorded_steps(70))
    assert sweep.train.shape == sweep.cosine.shape == sweep.test.total.shape == (3, 2, len(sweep.steps))
    assert sweep.reference == 0.75
    tasks = draw_task(4, 9, key=key, seeds=2)
    for i, (alpha, eps) in enumerate(zip(alphas, epsilons, strict=True)):
        for seed in range(2):
            given = [part[seed] for part in tasks]
            expected = neurons.follow(neurons.spread(4), *given, sweep.steps, alpha=alpha, eps=eps, eta0=0.1)
            # seventy steps of numbers of order 1
            np.testing.assert_allclose(columns(sweep, i, seed), expected, rtol=0, atol=1e-12 * max(1, expected.max()))
            assert expected[0, -1] < expected[0, 0]


def test_a_setting_may_be_lazy(key):
    sweep = run_settings((np.inf, 1.0), (0.6, 0.6), seeds=2, key=key, **SMALL)
    tasks = draw_task(4, 9, key=key, seeds=2)
    for seed in range(2):
        expected = lazily(*(part[seed] for part in tasks), 0.6, 0.1, sweep.steps.tolist())
        # as above
        np.testing.assert_allclose(columns(sweep, 0, seed)[:4], expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(sweep.square_norm[0, seed], 4, rtol=1e-14)
    assert np.abs(sweep.train[0] - sweep.train[1]).max() > 1e-3


def test_a_map_has_a_row_for_every_bend_and_a_column_for_every_scale(key):
    alphas, epsilons = (0.5, 1.0, np.inf), (0.3, 0.8)
    found = run_map(alphas, epsilons, seeds=2, key=key, **SMALL)
    assert found.train.shape == found.test.linear_power.shape == (2, 3, 2, len(found.steps))
    assert found.reference == 0.75
    for i, eps in enumerate(epsilons):
        row = run_settings(alphas, [eps] * 3, seeds=2, key=key, **SMALL)
        np.testing.assert_array_equal(found.steps, row.steps)
        # the same program for another number of settings
        np.testing.assert_allclose(columns(found, i), columns(row, ...), rtol=1e-12, atol=1e-13)


def test_widths_differ_in_nothing_but_their_neurons(key):
    widths, seeds = (6, np.inf, 4), 2
    rates = {"alpha": 0.7, "eps": 0.5, "eta0": 0.05}
    sweep = run_widths(widths, seeds=seeds, key=key, dim=4, samples=9, steps=70, **rates)
    assert sweep.train.shape == (3, 2, len(sweep.steps))
    data, *drawn = jax.random.split(key, 4)
    task = draw_task(4, 9, key=data)
    for i, (width, own) in enumerate(zip(widths, drawn, strict=True)):
        starts = [neurons.spread(4)] * seeds
        if np.isfinite(width):
            starts = generator(own).normal(size=(seeds, width, 4))
        for seed, start in enumerate(starts):
            expected = neurons.follow(start, *task, sweep.steps, **rates)
            # as above
            np.testing.assert_allclose(columns(sweep, i, seed), expected, rtol=0, atol=1e-12 * max(1, expected.max()))
    np.testing.assert_array_equal(columns(sweep, 1, 0), columns(sweep, 1, 1))


def test_more_examples_are_more_of_the_same_and_the_others_leave_no_trace(key):
    counts, rates = (6, 9, 3), {"alpha": 0.7, "eps": 0.5, "eta0": 0.05}
    sweep = run_samples(counts, seeds=2, key=key, dim=4, steps=70, **rates)
    assert sweep.train.shape == (3, 2, len(sweep.steps))
    tasks = draw_task(4, 9, key=key, seeds=2)
    for i, count in enumerate(counts):
        for seed in range(2):
            given = tasks.x[seed, :count], tasks.y[seed, :count], tasks.beta[seed]
            expected = neurons.follow(neurons.spread(4), *given, sweep.steps, **rates)
            # as above
            np.testing.assert_allclose(columns(sweep, i, seed), expected, rtol=0, atol=1e-12 * max(1, expected.max()))


@pytest.mark.parametrize(
    ("run", "varied", "shape", "split"),
    [
        (run_settings, ((1.0,), (0.1,)), (1, 1), False),
        (run_map, ((1.0,), (0.1,)), (1, 1, 1), False),
        (run_widths, ((np.inf,),), (1, 1), True),
        (run_samples, ((200,),), (1, 1), False),
    ],
)
def test_by_default_it_is_the_setting_of_the_chapter(run, varied, shape, split, key):
    sweep = run(*varied, seeds=1, key=key, steps=3)
    assert sweep.train.shape == (*shape, 4)
    data = jax.random.split(key, 2)[0] if split else key
    task = draw_task(40, 200, key=data)
    expected = neurons.follow(neurons.spread(40), *task, np.arange(4), alpha=1.0, eps=0.1, eta0=4.0)
    # three steps of sums of two hundred
    np.testing.assert_allclose(columns(sweep, *(0,) * len(shape)), expected, rtol=1e-10, atol=1e-13)


def test_by_default_runs_are_as_long_as_the_chapter_says(key, monkeypatch):
    asked = []

    def stop(run, settings, tasks):
        raise InterruptedError

    monkeypatch.setattr("solvable.lazy_rich.experiment.sweeps.every_pair", stop)
    monkeypatch.setattr(
        "solvable.lazy_rich.experiment.sweeps.recorded_steps", lambda last: asked.append(last) or np.array([0, last])
    )
    for call in (
        lambda: run_settings((1.0,), (0.1,), seeds=1, key=key),
        lambda: run_widths((np.inf,), seeds=1, key=key),
        lambda: run_samples((200,), seeds=1, key=key),
    ):
        with pytest.raises(InterruptedError):
            call()
    assert asked == [2000, 2000, 3000]


def test_delays_are_measured_by_the_first_training_loss_and_by_the_reference():
    steps = np.arange(6)
    train = np.array([[2.0, 1.9, 1.0, 0.5, 0.15, 0.1], [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]])
    test = np.array([[0.75, 0.8, 0.7, 0.6, 0.5, 0.07], [0.75, 0.6, 0.8, 0.6, 0.4, 0.3]])
    zero = np.zeros_like(test)
    # split among the three parts, of which only the sum counts
    sweep = Sweep(steps, train, PopulationLoss(test / 2, test / 4, test / 4), zero, zero, 0.75)
    delay = sweep.delay()
    # below 1.8, for good below 0.675, below 0.2, below 0.075
    np.testing.assert_array_equal(delay.train_onset, [2, np.nan])
    np.testing.assert_array_equal(delay.test_onset, [3, 3])
    np.testing.assert_array_equal(delay.train_reached, [4, np.nan])
    np.testing.assert_array_equal(delay.test_reached, [5, np.nan])
    half = sweep.delay(threshold=0.5, onset=0.6)
    np.testing.assert_array_equal(half.train_reached, [3, np.nan])
    np.testing.assert_array_equal(half.test_onset, [5, 4])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda key: run_settings((1.0, 0.0), (0.1, 0.1), seeds=1, key=key), "alphas must be positive, got 0.0"),
        (lambda key: run_settings((-np.inf,), (0.1,), seeds=1, key=key), "alphas must be positive, got -inf"),
        (lambda key: run_map((np.nan,), (0.1,), seeds=1, key=key), "alphas must be positive, got nan"),
        (
            lambda key: run_settings((1.0, 2.0), (0.1,), seeds=1, key=key),
            r"epsilons must have shape \(2,\), got \(1,\)",
        ),
        (lambda key: run_widths((3,), seeds=1, key=key, dim=4), "widths must be whole numbers of at least dim = 4"),
        (lambda key: run_widths((np.inf, 4.5), seeds=1, key=key, dim=4), "or infinite, got 4.5"),
        (lambda key: run_widths((np.nan,), seeds=1, key=key, dim=4), "or infinite, got nan"),
        (lambda key: run_samples((5, 0), seeds=1, key=key), r"samples must be a whole number of at least 1, got 0"),
    ],
)
def test_settings_that_have_no_run_are_refused(call, message, key):
    with pytest.raises(ValueError, match=message):
        call(key)


def test_a_width_of_as_many_neurons_as_dimensions_is_the_smallest(key):
    sweep = run_widths((4,), seeds=1, key=key, dim=4, samples=9, eta0=0.05, steps=1)
    assert np.isfinite(sweep.train).all()


def test_single_precision_stays_single(key):
    with jax.enable_x64(False):
        sweep = run_settings((1.0,), (0.3,), seeds=1, key=key, **SMALL)
    assert sweep.train.dtype == sweep.test.total.dtype == np.float32
    expected = neurons.follow(
        neurons.spread(4),
        *(part[0] for part in draw_task(4, 9, key=key, seeds=1)),
        sweep.steps,
        alpha=1.0,
        eps=0.3,
        eta0=0.1,
    )
    np.testing.assert_allclose(columns(sweep, 0, 0)[:4], expected[:4], rtol=0, atol=1e-5)  # seventy steps of 6e-8


def test_tasks_may_be_anything_that_can_be_indexed():
    # named tuples keep their names: a run takes its task apart by them
    task = Task(np.ones((2, 3, 4)), np.ones((2, 3)), np.arange(8.0).reshape(2, 4))
    found = many.every_pair(lambda _, task: jnp.sum(task.beta), np.zeros(1), task)
    np.testing.assert_array_equal(found, [[6, 22]])
