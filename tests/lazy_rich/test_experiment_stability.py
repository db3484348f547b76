"""Learning rates about the largest stable one: limits by eigenvalues, verdicts by runs in NumPy."""

import itertools

import jax
import numpy as np
import pytest

from solvable.lazy_rich.experiment import draw_task, run_learning_rates, stability
from tests.lazy_rich import neurons

SIZES = {"dim": 5, "samples": 20, "eps": 0.4, "steps": 160}
ALPHAS, FACTORS = (0.3, 1.0, 30.0), (0.4, 0.95, 1.3, 3.0)


def limit(x, m, eps):
    kernel = (x @ x.T) * (1 + eps**2 * x @ m @ x.T)
    return len(x) / np.linalg.eigvalsh(kernel)[-1]


@pytest.fixture(scope="module")
def found():
    return run_learning_rates(ALPHAS, FACTORS, seeds=2, key=jax.random.key(0), **SIZES)


def test_limits_are_those_of_the_kernels_at_both_ends(found, key):
    assert (found.lazy.shape, found.rich.shape, found.settles.shape) == ((2,), (2, 3), (2, 3, 4))
    np.testing.assert_array_equal(found.factors, FACTORS)
    tasks = draw_task(5, 20, key=key, seeds=2)
    for seed, (x, beta) in enumerate(zip(tasks.x, tasks.beta, strict=True)):
        lazy = limit(x, np.eye(5), 0.4)
        rich = [limit(x, np.outer(beta, beta) / (alpha * 0.4), 0.4) for alpha in ALPHAS]
        # eigenvalues of a well-conditioned matrix of twenty rows
        np.testing.assert_allclose(found.lazy[seed], lazy, rtol=1e-12)
        np.testing.assert_allclose(found.rich[seed], rich, rtol=1e-12)
        np.testing.assert_allclose(found.limit[seed], [min(lazy, value) for value in rich], rtol=1e-12)
    # either end has the lower limit somewhere
    assert 0 < (found.rich < found.lazy[:, None]).mean() < 1


@pytest.mark.filterwarnings("ignore:(overflow|invalid value) encountered:RuntimeWarning")
def test_verdicts_are_those_of_networks_that_fall_at_each_of_the_last_steps(found, key):
    tasks = draw_task(5, 20, key=key, seeds=2)
    for place in itertools.product(range(2), range(3), range(4)):
        seed, i, k = place
        x, y = tasks.x[seed], tasks.y[seed]
        rates = {"alpha": ALPHAS[i], "eps": 0.4, "eta0": FACTORS[k] * found.limit[seed, i]}
        start, losses = neurons.spread(5), []
        first = neurons.say(start, x, ALPHAS[i], 0.4)
        for step, now in enumerate(neurons.descend(start, x, y, **rates)):
            if step >= 60:
                losses.append(np.mean((neurons.say(now, x, ALPHAS[i], 0.4) - first - y) ** 2))
            if step == 160:
                break
        assert len(losses) == 101
        changes = np.diff(losses)
        # no verdict hangs on rounding
        assert not np.isfinite(losses).all() or losses[-1] > 1e-20
        assert found.settles[place] == (changes < 0).all()
    assert found.settles[..., 0].all()
    assert not found.settles[..., -1].any()


def test_a_run_that_oscillates_at_first_may_settle_and_one_that_oscillates_at_last_does_not(monkeypatch, key):
    # the first record that counts is SETTLED steps before the last
    settings = {"seeds": 1, "key": key, **SIZES}
    whole = run_learning_rates((1.0,), (0.4,), **settings)
    assert whole.settles.all()
    asked = []
    real = stability.moment_dynamics
    monkeypatch.setattr(
        stability, "moment_dynamics", lambda *given, **named: asked.append(named["steps"]) or real(*given, **named)
    )
    run_learning_rates((1.0,), (0.4,), **settings)
    np.testing.assert_array_equal(asked[0], np.arange(60, 161))
    run_learning_rates((1.0,), (0.4,), seeds=1, key=key, dim=5, samples=20)
    np.testing.assert_array_equal(asked[-1], np.arange(900, 1001))


def test_by_default_it_is_the_setting_of_the_chapter(key):
    alone = run_learning_rates((1.0,), (0.9,), seeds=1, key=key, steps=101)
    x = draw_task(40, 200, key=key, seeds=1).x[0]
    np.testing.assert_allclose(alone.lazy, limit(x, np.eye(40), 0.1), rtol=1e-12)  # as above


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alphas": (1.0, 0.0)}, r"alphas must be positive, got 0.0 at index \(1,\)"),
        ({"alphas": (np.inf,)}, "alphas must be positive, got inf"),
        ({"factors": (0.0,)}, "factors must be positive, got 0.0"),
        ({"steps": 100}, "steps must be a whole number of at least 101, got 100"),
    ],
)
def test_refuses_what_cannot_be_tried(wrong, message, key):
    good = {"alphas": (1.0,), "factors": (0.5,), "seeds": 1, "key": key}
    with pytest.raises(ValueError, match=message):
        run_learning_rates(**(good | wrong))
