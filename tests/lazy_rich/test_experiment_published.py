"""The paper's figures: against its networks descended in NumPy, and against numbers measured with other code."""

import inspect

import jax
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from solvable.lazy_rich.experiment import (
    paper_task,
    published,
    run_figure_1,
    run_figure_4,
    run_lottery,
    run_paper_map,
    stored_figure_1,
)
from solvable.randomness import generator
from tests.lazy_rich import neurons


def assert_follows(run, drawn, steps, scale=1.0, **rates):
    """A run is that of the network in NumPy, at those of its records that are among ``steps``."""
    expected = neurons.follow(drawn.weights, *drawn.task, steps, **rates)
    found = neurons.table(run)[:, np.isin(run.steps, steps)]
    assert found.shape == expected.shape
    # hundreds of steps of sums of a hundred numbers of order 1, whose roundings do not grow
    np.testing.assert_allclose(found, expected, rtol=1e-10 * scale, atol=1e-11 * scale)


# Figure 1


def test_the_first_figure_is_descent_of_the_papers_network():
    run = run_figure_1(steps=8)
    np.testing.assert_array_equal(run.steps, np.arange(9))
    drawn = paper_task(100, 550, 500)
    assert drawn.weights.shape == (500, 100)
    assert_follows(run, drawn, run.steps, alpha=1.0, eps=0.02, eta0=20.0)
    # as long in time as the authors' 100 000 steps
    assert inspect.signature(run_figure_1).parameters["steps"].default == 100_000 / 20
    slower = run_figure_1(eta0=1.0, steps=3)
    assert_follows(slower, drawn, slower.steps, alpha=1.0, eps=0.02, eta0=1.0)


def test_what_is_stored_begins_as_the_papers_network_at_its_own_rate():
    run = stored_figure_1()
    assert run.final is None
    early = run.steps[run.steps <= 300]
    assert len(early) > 100
    assert_follows(run, paper_task(100, 550, 500), early, alpha=1.0, eps=0.02, eta0=1.0)


def test_what_is_stored_goes_on_as_at_twenty_times_the_rate():
    stored, run = stored_figure_1(), run_figure_1(steps=400)
    late = run.steps >= 20
    for name in ("train", "square_norm"):
        between = np.interp(np.log(20 * run.steps[late]), np.log(stored.steps[1:]), np.log(getattr(stored, name)[1:]))
        # steps as large are off the flow by 1.65 per cent, as another program has measured; records 3 per cent apart
        np.testing.assert_allclose(np.asarray(getattr(run, name))[late], np.exp(between), rtol=0.017)
    between = np.interp(np.log(20 * run.steps[late]), np.log(stored.steps[1:]), np.log(stored.test.total[1:]))
    np.testing.assert_allclose(np.asarray(run.test.total)[late], np.exp(between), rtol=0.017)


def test_what_is_stored_is_one_run_to_its_end():
    run = stored_figure_1()
    beta = paper_task(100, 550, 500).task.beta
    assert (run.steps[0], run.steps[-1]) == (0, 100_000)
    assert (run.steps[1:] <= run.steps[:-1] * 1e5 ** (1 / 398) + 1).all()  # 399 numbers on a log scale
    assert {len(part) for part in (run.train, *run.test, run.square_norm, run.cosine)} == {len(run.steps)}
    assert (np.diff(run.train) < 0).all()
    # the trace of A by the lengths of neurons, and by the loss: rounding
    trace = beta @ beta - 0.02 * (run.square_norm - run.square_norm[0])
    np.testing.assert_allclose(run.test.variance, (trace / 100) ** 2 / 4, rtol=1e-10, atol=1e-14)
    # it ends on the zero-loss set: |A| is small beside |beta|², so that what was learned points along the target
    missed = np.sqrt(2 * run.test.misalignment[-1]) * 100 / (beta @ beta)
    assert missed < 0.3
    assert np.sqrt(1 - missed**2) < run.cosine[-1] < 1


