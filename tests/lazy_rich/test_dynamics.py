"""The dynamics in the moments, against networks of neurons that automatic differentiation trains, and against flows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from solvable.lazy_rich.theory import Moments, increment_step, infinite_width, moment_dynamics, moment_step
from tests.lazy_rich.gaussian import Task, risk, second_moments

FORMS = ["increments", "neurons", "moments"]
STEPS = np.array([0, 1, 2, 7, 40])


def says(weights, x, alpha, eps):
    h = x @ weights.T
    return alpha * jnp.mean(h + eps / 2 * h**2, axis=1)


@jax.jit
def path_of(weights, x, y, alpha, eps, eta0, hidden):
    """Neurons after each of 40 steps of gradient descent, ``hidden`` times the first output taken away."""
    first = hidden * says(weights, x, alpha, eps)

    def step(now, _):
        slope = jax.grad(lambda w: jnp.mean((says(w, x, alpha, eps) - first - y) ** 2))(now)
        moved = now - eta0 * len(weights) / alpha**2 * slope
        return moved, moved

    return jnp.concatenate([weights[None], jax.lax.scan(step, weights, length=40)[1]])


def observed(path, task, alpha, eps, centred):
    """What a run observes, from the neurons; the loss on fresh inputs by Isserlis' theorem."""
    (wbar0, m0), hidden = second_moments(path[0]), 1.0 if centred else 0.0
    first = np.asarray(says(path[0], task.x, alpha, eps))
    rows = []
    for weights in path[STEPS]:
        wbar, m = second_moments(weights)
        train = np.mean((np.asarray(says(weights, task.x, alpha, eps)) - hidden * first - task.y) ** 2)
        mean, even, odd = risk(alpha * (wbar - hidden * wbar0), alpha * eps / 2 * (m - hidden * m0), task.beta)
        change = m - m0
        size = np.linalg.norm(change) * (task.beta @ task.beta)
        cosine = task.beta @ change @ task.beta / size if size > 0 else 0.0
        rows.append([train, mean, even, odd, np.mean(np.sum(weights**2, axis=1)), cosine])
    return np.array(rows).T


def table(run):
    return np.array([run.train, *run.test, run.square_norm, run.cosine])


