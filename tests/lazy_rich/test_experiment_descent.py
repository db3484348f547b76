"""Networks trained by automatic differentiation, against steps in NumPy, and the moments that follow them."""

import jax
import numpy as np
import pytest

from solvable.lazy_rich.experiment import Task, draw_task, follow_networks, run_networks, train_committee
from solvable.randomness import generator
from tests.lazy_rich import gaussian, neurons

STEPS = np.array([0, 1, 2, 9, 30])
ALPHAS = (0.4, 1.0, 20.0)


def test_the_loss_that_is_expected_here_is_that_of_all_pairings():
    given = gaussian.Task()
    wbar, m = gaussian.second_moments(given.weights)
    expected = gaussian.risk(wbar, m, given.beta)
    np.testing.assert_allclose(neurons.risk(wbar, m, given.beta), expected, rtol=1e-13)  # sums of 256


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("width", [2, 7])
@pytest.mark.parametrize(("alpha", "eps", "eta0"), [(0.4, 0.5, 0.1), (1.0, 0.25, 0.7), (20.0, 1.5, 0.3)])
def test_a_network_takes_the_steps_of_the_written_out_gradient(alpha, eps, eta0, width, centred):
    given = gaussian.Task(width=width)
    rates = {"alpha": alpha, "eps": eps, "eta0": eta0, "centred": centred}
    run = train_committee(given.weights, Task(*given.data), steps=STEPS, **rates)
    expected = neurons.follow(given.weights, *given.data, STEPS, **rates)
    assert expected[0, -1] < 0.9 * expected[0, 0]  # something was learned
    train, test = run.observed
    # thirty steps of rounding of outputs as large as alpha
    scale = 1e-12 * max(1.0, alpha) * max(1.0, expected[:4].max())
    np.testing.assert_allclose([train, *test], expected[:4], rtol=0, atol=scale)
    np.testing.assert_array_equal(run.steps, STEPS)
    *_, last = zip(range(31), neurons.descend(given.weights, given.x, given.y, **rates), strict=False)
    np.testing.assert_allclose(run.parameters, last[1], rtol=0, atol=1e-12)


def _networks(key, alphas=ALPHAS, **settings):
    small = {"dim": 4, "samples": 9, "width": 3, "eps": 0.5, "eta0": 0.05, "steps": STEPS}
    return run_networks(alphas, seeds=2, key=key, **(small | settings))


@pytest.mark.parametrize("centred", [True, False])
def test_every_network_is_trained_on_its_task_at_every_scale(centred, key):
    found = _networks(key, centred=centred)
    assert found.tasks.x.shape == (2, 9, 4)
    assert found.starts.shape == (2, 3, 4)
    assert found.final.shape == (3, 2, 3, 4)
    assert found.train.shape == found.test.shape == (3, 2, 5)
    np.testing.assert_array_equal(found.steps, STEPS)
    for i, alpha in enumerate(ALPHAS):
        for seed in range(2):
            given = [part[seed] for part in found.tasks]
            rates = {"alpha": alpha, "eps": 0.5, "eta0": 0.05, "centred": centred}
            expected = neurons.follow(found.starts[seed], *given, STEPS, **rates)
            scale = 1e-12 * max(1.0, alpha) * max(1.0, expected[:4].max())  # as above
            np.testing.assert_allclose(found.train[i, seed], expected[0], rtol=0, atol=scale)
            np.testing.assert_allclose(found.test[i, seed], expected[1:4].sum(axis=0), rtol=0, atol=scale)
            *_, last = zip(range(31), neurons.descend(found.starts[seed], *given[:2], **rates), strict=False)
            np.testing.assert_allclose(found.final[i, seed], last[1], rtol=0, atol=1e-12)


def test_tasks_and_networks_come_from_keys_of_their_own(key):
    found = _networks(key, alphas=(1.0,), steps=np.array([0]))
    data, own = jax.random.split(key)
    for part, expected in zip(found.tasks, draw_task(4, 9, key=data, seeds=2), strict=True):
        np.testing.assert_array_equal(part, expected)
    np.testing.assert_array_equal(found.starts, generator(own).normal(size=(2, 3, 4)))
    # numbers of a continuous law that are the same come from the same draw
    assert not np.isin(np.round(found.starts, 9), np.round(2 * found.tasks.x, 9)).any()


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("form", [None, "increments", "neurons", "moments"])
def test_the_moments_follow_the_networks(form, centred, key):
    found = _networks(key, width=6, centred=centred)
    rates = {"eps": 0.5, "eta0": 0.05, "centred": centred}
    train, test = follow_networks(found, ALPHAS, form=form, **rates)
    # thirty steps of rounding of outputs as large as the largest alpha
    np.testing.assert_allclose(train, found.train, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(test, found.test, rtol=1e-11, atol=1e-11)
    if form == "neurons":
        # it is asked for: with moments alone that would have been refused, and few neurons are safe in it
        few = _networks(key, centred=centred, steps=np.array([0, 2000]))
        train, _ = follow_networks(few, ALPHAS, form=form, **rates)
        np.testing.assert_allclose(train, few.train, rtol=1e-9)


def test_by_default_it_is_the_setting_of_the_chapter(key):
    steps = np.array([0, 3])
    found = run_networks((1.0,), seeds=1, key=key, steps=steps)
    assert (found.tasks.x.shape, found.starts.shape) == ((1, 200, 40), (1, 200, 40))
    rates = {"alpha": 1.0, "eps": 0.1, "eta0": 4.0}
    expected = neurons.follow(found.starts[0], *(part[0] for part in found.tasks), steps, **rates)
    # three steps of sums of two hundred
    np.testing.assert_allclose(found.train[0, 0], expected[0], rtol=1e-11)
    np.testing.assert_allclose(found.test[0, 0], expected[1:4].sum(axis=0), rtol=1e-11)
    train, test = follow_networks(found, (1.0,))
    np.testing.assert_allclose(train, found.train, rtol=1e-11)
    np.testing.assert_allclose(test, found.test, rtol=1e-11)


def test_by_default_the_first_output_is_hidden():
    given = gaussian.Task()
    run = train_committee(given.weights, Task(*given.data), alpha=1.0, eps=0.5, eta0=0.1, steps=np.array([0]))
    np.testing.assert_allclose(run.observed[0], np.mean(given.y**2), rtol=1e-14)  # rounding


def test_a_form_that_there_is_not_is_refused(key):
    with pytest.raises(ValueError, match="form must be one of 'increments', 'neurons', 'moments', got 'weights'"):
        follow_networks(_networks(key), ALPHAS, form="weights")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"alpha": 0.0}, "alpha must be positive, got 0.0"), ({"eta0": -1.0}, "eta0 must be positive, got -1.0")],
)
def test_a_network_without_scale_or_rate_is_refused(wrong, message):
    given = gaussian.Task()
    rates = {"alpha": 1.0, "eps": 0.5, "eta0": 0.1, "steps": STEPS} | wrong
    with pytest.raises(ValueError, match=message):
        train_committee(given.weights, Task(*given.data), **rates)


def test_scales_that_are_not_positive_are_refused(key):
    with pytest.raises(ValueError, match=r"alphas must be positive, got 0.0 at index \(1,\)"):
        _networks(key, alphas=(1.0, 0.0))
