"""The training loop, against the same steps taken by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from solvable.training import intervals_between, iterate, log_spaced_steps, train


def quadratic(w):
    return 0.5 * jnp.sum(w**2)


def test_takes_the_steps_that_a_loop_takes():
    curvature = jnp.array([0.3, 1.0, 2.5])
    steps = np.array([0, 1, 4, 9])
    run = train(lambda w: 0.5 * jnp.sum(curvature * w**2), jnp.ones(3), optax.sgd(0.1), steps=steps)
    # gradient descent on a quadratic: w_k = (1 - eta c)^k, to the rounding of nine products
    expected = (1 - 0.1 * np.asarray(curvature)) ** steps[:, None]
    np.testing.assert_allclose(run.observed, expected, rtol=1e-14)
    np.testing.assert_array_equal(run.parameters, run.observed[-1])
    np.testing.assert_array_equal(run.steps, steps)


def test_keeps_the_state_of_the_optimiser_between_observations():
    rate, momentum = 0.1, 0.9
    run = train(quadratic, jnp.array(1.0), optax.sgd(rate, momentum), steps=np.array([2, 3, 7]))
    w, velocity, path = 1.0, 0.0, []
    for _ in range(7):
        velocity = momentum * velocity + w
        w -= rate * velocity
        path.append(w)
    np.testing.assert_allclose(run.observed, [path[1], path[2], path[6]], rtol=1e-14)  # rounding of seven steps


def test_a_run_in_two_parts_is_the_run_in_one():
    optimiser = optax.sgd(0.1, 0.9)
    whole = train(quadratic, jnp.array(1.0), optimiser, steps=np.array([3, 7]))
    first = train(quadratic, jnp.array(1.0), optimiser, steps=np.array([3]))
    second = train(quadratic, first.parameters, optimiser, steps=np.array([4]), optimiser_state=first.optimiser_state)
    # the same operations, compiled twice
    np.testing.assert_allclose([first.observed[0], second.observed[0]], whole.observed, rtol=1e-15, atol=0)


def test_one_observation_may_be_the_start():
    assert train(quadratic, jnp.array(3.0), optax.sgd(0.5), steps=np.array([0])).observed.tolist() == [3.0]


def test_observes_what_it_is_asked_to():
    run = train(
        lambda p: quadratic(p["w"]),
        {"w": jnp.array([3.0, 4.0])},
        optax.sgd(0.5),
        steps=np.array([0, 1]),
        observe=lambda p: {"norm": jnp.linalg.norm(p["w"]), "first": p["w"][0]},
    )
    assert run.observed["norm"].tolist() == [5.0, 2.5]
    assert run.observed["first"].tolist() == [3.0, 1.5]


def test_each_step_draws_a_batch_of_its_own(key):
    run = train(
        lambda w, x: w * x,
        jnp.array(0.0),
        optax.sgd(1.0),
        steps=np.arange(5),
        draw=lambda k: jax.random.uniform(k),
        key=key,
    )
    moves = -np.diff(run.observed)  # the gradient of w x is x: each move is the batch that was drawn
    expected = [jax.random.uniform(jax.random.fold_in(key, step)) for step in range(4)]
    np.testing.assert_allclose(moves, expected, rtol=1e-14)  # differences of sums below 4
    assert len(set(np.round(moves, 6))) == 4


def test_a_run_does_not_depend_on_when_it_is_observed(key):
    def noisy(w, x):
        return 0.5 * (w - x) ** 2

    def final(steps):
        draw = {"draw": jax.random.normal, "key": key}
        return train(noisy, jnp.array(0.0), optax.sgd(0.1, 0.9), steps=np.array(steps), **draw).parameters

    np.testing.assert_array_equal(final([20]), final([0, 3, 11, 20]))


def test_maps_over_starts():
    starts = jnp.array([1.0, 2.0, 4.0])
    run = jax.vmap(lambda w: train(quadratic, w, optax.sgd(0.5), steps=np.array([0, 2])).observed)(starts)
    np.testing.assert_array_equal(run, np.outer(starts, [1.0, 0.25]))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_keeps_the_dtype_of_the_parameters(dtype):
    run = train(quadratic, jnp.ones(2, dtype), optax.sgd(0.1), steps=np.array([0, 3]))
    assert run.parameters.dtype == dtype
    assert run.observed.dtype == dtype


@pytest.mark.parametrize("steps", [[], [1, 1], [3, 2]])
def test_rejects_steps_out_of_order(steps):
    with pytest.raises(ValueError, match="steps must be strictly increasing and not empty"):
        train(quadratic, jnp.array(1.0), optax.sgd(0.1), steps=np.array(steps, dtype=int))


def test_rejects_a_step_before_the_start():
    with pytest.raises(ValueError, match=r"steps must be a whole number of at least 0, got -1"):
        train(quadratic, jnp.array(1.0), optax.sgd(0.1), steps=np.array([-1, 2]))


def test_rejects_a_draw_without_a_key(key):
    with pytest.raises(ValueError, match="draw and key must be given together"):
        train(quadratic, jnp.array(1.0), optax.sgd(0.1), steps=np.array([1]), draw=jax.random.normal)
    with pytest.raises(ValueError, match="draw and key must be given together"):
        train(quadratic, jnp.array(1.0), optax.sgd(0.1), steps=np.array([1]), key=key)


@pytest.mark.parametrize(("last", "count"), [(1, 2), (7, 30), (1000, 8), (12345, 50)])
def test_log_spaced_steps_rise_from_the_start_to_the_last(last, count):
    steps = log_spaced_steps(last, count)
    assert steps[0] == 0
    assert steps[-1] == last
    assert (np.diff(steps) > 0).all()
    assert len(steps) <= count


def test_log_spaced_steps_keep_a_ratio():
    late = log_spaced_steps(10**6, 61)[-20:]
    ratio = 10 ** (6 / 59)
    np.testing.assert_allclose(late[1:] / late[:-1], ratio, rtol=1e-3)  # rounding to whole numbers, above 10^4


@pytest.mark.parametrize("arguments", [(0, 5), (10, 1)])
def test_log_spaced_steps_reject_what_is_not_a_count(arguments):
    with pytest.raises(ValueError, match="must be a whole number"):
        log_spaced_steps(*arguments)


def test_intervals_lie_between_observations():
    for steps, first in [([0, 1, 4, 9], [0, 0, 1, 4]), ([2, 5], [0, 2]), ([0], [0]), ([7], [0])]:
        begin, end = intervals_between(np.array(steps))
        assert begin.tolist() == first
        assert end.tolist() == steps


@pytest.mark.parametrize("steps", [[], [1, 1], [3, 2], [[0, 1]]])
def test_intervals_need_steps_in_order(steps):
    with pytest.raises(ValueError, match="steps must be strictly increasing and not empty"):
        intervals_between.__wrapped__(np.array(steps, dtype=int))
    with pytest.raises(ValueError, match="steps must be a whole number of at least 0, got -3"):
        intervals_between(np.array([-3, 2]))


@pytest.mark.parametrize("steps", [[0, 1, 4, 9], [2, 5], [0], [6]])
def test_iterates_as_a_loop_does(steps):
    def update(index, state):
        # neither the order of the steps nor the number of any can be mistaken
        total, count = state
        return (3 * total + index) % 1009, count + 1

    @jax.jit
    def run(start):
        intervals = intervals_between(np.array(steps))
        return iterate(update, (start, jnp.array(0)), intervals, lambda state: {"total": state[0], "count": state[1]})

    (last, count), observed = run(jnp.array(5))
    totals = [5]
    for index in range(steps[-1]):
        totals.append((3 * totals[-1] + index) % 1009)
    assert observed["total"].tolist() == [totals[step] for step in steps]
    assert observed["count"].tolist() == steps
    assert (int(last), int(count)) == (totals[-1], steps[-1])
