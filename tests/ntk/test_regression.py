"""Training with a fixed kernel: matrix exponentials, integrators, plain loops, and networks that really are trained."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from solvable.ntk.theory import (
    critical_learning_rate,
    early_stopping_risk,
    kernel_gradient_descent,
    kernel_gradient_flow,
    kernel_principal_components,
)
from solvable.tangent_kernel import empirical_ntk, linearize


class Problem:
    """A kernel between training and test inputs, targets and initial outputs, none of them special."""

    def __init__(self, n=5, m=3, outputs=2, seed=0):
        rng = np.random.default_rng(seed)
        root = rng.normal(size=(n + m, n + m))
        kernel = root @ root.T + 0.3 * np.eye(n + m)
        self.n, self.tt, self.st = n, kernel[:n, :n], kernel[n:, :n]
        shape = () if outputs is None else (outputs,)
        self.y, self.f0_t, self.f0_s = (rng.normal(size=(size, *shape)) for size in (n, n, m))

    @property
    def starts(self):
        return {"f0_t": self.f0_t, "f0_s": self.f0_s, "ntk_st": self.st}


def kernel_of(values, seed=0):
    vectors = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))[0]
    return vectors * np.asarray(values) @ vectors.T


@pytest.mark.parametrize("outputs", [None, 1, 3])
def test_flow_is_the_matrix_exponential(outputs):
    p = Problem(outputs=outputs)
    times = np.array([[0.0, 0.1], [1.0, 4.0]])
    found = kernel_gradient_flow(p.tt, p.y, t=times, **p.starts)
    assert found.train.shape == (2, 2, *p.y.shape)
    for index in np.ndindex(times.shape):
        decay = expm(-times[index] * p.tt / p.n)
        # the eigenvalues lie between 0.01 and 10: rounding grows by their ratio at most
        np.testing.assert_allclose(found.train[index], p.y + decay @ (p.f0_t - p.y), rtol=0, atol=1e-12)
        moved = p.st @ np.linalg.solve(p.tt, (np.eye(p.n) - decay) @ (p.y - p.f0_t))
        np.testing.assert_allclose(found.test[index], p.f0_s + moved, rtol=0, atol=1e-12)


def test_flow_is_that_of_an_integrator():
    p = Problem(outputs=None)
    times = np.array([0.0, 0.5, 2.0, 10.0])

    def velocity(_, f):
        # gradient flow on (1 / 2N) sum |f - y|^2, in the outputs: the test inputs are dragged along
        error = f[: p.n] - p.y
        return -np.concatenate([p.tt @ error, p.st @ error]) / p.n

    start = np.concatenate([p.f0_t, p.f0_s])
    run = solve_ivp(velocity, (0, 10), start, method="DOP853", rtol=1e-12, atol=1e-13, t_eval=times)
    found = kernel_gradient_flow(p.tt, p.y, t=times, **p.starts)
    # a hundred times the integrator's tolerance
    np.testing.assert_allclose(np.concatenate([found.train, found.test], axis=1), run.y.T, rtol=0, atol=1e-10)


def test_flow_starts_at_the_start_and_ends_at_the_interpolation():
    p = Problem()
    found = kernel_gradient_flow(p.tt, p.y, t=np.array([0.0, np.inf]), **p.starts)
    # changes of basis, there and back
    np.testing.assert_allclose(found.train[0], p.f0_t, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(found.test[0], p.f0_s)
    np.testing.assert_allclose(found.train[1], p.y, rtol=0, atol=1e-14)
    expected = p.f0_s + p.st @ np.linalg.solve(p.tt, p.y - p.f0_t)
    np.testing.assert_allclose(found.test[1], expected, rtol=0, atol=1e-12)  # a condition number of some hundred


def test_a_long_time_is_as_good_as_an_infinite_one():
    p = Problem()
    late, never = (kernel_gradient_flow(p.tt, p.y, t=t, **p.starts) for t in (1e6, np.inf))
    # every eigenvalue over N is above 0.01, so that nothing is left at 1e6
    np.testing.assert_allclose(late.train, never.train, rtol=0, atol=1e-14)
    np.testing.assert_allclose(late.test, never.test, rtol=0, atol=1e-13)


@pytest.mark.parametrize("function", [kernel_gradient_flow, kernel_gradient_descent])
def test_starts_are_zero_by_default_and_tests_are_optional(function):
    p = Problem()
    when = {"t": 0.7} if function is kernel_gradient_flow else {"eta": 0.1, "steps": 7}
    bare = function(p.tt, p.y, **when)
    assert bare.test is None
    np.testing.assert_array_equal(bare.train, function(p.tt, p.y, f0_t=np.zeros_like(p.y), **when).train)
    beside = function(p.tt, p.y, ntk_st=p.st, **when).test
    np.testing.assert_array_equal(beside, function(p.tt, p.y, ntk_st=p.st, f0_s=np.zeros((3, 2)), **when).test)
    # one number, or one for each output, stands for all inputs
    row = function(p.tt, p.y, ntk_st=p.st, f0_t=np.array([1.0, 2.0]), f0_s=np.array([1.0, 2.0]), **when)
    starts = {"f0_t": np.tile([1.0, 2.0], (5, 1)), "f0_s": np.tile([1.0, 2.0], (3, 1))}
    for one, full in zip(row, function(p.tt, p.y, ntk_st=p.st, **starts, **when), strict=True):
        np.testing.assert_array_equal(one, full)


def test_a_singular_kernel_does_no_harm():
    x = np.random.default_rng(1).normal(size=(4, 2))
    x = np.concatenate([x, x[:2], np.zeros((1, 2))])  # two inputs twice, one of zeros
    kernel = x @ x.T  # of rank 2
    y = np.random.default_rng(2).normal(size=7)
    z = np.random.default_rng(3).normal(size=(3, 2))
    times = np.array([0.0, 1.0, 100.0, 1e12, np.inf])
    found = kernel_gradient_flow(kernel, y, t=times, ntk_st=z @ x.T)
    descended = kernel_gradient_descent(
        kernel, y, eta=0.5 / np.linalg.eigvalsh(kernel)[-1] * 7, steps=np.array([0, 5, 1000, np.inf]), ntk_st=z @ x.T
    )
    for values in (*found, *descended):
        assert np.isfinite(values).all()
    # at infinity: least squares, and the input of zeros has learned nothing. Two changes of basis
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    for end in (found, descended):
        np.testing.assert_allclose(end.train[-1], x @ weights, rtol=0, atol=1e-13)
        np.testing.assert_allclose(end.test[-1], z @ weights, rtol=0, atol=1e-13)
    # rounding gives the other directions eigenvalues of 1e-16, by which some 1e-4 of a target is learned until 1e12
    np.testing.assert_allclose(found.train[3], x @ weights, rtol=0, atol=1e-3)
    assert abs(found.train[-1][-1]) < 1e-15


TINY = (1.0, 1e-6, 1e-12, 1e-18, 0.0)


def test_tiny_eigenvalues_keep_their_digits_in_flow():
    # on a diagonal kernel nothing but the eigenvalues is at work
    y, st = np.array([1.0, -2.0, 0.5, 3.0, 1.5]), np.eye(5)  # a test input for each direction
    times = np.array([1e-3, 1.0, 1e5, 1e9, 1e14, 1e20])
    found = kernel_gradient_flow(np.diag(TINY), y, t=times, ntk_st=st)
    with mpmath.workdps(50):
        lams = [mpmath.mpf(value) / 5 for value in TINY]
        for t, train, test in zip(times, *found, strict=True):
            t = mpmath.mpf(t)
            expected = [float(target * (1 - mpmath.exp(-lam * t))) for lam, target in zip(lams, y, strict=True)]
            # rounding of y (exp - 1): relative to y
            np.testing.assert_allclose(train, expected, rtol=0, atol=1e-15)
            integrals = [(1 - mpmath.exp(-lam * t)) / lam if lam else t for lam in lams]
            moved = [float(target * i / 5) for target, i in zip(y, integrals, strict=True)]
            # one product each
            np.testing.assert_allclose(test, moved, rtol=1e-14)


def descent_in_many_digits(steps, eta, y):
    with mpmath.workdps(60):
        lams = [mpmath.mpf(value) / 5 for value in TINY]
        powers = [(1 - mpmath.mpf(eta) * lam) ** int(steps) for lam in lams]
        train = [float(target * (1 - power)) for target, power in zip(y, powers, strict=True)]
        integrals = [
            (1 - power) / lam if lam else mpmath.mpf(eta) * int(steps) for lam, power in zip(lams, powers, strict=True)
        ]
        return train, [float(target * i / 5) for target, i in zip(y, integrals, strict=True)]


def test_tiny_eigenvalues_keep_their_digits_in_descent():
    y, st = np.array([1.0, -2.0, 0.5, 3.0, 1.5]), np.eye(5)  # a test input for each direction
    for eta in (0.7, 6.0):  # eta lam = 0.14 and 1.2 for the largest
        found = kernel_gradient_descent(np.diag(TINY), y, eta=eta, steps=np.array([1, 10, 1000]), ntk_st=st)
        for steps, train, test in zip((1, 10, 1000), *found, strict=True):
            expected = descent_in_many_digits(steps, eta, y)
            # a rounding of 1 - eta lam, a thousand times, of which e^-1 at most is left
            np.testing.assert_allclose(train, expected[0], rtol=0, atol=1000 * 3e-16)
            np.testing.assert_allclose(test, expected[1], rtol=1e-13)


def test_tiny_eigenvalues_keep_their_digits_over_many_steps():
    y, st = np.array([1.0, -2.0, 0.5, 3.0, 1.5]), np.eye(5)  # a test input for each direction
    found = kernel_gradient_descent(np.diag(TINY), y, eta=0.7, steps=10**13, ntk_st=st)
    expected = descent_in_many_digits(10**13, 0.7, y)
    # as for flow, which holds to it
    np.testing.assert_allclose(found.test, expected[1], rtol=1e-13)
    np.testing.assert_allclose(found.train, expected[0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("outputs", [None, 2])
@pytest.mark.parametrize("rate", [0.1, 0.9, 1.0, 1.5, 1.99, 2.0, 2.2])
def test_descent_is_a_plain_loop_of_steps(rate, outputs):
    p = Problem(outputs=outputs)
    eta = rate * p.n / np.linalg.eigvalsh(p.tt)[-1]  # unstable above 2
    steps = np.arange(25)
    found = kernel_gradient_descent(p.tt, p.y, eta=eta, steps=steps, **p.starts)
    train, test = p.f0_t.copy(), p.f0_s.copy()
    for k in steps:
        # rounding, which unstable steps make grow like the error itself, 1.2^24 = 80
        np.testing.assert_allclose(found.train[k], train, rtol=0, atol=1e-11)
        np.testing.assert_allclose(found.test[k], test, rtol=0, atol=1e-11)
        error = train - p.y
        train, test = train - eta / p.n * p.tt @ error, test - eta / p.n * p.st @ error


def test_infinitely_many_steps_are_where_flow_ends():
    p = Problem()
    eta = 1.9 * p.n / np.linalg.eigvalsh(p.tt)[-1]
    descent = kernel_gradient_descent(p.tt, p.y, eta=eta, steps=np.array([3, np.inf]), **p.starts)
    flow = kernel_gradient_flow(p.tt, p.y, t=np.inf, **p.starts)
    np.testing.assert_allclose(descent.train[1], p.y, rtol=0, atol=1e-14)
    # both divide by the eigenvalues and do nothing else: changes of basis and a condition number of some hundred
    np.testing.assert_allclose(descent.test[1], flow.test, rtol=0, atol=1e-12)


def test_infinitely_many_steps_are_refused_where_they_diverge():
    p = Problem()
    largest = np.linalg.eigvalsh(p.tt)[-1] / p.n
    for eta in (2.001 / largest, 100.0):
        with pytest.raises(ValueError, match="steps must be finite where descent diverges, at eta of"):
            kernel_gradient_descent(p.tt, p.y, eta=eta, steps=np.array([1, np.inf]))
    kernel_gradient_descent(p.tt, p.y, eta=1.999 / largest, steps=np.inf)


def test_descent_becomes_flow_at_first_order_in_the_learning_rate():
    p = Problem()
    gaps = []
    for steps in (400, 800, 1600):
        descent = kernel_gradient_descent(p.tt, p.y, eta=2.0 / steps, steps=steps, **p.starts)
        flow = kernel_gradient_flow(p.tt, p.y, t=2.0, **p.starts)
        gaps.append([np.abs(a - b).max() for a, b in zip(descent, flow, strict=True)])
    ratios = np.array(gaps[:-1]) / np.array(gaps[1:])
    # halving the steps halves the gap, up to the next order: eta lam = 0.02 at the very most
    np.testing.assert_allclose(ratios, 2.0, rtol=0.02)
    assert np.min(gaps) > 1e-6  # and it is not rounding that is compared


def test_a_linearised_network_that_is_trained_does_what_its_kernel_says():
    rng = np.random.default_rng(4)
    params = {"w": jnp.asarray(rng.normal(size=(6, 2))), "v": jnp.asarray(rng.normal(size=(2, 6)))}
    x, z, y = (jnp.asarray(rng.normal(size=shape)) for shape in [(5, 2), (3, 2), (5, 2)])

    def network(params, x):
        return jnp.tanh(x @ params["w"].T) @ params["v"].T / jnp.sqrt(6.0)

    linear = linearize(network, params)
    # with several outputs the kernel between all of them, (inputs, outputs) flattened, takes the place of the kernel
    tt, st = (
        empirical_ntk(network, params, a, x, trace_outputs=False).transpose(0, 2, 1, 3).reshape(2 * len(a), 10)
        for a in (x, z)
    )
    eta, steps = 0.4, 40

    @jax.jit
    def step(p):
        # mean over inputs, sum over outputs: (1 / 2N) sum_i |f(x_i) - y_i|^2
        slopes = jax.grad(lambda p: jnp.sum((linear(p, x) - y) ** 2) / (2 * len(x)))(p)
        return jax.tree.map(lambda value, slope: value - eta * slope, p, slopes)

    trained = params
    for _ in range(steps):
        trained = step(trained)
    # the flattened problem has 10 rows, so that its mean loss is half of the network's: twice the learning rate
    found = kernel_gradient_descent(
        tt,
        y.ravel(),
        eta=2 * eta,
        steps=steps,
        f0_t=network(params, x).ravel(),
        f0_s=network(params, z).ravel(),
        ntk_st=st,
    )
    # forty steps of rounding; the demand
    np.testing.assert_allclose(found.train, linear(trained, x).ravel(), rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.test, linear(trained, z).ravel(), rtol=0, atol=1e-10)
    assert np.abs(linear(trained, x) - network(params, x)).max() > 0.1  # something was learned


def test_a_linearised_network_of_one_output_is_trained_on_the_mean_loss():
    rng = np.random.default_rng(5)
    params = tuple(jnp.asarray(rng.normal(size=shape)) for shape in [(8, 2), (8,)])
    x, y = jnp.asarray(rng.normal(size=(6, 2))), jnp.asarray(rng.normal(size=6))

    def network(params, x):
        return (jnp.tanh(x @ params[0].T) @ params[1] / jnp.sqrt(8.0))[:, None]

    linear = linearize(network, params)
    step = jax.jit(jax.grad(lambda p: jnp.mean((linear(p, x)[:, 0] - y) ** 2) / 2))
    trained = params
    for _ in range(30):
        trained = jax.tree.map(lambda value, slope: value - 0.5 * slope, trained, step(trained))
    kernel = empirical_ntk(network, params, x)
    found = kernel_gradient_descent(kernel, y, eta=0.5, steps=30, f0_t=network(params, x)[:, 0])
    # thirty steps of rounding; the demand
    np.testing.assert_allclose(found.train, linear(trained, x)[:, 0], rtol=0, atol=1e-10)


def test_principal_components_solve_the_eigenproblem_of_the_mean():
    p = Problem(n=7)
    values, functions = map(np.asarray, kernel_principal_components(p.tt))
    # rounding of an eigendecomposition, relative to the largest eigenvalue of about 5
    np.testing.assert_allclose(p.tt @ functions / 7, functions * values, rtol=0, atol=1e-13)
    np.testing.assert_allclose(functions.T @ functions / 7, np.eye(7), rtol=0, atol=1e-13)
    assert (np.diff(values) < 0).all()
    np.testing.assert_allclose(functions * values @ functions.T, p.tt, rtol=0, atol=1e-12)
    assert (functions[np.abs(functions).argmax(axis=0), range(7)] > 0).all()


def test_components_are_learned_one_by_one_at_their_own_rates():
    p = Problem(n=6, outputs=None)
    values, functions = kernel_principal_components(p.tt)
    for t in (0.3, 2.0):
        error = kernel_gradient_flow(p.tt, p.y, t=t, f0_t=p.f0_t).train - p.y
        expected = np.exp(-values * t) * (functions.T @ (p.f0_t - p.y)) / 6
        np.testing.assert_allclose(functions.T @ error / 6, expected, rtol=0, atol=1e-13)


def test_components_of_a_singular_kernel_have_no_negative_rates():
    x = np.random.default_rng(1).normal(size=(6, 2))
    values, functions = kernel_principal_components(x @ x.T)
    assert (values >= 0).all()
    np.testing.assert_allclose(values[:2], np.linalg.svd(x, compute_uv=False) ** 2 / 6, rtol=1e-13)
    np.testing.assert_allclose(functions.T @ functions / 6, np.eye(6), rtol=0, atol=1e-13)


def test_the_critical_learning_rate_is_where_steps_stop_to_shrink_and_start_to_grow():
    p = Problem(outputs=None)
    stable, fastest = map(float, critical_learning_rate(p.tt))

    def left(eta, steps=4000):
        error = p.f0_t - p.y
        for _ in range(steps):
            error = error - eta / p.n * p.tt @ error
        return np.linalg.norm(error)

    # 0.998 and 1.002 to the power 4000 are 3e-4 and 3e3, beside components of the size of the target, all others gone
    assert left(0.999 * stable) < 1e-2
    assert left(1.001 * stable) > 1e2
    # fastest: no other rate contracts as well in the worst direction
    lams = np.linalg.eigvalsh(p.tt) / p.n
    rates = np.linspace(0.01, 1, 2001) * stable
    worst = np.abs(1 - rates[:, None] * lams).max(axis=1)
    assert np.abs(1 - fastest * lams).max() <= worst.min() + 1e-15
    assert abs(rates[worst.argmin()] - fastest) <= rates[1] - rates[0]


def test_the_critical_learning_rate_of_a_singular_kernel_is_that_of_its_largest_eigenvalue():
    x = np.random.default_rng(1).normal(size=(6, 2))
    stable, fastest = critical_learning_rate(x @ x.T)
    expected = 2 * 6 / np.linalg.norm(x, 2) ** 2
    # rounding; the smallest eigenvalue of a kernel of rank 2 is 0
    np.testing.assert_allclose(stable, expected, rtol=1e-13)
    np.testing.assert_allclose(fastest, expected, rtol=1e-13)


def test_early_stopping_risk_is_that_of_noisy_targets():
    n, noise, draws = 6, 0.7, 20_000
    kernel = kernel_of([12.0, 6.0, 3.0, 1.0, 0.3, 0.02], seed=3)
    rng = np.random.default_rng(6)
    clean = rng.normal(size=n)
    lams, functions = kernel_principal_components(kernel)
    times = np.array([0.0, 0.3, 2.0, 20.0, np.inf])
    risk = early_stopping_risk(lams, functions.T @ clean / n, noise=noise, t=times)
    noisy = clean[:, None] + noise * rng.normal(size=(n, draws))
    for t, predicted in zip(times, risk, strict=True):
        # every draw is an output of its own
        distance = np.mean((kernel_gradient_flow(kernel, noisy, t=t).train - clean[:, None]) ** 2, axis=0)
        error = np.std(distance) / np.sqrt(draws)
        # four standard errors; at t = 0 nothing is random
        assert abs(np.mean(distance) - predicted) < 4 * error + 1e-13


def test_early_stopping_risk_has_its_limits():
    lams, coefficients = np.array([2.0, 0.5, 0.0]), np.array([1.0, -2.0, 0.5])
    start, end = early_stopping_risk(lams, coefficients, noise=0.3, t=np.array([0.0, np.inf]))
    np.testing.assert_allclose(start, np.sum(coefficients**2), rtol=1e-15)
    # two of three directions are learned, with all their noise; the third never is
    np.testing.assert_allclose(end, 0.25 + 0.09 * 2 / 3, rtol=1e-15)
    without = early_stopping_risk(lams, coefficients, noise=0.0, t=np.array([1.0]))
    np.testing.assert_allclose(without, [np.exp(-4.0) + 4 * np.exp(-1.0) + 0.25], rtol=1e-15)
    assert early_stopping_risk(lams, coefficients, noise=0.3, t=np.ones((2, 4))).shape == (2, 4)


def differences(function, x, direction, step=1e-4):
    near, far = (np.asarray(function(x + c * step * direction) - function(x - c * step * direction)) for c in (1, 2))
    return (8 * near - far) / (12 * step)


FUNCTIONS = {
    "flow": lambda p, tt, y, t: kernel_gradient_flow(tt, y, t=t, f0_t=p.f0_t, ntk_st=p.st),
    "descent": lambda p, tt, y, eta: kernel_gradient_descent(tt, y, eta=eta, steps=7, f0_t=p.f0_t, ntk_st=p.st),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_predictions_may_be_compiled_and_differentiated(name):
    p = Problem(outputs=None)
    rng = np.random.default_rng(7)
    tilt = rng.normal(size=p.tt.shape)
    arguments = (p.tt, p.y, np.asarray(0.3))
    directions = (tilt + tilt.T, rng.normal(size=p.y.shape), np.asarray(1.0))
    compiled = jax.jit(lambda *given: jnp.concatenate(FUNCTIONS[name](p, *given)))
    # another order of the same operations
    np.testing.assert_allclose(compiled(*arguments), jnp.concatenate(FUNCTIONS[name](p, *arguments)), rtol=1e-12)
    for index in range(3):

        def along(value, index=index):
            return compiled(*arguments[:index], value, *arguments[index + 1 :])

        _, slope = jax.jvp(along, (jnp.asarray(arguments[index]),), (jnp.asarray(directions[index]),))
        # fourth order: 1e-16 times fifth derivatives of order 1e4, and roundings / step = 1e-11
        expected = differences(along, arguments[index], directions[index])
        np.testing.assert_allclose(slope, expected, rtol=0, atol=1e-9)


def test_risk_may_be_minimised_over_time():
    lams, coefficients = np.array([2.0, 0.5, 0.01]), np.array([1.0, -2.0, 0.1])
    risk = jax.jit(lambda t: early_stopping_risk(lams, coefficients, noise=1.0, t=t))
    slope = jax.jit(jax.grad(risk))(1.5)
    # as above
    np.testing.assert_allclose(slope, differences(risk, 1.5, 1.0), rtol=0, atol=1e-10)
    assert np.isfinite(jax.grad(risk)(jnp.inf))


@pytest.mark.parametrize("when", [0.7, np.inf])
def test_derivatives_are_finite_for_singular_kernels(when):
    y = np.array([1.0, 2.0, -1.0])
    kernel = np.diag([3.0, 1.0, 0.0])
    for function in (
        lambda y: kernel_gradient_flow(kernel, y, t=when, ntk_st=kernel).test,
        lambda y: kernel_gradient_descent(kernel, y, eta=0.5, steps=1 if when < 1 else when, ntk_st=kernel).test,
    ):
        assert np.isfinite(jax.jacrev(function)(y)).all()


def test_times_and_steps_may_be_mapped():
    p = Problem()
    times = jnp.array([0.0, 0.5, 3.0])
    mapped = jax.vmap(lambda t: kernel_gradient_flow(p.tt, p.y, t=t, **p.starts))(times)
    for one, all_at_once in zip(mapped, kernel_gradient_flow(p.tt, p.y, t=times, **p.starts), strict=True):
        np.testing.assert_allclose(one, all_at_once, rtol=0, atol=1e-13)


def test_steps_may_be_mapped():
    p = Problem()
    steps = jnp.array([0.0, 2.0, 3.0])
    mapped = jax.vmap(lambda k: kernel_gradient_descent(p.tt, p.y, eta=0.1, steps=k, **p.starts))(steps)
    expected = kernel_gradient_descent(p.tt, p.y, eta=0.1, steps=steps, **p.starts)
    for one, all_at_once in zip(mapped, expected, strict=True):
        np.testing.assert_allclose(one, all_at_once, rtol=0, atol=1e-13)


def test_float32_stays_float32():
    p = Problem()
    single = {name: value.astype(np.float32) for name, value in p.starts.items()}
    tt, y = p.tt.astype(np.float32), p.y.astype(np.float32)
    for found, exact in [
        (kernel_gradient_flow(tt, y, t=0.7, **single), kernel_gradient_flow(p.tt, p.y, t=0.7, **p.starts)),
        (
            kernel_gradient_descent(tt, y, eta=0.1, steps=9, **single),
            kernel_gradient_descent(p.tt, p.y, eta=0.1, steps=9, **p.starts),
        ),
    ]:
        for one, other in zip(found, exact, strict=True):
            assert one.dtype == jnp.float32
            # a hundred roundings of float32, of numbers of order 1
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    assert {part.dtype for part in (*kernel_principal_components(tt), *critical_learning_rate(tt))} == {
        np.dtype(np.float32)
    }
    assert early_stopping_risk(y[:, 0] ** 2, y[:, 0], noise=0.1, t=1.0).dtype == jnp.float32


def test_whole_targets_are_welcome():
    kernel = np.eye(3)
    whole = kernel_gradient_flow(kernel, np.array([1, 0, 2]), t=1)
    np.testing.assert_array_equal(whole.train, kernel_gradient_flow(kernel, np.array([1.0, 0.0, 2.0]), t=1.0).train)


BAD = {
    "not square": ({"ntk_tt": np.ones((2, 3))}, r"ntk_tt must have shape \(2, 2\), got \(2, 3\)"),
    "one axis": ({"ntk_tt": np.ones(2)}, r"ntk_tt must have shape \(any, any\), got \(2,\)"),
    "not a number": ({"ntk_tt": np.full((2, 2), np.nan)}, "ntk_tt must be finite"),
    "targets": ({"y": np.ones(3)}, r"y must have shape \(2,\) or \(2, outputs\), got \(3,\)"),
    "axes of targets": ({"y": np.ones((2, 1, 1))}, r"y must have shape \(2,\) or \(2, outputs\)"),
    "infinite target": ({"y": np.array([1.0, np.inf])}, "y must be finite"),
    "test kernel": ({"ntk_st": np.ones((4, 3))}, r"ntk_st must have shape \(any, 2\), got \(4, 3\)"),
    "test kernel of nan": ({"ntk_st": np.full((4, 2), np.nan)}, "ntk_st must be finite"),
    "start": ({"f0_t": np.ones(3)}, r"f0_t must broadcast to the shape of y, \(2,\), got \(3,\)"),
    "infinite start": ({"f0_t": np.inf}, "f0_t must be finite"),
    "test start": ({"f0_s": np.ones(3)}, r"f0_s must broadcast to \(4,\), got \(3,\)"),
    "test start of nan": ({"f0_s": np.nan}, "f0_s must be finite"),
}
WHEN = {
    kernel_gradient_flow: {
        "negative time": ({"t": -1.0}, "t must be non-negative"),
        "no time": ({"t": np.nan}, "t must be non-negative"),
    },
    kernel_gradient_descent: {
        "negative steps": ({"steps": -1}, "steps must be non-negative"),
        "half a step": ({"steps": np.array([1.0, 1.5])}, "steps must be a whole number of at least 0"),
        "no rate": ({"eta": 0.0}, "eta must be positive"),
        "infinite rate": ({"eta": np.inf}, "eta must be positive"),
        "two rates": ({"eta": np.ones(2)}, r"eta must have shape \(\), got \(2,\)"),
    },
}


@pytest.mark.parametrize("function", WHEN)
def test_refuses_what_it_cannot_answer(function):
    good = {"ntk_tt": np.eye(2), "y": np.ones(2), "ntk_st": np.ones((4, 2))}
    good |= {"t": 1.0} if function is kernel_gradient_flow else {"eta": 0.1, "steps": 3}
    for wrong, message in [*BAD.values(), *WHEN[function].values()]:
        # outside this suite nothing checks types: the function itself has to refuse
        with pytest.raises(ValueError, match=message):
            function.__wrapped__(**(good | wrong))


@pytest.mark.parametrize("function", [kernel_principal_components, critical_learning_rate])
def test_a_spectrum_needs_a_kernel(function):
    with pytest.raises(ValueError, match=r"ntk_tt must have shape \(2, 2\), got \(2, 3\)"):
        function.__wrapped__(np.ones((2, 3)))
    with pytest.raises(ValueError, match="ntk_tt must be finite"):
        function(np.full((2, 2), np.inf))


def test_a_risk_needs_rates_and_coefficients():
    good = {"eigenvalues": np.ones(2), "coefficients": np.ones(2), "noise": 0.1, "t": 1.0}
    for wrong, message in [
        ({"eigenvalues": -np.ones(2)}, "eigenvalues must be non-negative"),
        ({"coefficients": np.ones(3)}, r"coefficients must have shape \(2"),
        ({"coefficients": np.full(2, np.nan)}, "coefficients must be finite"),
        ({"noise": -0.1}, "noise must be non-negative"),
        ({"t": -1.0}, "t must be non-negative"),
    ]:
        with pytest.raises(ValueError, match=message):
            early_stopping_risk.__wrapped__(**(good | wrong))
