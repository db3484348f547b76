"""Training with the kernel of the start: chapter 2's formulas, integrators, quadrature, regression on drawn data."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from solvable.lazy_rich.theory import (
    Moments,
    infinite_width,
    kernel_modes,
    kernel_regression_learning_curve,
    lazy_descent,
    lazy_flow,
    moment_dynamics,
)
from solvable.ntk.theory import kernel_gradient_descent, kernel_gradient_flow
from tests.lazy_rich.gaussian import Task, grid, second_moments, target


def kernel(x, z, start, eps):
    wbar, m = start
    return x @ z.T * (1 + eps * ((x @ wbar)[:, None] + z @ wbar) + eps**2 * x @ m @ z.T)


def starts(dim):
    return {
        "infinitely many": (np.zeros(dim), np.eye(dim)),
        "many": second_moments(Task(dim=dim, width=9).weights),
        "few": second_moments(Task(dim=dim, width=1).weights),
    }


def losses(prediction, task, x, weight):
    """Training loss, and the loss on fresh inputs in three parts, from predictions at the points of a quadrature.

    The second half of the points are the first with their signs changed.
    """
    error = np.asarray(prediction.test) - (x @ task.beta) ** 2 / 2
    plus, minus = np.split(error, 2, axis=-1)
    even, odd = (plus + minus) / 2, (plus - minus) / 2
    half = 2 * weight[: len(weight) // 2]
    mean = even @ half
    train = np.mean((np.asarray(prediction.train) - task.y) ** 2, axis=-1)
    return np.array([train, mean**2, even**2 @ half - mean**2, odd**2 @ half])


def both_signs(dim):
    x, weight = grid(dim)
    return np.concatenate([x, -x]), np.concatenate([weight, weight]) / 2


# fewer examples than modes; more, for which the kernel is singular (five modes in two dimensions)
DATA = [(4, 3), (9, 2), (1, 1)]


@pytest.mark.parametrize("neurons", ["infinitely many", "many", "few"])
@pytest.mark.parametrize(("samples", "dim"), DATA)
def test_flow_is_that_of_the_fixed_kernel(samples, dim, neurons):
    task, start, eps = Task(samples=samples, dim=dim), starts(dim)[neurons], 0.8
    x, weight = both_signs(dim)
    times = np.array([0.0, 0.3, 2.0, 40.0, np.inf])
    tt, st_ = kernel(task.x, task.x, start, eps), kernel(x, task.x, start, eps)
    # chapter 2 trains on half the mean squared error
    prediction = kernel_gradient_flow(tt, task.y, t=2 * times, ntk_st=st_)
    given = None if neurons == "infinitely many" else Moments(*start)
    found = lazy_flow(*task.data, eps=eps, times=times, start=given)
    # rounding times the condition number of what is learned, some thousands at most
    np.testing.assert_allclose([found.train, *found.test], losses(prediction, task, x, weight), rtol=0, atol=1e-11)


def test_flow_is_that_of_an_integrator():
    task, eps = Task(samples=6, dim=3), 1.2
    start = second_moments(task.weights)
    x, weight = both_signs(3)
    tt, st_ = kernel(task.x, task.x, start, eps), kernel(x, task.x, start, eps)

    def velocity(_, f):
        # gradient flow of (1/P) sum (f - y)^2 in the outputs: the other inputs are dragged along
        error = 2 / 6 * (f[:6] - task.y)
        return -np.concatenate([tt @ error, st_ @ error])

    times = np.array([0.5, 3.0, 20.0])
    run = solve_ivp(velocity, (0, 20), np.zeros(6 + len(x)), method="DOP853", rtol=1e-12, atol=1e-13, t_eval=times)
    error = run.y[6:].T - (x @ task.beta) ** 2 / 2
    found = lazy_flow(*task.data, eps=eps, times=times, start=Moments(*start))
    # a hundred times the integrator's tolerance
    np.testing.assert_allclose(found.train, np.mean((run.y[:6].T - task.y) ** 2, axis=1), rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.test.total, error**2 @ weight, rtol=0, atol=1e-10)


@pytest.mark.parametrize("neurons", ["infinitely many", "many", "few"])
@pytest.mark.parametrize("rate", [0.3, 1.5, 2.0, 2.1])
@pytest.mark.parametrize(("samples", "dim"), DATA)
def test_descent_is_that_of_the_fixed_kernel(samples, dim, rate, neurons):
    task, start, eps = Task(samples=samples, dim=dim), starts(dim)[neurons], 0.8
    x, weight = both_signs(dim)
    tt, st_ = kernel(task.x, task.x, start, eps), kernel(x, task.x, start, eps)
    eta0 = rate / 2 * samples / np.linalg.eigvalsh(tt)[-1]  # unstable above 2
    steps = np.array([0, 1, 2, 13, 40])
    prediction = kernel_gradient_descent(tt, task.y, eta=2 * eta0, steps=steps, ntk_st=st_)
    found = lazy_descent(*task.data, eps=eps, eta0=eta0, steps=steps, start=Moments(*start))
    # rounding times the condition number; unstable steps make it grow as they do the loss, 1.1^80 = 2000
    expected = losses(prediction, task, x, weight)
    np.testing.assert_allclose([found.train, *found.test], expected, rtol=0, atol=1e-11 * max(1, expected.max()))


@pytest.mark.parametrize("width", [None, 2, 9])
def test_descent_is_that_of_the_dynamics_at_infinite_alpha(width):
    task = Task(samples=12, dim=4, width=width or 1)
    steps = np.array([0, 1, 5, 60])
    start = infinite_width(4) if width is None else Moments(*second_moments(task.weights))
    run = moment_dynamics(
        start if width is None else task.weights, *task.data, alpha=np.inf, eps=0.7, eta0=0.6, steps=steps
    )
    found = lazy_descent(*task.data, eps=0.7, eta0=0.6, steps=steps, start=None if width is None else start)
    # sixty steps
    np.testing.assert_allclose(found.train, run.train, rtol=0, atol=1e-12)
    for one, other in zip(found.test, run.test, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


def test_a_factor_of_zero_or_below_is_a_factor_like_others():
    # one input of length one and no bend: the kernel is 1, and a step multiplies by 1 - 2 eta0
    task = np.array([[1.0]]), np.array([1.0]), np.array([2.0])
    steps = np.arange(6)
    for eta0 in (0.25, 0.5, 0.75, 1.0, 1.25):
        found = lazy_descent(*task, eps=0.0, eta0=eta0, steps=steps)
        left = (1 - 2 * eta0) ** steps
        np.testing.assert_allclose(found.train, left**2, rtol=1e-13)  # the square of a difference from 1
        # a linear output of 1 - left, of which the target has nothing
        np.testing.assert_allclose(found.test.linear_power, (1 - left) ** 2, rtol=1e-13)


def test_descent_becomes_flow_at_first_order_in_the_learning_rate():
    task = Task(samples=6, dim=3)
    flow = lazy_flow(*task.data, eps=0.7, times=np.array([4.0]))
    gaps = []
    for steps in (400, 800):
        descent = lazy_descent(*task.data, eps=0.7, eta0=4.0 / steps, steps=np.array([steps]))
        gaps.append([abs(descent.train - flow.train)[0], abs(descent.test.total - flow.test.total)[0]])
    assert np.min(gaps) > 1e-9  # not rounding
    # halving the steps halves the gap, up to the next order: a hundredth of a rate of order 1
    np.testing.assert_allclose(np.divide(*gaps), 2, rtol=0.02)


@pytest.mark.parametrize("y", [np.array([1.0, 1.0]), np.array([0.0, 1.0])])
def test_tiny_eigenvalues_keep_their_digits(y):
    # inputs along axes, of very different lengths, and no bend: the kernel is diagonal, and nothing else is at work
    lengths, steps = np.array([1.0, 1e-6]), np.array([10, 10**13])
    task = np.diag(lengths), y, np.ones(2)
    descent = lazy_descent(*task, eps=0.0, eta0=0.3, steps=steps)
    flow = lazy_flow(*task, eps=0.0, times=0.3 * steps)
    with mpmath.workdps(50):
        lams = [mpmath.mpf(one) ** 2 for one in lengths]
        # P = 2: a step multiplies by 1 - eta0 lam, a time by exp(-time lam)
        by_steps = [[(1 - mpmath.mpf(0.3) * lam) ** int(n) for lam in lams] for n in steps]
        by_times = [[mpmath.exp(-mpmath.mpf(time) * lam) for lam in lams] for time in 0.3 * steps]
        for found, left in ((descent, by_steps), (flow, by_times)):
            train = [float(sum((v * one) ** 2 for v, one in zip(row, y, strict=True)) / 2) for row in left]
            weights = [
                [(1 - v) * one / mpmath.sqrt(lam) for v, one, lam in zip(row, y, lams, strict=True)] for row in left
            ]
            power = [float(sum(w**2 for w in row) / 2) for row in weights]
            # a rounding of the exponent, which is 3 at most for what is left
            np.testing.assert_allclose(found.train, train, rtol=1e-13)
            np.testing.assert_allclose(found.test.linear_power, power, rtol=1e-13)


def test_nothing_is_learned_at_time_zero_and_all_at_infinity():
    task = Task(samples=6, dim=3)
    found = lazy_flow(*task.data, eps=0.7, times=np.array([0.0, np.inf]))
    np.testing.assert_allclose(found.train, [np.mean(task.y**2), 0], rtol=1e-14, atol=1e-26)  # squared roundings
    np.testing.assert_allclose([part[0] for part in found.test], [0.25, 0.5, 0], rtol=1e-14)
    # kernel regression, in the polynomial of the kernel
    c = np.linalg.solve(kernel(task.x, task.x, starts(3)["infinitely many"], 0.7), task.y)
    x, weight = grid(3)
    error = kernel(x, task.x, starts(3)["infinitely many"], 0.7) @ c - (x @ task.beta) ** 2 / 2
    np.testing.assert_allclose(found.test.total[1], weight @ error**2, rtol=1e-10)  # a condition number of thousands


def test_a_kernel_of_low_rank_learns_what_it_can():
    # twenty examples of five modes: the linear and the quadratic functions of two numbers, which hold the target
    task = Task(samples=20, dim=2)
    found = lazy_flow(*task.data, eps=0.5, times=np.array([1e4, np.inf]))
    np.testing.assert_allclose(found.train, 0, atol=1e-20)
    np.testing.assert_allclose(found.test.total, 0, atol=1e-20)
    descent = lazy_descent(*task.data, eps=0.5, eta0=0.5, steps=np.array([100_000]))
    np.testing.assert_allclose([descent.train[0], descent.test.total[0]], 0, atol=1e-20)
    # targets that no function of them meets: the residual of least squares
    y = np.random.default_rng(0).normal(size=20)
    features = np.column_stack([task.x, task.x**2, task.x[:, 0] * task.x[:, 1]])
    residual = y - features @ np.linalg.lstsq(features, y, rcond=None)[0]
    found = lazy_flow(task.x, y, task.beta, eps=0.5, times=np.array([np.inf]))
    np.testing.assert_allclose(found.train, np.mean(residual**2), rtol=1e-12)  # changes of basis
    # an input twice and one of zeros
    x = np.concatenate([task.x[:2], task.x[:2], np.zeros((1, 2))])
    found = lazy_flow(x, y[:5], task.beta, eps=0.5, times=np.array([0.0, 1.0, np.inf]))
    mean = (y[:2] + y[2:4]) / 2
    left = np.sum((y[:2] - mean) ** 2) * 2 + y[4] ** 2
    np.testing.assert_allclose(found.train[-1], left / 5, rtol=1e-12)
    assert np.isfinite([*found.train, *found.test.total]).all()


def test_a_tiny_bend_is_a_linear_network_until_its_time_has_come():
    task = Task(samples=8, dim=4)
    least = task.y - task.x @ np.linalg.lstsq(task.x, task.y, rcond=None)[0]
    # linear modes are learned in a time of D, quadratic ones in one of D^2 / eps^2 = 1e13
    found = lazy_flow(*task.data, eps=1e-6, times=np.array([1e4]))
    np.testing.assert_allclose(found.train, np.mean(least**2), rtol=1e-7)


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), eps=st.floats(0.05, 3), time=st.floats(0, 1e3))
def test_the_training_loss_falls_and_axes_do_not_matter(seed, eps, time):
    task = Task(samples=5, dim=3, seed=seed)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    start = second_moments(task.weights)
    times = np.array([time, 2 * time])
    one = lazy_flow(*task.data, eps=eps, times=times, start=Moments(*start))
    turned = Moments(start[0] @ turn, turn.T @ start[1] @ turn)
    other = lazy_flow(task.x @ turn, task.y, task.beta @ turn, eps=eps, times=times, start=turned)
    # eigenvalues know 1e-16 of the largest; what the smallest has learned is the size of the outputs
    size = 1 + np.max(one.test.total)
    np.testing.assert_allclose(other.train, one.train, rtol=0, atol=1e-10 * size)
    np.testing.assert_allclose(other.test.total, one.test.total, rtol=1e-6, atol=1e-10 * size)
    assert one.train[1] <= one.train[0] <= np.mean(task.y**2) * (1 + 1e-14)


def test_float32_stays_float32():
    task = Task(samples=6, dim=3)
    single = [value.astype(np.float32) for value in task.data]
    start = Moments(*(part.astype(np.float32) for part in second_moments(task.weights)))
    for first in (None, start):
        flow = lazy_flow(*single, eps=0.7, times=np.array([0.0, 3.0, np.inf], np.float32), start=first)
        exact = lazy_flow(*task.data, eps=0.7, times=np.array([0.0, 3.0]), start=first and second_start(task))
        # rounding of eigenvalues, 1e-7 times a condition number of a thousand
        np.testing.assert_allclose(flow.test.total[:2], exact.test.total, rtol=1e-3)
        descent = lazy_descent(*single, eps=0.7, eta0=0.4, steps=np.arange(3), start=first)
        curve = kernel_regression_learning_curve(np.float32(30), dim=40, eps=0.1)
        modes = kernel_modes(np.float32(40), eps=0.1)
        assert {leaf.dtype for leaf in jax.tree.leaves((flow, descent, curve, modes))} == {np.dtype(np.float32)}


def second_start(task):
    return Moments(*second_moments(task.weights))


def test_times_data_and_bends_may_be_mapped():
    tasks = [Task(samples=6, dim=3, seed=seed) for seed in range(2)]
    x, y, beta = (jnp.stack([getattr(task, name) for task in tasks]) for name in ("x", "y", "beta"))
    times, steps, bends = np.array([0.5, 5.0]), np.array([2, 9]), jnp.array([0.4, 0.9])
    flows = jax.vmap(lambda x, y, beta, eps: lazy_flow(x, y, beta, eps=eps, times=times))(x, y, beta, bends)
    descents = jax.vmap(lambda x, y, beta, eps: lazy_descent(x, y, beta, eps=eps, eta0=0.4, steps=steps))(
        x, y, beta, bends
    )
    for k, task in enumerate(tasks):
        alone = lazy_flow(*task.data, eps=bends[k], times=times)
        # eigenvectors of another call of the same routine: changes of basis
        np.testing.assert_allclose(flows.train[k], alone.train, rtol=0, atol=1e-12)
        np.testing.assert_allclose(flows.test.total[k], alone.test.total, rtol=0, atol=1e-11)
        alone = lazy_descent(*task.data, eps=bends[k], eta0=0.4, steps=steps)
        np.testing.assert_allclose(descents.test.total[k], alone.test.total, rtol=0, atol=1e-11)


def test_losses_may_be_differentiated():
    task = Task(samples=6, dim=3)

    def flow(eps, time):
        found = lazy_flow(*task.data, eps=eps, times=jnp.stack([jnp.zeros_like(time), time]))
        return jnp.sum(found.train) + jnp.sum(found.test.total)

    def descent(eps, eta0):
        found = lazy_descent(*task.data, eps=eps, eta0=eta0, steps=np.array([0, 4]))
        return jnp.sum(found.train) + jnp.sum(found.test.total)

    step = 1e-3
    for function in (flow, descent):
        slopes = jax.grad(function, argnums=(0, 1))(jnp.array(0.7), jnp.array(0.9))
        for slope, way in zip(slopes, np.eye(2) * step, strict=True):
            near, far = (
                function(*jnp.asarray([0.7, 0.9] + c * way)) - function(*jnp.asarray([0.7, 0.9] - c * way))
                for c in (1, 2)
            )
            # fourth order: 1e-12 times fifth derivatives of order 1000, and roundings / step
            np.testing.assert_allclose(slope, (8 * near - far) / (12 * step), rtol=0, atol=1e-8)


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("eps", [0.1, 0.9, 3.0])  # no two eigenvalues meet
def test_modes_are_those_of_the_kernel_over_all_inputs(dim, eps):
    lam, count, power = map(np.asarray, kernel_modes(dim, eps=eps))
    x, weight = grid(dim)
    root = np.sqrt(weight)
    # the rule is exact for products of the kernel's functions: the eigenvalues of the integral operator
    values, vectors = np.linalg.eigh(root[:, None] * kernel(x, x, (np.zeros(dim), np.eye(dim)), eps) * root)
    expected = np.sort(np.repeat(lam, count.astype(int)))
    np.testing.assert_allclose(values[-len(expected) :], expected, rtol=0, atol=1e-14 * (1 + eps**2))
    assert (np.abs(values[: -len(expected)]) < 1e-14 * (1 + eps**2)).all()
    np.testing.assert_array_equal(count, [dim, 1, dim * (dim + 1) / 2 - 1])
    # the power of the target along the functions of each eigenvalue, by projection
    y = (x @ target(dim)) ** 2 / 2
    found = [
        np.sum((vectors[:, np.abs(values - one) < 1e-8].T @ (root * y)) ** 2) if n else 0
        for one, n in zip(lam, count, strict=True)
    ]
    np.testing.assert_allclose(power, found, rtol=0, atol=1e-13)


def test_modes_add_up_to_the_traces_of_the_kernel():
    dims, bends = np.array([3.0, 40.0, 300.0]), np.array([[0.01], [0.5]])
    lam, count, power = map(np.asarray, kernel_modes(dims, eps=bends))
    assert lam.shape == count.shape == power.shape == (3, 2, 3)
    # E |x|^2 = 1 and E |x|^4 = 1 + 2/D on the diagonal; E y^2 = 3/4; and D + D (D + 1) / 2 functions in all
    np.testing.assert_allclose(np.sum(count * lam, axis=0), 1 + bends**2 * (1 + 2 / dims), rtol=1e-13)
    np.testing.assert_allclose(np.sum(power, axis=0), np.full((2, 3), 0.75), rtol=1e-14)
    np.testing.assert_allclose(np.sum(count, axis=0) - dims, np.tile(dims * (dims + 1) / 2, (2, 1)), rtol=1e-14)
    # the mean square off the diagonal, by Monte Carlo: four standard errors
    rng, draws = np.random.default_rng(0), 50_000
    x, z = rng.normal(size=(2, draws, 3)) / np.sqrt(3)
    inner = np.sum(x * z, axis=1)
    squares = (inner + 0.25 * inner**2) ** 2
    assert abs(np.sum(count * lam**2, axis=0)[1, 0] - squares.mean()) < 4 * squares.std() / np.sqrt(draws)


def regression(samples, dim, eps, ridge, seed):
    """Test loss of kernel regression on one drawn data set, exact over fresh inputs."""
    task = Task(samples=samples, dim=dim, seed=seed)
    inner = task.x @ task.x.T
    c = np.linalg.solve(inner + eps**2 * inner**2 + ridge * np.eye(samples), task.y)
    linear, quadratic = c @ task.x, eps**2 * (c[:, None] * task.x).T @ task.x
    b = quadratic - np.outer(task.beta, task.beta) / 2
    # E (x'bx)^2 = ((tr b)^2 + 2 |b|^2) / D^2 for a symmetric b
    return (np.trace(b) ** 2 + 2 * np.sum(b**2)) / dim**2 + linear @ linear / dim


@pytest.mark.parametrize(
    ("samples", "eps", "ridge"),
    [
        (80, 0.1, 0.0),
        (200, 0.1, 0.0),
        (400, 0.1, 0.0),
        (400, 0.5, 0.0),
        (80, 0.1, 0.05),
        (300, 0.3, 0.2),
        (100, 1, 3.0),
    ],
)
def test_the_learning_curve_is_that_of_regression_on_drawn_data(samples, eps, ridge):
    dim, seeds = 40, 8
    drawn = np.array([regression(samples, dim, eps, ridge, seed) for seed in range(seeds)])
    found = kernel_regression_learning_curve(samples, dim=dim, eps=eps, ridge=ridge)
    # exact as P and D grow: two orders of 1/D, and three standard errors
    error = 2 / dim * drawn.mean() + 3 * drawn.std(ddof=1) / np.sqrt(seeds)
    assert abs(found.test - drawn.mean()) < min(error, 0.1 * drawn.mean())


def test_the_learning_curve_peaks_at_the_dimension():
    samples = np.arange(10.0, 200.0)
    curve = kernel_regression_learning_curve(samples, dim=40, eps=0.05)
    assert abs(samples[np.argmax(curve.test)] - 40) < 4  # a tenth: the peak is as wide as the square root of its bend


def solve_ridge(samples, dim, eps, ridge):
    """The effective ridge in many digits, by bisection; nothing else of the formula is needed."""
    mp = mpmath.mpf
    lam = [1 / mp(dim), mp(eps) ** 2 * (1 + 2 / mp(dim)) / dim, 2 * mp(eps) ** 2 / mp(dim) ** 2]
    count = [mp(dim), mp(1), mp(dim) * (dim + 1) / 2 - 1]

    def excess(kappa):
        return ridge / kappa + sum(n * v / (samples * v + kappa) for n, v in zip(count, lam, strict=True)) - 1

    low, high = mp(10) ** -60, mp(10) ** 6
    for _ in range(300):
        middle = mpmath.sqrt(low * high)
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return low, lam


@settings(max_examples=40)
@given(
    dim=st.integers(2, 60),
    part=st.floats(0.001, 0.97),
    log_eps=st.floats(-6, 1),
    ridge=st.one_of(st.just(0.0), st.floats(1e-9, 10)),
)
def test_the_learning_curve_is_the_slope_of_the_effective_ridge(dim, part, log_eps, ridge):
    modes = dim + dim * (dim + 1) // 2
    samples, eps = max(1.0, part * modes), 10**log_eps
    found = kernel_regression_learning_curve(samples, dim=dim, eps=eps, ridge=ridge)
    with mpmath.workdps(70):
        at = [solve_ridge(samples, dim, eps, ridge)[0]]
        step = at[0] * mpmath.mpf(10) ** -20
        above, lam = solve_ridge(samples, dim, eps, ridge + step)
        # 1 / (1 - gamma) is d kappa / d ridge: no gamma is needed
        slope = (above - at[0]) / step
        kappa = at[0]
        power = [0, (1 + 2 / mpmath.mpf(dim)) / 4, (2 - 2 / mpmath.mpf(dim)) / 4]
        expected = slope * sum(a * (kappa / (kappa + samples * v)) ** 2 for a, v in zip(power, lam, strict=True))
    # Newton's method to rounding, relative to a residual whose terms are of order 1 and cancel near as many examples
    # as modes, where 1 / 0.03 is lost; twice
    np.testing.assert_allclose(found.kappa, float(kappa), rtol=1e-12)
    np.testing.assert_allclose(found.test, float(expected), rtol=1e-10)


def test_a_ridge_that_is_next_to_nothing_changes_nothing():
    # Newton's method starts at the ridge, and doubles it some fifty times first
    without, with_it = (kernel_regression_learning_curve(90.0, dim=40, eps=0.3, ridge=ridge) for ridge in (0.0, 1e-30))
    np.testing.assert_allclose(with_it, without, rtol=1e-12)


def test_more_examples_than_modes_leave_nothing_but_what_a_ridge_keeps():
    modes = 5 + 15
    samples = np.array([modes - 1.0, modes, modes + 1.0, 10 * modes])
    curve = kernel_regression_learning_curve(samples, dim=5, eps=0.3)
    assert curve.test[0] > 0
    assert curve.kappa[0] > 0
    np.testing.assert_array_equal(curve.test[1:], 0)
    np.testing.assert_array_equal(curve.kappa[1:], 0)
    kept = kernel_regression_learning_curve(samples, dim=5, eps=0.3, ridge=0.1)
    assert (kept.test > 0).all()
    assert (kept.kappa > 0.1).all()
    # a ridge beside which the kernel is nothing: nothing is learned
    huge = kernel_regression_learning_curve(samples, dim=5, eps=0.3, ridge=1e9)
    np.testing.assert_allclose(huge.test, 0.75, rtol=1e-6)
    np.testing.assert_allclose(huge.kappa, 1e9, rtol=1e-6)


def test_the_learning_curve_broadcasts_maps_and_has_slopes():
    samples, bends = np.array([30.0, 90.0, 2000.0]), np.array([[0.1], [0.4]])
    whole = kernel_regression_learning_curve(samples, dim=40, eps=bends, ridge=0.01)
    assert whole.test.shape == whole.kappa.shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        alone = kernel_regression_learning_curve(samples[j], dim=40, eps=bends[i, 0], ridge=0.01)
        np.testing.assert_allclose(whole.test[i, j], alone.test, rtol=1e-13)
    mapped = jax.vmap(lambda eps: kernel_regression_learning_curve(samples, dim=40, eps=eps, ridge=0.01).test)(
        jnp.asarray(bends[:, 0])
    )
    np.testing.assert_allclose(mapped, whole.test, rtol=1e-13)

    def end(samples, eps, ridge):
        return kernel_regression_learning_curve(samples, dim=40, eps=eps, ridge=ridge).test

    at = np.array([90.0, 0.3, 0.02])
    slopes = jax.grad(end, argnums=(0, 1, 2))(*jnp.asarray(at))
    for k, way in enumerate(np.diag(at) * 1e-3):
        near, far = (end(*jnp.asarray(at + c * way)) - end(*jnp.asarray(at - c * way)) for c in (1, 2))
        # fourth order in a thousandth, and 1e-13 of roundings over it
        np.testing.assert_allclose(slopes[k], (8 * near - far) / (12 * at[k] * 1e-3), rtol=1e-8)
    assert np.isfinite(jax.grad(end, argnums=(0, 1))(30.0, 0.3, 0.0)).all()


BAD = [
    ({"x": np.ones(2)}, r"x must have shape \(any, any\), got \(2,\)"),
    ({"y": np.ones(3)}, r"y must have shape \(4,\), got \(3,\)"),
    ({"beta": np.ones(3)}, r"beta must have shape \(2,\), got \(3,\)"),
]


@pytest.mark.parametrize(
    ("function", "wrong", "message"),
    [
        *((function, *bad) for function in (lazy_flow, lazy_descent) for bad in BAD),
        (lazy_flow, {"times": np.array([1.0, -1.0])}, "times must be non-negative"),
        (lazy_flow, {"times": np.array([np.nan])}, "times must be non-negative"),
        (lazy_descent, {"eta0": 0.0}, "eta0 must be positive"),
        (lazy_descent, {"eta0": np.inf}, "eta0 must be positive"),
        (lazy_descent, {"steps": np.array([0.5])}, "steps must be a whole number of at least 0"),
        (lazy_descent, {"steps": np.array([-1])}, "steps must be a whole number of at least 0"),
        (lazy_descent, {"steps": np.array([np.inf])}, "steps must be a whole number of at least 0"),
    ],
)
def test_training_refuses_what_it_cannot_answer(function, wrong, message):
    good = {"x": np.ones((4, 2)), "y": np.ones(4), "beta": np.ones(2), "eps": 0.5}
    good |= {"times": np.ones(1)} if function is lazy_flow else {"eta0": 0.1, "steps": np.arange(2)}
    with pytest.raises(ValueError, match=message):
        function.__wrapped__(**(good | wrong))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 0}, "samples must be positive"),
        ({"dim": 0}, "dim must be positive"),
        ({"eps": 0.0}, "eps must be positive"),
        ({"ridge": -0.1}, "ridge must be non-negative"),
        ({"ridge": np.inf}, "ridge must be non-negative"),
    ],
)
def test_a_learning_curve_refuses_what_it_cannot_answer(wrong, message):
    good = {"samples": 10, "dim": 4, "eps": 0.1, "ridge": 0.0}
    with pytest.raises(ValueError, match=message):
        kernel_regression_learning_curve.__wrapped__(**(good | wrong))
    if wrong.keys() <= {"dim", "eps"}:
        with pytest.raises(ValueError, match=message):
            kernel_modes.__wrapped__(**({"dim": 4, "eps": 0.1} | wrong))
