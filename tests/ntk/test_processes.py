"""Distributions over functions: Monte Carlo, block inverses, and the densities of another library."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.linalg import expm

from solvable.ntk.theory import (
    cholesky,
    ensemble_mean_cov,
    gaussian_process_posterior,
    nngp_and_ntk,
    student_t_predictive,
)

N, M = 3, 2


def kernels(seed=0, n=N + M):
    """A covariance and a tangent kernel, neither of which is special."""
    rng = np.random.default_rng(seed)
    roots = rng.normal(size=(2, n, n))
    nngp, ntk = roots @ roots.transpose(0, 2, 1) + 0.3 * np.eye(n)
    return nngp, ntk, rng.normal(size=N)


@pytest.mark.parametrize("t", [0.0, 0.4, 3.0, np.inf])
def test_the_ensemble_is_what_draws_from_the_start_become(t):
    nngp, ntk, y = kernels()
    draws = 40_000
    start = np.random.default_rng(1).multivariate_normal(np.zeros(N + M), nngp, size=draws, method="cholesky")
    decay = np.zeros((N, N)) if t == np.inf else expm(-t * ntk[:N, :N] / N)
    push = ntk[:, :N] @ np.linalg.inv(ntk[:N, :N]) @ (np.eye(N) - decay)
    # every start is pushed by its own error: (1 / 2N) sum |f - y|^2 falls, and the test inputs come along
    end = start + (y - start[:, :N]) @ push.T
    mean, cov = map(np.asarray, ensemble_mean_cov(nngp, ntk, y, N, t=t))
    spread = np.sqrt(np.diag(cov) + 1e-30)
    # four standard errors of means and of covariances of Gaussian numbers; and rounding where nothing varies
    assert (np.abs(end.mean(axis=0) - mean) <= 4 * spread / np.sqrt(draws) + 1e-12).all()
    errors = np.sqrt((np.outer(np.diag(cov), np.diag(cov)) + cov**2) / draws)
    assert (np.abs(np.cov(end.T) - cov) <= 4 * errors + 1e-12).all()
    # exactly, by the plain definition: the covariance of (I - push P) f0
    operator = np.eye(N + M) - np.pad(push, ((0, 0), (0, M)))
    np.testing.assert_allclose(cov, operator @ nngp @ operator.T, rtol=0, atol=1e-11)  # condition number of hundreds
    np.testing.assert_allclose(mean, push @ y, rtol=0, atol=1e-11)


def test_the_ensemble_starts_at_the_prior():
    nngp, ntk, y = kernels()
    mean, cov = ensemble_mean_cov(nngp, ntk, y, N, t=0.0)
    np.testing.assert_array_equal(mean, np.zeros(N + M))
    np.testing.assert_array_equal(cov, nngp)


def test_the_ensemble_ends_without_doubt_where_it_was_trained():
    nngp, ntk, y = kernels()
    mean, cov = ensemble_mean_cov(nngp, ntk, y, N)
    # differences of covariances of order 5
    np.testing.assert_allclose(mean[:N], y, rtol=0, atol=1e-13)
    np.testing.assert_allclose(cov[:N], 0, rtol=0, atol=1e-12)
    assert (np.diag(cov)[N:] > 0.1).all()
    np.testing.assert_allclose(cov, cov.T, rtol=0, atol=1e-13)


def test_a_trained_last_layer_ends_at_the_posterior_and_a_trained_network_does_not():
    nngp, ntk, y = kernels()
    posterior = gaussian_process_posterior(nngp, y, N)
    for one, other in zip(ensemble_mean_cov(nngp, nngp, y, N), posterior, strict=True):
        # two ways to solve with a matrix of condition number of some hundred
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)
    assert np.abs(ensemble_mean_cov(nngp, ntk, y, N).cov - posterior.cov).max() > 0.1


def test_jitter_is_a_fraction_of_the_mean_diagonal_of_the_training_block():
    nngp, ntk, y = kernels()
    widened = ntk.copy()
    widened[range(N), range(N)] += 0.1 * np.trace(ntk[:N, :N]) / N
    push = ntk[:, :N] @ np.linalg.solve(widened[:N, :N], np.eye(N) - expm(-0.7 * widened[:N, :N] / N))
    found = ensemble_mean_cov(nngp, ntk, y, N, t=0.7, jitter=0.1)
    np.testing.assert_allclose(found.mean, push @ y, rtol=0, atol=1e-12)  # a condition number of some hundred
    operator = np.eye(N + M) - np.pad(push, ((0, 0), (0, M)))
    np.testing.assert_allclose(found.cov, operator @ nngp @ operator.T, rtol=0, atol=1e-12)


def test_an_ensemble_may_be_trained_on_an_input_that_occurs_twice():
    x = np.random.default_rng(2).normal(size=(4, 2))
    x = np.concatenate([x[:2], x[:1], x[2:]])
    nngp, ntk = nngp_and_ntk(x, hidden_layers=2, activation="relu", sigma_w=1.4, sigma_b=0.1)
    y = np.array([1.0, -1.0, 3.0])
    for t in (0.5, 1e8, np.inf):
        mean, cov = ensemble_mean_cov(nngp, ntk, y, 3, t=t)
        assert np.isfinite(mean).all()
        assert np.isfinite(cov).all()
    # two targets at one input: their mean is learned. Exact but for a change of basis
    np.testing.assert_allclose(mean[:3], [2.0, -1.0, 2.0], rtol=0, atol=1e-13)


def test_what_has_seen_nothing_is_the_prior():
    nngp, _, _ = kernels()
    mean, cov = gaussian_process_posterior(nngp, np.zeros(0), 0)
    np.testing.assert_array_equal(cov, nngp)
    assert not mean.any()


def test_an_ensemble_needs_something_to_train_on():
    nngp, ntk, _ = kernels()
    with pytest.raises(ValueError, match="n_train must be a whole number of at least 1, got 0"):
        ensemble_mean_cov(nngp, ntk, np.zeros(0), 0)


@pytest.mark.parametrize("noise", [0.01, 0.5, 3.0])
def test_the_posterior_is_that_of_precisions(noise):
    nngp, _, y = kernels()
    with mpmath.workdps(40):
        # a prior and N readings, each of which adds its precision
        precision = mpmath.inverse(mpmath.matrix(nngp.tolist()))
        for i in range(N):
            precision[i, i] += 1 / mpmath.mpf(noise) ** 2
        cov = mpmath.inverse(precision)
        mean = cov * mpmath.matrix([*(target / mpmath.mpf(noise) ** 2 for target in y.tolist()), *[0] * M])
        expected = [np.array(part.tolist(), dtype=float) for part in (mean, cov)]
    found = gaussian_process_posterior(nngp, y, N, noise=noise)
    # differences of numbers of order 5, and a condition number of at most a hundred
    np.testing.assert_allclose(found.mean, expected[0][:, 0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.cov, expected[1], rtol=0, atol=1e-12)


def test_the_posterior_without_noise_is_that_of_the_precision_matrix():
    nngp, _, y = kernels()
    precision = np.linalg.inv(nngp)
    cov = np.linalg.inv(precision[N:, N:])
    found = gaussian_process_posterior(nngp, y, N)
    # inverses there and back: a condition number of some hundred, twice
    np.testing.assert_allclose(found.cov[N:, N:], cov, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.mean[N:], -cov @ precision[N:, :N] @ y, rtol=0, atol=1e-11)
    np.testing.assert_allclose(found.mean[:N], y, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.cov[:N], 0, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("a", "b"), [(0.7, 2.0), (2.0, 0.3), (30.0, 31.0)])
def test_student_t_is_the_conditional_density_of_another_library(a, b):
    nngp, _, y = kernels()
    predictive = student_t_predictive(nngp, y, N, a=a, b=b)
    assert float(predictive.dof) == 2 * a + N
    joint = stats.multivariate_t(np.zeros(N + M), b / a * nngp, df=2 * a)
    seen = stats.multivariate_t(np.zeros(N), b / a * nngp[:N, :N], df=2 * a)
    block = stats.multivariate_t(predictive.mean[N:], predictive.scale[N:, N:], df=float(predictive.dof))
    for values in np.random.default_rng(3).normal(size=(20, M)) * 4:
        expected = joint.logpdf([*y, *values]) - seen.logpdf(y)
        # sums of logarithms of order 10, with a condition number of some hundred inside
        np.testing.assert_allclose(block.logpdf(values), expected, rtol=0, atol=1e-10)
    # without noise nothing is left to doubt at the training inputs
    np.testing.assert_allclose(predictive.mean[:N], y, rtol=0, atol=1e-12)
    np.testing.assert_allclose(predictive.scale[:N], 0, rtol=0, atol=1e-12)


def test_student_t_without_targets_is_the_mixture_of_gaussians():
    a, b, k = 1.7, 0.8, 2.3
    prior = student_t_predictive(np.array([[k]]), np.zeros(0), 0, a=a, b=b)
    density = stats.t(df=float(prior.dof), loc=prior.mean.item(), scale=np.sqrt(prior.scale.item()))
    for value in (0.0, 0.5, -3.0, 10.0):
        mixture = quad(
            lambda s, value=value: stats.norm.pdf(value, scale=np.sqrt(s * k)) * stats.invgamma.pdf(s, a, scale=b),
            0,
            np.inf,
            epsabs=1e-13,
            epsrel=1e-11,
        )[0]
        np.testing.assert_allclose(density.pdf(value), mixture, rtol=1e-9)  # a hundred times the quadrature's demand


def test_student_t_of_certain_scale_is_the_posterior():
    nngp, _, y = kernels()
    wide = student_t_predictive(nngp, y, N, a=1e9, b=1e9)
    posterior = gaussian_process_posterior(nngp, y, N)
    # the scale is known to N / a
    np.testing.assert_allclose(wide.mean, posterior.mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(wide.scale, posterior.cov, rtol=0, atol=1e-7)


def test_cholesky_is_the_root():
    nngp, _, _ = kernels()
    root = np.asarray(cholesky(nngp))
    np.testing.assert_allclose(root @ root.T, nngp, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(root, np.tril(root))


def circle_kernel(points, dtype):
    angles = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(dtype)
    return nngp_and_ntk(x, hidden_layers=1, activation="erf", sigma_w=1.5, sigma_b=0.1).nngp


def test_a_kernel_of_low_rank_in_single_precision_is_an_error_that_says_what_to_do():
    kernel = circle_kernel(64, np.float32)
    with pytest.raises(
        ValueError, match="must be positive definite in float32, got a smallest eigenvalue of"
    ) as raised:
        cholesky(kernel)
    for advice in ("Remove inputs that occur twice", "float64", "jitter of at least"):
        assert advice in str(raised.value)
    for function, more in [(gaussian_process_posterior, {}), (student_t_predictive, {"a": 1.0, "b": 1.0})]:
        with pytest.raises(ValueError, match="must be positive definite in float32"):
            function(kernel, np.ones(60, np.float32), 60, **more)


def test_the_jitter_that_the_error_asks_for_is_of_the_right_size():
    kernel = circle_kernel(64, np.float32)
    with pytest.raises(ValueError, match="jitter of at least") as raised:
        cholesky(kernel)
    jitter = float(str(raised.value).split("at least ")[1].split()[0])
    # at least: ten times as much is enough, and a hundredth is not
    assert np.isfinite(cholesky(kernel + jnp.float32(10 * jitter) * jnp.eye(64, dtype=jnp.float32))).all()
    with pytest.raises(ValueError, match="positive definite"):
        cholesky(kernel + jnp.float32(jitter / 100) * jnp.eye(64, dtype=jnp.float32))


def test_inputs_that_occur_twice_are_an_error_where_a_root_is_needed():
    x = np.random.default_rng(2).normal(size=(4, 2))
    nngp = nngp_and_ntk(x[[0, 1, 0, 2, 3]], hidden_layers=2, activation="relu", sigma_b=0.0).nngp
    for kernel in (np.ones((2, 2)), np.diag([1.0, -1e-3])):
        with pytest.raises(ValueError, match="matrix must be positive definite in float64"):
            cholesky(kernel)
    # noise mends it: two readings of one value are as good as their mean, of half the variance
    posterior = gaussian_process_posterior(nngp, np.array([1.0, 0.0, 2.0]), 3, noise=0.1)
    prior = np.asarray(nngp)[:, :2]
    expected = prior @ np.linalg.solve(prior[:2] + np.diag([0.005, 0.01]), [1.5, 0.0])
    # a condition number of some hundred
    np.testing.assert_allclose(posterior.mean, expected, rtol=0, atol=1e-13)


def test_contradictory_targets_at_one_input_are_an_error():
    x = np.random.default_rng(2).normal(size=(4, 2))
    nngp = nngp_and_ntk(x[[0, 1, 0, 2, 3]], hidden_layers=2, activation="relu", sigma_b=0.0).nngp
    # the smallest eigenvalue is a hundredth of a rounding of the largest
    with pytest.raises(ValueError, match="matrix must be positive definite in float64"):
        gaussian_process_posterior(nngp, np.array([1.0, 0.0, 2.0]), 3)


@pytest.mark.parametrize(
    "function",
    [
        cholesky,
        lambda k: gaussian_process_posterior(k, np.ones(2), 2),
        lambda k: student_t_predictive(k, np.ones(2), 2, a=1.0, b=1.0),
    ],
    ids=["cholesky", "posterior", "student"],
)
def test_what_cannot_look_at_its_numbers_is_an_error_rather_than_nan(function):
    with pytest.raises(jax.errors.TracerArrayConversionError):
        jax.jit(function)(np.eye(3))


def test_an_ensemble_may_be_compiled_and_differentiated():
    nngp, ntk, y = kernels()
    mean = jax.jit(lambda t: ensemble_mean_cov(nngp, ntk, y, N, t=t).mean)
    slope = jax.jit(jax.jacfwd(mean))(0.4)
    step = 1e-4
    near, far = (mean(0.4 + c * step) - mean(0.4 - c * step) for c in (1, 2))
    # fourth order: 1e-16 times a fifth derivative of order 1e4, and roundings / step = 1e-11
    np.testing.assert_allclose(slope, (8 * near - far) / (12 * step), rtol=0, atol=1e-9)


def test_float32_stays_float32():
    nngp, ntk, y = (part.astype(np.float32) for part in kernels())
    for found in (
        ensemble_mean_cov(nngp, ntk, y, N, t=1.0),
        gaussian_process_posterior(nngp, y, N, noise=0.1),
        student_t_predictive(nngp, y, N, a=1.0, b=2.0),
        student_t_predictive(nngp, y[:0], 0, a=1.0, b=2.0),
        (cholesky(nngp),),
    ):
        assert {part.dtype for part in found} == {np.dtype(np.float32)}


BAD = {
    "not square": ({"nngp": np.ones((2, 3))}, r"nngp must have shape \(2, 2\), got \(2, 3\)"),
    "one axis": ({"nngp": np.ones(3)}, r"nngp must have shape \(any, any\), got \(3,\)"),
    "not a number": ({"nngp": np.full((3, 3), np.nan)}, "nngp must be finite"),
    "too small": ({"nngp": np.eye(1)}, "nngp must cover the 2 training inputs, got 1 rows"),
    "targets": ({"y": np.ones(3)}, r"y must have shape \(2"),
    "infinite target": ({"y": np.array([1.0, np.inf])}, "y must be finite"),
    "negative number": ({"n_train": -1}, "n_train must be a whole number of at least .*, got -1"),
    "half an input": ({"n_train": 1.5}, "n_train must be a whole number of at least"),
}
MORE = {
    ensemble_mean_cov: {
        "tangent kernel": ({"ntk": np.full((3, 3), np.inf)}, "ntk must be finite"),
        "small tangent kernel": ({"ntk": np.eye(1)}, "ntk must cover"),
        "negative time": ({"t": -1.0}, "t must be non-negative"),
        "times": ({"t": np.ones(2)}, r"t must have shape \(\), got \(2,\)"),
        "negative jitter": ({"jitter": -0.1}, "jitter must be non-negative"),
    },
    gaussian_process_posterior: {"negative noise": ({"noise": -0.1}, "noise must be non-negative")},
    student_t_predictive: {
        "no shape": ({"a": 0.0}, "a must be positive"),
        "negative scale": ({"b": -1.0}, "b must be positive"),
    },
}


@pytest.mark.parametrize("function", MORE)
def test_refuses_what_it_cannot_answer(function):
    good = {"nngp": np.eye(3), "y": np.ones(2), "n_train": 2}
    good |= {"ntk": np.eye(3)} if function is ensemble_mean_cov else {}
    good |= {"a": 1.0, "b": 1.0} if function is student_t_predictive else {}
    function.__wrapped__(**good)
    for wrong, message in [*BAD.values(), *MORE[function].values()]:
        # outside this suite nothing checks types: the function itself has to refuse
        with pytest.raises(ValueError, match=message):
            function.__wrapped__(**(good | wrong))


def test_kernels_of_different_sets_of_inputs_are_refused():
    with pytest.raises(ValueError, match="ntk must"):
        ensemble_mean_cov.__wrapped__(np.eye(3), np.eye(4), np.ones(2), 2)


def test_cholesky_refuses_what_is_not_a_matrix_of_numbers():
    with pytest.raises(ValueError, match=r"matrix must have shape \(any, any\), got \(2,\)"):
        cholesky.__wrapped__(np.ones(2))
    with pytest.raises(ValueError, match="matrix must be finite"):
        cholesky(np.full((2, 2), np.nan))
