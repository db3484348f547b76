"""The chapter's reference answers, held against methods that share nothing with them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import minimize_scalar

from solvable import exercises
from solvable.deep_linear.exercises import EXERCISES


def answer(name):
    return EXERCISES[name].reference


@pytest.mark.parametrize(("s", "u0", "tau"), EXERCISES["half_time"].trials)
def test_half_time_is_when_the_integrated_mode_is_half_learned(s, u0, tau):
    half = solve_ivp(
        lambda _, u: 2 * u * (s - u) / tau,
        (0, answer("half_time")(s, u0, tau)),
        [u0],
        method="DOP853",
        rtol=1e-12,
        atol=1e-15,
    )
    assert half.y[0, -1] == pytest.approx(s / 2, rel=1e-9)  # the integrator's own error


@pytest.mark.parametrize(("learning_rate", "examples", "outputs"), EXERCISES["time_constant"].trials)
def test_time_constant_turns_one_step_on_the_mean_loss_into_one_unit_of_time(learning_rate, examples, outputs):
    # one number per example and output is enough: the gradient of the mean loss against that of E
    target = jnp.arange(1.0, 1.0 + examples * outputs).reshape(outputs, examples)
    step = -learning_rate * jax.grad(lambda w: jnp.mean((target - w) ** 2))(jnp.zeros_like(target))
    flow = -jax.grad(lambda w: 0.5 * jnp.sum((target - w) ** 2))(jnp.zeros_like(target))
    np.testing.assert_allclose(step, flow / answer("time_constant")(learning_rate, examples, outputs), rtol=1e-12)


def test_illusion_time_is_the_top_of_two_integrated_modes():
    modes = solve_ivp(
        lambda _, u: 2 * u * (np.sqrt([7.0, 3.0]) - u),
        (0, 4),
        [1e-3, 1e-3],
        method="DOP853",
        rtol=1e-12,
        atol=1e-15,
        dense_output=True,
    )
    belief = minimize_scalar(
        lambda t: -(modes.sol(t) @ [0.5 / np.sqrt(7), -0.5 / np.sqrt(3)]), bounds=(1, 3), method="bounded"
    )
    assert answer("illusion_time") == pytest.approx(belief.x, rel=1e-4)  # dense output is good to about 1e-8


@pytest.mark.parametrize(("s", "depth"), EXERCISES["stable_learning_rate"].trials)
def test_stable_learning_rate_is_two_over_the_largest_curvature(s, depth):
    layers = jnp.full(depth, s ** (1 / depth))
    curvature = float(jnp.linalg.eigvalsh(jax.hessian(lambda a: 0.5 * (s - jnp.prod(a)) ** 2)(layers))[-1])
    assert answer("stable_learning_rate")(s, depth) == pytest.approx(2 / curvature, rel=1e-10)


@pytest.mark.parametrize("u0", [trial[0] for trial in EXERCISES["infinite_depth_steps"].trials])
def test_infinite_depth_steps_are_an_integral(u0):
    # in v = ln u the integrand is smooth over the whole range
    steps, _ = quad(
        lambda v: np.exp(-v) / (1 - np.exp(v)), np.log(u0), np.log(1 - u0), epsabs=0, epsrel=1e-12, limit=200
    )
    assert answer("infinite_depth_steps")(u0) == pytest.approx(steps, rel=1e-9)


def test_lazy_imbalance_leaves_the_exponential_by_one_per_cent():
    c = answer("lazy_imbalance")
    b0 = np.sqrt((c + np.sqrt(c**2 + 4e-4)) / 2)
    times = np.linspace(0, 4, 4001)
    layers = solve_ivp(
        lambda _, w: w[::-1] * (1 - w[0] * w[1]),
        (0, 4),
        [0.01 / b0, b0],
        t_eval=times,
        method="DOP853",
        rtol=1e-11,
        atol=1e-15,
    )
    distance = np.abs(layers.y.prod(axis=0) - (1 - 0.99 * np.exp(-c * times))).max()
    assert distance == pytest.approx(0.01, rel=1e-5)  # the maximum is flat: the time grid costs 1e-6


@pytest.mark.parametrize(("s", "lam"), EXERCISES["balanced_layers"].trials)
def test_balanced_layers_solve_both_conditions(s, lam):
    s1, s2 = answer("balanced_layers")(s, lam)
    assert s1 * s2 == pytest.approx(s)
    assert s2**2 - s1**2 == pytest.approx(lam, abs=1e-12)


@pytest.mark.parametrize(("levels", "branching"), EXERCISES["stages"].trials)
def test_stages_are_the_multiplicities_of_a_tree_shaped_matrix(levels, branching):
    # any covariance that depends only on the level of the last common ancestor has the tree's eigenspaces
    leaves = np.arange(branching**levels)
    shared = sum((leaves[:, None] // branching**k == leaves // branching**k) for k in range(levels + 1))
    _, counts = np.unique(np.linalg.eigvalsh(1.0 * shared).round(8), return_counts=True)
    assert counts[::-1].tolist() == answer("stages")(levels, branching).tolist()


@pytest.mark.parametrize("name", EXERCISES)
def test_an_answer_that_is_off_by_a_factor_is_not_accepted(name, capsys):
    exercise = EXERCISES[name]
    reference = exercise.reference
    wrong = (lambda *arguments: 1.1 * reference(*arguments)) if exercise.trials else 1.1 * reference
    exercises.check(f"deep_linear.{name}", reference)
    exercises.check(f"deep_linear.{name}", wrong)
    right, refused = capsys.readouterr().out.splitlines()
    assert right == f"exercise deep_linear.{name}: right."
    assert refused.startswith(f"exercise deep_linear.{name}: not yet: ")
    assert refused.endswith(f"Hint: {exercise.hint}")