SETTINGS = pytest.mark.parametrize(
    ("alpha", "eps", "eta0"), [(0.25, 0.5, 0.1), (1.0, 0.25, 0.7), (8.0, 1.5, 0.3), (300.0, 0.1, 0.5)]
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("width", [1, 3, 7])
@SETTINGS
def test_the_moments_are_those_of_trained_neurons(alpha, eps, eta0, width, centred, form):
    task = Task(width=width)
    path = np.asarray(path_of(task.weights, task.x, task.y, alpha, eps, eta0, float(centred)))
    expected = observed(path, task, alpha, eps, centred)
    assert expected[0, -1] < expected[0, 0]  # something was learned
    rates = {"alpha": alpha, "eps": eps, "eta0": eta0}
    run = moment_dynamics(task.weights, *task.data, **rates, steps=STEPS, centred=centred, form=form)
    np.testing.assert_array_equal(run.steps, STEPS)
    # forty steps of rounding of outputs as large as alpha, which the network itself takes differences of
    scale = 1e-12 * max(1.0, alpha) * max(1.0, expected[:4].max())
    np.testing.assert_allclose(table(run)[:-1], expected[:-1], rtol=0, atol=scale)
    # the change of M, of order 1 / alpha and more, is itself a difference of numbers of order 1
    np.testing.assert_allclose(run.cosine, expected[-1], rtol=0, atol=1e-11 * max(1.0, alpha))
    for one, other in zip(run.final, second_moments(path[-1]), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_one_step_is_that_of_every_neuron():
    task = Task(width=3)
    rates = {"eps": 0.7, "eta0": 0.4}
    for alpha in (0.3, 5.0):
        first, second = path_of(task.weights, task.x, task.y, alpha, 0.7, 0.4, 0.0)[:2]
        start, expected = Moments(*second_moments(np.asarray(first))), second_moments(np.asarray(second))
        found = moment_step(start, task.x, task.y, alpha=alpha, **rates)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-13)  # one step of sums of nine
        # the same in increments, of which the targets know what the network said
        targets = task.y - says(task.weights, task.x, alpha, 0.7)
        zero = jnp.zeros(4), jnp.zeros((4, 4))
        u, s = increment_step(zero, start, jnp.asarray(task.x), targets, inverse_alpha=1 / alpha, **rates)
        np.testing.assert_allclose(u, alpha * (expected[0] - start.wbar), rtol=0, atol=1e-13 * max(1, alpha))
        np.testing.assert_allclose(s, alpha * (expected[1] - start.m), rtol=0, atol=1e-13 * max(1, alpha))


def test_a_second_step_starts_where_the_first_has_ended():
    # an increment that is not 0 comes in: the moments at hand are those of the start and 1 / alpha of it
    task = Task(width=6)
    alpha, eps, eta0 = 0.4, 0.7, 0.3
    weights = np.asarray(path_of(task.weights, task.x, task.y, alpha, eps, eta0, 1.0))[:3]
    (wbar0, m0), (wbar1, m1), (wbar2, m2) = map(second_moments, weights)
    now = jnp.asarray(alpha * (wbar1 - wbar0)), jnp.asarray(alpha * (m1 - m0))
    rates = {"inverse_alpha": 1 / alpha, "eps": eps, "eta0": eta0}
    u, s = increment_step(now, Moments(wbar0, m0), jnp.asarray(task.x), jnp.asarray(task.y), **rates)
    np.testing.assert_allclose(u, alpha * (wbar2 - wbar0), rtol=0, atol=1e-13)  # one step of sums of nine
    np.testing.assert_allclose(s, alpha * (m2 - m0), rtol=0, atol=1e-13)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    alpha=st.floats(0.3, 100),
    eps=st.floats(0.01, 1.5),
    rate=st.floats(0.01, 0.4),
    centred=st.booleans(),
)
def test_the_three_forms_agree_whatever_the_axes_and_the_order_of_neurons(seed, alpha, eps, rate, centred):
    task = Task(width=7, seed=seed)
    # a step that is small beside the kernel of the start, and beside that of the end
    eta0 = rate * min(1.0, alpha) / (1 + eps) ** 2
    rates = {"alpha": alpha, "eps": eps, "eta0": eta0, "steps": np.array([3, 30]), "centred": centred}
    rng = np.random.default_rng(seed)
    turn, order = np.linalg.qr(rng.normal(size=(4, 4)))[0], rng.permutation(7)
    runs = [table(moment_dynamics(task.weights, *task.data, **rates, form=form)) for form in FORMS]
    turned = task.x @ turn, task.y, task.beta @ turn
    runs.append(table(moment_dynamics(task.weights[order] @ turn, *turned, **rates)))
    runs.append(table(moment_dynamics(Moments(*second_moments(task.weights)), *task.data, **rates)))
    assert np.isfinite(runs).all()
    # roundings of outputs that are differences of numbers larger by alpha, over thirty steps; losses may start large
    scale = 1e-11 * (1 + alpha) * (1 + np.abs(runs[0]).max())
    for other in runs[1:]:
        np.testing.assert_allclose(other, runs[0], rtol=0, atol=scale)


def test_the_form_is_chosen_by_the_number_of_neurons():
    task = Task(dim=4)
    rates = {"alpha": 1.0, "eps": 0.5, "eta0": 0.3, "steps": np.array([0, 20])}
    for width, form in [(3, "neurons"), (4, "increments"), (5, "increments")]:
        weights = Task(dim=4, width=width).weights
        chosen = moment_dynamics(weights, *task.data, **rates)
        np.testing.assert_array_equal(table(chosen), table(moment_dynamics(weights, *task.data, **rates, form=form)))
    start = infinite_width(4)
    chosen = moment_dynamics(start, *task.data, **rates)
    np.testing.assert_array_equal(table(chosen), table(moment_dynamics(start, *task.data, **rates, form="increments")))


