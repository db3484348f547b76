import inspect
import re

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from solvable.deep_linear.theory.riccati import (
    balance_residual,
    ntk_from_qqt,
    qqt,
    qqt_textbook,
    split_qqt,
    stack_weights,
)

# n_in, n_hidden, n_out, rank of sigma_yx, lambda, scale of the start
CASES = {
    "square": (4, 4, 4, 4, 0.0, 0.3),
    "square, second layer larger": (4, 4, 4, 4, 2.0, 0.3),
    "square, first layer larger": (4, 4, 4, 4, -2.0, 0.3),
    "expands": (3, 4, 6, 3, 0.0, 0.3),
    "expands, second layer larger": (3, 3, 6, 3, 1.5, 0.1),
    "expands, first layer larger": (3, 3, 6, 3, -1.5, 0.1),
    "expands, surplus hidden units": (3, 5, 6, 3, 1.0, 0.1),
    "contracts": (6, 3, 3, 3, 0.0, 0.1),
    "contracts, first layer larger": (6, 4, 3, 3, -1.0, 0.1),
    "bottleneck": (5, 2, 4, 4, 0.0, 0.1),
    "bottleneck, second layer larger": (5, 2, 4, 4, 0.5, 0.1),
    "wide": (3, 16, 4, 3, 0.0, 0.05),
    "rank-deficient target": (4, 4, 4, 2, 0.0, 0.3),
    "no target": (3, 3, 2, 0, 0.0, 1.0),
    "far too large a start": (3, 4, 3, 3, 0.0, 5.0),
    "strongly unbalanced": (4, 4, 4, 4, 50.0, 0.3),
}


def orthonormal(rows, columns, rng):
    return np.linalg.qr(rng.normal(size=(rows, columns)))[0]


def problem(n_in, n_hidden, n_out, rank, lam, scale, seed=0):
    """Balanced weights, by the singular values that each layer must have, and a target of given rank."""
    rng = np.random.default_rng(seed)
    modes = min(n_in, n_hidden, n_out)
    product = np.zeros(n_hidden)
    product[:modes] = scale * rng.uniform(0.5, 1.5, modes)
    root = np.sqrt(lam**2 + 4 * product**2)
    first, second = np.zeros((n_hidden, n_in)), np.zeros((n_out, n_hidden))
    k = min(n_hidden, n_in)
    first[range(k), range(k)] = np.sqrt((root - lam) / 2)[:k]
    k = min(n_hidden, n_out)
    second[range(k), range(k)] = np.sqrt((root + lam) / 2)[:k]
    hidden = orthonormal(n_hidden, n_hidden, rng)
    w1 = hidden @ first @ orthonormal(n_in, n_in, rng)
    w2 = orthonormal(n_out, n_out, rng) @ second @ hidden.T
    s = np.linspace(2.0, 0.8, rank)
    sigma_yx = orthonormal(n_out, rank, rng) * s @ orthonormal(n_in, rank, rng).T
    return w1, w2, sigma_yx


def growth(sigma_yx, lam):
    n_out, n_in = sigma_yx.shape
    return np.block([[-lam / 2 * np.eye(n_in), sigma_yx.T], [sigma_yx, lam / 2 * np.eye(n_out)]])


def trained(w1, w2, sigma_yx, times, tau=1.0):
    """QQ^T of the network itself, its two layers followed by an integrator of order 8."""
    (n_hidden, n_in), n_out = w1.shape, len(w2)

    def velocity(_, flat):
        a, b = flat[: w1.size].reshape(n_hidden, n_in), flat[w1.size :].reshape(n_out, n_hidden)
        error = sigma_yx - b @ a
        return np.concatenate([(b.T @ error).ravel(), (error @ a.T).ravel()]) / tau

    start = np.concatenate([w1.ravel(), w2.ravel()])
    run = solve_ivp(velocity, (0, times[-1]), start, method="DOP853", rtol=1e-13, atol=1e-15, t_eval=times)
    assert run.success
    grams = []
    for flat in run.y.T:
        q = np.vstack([flat[: w1.size].reshape(n_hidden, n_in).T, flat[w1.size :].reshape(n_out, n_hidden)])
        grams.append(q @ q.T)
    return np.array(grams)


