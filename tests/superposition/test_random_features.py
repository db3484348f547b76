"""Random-feature ridge regression: by root finding, by known limits, by regression on drawn features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

from solvable.randomness import generator
from solvable.superposition.experiment.random_features import simulate_random_feature_ridge
from solvable.superposition.theory.random_features import optimal_ridge, random_feature_ridge_risk

MODES = np.arange(1, 301)
TASK = {"eigenvalues": MODES**-1.5, "coefficients": MODES**-0.9}
SETTINGS = [(40, 15, 0.3), (15, 40, 0.3), (30, 30, 1e-2), (60, 400, 1e-4), (400, 60, 2.0), (7, np.inf, 0.1)]


def nested(n, k, ridge, noise, lam, v):
    """Both equations as they are printed, one root inside the other, and the printed errors."""

    def total(gamma):
        return np.sum(lam / (lam + gamma))

    def gamma_of(kappa):
        if np.isinf(k):
            return kappa
        return np.exp(brentq(lambda t: total(np.exp(t)) + k * kappa / np.exp(t) - k, -60, 60, xtol=1e-14, rtol=1e-14))

    def examples(t):
        return total(gamma_of(np.exp(t))) + ridge / np.exp(t) - n

    kappa = np.exp(brentq(examples, -50, 50, xtol=1e-13, rtol=1e-13))
    gamma = gamma_of(kappa)
    learned = lam / (lam + gamma)
    z, q = np.sum(learned), np.sum(learned**2)
    if np.isinf(k):
        test = n / (n - q) * (np.sum((1 - learned) ** 2 * v**2) + noise)
    else:
        bias = np.sum((gamma / (lam + gamma) - kappa * lam * k / ((lam + gamma) ** 2 * (k - q))) * v**2)
        test = (bias + noise) / (1 - (q * (k - 2 * z) + z**2) / (n * (k - q)))
    return test, (ridge / (n * kappa)) ** 2 * test, kappa, gamma


@pytest.mark.parametrize(("n", "k", "ridge"), SETTINGS)
@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_the_printed_equations_are_solved(n, k, ridge, noise):
    found = random_feature_ridge_risk(n, k, ridge=ridge, noise=noise, **TASK)
    expected = nested(n, k, ridge, noise, TASK["eigenvalues"], TASK["coefficients"])
    # rounding of the printed forms, whose n - z and k - q are small differences of numbers of some hundred
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-8, atol=1e-14)


def test_given_the_features_it_is_kernel_regression_with_their_kernel():
    n, k, ridge, noise = 60, 90, 0.5, 0.2
    lam, v = TASK["eigenvalues"], TASK["coefficients"]
    errors = []
    for seed in range(12):
        root = np.sqrt(lam)[:, None] * np.random.default_rng([seed, 7]).normal(size=(lam.size, k)) / np.sqrt(k)
        values, vectors = np.linalg.eigh(root @ root.T)
        values = np.maximum(values, 0)
        test, *_ = nested(n, np.inf, ridge, noise, values, vectors.T @ v)
        errors.append(test)
    mean, error = np.mean(errors), np.std(errors, ddof=1) / np.sqrt(12)
    # four standard errors, and the terms of order 1/k of a single draw's fluctuations
    assert abs(mean - random_feature_ridge_risk(n, k, ridge=ridge, noise=noise, **TASK).test) < 4 * error + mean / k


@pytest.mark.parametrize(("n", "modes"), [(20, 50), (20, 21)])
def test_equal_eigenvalues_without_a_ridge_are_least_norm_regression(n, modes):
    v = np.linspace(1, 2, modes)
    found = random_feature_ridge_risk(n, np.inf, eigenvalues=np.ones(modes), coefficients=v, ridge=0.0, noise=0.3)
    left = 1 - n / modes
    # Hastie et al. (2022), theorem 1, in this unit of the noise; sums of 50
    np.testing.assert_allclose(found.test, left * np.sum(v**2) + 0.3 / left, rtol=1e-12, atol=0)
    assert found.train == 0


def test_with_examples_and_features_to_spare_only_noise_is_left():
    found = random_feature_ridge_risk(np.array([400.0, 301.0]), 350.0, **TASK, ridge=0.0, noise=np.array([0.5, 0.0]))
    np.testing.assert_allclose(found.test, [0.5 * 400 / 100, 0], rtol=1e-12, atol=0)  # one division
    np.testing.assert_allclose(found.train, [0.5 * 100 / 400, 0], rtol=1e-12, atol=0)
    assert (np.array([found.kappa, found.gamma]) == 0).all()
    exactly = random_feature_ridge_risk(300.0, 350.0, **TASK, ridge=0.0, noise=np.array([0.5, 0.0]))
    assert exactly.test.tolist() == [np.inf, 0]
    assert exactly.train.tolist() == [0, 0]


@pytest.mark.parametrize(("n", "k"), [(40.0, 15.0), (15.0, 40.0), (15.0, np.inf), (400.0, 350.0)])
def test_no_ridge_is_the_limit_of_a_small_one(n, k):
    none, small = (random_feature_ridge_risk(n, k, ridge=ridge, noise=0.1, **TASK) for ridge in (0.0, 1e-9))
    # the error is a smooth function of the ridge by the smallest eigenvalue, 2e-4, times n - k
    np.testing.assert_allclose(np.array(none), np.array(small), rtol=1e-4, atol=1e-6)


def test_without_a_ridge_the_error_is_infinite_at_as_many_features_as_examples():
    found = random_feature_ridge_risk(30, jnp.array([30, 31]), ridge=0.0, **TASK)
    assert found.test[0] == np.inf
    assert np.isfinite(found.test[1])
    assert found.train.tolist() == [0, 0]


def test_under_a_great_ridge_nothing_is_learned():
    found = random_feature_ridge_risk(20, 30, ridge=1e12, noise=0.7, **TASK)
    # corrections of n sum(lambda) / ridge
    np.testing.assert_allclose([found.test, found.train], np.sum(TASK["coefficients"] ** 2) + 0.7, rtol=1e-9, atol=0)


def test_features_without_end_are_the_kernel():
    many = random_feature_ridge_risk(30, 1e9, ridge=0.1, noise=0.2, **TASK)
    limit = random_feature_ridge_risk(30, np.inf, ridge=0.1, noise=0.2, **TASK)
    np.testing.assert_allclose(np.array(many), np.array(limit), rtol=1e-6, atol=0)  # corrections of n / k = 3e-8
    assert limit.kappa == limit.gamma


@pytest.mark.parametrize(("n", "k", "noise"), [(40, 15, 0.3), (20, 200, 0.3), (30, np.inf, 0.5), (30, 30, 0.01)])
def test_the_best_ridge_is_that_of_a_search(n, k, noise):
    lam, v = TASK["eigenvalues"], TASK["coefficients"]
    found = float(optimal_ridge(n, k, noise=noise, **TASK))
    expected = minimize_scalar(
        lambda t: nested(n, k, np.exp(t), noise, lam, v)[0], bounds=(-12, 8), method="bounded", options={"xatol": 1e-9}
    )
    # a minimum is flat: both are known to the square root of rounding, by the searched logarithm's scale
    np.testing.assert_allclose(found, np.exp(expected.x), rtol=1e-5, atol=0)


def test_no_ridge_is_best_where_it_only_does_harm():
    # a target that falls faster than the spectrum, from data without noise
    assert optimal_ridge(30, np.inf, eigenvalues=MODES**-1.2, coefficients=MODES**-1.0) == 0
    # as many examples as determine it
    found = optimal_ridge(400, np.inf, noise=np.array([0.0, 0.1]), **TASK)
    assert found[0] == 0 < found[1]


def test_how_closely_a_power_law_must_be_fitted():
    modes = np.arange(1, 20001)
    alpha, beta, n = 2.0, 2.6, 100
    task = {"eigenvalues": modes**-alpha, "coefficients": modes ** (-beta / 2)}
    free = random_feature_ridge_risk(n, np.inf, ridge=0.0, **task).test
    # for n without end E goes as (t^(1-beta) + alpha sigma^2/E_0) / (1 - t (1 - 1/alpha)) with t = z/n, where
    # train/test = (1 - t)^2; it falls up to t = 1 where sigma^2/E_0 is below (beta - alpha) / (alpha (alpha - 1)) = 0.3
    ratios = np.array([0.05, 0.2])
    t = 1 - np.sqrt(ratios)
    rest = 1 - t * (1 - 1 / alpha)
    levels = ((beta - 1) * t**-beta * rest / (1 - 1 / alpha) - t ** (1 - beta)) / alpha
    ridge = optimal_ridge(n, np.inf, noise=free * levels, **task)
    found = random_feature_ridge_risk(n, np.inf, ridge=ridge, noise=free * levels, **task)
    # sums in the place of integrals, and modes that end: terms of order 1/n
    np.testing.assert_allclose(found.train / found.test, ratios, rtol=3 / n, atol=0)
    below, above = optimal_ridge(n, np.inf, noise=free * 0.3 * np.array([0.9, 1.25]), **task)
    assert below == 0 < above


def test_more_never_hurts_at_the_best_ridge():
    counts = np.geomspace(5, 1000, 9)
    ridge = optimal_ridge(counts[:, None], counts, noise=0.1, **TASK)
    test = np.asarray(random_feature_ridge_risk(counts[:, None], counts, ridge=ridge, noise=0.1, **TASK).test)
    # strictly, by more than the rounding of a minimum
    assert (np.diff(test, axis=0) < 1e-12).all()
    assert (np.diff(test, axis=1) < 1e-12).all()


def test_a_simulated_fit_is_that_of_the_normal_equations(key):
    samples, features, ridge = np.array([12, 9]), np.array([7, 20]), np.array([0.3, 0.05])
    found = simulate_random_feature_ridge(
        samples, features, ridge=ridge, noise=np.array([0.5, 0.1]), trials=2, key=key, **TASK
    )
    draw = generator(key)
    lam, v = TASK["eigenvalues"], TASK["coefficients"]
    fresh = np.random.default_rng(5).normal(size=(20000, lam.size))
    for trial in range(2):
        phi, omega, noise = (draw.normal(size=size) for size in ((12, lam.size), (20, lam.size), 12))
        for setting, variance in enumerate((0.5, 0.1)):
            n, k = samples[setting], features[setting]
            lift = (omega[:k] * np.sqrt(lam)).T / np.sqrt(k)
            psi, y = phi[:n] @ lift, phi[:n] @ v + np.sqrt(variance) * noise[:n]
            weights = np.linalg.solve(psi.T @ psi + ridge[setting] * np.eye(k), psi.T @ y)
            train = np.mean((y - psi @ weights) ** 2)
            np.testing.assert_allclose(found.train[setting, trial], train, rtol=1e-9, atol=0)  # condition of 1e3
            squares = (fresh @ (v - lift @ weights)) ** 2 + variance
            error = np.std(squares) / np.sqrt(len(squares))
            assert abs(found.test[setting, trial] - np.mean(squares)) < 4 * error


def test_the_simulation_has_the_error_of_the_theory(key):
    n, k, ridge = np.array([50, 50, 50, 20, 90]), np.array([20, 50, 200, 60, 60]), np.array([1e-2, 0.1, 1e-2, 1.0, 1.0])
    trials = 60
    runs = simulate_random_feature_ridge(n, k, ridge=ridge, noise=0.2, trials=trials, key=key, **TASK)
    theory = random_feature_ridge_risk(n, k, ridge=ridge, noise=0.2, **TASK)
    for measured, expected in zip(runs, np.array(theory[:2]), strict=True):
        error = measured.std(axis=1, ddof=1) / np.sqrt(trials)
        # four standard errors, and the neglected terms of order 1/n
        np.testing.assert_array_less(np.abs(measured.mean(axis=1) - expected), 4 * error + expected / n)


def test_shapes_broadcast_and_one_program_serves_them():
    samples, widths = np.linspace(5, 60, 9)[:, None], np.array([10.0, np.inf])
    found = random_feature_ridge_risk(samples, widths, ridge=0.1, **TASK).test
    assert found.shape == (9, 2)
    np.testing.assert_array_equal(found[4, 1], random_feature_ridge_risk(samples[4, 0], np.inf, ridge=0.1, **TASK).test)
    assert random_feature_ridge_risk(np.array([]), 3, ridge=0.1, **TASK).test.shape == (0,)


@pytest.mark.parametrize("k", [15.0, 30.0, np.inf])
def test_the_risk_can_be_mapped_compiled_and_differentiated(k):
    def test_error(ridge):
        return random_feature_ridge_risk(30.0, k, ridge=ridge, noise=0.1, **TASK).test

    ridges = jnp.array([0.05, 0.4])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(test_error))(ridges), [test_error(r) for r in ridges], rtol=1e-12, atol=0
    )
    step = 1e-3
    near, far = (test_error(0.4 + c * step) - test_error(0.4 - c * step) for c in (1, 2))
    # fourth order: 1e-12 / 30 times a fifth derivative of order 1e3
    np.testing.assert_allclose(jax.grad(test_error)(0.4), (8 * near - far) / (12 * step), rtol=0, atol=1e-9)


def test_float32_stays_float32(key):
    task = {name: values.astype(np.float32) for name, values in TASK.items()}
    single = random_feature_ridge_risk(30, np.array([20, np.inf], np.float32), ridge=0.1, noise=0.2, **task)
    ridge = optimal_ridge(30, 20, noise=0.2, **task)
    runs = simulate_random_feature_ridge(5, 6, ridge=0.1, noise=0.2, trials=2, key=key, **task)
    assert {part.dtype for part in (*single, ridge, *runs)} == {np.dtype(np.float32)}
    double = random_feature_ridge_risk(30, np.array([20, np.inf]), ridge=0.1, noise=0.2, **TASK)
    np.testing.assert_allclose(np.array(single), np.array(double), rtol=1e-4, atol=0)  # sums of 300, and differences


RISK, BEST, RUN = random_feature_ridge_risk, optimal_ridge, simulate_random_feature_ridge


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda _: RISK(0, 3, ridge=0.1, **TASK), "samples must be positive"),
        (lambda _: RISK(3, 0, ridge=0.1, **TASK), "features must be positive"),
        (lambda _: RISK(np.inf, 3, ridge=0.1, **TASK), "samples must be positive"),
        (lambda _: RISK(3, 3, ridge=-0.1, **TASK), "ridge must be non-negative"),
        (lambda _: RISK(3, 3, ridge=0.1, noise=-1.0, **TASK), "noise must be non-negative"),
        (lambda _: RISK(3, 3, ridge=0.1, **TASK | {"eigenvalues": np.zeros(300)}), "eigenvalues must be positive"),
        (lambda _: RISK(3, 3, ridge=0.1, **TASK | {"coefficients": np.full(300, np.nan)}), "coefficients must be fin"),
        (lambda _: RISK.__wrapped__(3, 3, ridge=0.1, **TASK | {"coefficients": np.ones(2)}), "coefficients must have"),
        (lambda _: RISK.__wrapped__(3, 3, ridge=0.1, **TASK | {"eigenvalues": np.ones((2, 2))}), "eigenvalues must h"),
        (lambda _: BEST(0, 3, **TASK), "samples must be positive"),
        (lambda _: BEST(3, -1, **TASK), "features must be positive"),
        (lambda _: BEST(3, 3, noise=-1.0, **TASK), "noise must be non-negative"),
        (lambda _: BEST(3, 3, **TASK | {"coefficients": np.zeros(300)}), "sum of squared coefficients must be pos"),
        (lambda key: RUN(0, 3, ridge=0.1, key=key, **TASK), "samples must be a whole number of at least 1"),
        (lambda key: RUN(3, 2.5, ridge=0.1, key=key, **TASK), "features must be a whole number"),
        (lambda key: RUN(3, 3, ridge=0.0, key=key, **TASK), "ridge must be positive"),
        (lambda key: RUN(3, 3, ridge=0.1, noise=-1.0, key=key, **TASK), "noise must be non-negative"),
        (lambda key: RUN(3, 3, ridge=0.1, trials=0, key=key, **TASK), "trials must be a whole number"),
        (lambda key: RUN(np.ones((2, 2)), 3, ridge=0.1, key=key, **TASK), "settings must have shape"),
        (lambda key: RUN(3, 3, ridge=0.1, key=key, **TASK | {"eigenvalues": -np.ones(300)}), "eigenvalues must be pos"),
        (
            lambda key: RUN.__wrapped__(3, 3, ridge=0.1, key=key, **TASK | {"coefficients": np.ones(2)}),
            "coefficients must have shape",
        ),
    ],
)
def test_refuses_what_it_cannot_answer(call, message, key):
    with pytest.raises(ValueError, match=message):
        call(key)