def test_what_is_stored_can_be_made_anew(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(published, "FIGURE_1", {"dim": 5, "samples": 12, "width": 9})
    monkeypatch.setattr(
        published, "log_spaced_steps", lambda last, count: asked.append((last, count)) or np.array([0, 1, 20])
    )
    monkeypatch.setattr(published, "STORED", str(tmp_path / "anew.npz"))
    published.store_figure_1(tmp_path / "anew.npz")
    assert asked == [(100_000, 400)]
    assert_follows(stored_figure_1(), paper_task(5, 12, 9), np.array([0, 1, 20]), alpha=1.0, eps=0.02, eta0=1.0)


# Figure 4

# step, training loss and test loss, measured with another program that evolves the neurons
MEASURED = [
    (0, 1.545, 1.598),
    (30, 0.909, 1.428),
    (100, 0.672, 1.552),
    (300, 0.474, 1.715),
    (1000, 0.306, 2.151),
    (2000, 0.130, 1.719),
    (3000, 0.076, 1.135),
    (5000, 0.018, 0.340),
]
LATE = [(10_000, 5e-4, 0.0215, 5e-5), (20_000, 0.0, 3e-4, 1e-4)]
PARTS = [(0, 0.288, 0.875, 0.434), (300, 0.133, 0.934, 0.648), (1000, 0.024, 1.132, 0.995)]


def test_the_fourth_figure_is_what_was_measured_with_another_program():
    run = run_figure_4()
    assert run.steps[-1] == 20_000
    steps = run.steps + 1.0

    def at(losses, step):
        # between records that are 4 per cent apart a cubic of the logarithms is good to 1e-6
        return np.exp(CubicSpline(np.log(steps), np.log(losses))(np.log(step + 1.0)))

    # half a unit of the third digit
    digits = {"rtol": 0, "atol": 5.1e-4}
    for step, *measured in MEASURED:
        found = np.array([at(run.train, step), at(run.test.total, step)])
        scale = np.where(np.array(measured) > 1, 10, 1)
        np.testing.assert_allclose(found / scale, measured / scale, **digits)
    for step, train, test, digit in LATE:
        assert at(run.train, step) == pytest.approx(train, abs=digit)
        assert at(run.test.total, step) == pytest.approx(test, abs=digit)
    for step, *parts in PARTS:
        np.testing.assert_allclose([at(part, step) for part in run.test], parts, **digits)


def test_the_fourth_figure_is_descent_of_two_neurons_whose_first_output_is_not_hidden():
    run = run_figure_4(steps=400)
    rates = {"alpha": 1.0, "eps": 0.25, "eta0": 0.5, "centred": False}
    assert_follows(run, paper_task(40, 120, 2), run.steps, **rates)


def test_the_lottery_is_that_figure_from_other_draws(key):
    found = run_lottery(3, key=key, steps=300)
    assert found.shape == (3, 2)
    data, own = jax.random.split(key)
    draw = generator(data)
    x, beta = draw.normal(size=(3, 120, 40)) / np.sqrt(40), draw.normal(size=(3, 40))
    beta *= np.sqrt(40) / np.linalg.norm(beta, axis=1)[:, None]
    weights = generator(own).normal(size=(3, 2, 40))
    for seed in range(3):
        y = (x[seed] @ beta[seed]) ** 2 / 2
        rates = {"alpha": 1.0, "eps": 0.25, "eta0": 0.5, "centred": False}
        train, *test = neurons.follow(weights[seed], x[seed], y, beta[seed], [300], **rates)[:4, 0]
        np.testing.assert_allclose(found[seed], [train, sum(test)], rtol=1e-10)  # hundreds of steps, as above
    assert inspect.signature(run_lottery).parameters["steps"].default == 20_000


# The map

SMALL = {"dim": 4, "samples": 9, "width": 7}


@pytest.fixture
def small_map(monkeypatch):
    """Make the map one of small networks, and compile its runs anew for each setting of the rule."""

    def set_to(**rule):
        for name, value in rule.items():
            monkeypatch.setattr(published, name, value)
        # a function that JAX has not seen
        monkeypatch.setattr(published, "_until_learned", jax.jit(lambda *given: run(*given)))

    run = published._until_learned.__wrapped__
    set_to(FIGURE_1=SMALL, MAP_ETA0=0.1, MAP_LAST=4000)
    return set_to


def until_learned(sizes, alpha, eps, *, eta0, last, stall=1e-5, over=5, threshold=0.1):
    """The rule in words: until both losses are there, or for five steps the training loss has hardly changed."""
    drawn = paper_task(*sizes)
    losses, reached = [], [np.nan, np.nan]
    path = neurons.descend(drawn.weights, *drawn.task[:2], alpha=alpha, eps=eps, eta0=eta0)
    for step, now in enumerate(path):
        if step == 0:
            continue
        train, *test = neurons.observe(now, drawn.weights, *drawn.task, alpha=alpha, eps=eps)[:4]
        losses.append(train)
        for k, loss in enumerate((train, sum(test))):
            if np.isnan(reached[k]) and loss < threshold:
                reached[k] = step
        stalled = step > over and abs(losses[-1] - losses[-1 - over]) < stall
        if step == last or stalled or not np.isnan(reached).any():
            return [*reached, step]
    raise AssertionError


ALPHAS, EPSILONS = np.array([0.5, 1.0, 4.0]), np.array([0.3, 0.9])


def test_every_cell_of_the_map_ends_by_the_rule(small_map, tmp_path):
    ends = []
    for case, rule in enumerate(
        [{}, {"MAP_LAST": 40}, {"MAP_STALL": 3e-3, "MAP_STALL_STEPS": 3, "MAP_THRESHOLD": 0.2}]
    ):
        small_map(**rule)
        found = run_paper_map(tmp_path / f"{case}.npz", alphas=ALPHAS, epsilons=EPSILONS)
        given = {"last": published.MAP_LAST, "stall": published.MAP_STALL, "over": published.MAP_STALL_STEPS}
        given |= {"eta0": 0.1, "threshold": published.MAP_THRESHOLD}
        expected = [[until_learned(SMALL.values(), alpha, eps, **given) for alpha in ALPHAS] for eps in EPSILONS]
        # whole numbers: no loss is as close to a threshold as rounding
        np.testing.assert_array_equal(found, expected)
        ends.append(found.reshape(-1, 3))
    train, test, last = np.concatenate(ends).T
    # all ways to end occur: both there, one of them, none, and by the last step
    assert (~np.isnan(train) & ~np.isnan(test)).any()
    assert (~np.isnan(train) & np.isnan(test)).any()
    assert (last == 40).any()
    assert (np.isnan(test) & (last != 40) & (last != 4000)).any()


def test_a_cell_of_the_papers_map_is_descent_of_its_network(tmp_path):
    found = run_paper_map(tmp_path / "map.npz", alphas=np.array([0.4]), epsilons=np.array([0.28]))
    expected = until_learned((100, 550, 500), 0.4, 0.28, eta0=20.0, last=110_000)
    np.testing.assert_array_equal(found, [[expected]])
    assert not np.isnan(found).any()


def test_the_rule_is_the_papers():
    assert (published.MAP_STALL, published.MAP_STALL_STEPS, published.MAP_LAST) == (1e-5, 5, 110_000)


def test_the_map_is_the_papers_grid_and_every_cell_is_told_its_own_place(monkeypatch, tmp_path):
    monkeypatch.setattr(published, "FIGURE_1", SMALL)
    monkeypatch.setattr(published, "_until_learned", lambda *given: [given[-1], 1 / given[-2], 0.0])
    found = run_paper_map(tmp_path / "map.npz")
    eps, alpha = np.meshgrid([0.02 * k for k in range(1, 15)], [0.4 * k for k in range(1, 15)], indexing="ij")
    # rounding of a number that is divided by twice
    np.testing.assert_allclose(found, np.stack([eps, alpha, 0 * eps], axis=-1), rtol=1e-14)


def test_a_second_call_goes_on_where_the_first_was_broken_off(small_map, monkeypatch, tmp_path):
    file, whole = tmp_path / "map.npz", tmp_path / "whole.npz"
    grid = {"alphas": ALPHAS, "epsilons": EPSILONS}
    expected = run_paper_map(whole, **grid)
    real, calls = published._until_learned, []

    def breaks(*given):
        if len(calls) == 4:
            raise InterruptedError
        calls.append(given)
        return real(*given)

    monkeypatch.setattr(published, "_until_learned", breaks)
    with pytest.raises(InterruptedError):
        run_paper_map(file, **grid)
    # what is there may be looked at, and costs nothing
    part = run_paper_map(file, **grid, budget=-1.0)
    np.testing.assert_array_equal(part.reshape(-1, 3)[:4], expected.reshape(-1, 3)[:4])
    assert np.isnan(part.reshape(-1, 3)[4:]).all()
    calls.clear()
    np.testing.assert_array_equal(run_paper_map(file, **grid), expected)
    assert len(calls) == 2
    np.testing.assert_array_equal(run_paper_map(file, **grid), expected)
    assert len(calls) == 2


def test_a_finer_grid_takes_no_cell_for_its_neighbour_and_loses_none(small_map, tmp_path):
    file = tmp_path / "map.npz"
    small_map(MAP_LAST=60)
    fine = np.array([0.5, 0.52, 0.54]), np.array([0.3, 0.301])
    first = run_paper_map(file, alphas=ALPHAS, epsilons=EPSILONS)
    found = run_paper_map(file, alphas=fine[0], epsilons=fine[1])
    alone = run_paper_map(tmp_path / "alone.npz", alphas=fine[0], epsilons=fine[1])
    np.testing.assert_array_equal(found, alone)
    assert len(np.unique(alone[..., 0])) > 1
    np.testing.assert_array_equal(run_paper_map(file, alphas=ALPHAS, epsilons=EPSILONS, budget=-1.0), first)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alphas": np.array([1.0, 0.0])}, r"alphas must be positive, got 0.0 at index \(1,\)"),
        ({"epsilons": np.array([-0.1])}, r"epsilons must be positive, got -0.1 at index \(0,\)"),
        ({"file": "map.csv"}, "file must end in .npz, got 'map.csv'"),
    ],
)
def test_a_map_that_cannot_be_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        run_paper_map(**({"file": "map.npz", "budget": -1.0} | wrong))