def in_many_digits(t, q0, sigma_yx, lam):
    """The textbook form in so many digits that growing exponentials do no harm."""
    # modes that grow as e^{2|d|t} stand beside others that decay as much
    digits = 50 + int(4 * np.linalg.norm(growth(sigma_yx, lam), 2) * t / np.log(10))
    with mpmath.workdps(digits):
        f = mpmath.matrix(growth(sigma_yx, lam).tolist())
        q = mpmath.matrix(q0.tolist())
        d, p = mpmath.eigsy(f)
        exponential = p * mpmath.diag([mpmath.exp(x * t) for x in d]) * p.T
        inverse = p * mpmath.diag([1 / x for x in d]) * p.T
        m = mpmath.eye(q.cols) + q.T * (exponential * inverse * exponential - inverse) * q / 2
        gram = exponential * q * mpmath.inverse(m) * q.T * exponential
        return np.array(gram.tolist(), dtype=float)


@pytest.mark.parametrize("case", CASES)
def test_qqt_is_that_of_the_trained_network(case):
    w1, w2, sigma_yx = problem(*CASES[case])
    lam = CASES[case][4]
    assert balance_residual(w1, w2, lam) < 1e-13  # rounding of sums of squares, largest for lam = 50
    times = np.linspace(0, 8, 17)
    # ten times the demand; the integrator itself was seen wrong by up to 8e-11 at a tolerance ten times larger
    np.testing.assert_allclose(
        qqt(times, stack_weights(w1, w2), sigma_yx, lam=lam), trained(w1, w2, sigma_yx, times), rtol=0, atol=1e-10
    )


@pytest.mark.parametrize(("lam", "scale"), [(0.0, 1e-6), (0.0, 0.3), (1.5, 1e-3), (-20.0, 0.1), (1e-9, 1e-3)])
def test_qqt_is_the_textbook_form_in_many_digits(lam, scale):
    # a start of no particular balance: the equation, unlike the network, does not ask for one
    rng = np.random.default_rng(3)
    q0, sigma_yx = scale * rng.normal(size=(6, 4)), rng.normal(size=(3, 3))
    times = np.array([0.3, 4.0, 12.0, 35.0])
    expected = np.array([in_many_digits(t, q0, sigma_yx, lam) for t in times])
    # entries are of order |d| <= 10; a thousand roundings of them, for errors made near a saddle grow before they die
    np.testing.assert_allclose(qqt(times, q0, sigma_yx, lam=lam), expected, rtol=0, atol=2e-12)


def test_one_mode_follows_the_sigmoid():
    t, s, u0, tau = np.linspace(0, 30, 31), 1.3, 1e-5, 2.0
    u = qqt(t, np.full((2, 1), np.sqrt(u0)), np.array([[s]]), tau=tau)[:, 1, 0]
    expected = s / (1 + (s / u0 - 1) * np.exp(-2 * s * t / tau))
    # some hundred roundings of numbers of order 1: each step and the start add a few
    np.testing.assert_allclose(u, expected, rtol=0, atol=2e-14)


@pytest.mark.parametrize("lam", [0.0, 1.0, -1.0])
def test_a_time_may_be_cut_in_two(lam):
    rng = np.random.default_rng(1)
    q0, sigma_yx = 0.1 * rng.normal(size=(7, 3)), rng.normal(size=(4, 3))
    half = qqt(1.7, q0, sigma_yx, lam=lam)
    # any square root of QQ^T will do as the new start, of any number of columns
    values, vectors = np.linalg.eigh(half)
    restarted = qqt(2.6, vectors * np.sqrt(np.maximum(values, 0)), sigma_yx, lam=lam)
    # eigenvalues that should be 0 come back as 1e-17, whose growth over 2.6 max|d| < 9 is e^18 1e-17 at the very most
    np.testing.assert_allclose(restarted, qqt(4.3, q0, sigma_yx, lam=lam), rtol=0, atol=1e-9)


def test_hidden_units_may_be_rotated():
    rng = np.random.default_rng(2)
    q0, sigma_yx = 0.1 * rng.normal(size=(7, 5)), rng.normal(size=(4, 3))
    turned = q0 @ orthonormal(5, 5, rng)
    times = np.linspace(0, 10, 7)
    # rounding of the start, a thousandfold grown at most
    np.testing.assert_allclose(qqt(times, turned, sigma_yx), qqt(times, q0, sigma_yx), rtol=0, atol=1e-12)


def test_starts_at_the_start():
    q0 = np.random.default_rng(0).normal(size=(5, 3))
    # two changes of basis: a few roundings
    np.testing.assert_allclose(qqt(0.0, q0, np.ones((2, 3)), lam=0.7), q0 @ q0.T, rtol=0, atol=1e-14)