@pytest.mark.parametrize("form", ["increments", "neurons"])
def test_at_infinite_alpha_it_is_the_linearised_network_that_is_trained(form):
    task = Task(width=3)
    eps, eta0 = 0.6, 0.8
    x, y = jnp.asarray(task.x), jnp.asarray(task.y)

    def linear(change):
        # one over N is in both the output and the learning rate
        return jax.jvp(lambda w: says(w, x, 1.0, eps), (jnp.asarray(task.weights),), (change,))[1]

    slope = jax.jit(jax.grad(lambda change: jnp.mean((linear(change) - y) ** 2)))
    change = jnp.zeros((3, 4))
    for _ in range(40):
        change = change - eta0 * 3 * slope(change)
    run = moment_dynamics(task.weights, *task.data, alpha=np.inf, eps=eps, eta0=eta0, steps=STEPS, form=form)
    np.testing.assert_allclose(run.train[-1], np.mean((linear(change) - y) ** 2), rtol=1e-12)  # forty steps
    grown = task.weights.T @ np.asarray(change) / 3
    expected = risk(np.mean(change, axis=0), eps / 2 * (grown + grown.T), task.beta)
    np.testing.assert_allclose([part[-1] for part in run.test], expected, rtol=1e-11)
    # the neurons themselves have not moved
    for one, other in zip(run.final, second_moments(task.weights), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(run.square_norm, np.mean(np.sum(task.weights**2, axis=1)), rtol=1e-14)


@pytest.mark.parametrize("form", ["increments", "neurons"])
def test_a_large_alpha_is_nearly_an_infinite_one(form):
    task = Task(width=3)
    ends = [
        table(moment_dynamics(task.weights, *task.data, alpha=alpha, eps=0.6, eta0=0.8, steps=STEPS, form=form))[:4]
        for alpha in (1e4, 1e5, np.inf)
    ]
    near, far = (np.abs(end - ends[-1]).max() for end in ends[:-1])
    assert far > 1e-9  # not rounding
    # first order in 1 / alpha, up to the second
    np.testing.assert_allclose(near / far, 10, rtol=1e-2)


def test_small_steps_follow_the_flow():
    task = Task(samples=12, dim=3, width=5)
    alpha, eps, time = 0.7, 0.5, 6.0
    wbar0, m0 = second_moments(task.weights)
    said = alpha * (task.x @ wbar0 + eps / 2 * np.einsum("pi,ij,pj->p", task.x, m0, task.x))

    def velocity(_, state):
        wbar, m = state[:3], state[3:].reshape(3, 3)
        out = alpha * (task.x @ wbar + eps / 2 * np.einsum("pi,ij,pj->p", task.x, m, task.x))
        r = (out - said - task.y) / 12
        g, big = r @ task.x, np.einsum("p,pi,pj->ij", r, task.x, task.x)
        # each neuron falls with its own slope of the loss: dw = -(2 / alpha) (g + eps G w)
        pull = np.outer(g, wbar) + eps * big @ m
        return -2 / alpha * np.concatenate([g + eps * big @ wbar, (pull + pull.T).ravel()])

    start = np.concatenate([wbar0, m0.ravel()])
    end = solve_ivp(velocity, (0, time), start, method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    found = []
    for steps in (500, 1000, 2000):
        run = moment_dynamics(
            task.weights, *task.data, alpha=alpha, eps=eps, eta0=time / steps, steps=np.array([steps])
        )
        found.append(np.concatenate([run.final.wbar, np.ravel(run.final.m)]))
    assert np.abs(end - start).max() > 0.1
    gaps = [np.abs(value - end).max() for value in found]
    # first order in the step, up to the next, which is smaller by eta0 times a rate of order 1
    np.testing.assert_allclose(np.array(gaps[:-1]) / gaps[1:], 2, rtol=0.02)
    # what is left after both orders: the cube of 1/100
    np.testing.assert_allclose((found[0] - 6 * found[1] + 8 * found[2]) / 3, end, rtol=0, atol=1e-5)


def test_a_run_does_not_depend_on_when_it_is_observed():
    task = Task()
    rates = {"alpha": 0.5, "eps": 0.5, "eta0": 0.3}
    one = moment_dynamics(task.weights, *task.data, **rates, steps=np.array([20]))
    many = moment_dynamics(task.weights, *task.data, **rates, steps=np.array([0, 3, 11, 20]))
    # the loop is compiled once for each: the same operations in the same order
    np.testing.assert_allclose(table(many)[:, -1], table(one)[:, -1], rtol=1e-13)
    np.testing.assert_allclose(many.final.m, one.final.m, rtol=1e-13)


def test_before_the_first_step_nothing_is_known():
    task = Task()
    for form in FORMS:
        run = moment_dynamics(task.weights, *task.data, alpha=2.0, eps=0.5, eta0=0.3, steps=np.array([0]), form=form)
        np.testing.assert_allclose(run.train, np.mean(task.y**2), rtol=1e-14)
        np.testing.assert_allclose([part[0] for part in run.test], [0.25, 0.5, 0], rtol=0, atol=1e-14)
        np.testing.assert_array_equal(run.cosine, 0)
        for one, other in zip(run.final, second_moments(task.weights), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14, atol=1e-15)


def test_one_neuron_is_lost_in_the_forms_of_the_moments():
    rates = {"alpha": 0.25, "eps": 0.5, "eta0": 0.2, "steps": np.array([0, 3000]), "centred": False}
    fates = []
    for seed in range(8):
        task = Task(samples=40, dim=6, width=1, seed=seed)
        own = moment_dynamics(task.weights, *task.data, **rates)  # by its neuron
        path = task.weights
        for _ in range(75):
            path = path_of(path, task.x, task.y, 0.25, 0.5, 0.2, 0.0)[-1]
        expected = np.mean((says(path, task.x, 0.25, 0.5) - task.y) ** 2)
        # one neuron does not have the target's even shape: it stays where its loss is stationary
        assert expected > 0.05
        np.testing.assert_allclose(own.train[-1], expected, rtol=1e-9)
        for form in ("increments", "moments"):
            end = moment_dynamics(task.weights, *task.data, **rates, form=form)
            # rounding has become neurons that are not there
            assert not abs(end.train[-1] - expected) < 0.1 * expected
            fates.append(bool(np.isfinite(end.train[-1])))
    # five directions in which M has none but rounding, each of either sign, sixteen times
    assert not all(fates)


def test_many_neurons_are_safe_in_every_form():
    task = Task(samples=40, dim=6, width=12)
    rates = {"alpha": 0.25, "eps": 0.5, "eta0": 0.2, "steps": np.array([0, 10, 3000]), "centred": False}
    tables = [table(moment_dynamics(task.weights, *task.data, **rates, form=form)) for form in FORMS]
    for other in tables[1:]:
        # rounding does not grow: an order of magnitude beside that of forty steps
        np.testing.assert_allclose(other, tables[0], rtol=0, atol=1e-10)


def test_in_single_precision_increments_know_what_moments_forget():
    task = Task(samples=30, dim=6, width=12)
    single = [value.astype(np.float32) for value in (task.weights, *task.data)]
    rates = {"alpha": 1e6, "eps": 0.5, "eta0": 1.0, "steps": np.array([0, 30, 300])}
    exact = moment_dynamics(task.weights, *task.data, **rates)
    assert exact.train[-1] < 0.5 * exact.train[0]
    for form in ("increments", "neurons"):
        found = moment_dynamics(*single, **rates, form=form)
        # three hundred steps, the roundings of which are forgotten as losses fall
        np.testing.assert_allclose(found.train, exact.train, rtol=1e-4)
        np.testing.assert_allclose(found.test.total, exact.test.total, rtol=1e-4)
    # 1e-7 of moments of order 1, times alpha: a tenth of the output and more
    lost = moment_dynamics(*single, **rates, form="moments")
    assert abs(float(lost.train[-1]) / float(exact.train[-1]) - 1) > 0.1


def test_float32_stays_float32():
    task = Task()
    single = [value.astype(np.float32) for value in (task.weights, *task.data)]
    for form in FORMS:
        for centred in (True, False):
            run = moment_dynamics(
                *single, alpha=2.0, eps=0.5, eta0=0.3, steps=np.array([0, 5]), form=form, centred=centred
            )
            assert {leaf.dtype for leaf in jax.tree.leaves(run)[1:]} == {np.dtype(np.float32)}
    start = infinite_width(4, np.float32)
    found = moment_step(start, single[1], single[2], alpha=2.0, eps=0.5, eta0=0.3)
    assert {part.dtype for part in found} == {np.dtype(np.float32)}


def test_a_run_may_be_mapped_over_all_that_changes():
    rates = {"alpha": 1.5, "eps": 0.4, "eta0": 0.3}
    steps = np.array([0, 10])
    tasks = [Task(seed=seed) for seed in range(2)]
    weights, x, y, beta = (jnp.stack([getattr(task, name) for task in tasks]) for name in ("weights", "x", "y", "beta"))
    values = jnp.array([0.2, 0.3])

    def one(weights, x, y, beta, rates):
        return moment_dynamics(weights, x, y, beta, **rates, steps=steps)._replace(steps=None)

    for name in rates:
        mapped = jax.vmap(lambda value, name=name: one(weights[0], x[0], y[0], beta[0], rates | {name: value}))(values)
        for k in range(2):
            alone = one(weights[0], x[0], y[0], beta[0], rates | {name: values[k]})
            np.testing.assert_allclose(mapped.train[k], alone.train, rtol=1e-12)  # the same sums in another order
            np.testing.assert_allclose(mapped.test.total[k], alone.test.total, rtol=1e-12)
    mapped = jax.vmap(lambda *given: one(*given, rates))(weights, x, y, beta)
    many = Moments(*jax.vmap(lambda w: (jnp.mean(w, axis=0), w.T @ w / len(w)))(weights))
    by_moments = jax.vmap(lambda *given: one(*given, rates))(many, x, y, beta)
    lazy = jax.vmap(lambda alpha: one(weights[0], x[0], y[0], beta[0], rates | {"alpha": alpha}))(
        jnp.array([1.5, jnp.inf])
    )
    for k in range(2):
        alone = one(weights[k], x[k], y[k], beta[k], rates)
        np.testing.assert_allclose(mapped.test.total[k], alone.test.total, rtol=1e-12)
        np.testing.assert_allclose(by_moments.test.total[k], alone.test.total, rtol=1e-12)
        alpha = (1.5, np.inf)[k]
        alone = one(weights[0], x[0], y[0], beta[0], rates | {"alpha": alpha})
        np.testing.assert_allclose(lazy.train[k], alone.train, rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_a_run_may_be_differentiated(form):
    task = Task()
    given = {"alpha": 1.5, "eps": 0.4, "eta0": 0.3}

    def end(rates):
        run = moment_dynamics(task.weights, *task.data, **rates, steps=np.array([0, 10]), form=form)
        return jnp.concatenate([run.train, run.test.total, run.square_norm, run.cosine])

    slopes = jax.jacfwd(end)(given)
    for name, value in given.items():
        step = 1e-3 * value
        near, far = (end(given | {name: value + c * step}) - end(given | {name: value - c * step}) for c in (1, 2))
        # fourth order: 1e-12 times fifth derivatives of order 100, and roundings / step
        np.testing.assert_allclose(slopes[name], (8 * near - far) / (12 * step), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive, got 0"),
        ({"alpha": -1.0}, "alpha must be positive"),
        ({"alpha": np.nan}, "alpha must be positive"),
        ({"alpha": -np.inf}, "alpha must be positive"),
        ({"alpha": np.inf, "centred": False}, "alpha must be finite in the form 'moments' or where the output is not"),
        ({"alpha": np.inf, "form": "moments"}, "alpha must be finite in the form 'moments' or where the output is not"),
        ({"eta0": 0.0}, "eta0 must be positive"),
        ({"eta0": np.inf}, "eta0 must be positive"),
        ({"form": "weights"}, "form must be one of 'increments', 'neurons', 'moments', got 'weights'"),
        ({"form": "neurons", "start": infinite_width(2)}, "form must not be 'neurons' where start is moments alone"),
        ({"start": np.ones((3, 3))}, r"start must have shape \(any, 2\), got \(3, 3\)"),
        ({"x": np.ones(2)}, r"x must have shape \(any, any\), got \(2,\)"),
        ({"y": np.ones(3)}, r"y must have shape \(4,\), got \(3,\)"),
        ({"beta": np.ones(3)}, r"beta must have shape \(2,\), got \(3,\)"),
        ({"steps": np.array([2, 2])}, "steps must be strictly increasing and not empty"),
        ({"steps": np.array([-1, 2])}, "steps must be a whole number of at least 0, got -1"),
    ],
)
def test_refuses_what_it_cannot_answer(wrong, message):
    good = {"start": np.ones((3, 2)), "x": np.ones((4, 2)), "y": np.ones(4), "beta": np.ones(2)}
    good |= {"alpha": 1.0, "eps": 0.5, "eta0": 0.1, "steps": np.array([0, 1])}
    with pytest.raises(ValueError, match=message):
        moment_dynamics.__wrapped__(**(good | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"alpha": 0.0}, "alpha must be positive"),
        ({"alpha": np.inf}, "alpha must be positive"),
        ({"eta0": -1.0}, "eta0 must be positive"),
        ({"x": np.ones(2)}, r"x must have shape \(any, any\)"),
        ({"targets": np.ones(3)}, r"targets must have shape \(4,\), got \(3,\)"),
    ],
)
def test_a_step_refuses_what_it_cannot_answer(wrong, message):
    good = {"now": infinite_width(2), "x": np.ones((4, 2)), "targets": np.ones(4)}
    good |= {"alpha": 1.0, "eps": 0.5, "eta0": 0.1}
    with pytest.raises(ValueError, match=message):
        moment_step.__wrapped__(**(good | wrong))