def test_times_of_any_shape_and_order_are_answered_one_by_one():
    rng = np.random.default_rng(4)
    q0, sigma_yx = 0.2 * rng.normal(size=(5, 2)), rng.normal(size=(2, 3))
    times = np.array([[3.0, 0.0, 7.5], [0.2, 3.0, 0.2]])
    together = qqt(times, q0, sigma_yx, tau=0.5)
    assert together.shape == (2, 3, 5, 5)
    assert qqt(1, q0, sigma_yx).shape == (5, 5)
    assert qqt(np.zeros(0), q0, sigma_yx).shape == (0, 5, 5)
    for index in np.ndindex(times.shape):
        # other steps, other roundings
        np.testing.assert_allclose(together[index], qqt(times[index], q0, sigma_yx, tau=0.5), rtol=0, atol=1e-13)


def test_tau_is_the_unit_of_time():
    rng = np.random.default_rng(5)
    q0, sigma_yx = 0.2 * rng.normal(size=(5, 2)), rng.normal(size=(2, 3))
    np.testing.assert_allclose(qqt(6.0, q0, sigma_yx, tau=4.0), qqt(1.5, q0, sigma_yx), rtol=0, atol=1e-14)


@pytest.mark.parametrize("lam", [0.0, 0.6, -0.6])
def test_long_after_learning_the_solution_stands_still(lam):
    rng = np.random.default_rng(6)
    # singular values are kept apart and away from 0, so that 100 tau are long enough
    sigma_yx = orthonormal(4, 4, rng) * np.array([2.0, 1.5, 1.0, 0.5]) @ orthonormal(4, 4, rng).T
    values, vectors = np.linalg.eigh(growth(sigma_yx, lam))
    fixed = vectors * (values + np.abs(values)) @ vectors.T
    late = qqt(np.array([100.0, 1e4, 1e6]), 1e-4 * rng.normal(size=(8, 6)), sigma_yx, lam=lam)
    np.testing.assert_allclose(late, np.broadcast_to(fixed, late.shape), rtol=0, atol=1e-13)
    np.testing.assert_allclose(split_qqt(late, 4).product[-1], sigma_yx, rtol=0, atol=1e-13)


def test_a_bottleneck_ends_with_the_strongest_modes():
    rng = np.random.default_rng(7)
    u, v = orthonormal(5, 4, rng), orthonormal(4, 4, rng)
    s = np.array([2.0, 1.5, 1.0, 0.5])
    late = qqt(1e4, 0.01 * rng.normal(size=(9, 2)), u * s @ v.T)
    # with lam = 0 the map itself ends at the best approximation of rank 2
    np.testing.assert_allclose(split_qqt(late, 4).product, u[:, :2] * s[:2] @ v[:, :2].T, rtol=0, atol=1e-13)


def test_without_a_target_the_weights_decay_algebraically():
    q0 = np.random.default_rng(8).normal(size=(5, 3))
    for t in (1.0, 100.0, 1e6):
        expected = q0 @ np.linalg.inv(np.eye(3) + t * q0.T @ q0) @ q0.T
        np.testing.assert_allclose(qqt(t, q0, np.zeros((2, 3))), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-150, 1e-8, 1e8])
def test_no_start_is_too_small_or_too_large(scale):
    rng = np.random.default_rng(9)
    q0, sigma_yx = scale * rng.normal(size=(6, 7)), rng.normal(size=(3, 3))
    gram = qqt(np.array([1e-3, 1.0, 1e3, 1e4]), q0, sigma_yx)
    assert np.isfinite(gram).all()
    np.testing.assert_allclose(split_qqt(gram, 3).product[-1], sigma_yx, rtol=0, atol=1e-13)


def test_a_start_of_nothing_stays():
    assert not np.any(qqt(np.array([0.0, 1e3]), np.zeros((5, 2)), np.ones((2, 3))))


@settings(max_examples=40)
@given(
    shape=st.sampled_from([(2, 1, 2), (2, 3, 3), (3, 5, 2)]),
    seed=st.integers(0, 10**6),
    lam=st.floats(-10, 10),
    scale=st.floats(-8, 1).map(lambda x: 10**x),
    t=st.floats(0, 50),
)
def test_qqt_stays_a_gram_matrix_of_the_right_rank(shape, seed, lam, scale, t):
    n_in, n_hidden, n_out = shape
    rng = np.random.default_rng(seed)
    q0, sigma_yx = scale * rng.normal(size=(n_in + n_out, n_hidden)), rng.normal(size=(n_out, n_in))
    gram = np.asarray(qqt(np.array([t]), q0, sigma_yx, lam=lam))[0]
    assert np.isfinite(gram).all()
    values = np.linalg.eigvalsh(gram)
    # the largest eigenvalue x falls where it is above the fixed point 2 max d, for its velocity is 2 d x - x^2 at most
    ceiling = max(np.linalg.norm(q0, 2) ** 2, 2 * np.linalg.norm(growth(sigma_yx, lam), 2))
    rounding = 1e-13 * ceiling  # some hundred units in the last place
    assert values[-1] <= ceiling + rounding
    assert values[0] >= -rounding
    assert np.abs(values[: max(n_in + n_out - n_hidden, 0)]).max(initial=0) <= rounding


@pytest.mark.parametrize("lam", [0.0, -1.5])
def test_its_derivative_in_time_obeys_the_equation(lam):
    rng = np.random.default_rng(10)
    q0, sigma_yx = 0.3 * rng.normal(size=(7, 4)), rng.normal(size=(3, 4))
    times = jnp.array([0.1, 1.0, 4.0])
    gram, slope = jax.jvp(lambda t: qqt(t, q0, sigma_yx, lam=lam, tau=2.0), (times,), (jnp.ones(3),))
    f = growth(sigma_yx, lam)
    # exact derivatives: rounding alone, of products of order |d|^2 ~ 10
    np.testing.assert_allclose(2.0 * slope, f @ gram + gram @ f - gram @ gram, rtol=0, atol=1e-11)


def test_its_derivative_in_the_start_is_that_of_differences():
    rng = np.random.default_rng(14)
    q0, sigma_yx, direction = 0.3 * rng.normal(size=(5, 3)), rng.normal(size=(2, 3)), rng.normal(size=(5, 3))
    times = np.array([0.5, 3.0])  # three inputs and two outputs: F has an eigenvalue 0
    _, slope = jax.jvp(lambda q: qqt(times, q, sigma_yx), (jnp.asarray(q0),), (jnp.asarray(direction),))
    step = 1e-5
    difference = (qqt(times, q0 + step * direction, sigma_yx) - qqt(times, q0 - step * direction, sigma_yx)) / (
        2 * step
    )
    # the differences err by step^2 times a third derivative of order 10 to 100, and by roundings / step = 1e-10
    np.testing.assert_allclose(slope, difference, rtol=0, atol=1e-7)


def test_may_be_jitted_and_mapped():
    rng = np.random.default_rng(11)
    q0, sigma_yx = 0.3 * rng.normal(size=(5, 2)), rng.normal(size=(2, 3))
    lams = jnp.array([-1.0, 0.0, 2.0])
    mapped = jax.jit(jax.vmap(lambda lam: qqt(jnp.array([0.5, 3.0]), q0, sigma_yx, lam=lam)))(lams)
    for one, lam in zip(mapped, lams, strict=True):
        np.testing.assert_allclose(one, qqt(np.array([0.5, 3.0]), q0, sigma_yx, lam=lam), rtol=0, atol=1e-13)


def test_float32_stays_float32():
    w1, w2, sigma_yx = problem(4, 4, 4, 4, 1.0, 0.1)
    times = np.array([0.0, 1.0, 5.0, 200.0])
    exact = qqt(times, stack_weights(w1, w2), sigma_yx, lam=1.0)
    single = qqt(
        times.astype(np.float32), stack_weights(w1, w2).astype(np.float32), sigma_yx.astype(np.float32), lam=1.0
    )
    assert single.dtype == jnp.float32
    # a hundred float32 roundings of entries of order 1
    np.testing.assert_allclose(single, exact, rtol=0, atol=1.2e-5)
    assert stack_weights(w1.astype(np.float32), w2.astype(np.float32)).dtype == jnp.float32
    assert ntk_from_qqt(single, n_in=4).dtype == jnp.float32
    assert balance_residual(w1.astype(np.float32), w2.astype(np.float32), 1.0).dtype == jnp.float32
    half = qqt_textbook(np.float32(0.5), jnp.ones((2, 1), jnp.float32), jnp.ones((1, 1), jnp.float32))
    assert half.dtype == jnp.float32


def test_whole_numbers_are_welcome():
    whole = qqt(np.arange(3), np.ones((2, 1), int), np.array([[2]]), lam=0)
    np.testing.assert_array_equal(whole, qqt(np.arange(3.0), np.ones((2, 1)), np.array([[2.0]])))
    assert stack_weights(np.ones((1, 2), int), np.ones((3, 1), int)).dtype == jnp.float64


BAD = {
    "negative time": ({"t": -1.0}, "t must be non-negative"),
    "infinite time": ({"t": np.inf}, "t must be non-negative"),
    "no time": ({"t": np.nan}, "t must be non-negative"),
    "no start": ({"q0": np.full((5, 2), np.nan)}, "q0 must be"),
    "no target": ({"sigma_yx": np.full((2, 3), np.inf)}, "sigma_yx must be"),
    "no imbalance": ({"lam": np.nan}, "lam must be"),
    "tau zero": ({"tau": 0.0}, "tau must be positive, got 0.0"),
    "rows": ({"q0": np.ones((6, 2))}, r"q0 must have shape \(5, any\), got \(6, 2\)"),
}


@pytest.mark.parametrize("function", [qqt, qqt_textbook])
@pytest.mark.parametrize("case", BAD)
def test_refuses_what_it_cannot_answer(function, case):
    wrong, message = BAD[case]
    arguments = {"t": 1.0, "q0": np.ones((5, 2)), "sigma_yx": np.ones((2, 3)), "lam": 0.5, "tau": 1.0} | wrong
    with pytest.raises(ValueError, match=message):
        function(**arguments)


def test_refuses_times_that_would_take_hours():
    with pytest.raises(ValueError, match=r"t must be at most 2\.5e\+06 here, got 3000000\.0"):
        qqt(np.array([1.0, 3e6]), np.ones((2, 1)), np.array([[2.0]]), tau=0.5)


@pytest.mark.parametrize("case", ["square", "square, second layer larger", "expands, first layer larger"])
def test_the_textbook_form_is_right_early(case):
    w1, w2, sigma_yx = problem(*CASES[case])
    lam = CASES[case][4]
    times = np.array([0.0, 0.2, 0.5])
    q0 = stack_weights(w1, w2)
    printed = qqt_textbook(times, q0, sigma_yx, lam=lam, tau=0.8)
    # exponentials of at most e^3: no cancellation worth the name
    np.testing.assert_allclose(printed, qqt(times, q0, sigma_yx, lam=lam, tau=0.8), rtol=0, atol=1e-12)


def test_the_textbook_form_is_lost_to_cancellation_and_then_to_overflow():
    w1, w2, sigma_yx = problem(*CASES["square"])
    q0 = stack_weights(w1, w2)
    times = np.array([12.0, 20.0, 400.0])
    error = np.abs(qqt_textbook(times, q0, sigma_yx) - qqt(times, q0, sigma_yx)).max((1, 2))
    # the fastest mode's rounding in the place of the slowest: 1e-16 e^{2 (2.0 - 0.8) t} is 3e-4 at 12 and 7e4 at 20;
    # a hundred times less is still far above the 1e-10 of the stable form
    assert error[0] > 3e-6
    assert not error[1] < 0.1
    assert np.isnan(error[2])


@pytest.mark.parametrize("sigma_yx", [np.ones((2, 3)), np.ones((2, 2)), np.zeros((2, 2))])
def test_the_textbook_form_needs_an_inverse(sigma_yx):
    with pytest.raises(ValueError, match="sigma_yx must be square and of full rank where lam = 0"):
        qqt_textbook(1.0, np.ones((sum(sigma_yx.shape), 1)), sigma_yx)


def test_blocks_are_those_of_the_layers():
    rng = np.random.default_rng(12)
    w1, w2 = rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 5, 2))
    stacked = jnp.stack([stack_weights(a, b) for a, b in zip(w1, w2, strict=True)])
    blocks = split_qqt(stacked @ stacked.mT, 3)
    np.testing.assert_allclose(blocks.input_gram, np.einsum("nhi,nhj->nij", w1, w1), rtol=0, atol=1e-14)
    np.testing.assert_allclose(blocks.product, w2 @ w1, rtol=0, atol=1e-14)
    np.testing.assert_allclose(blocks.output_gram, np.einsum("noh,nph->nop", w2, w2), rtol=0, atol=1e-14)


def test_ntk_is_that_of_automatic_differentiation():
    rng = np.random.default_rng(13)
    x = rng.normal(size=(3, 6))
    grams, expected = [], []
    for _ in range(2):
        w1, w2 = rng.normal(size=(4, 3)), rng.normal(size=(2, 4))
        first, second = jax.jacrev(lambda a, b: (b @ a @ x).ravel(), argnums=(0, 1))(jnp.asarray(w1), jnp.asarray(w2))
        jacobian = np.concatenate([first.reshape(12, -1), second.reshape(12, -1)], axis=1)
        expected.append(jacobian @ jacobian.T)
        q = stack_weights(w1, w2)
        grams.append(q @ q.T)
    kernels = ntk_from_qqt(jnp.stack(grams), n_in=3, x=x)
    # sums of some tens of products of order 10
    np.testing.assert_allclose(kernels, np.array(expected), rtol=0, atol=1e-12)
    np.testing.assert_array_equal(ntk_from_qqt(grams[0], n_in=3), ntk_from_qqt(grams[0], n_in=3, x=np.eye(3)))
    assert ntk_from_qqt(grams[0], n_in=3).shape == (6, 6)


def test_balance_residual_is_the_largest_deviation():
    w1, w2, _ = problem(4, 3, 5, 3, 1.5, 0.4)
    assert balance_residual(w1, w2, 1.5) < 1e-14  # rounding
    np.testing.assert_allclose(balance_residual(w1, w2, 1.0), 0.5, rtol=0, atol=1e-14)
    np.testing.assert_allclose(balance_residual(w1, w2, 2.25), 0.75, rtol=0, atol=1e-14)
    # off the diagonal too: W2^T W2 - W1 W1^T = [[0, 3], [3, 8]]
    np.testing.assert_allclose(balance_residual(np.eye(2), np.array([[1.0, 3.0], [0.0, 0.0]]), 4.0), 4.0)
    np.testing.assert_allclose(balance_residual(np.eye(2), np.array([[1.0, 3.0], [0.0, 0.0]]), 5.5), 5.5)
    np.testing.assert_allclose(balance_residual(np.eye(2), np.array([[2.0, 3.0], [0.0, 0.0]]), 3.0), 6.0)


@pytest.mark.parametrize("n_in", [0, 4, -1])
def test_a_number_of_inputs_that_leaves_a_block_empty_is_refused(n_in):
    with pytest.raises(ValueError, match="n_in must be"):
        split_qqt(np.eye(4), n_in)
    with pytest.raises(ValueError, match="n_in must be"):
        ntk_from_qqt(np.eye(4), n_in=n_in)


@pytest.mark.parametrize("function", [stack_weights, lambda w1, w2: balance_residual(w1, w2, 0.0)])
def test_weights_that_are_not_numbers_are_refused(function):
    with pytest.raises(ValueError, match="w2 must be finite, got nan at index"):
        function(np.ones((2, 3)), np.full((4, 2), np.nan))
    with pytest.raises(ValueError, match="lam must be finite"):
        balance_residual(np.ones((2, 3)), np.ones((4, 2)), np.inf)


@pytest.mark.parametrize(
    ("function", "arguments", "keywords", "message"),
    [
        (stack_weights, (np.ones((2, 3)), np.ones((4, 3))), {}, "w2 must have shape (any, 2), got (4, 3)"),
        (stack_weights, (np.ones(2), np.ones((4, 2))), {}, "w1 must have shape (any, any), got (2,)"),
        (balance_residual, (np.ones((2, 3)), np.ones((4, 3)), 0.0), {}, "w2 must have shape (any, 2), got (4, 3)"),
        (split_qqt, (np.ones((3, 4)), 2), {}, "qqt must be square on its last two axes, got shape (3, 4)"),
        (ntk_from_qqt, (np.eye(4),), {"n_in": 2, "x": np.ones((3, 5))}, "x must have shape (2, any), got (3, 5)"),
        (qqt, (1.0, np.ones((5, 2)), np.ones((2, 3))), {"lam": np.ones(2)}, "lam must have shape (), got (2,)"),
        (qqt, (1.0, np.ones((5, 2)), np.ones(5)), {}, "sigma_yx must have shape (any, any), got (5,)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(function, arguments, keywords, message):
    # unwrapped, for the annotations that the tests switch on would refuse them first, and readers run without
    with pytest.raises(ValueError, match=re.escape(message)):
        inspect.unwrap(function)(*arguments, **keywords)
