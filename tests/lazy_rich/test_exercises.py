"""The chapter's reference answers, held against methods that share nothing with them."""

import itertools
import math
import re
import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from solvable import exercises
from solvable import lazy_rich as lr
from solvable.lazy_rich.exercises import EXERCISES
from tests.lazy_rich import gaussian


def answer(name):
    return EXERCISES[name].reference


def cases(name):
    return EXERCISES[name].trials


@pytest.mark.parametrize(("alpha", "eps"), cases("two_neurons"))
def test_two_neurons_say_the_target_and_nothing_else(alpha, eps):
    x, beta = np.random.default_rng(0).normal(size=(7, 3)), gaussian.target(3)
    weights = answer("two_neurons")(alpha, eps) * np.stack([beta, -beta])
    said = lr.committee_predict(weights, x, alpha=alpha, eps=eps)
    np.testing.assert_allclose(said, (x @ beta) ** 2 / 2, rtol=0, atol=1e-12)  # rounding of numbers of order 10


@pytest.mark.parametrize("ratio", [trial[0] for trial in cases("silence")])
def test_silence_misses_the_mean_and_the_spread_of_the_target(ratio):
    x, weight = gaussian.grid(3)
    y = (x @ (np.sqrt(ratio) * gaussian.target(3))) ** 2 / 2
    mean = weight @ y
    # exact quadrature, of sums of 125
    np.testing.assert_allclose(answer("silence")(ratio), [mean**2, weight @ y**2 - mean**2], rtol=1e-12)


@pytest.mark.parametrize(("dim", "samples"), cases("least_squares"))
def test_least_squares_of_noise_leave_the_plateau_and_make_the_peak(dim, samples):
    rng, draws = np.random.default_rng(0), 40
    left, added = [], []
    for _ in range(draws):
        x = rng.normal(size=(samples, dim)) / np.sqrt(dim)
        # over noise of variance 1, what the hat matrix leaves, and the mean square of the fit on fresh inputs
        left.append(1 - np.trace(x @ np.linalg.pinv(x)) / samples)
        added.append(np.trace(np.linalg.inv(x.T @ x)) / dim)
    plateau, peak = answer("least_squares")(dim, samples)
    assert plateau == pytest.approx(np.mean(left), rel=1e-10)  # rounding: it does not depend on the draw
    # one less in the denominator for so many dimensions, and four standard errors
    error = 4 * np.std(added, ddof=1) / np.sqrt(draws)
    assert peak == pytest.approx(1 + np.mean(added), abs=dim / (samples - dim - 1) ** 2 + error)


@pytest.mark.parametrize(("dim", "eps", "eta0", "fraction"), [*cases("first_modes"), (3, 0.7, 0.2, 0.3)])
def test_first_modes_are_down_to_the_fraction_at_these_steps(dim, eps, eta0, fraction):
    steps = answer("first_modes")(dim, eps, eta0, fraction)
    if dim == 3:
        # the kernel as an operator on functions of inputs, by exact quadrature
        x, weight = gaussian.grid(3)
        root = np.sqrt(weight)
        kernel = root[:, None] * (x @ x.T + eps**2 * (x @ x.T) ** 2) * root
        lam = np.linalg.eigvalsh(kernel)[::-1]
        # three linear modes; |x|² alone; five without a trace; in this order if eps is small
        np.testing.assert_allclose(lam[4:9], lam[4], rtol=1e-10)
        lam = lam[[0, 4]]
    else:
        # the same by the package, where the modes were counted
        lam = np.asarray(lr.kernel_modes(dim, eps=eps)[0])[[0, 2]]
    decayed = []
    for rate, time in zip(2 * eta0 * lam, steps, strict=True):
        run = solve_ivp(lambda _, c, rate=rate: -rate * c, (0, time), [1.0], rtol=1e-10, atol=1e-12)
        decayed.append(run.y[0, -1])
    np.testing.assert_allclose(decayed, fraction, rtol=1e-7)  # the integrator's own error


@pytest.mark.parametrize("factor", [trial[1] for trial in cases("rescaled")])
def test_rescaled_networks_generalise_sooner_by_the_square(factor):
    dim = 30

    def half_time(alpha, eps):
        # M along the target and across it, on the population's loss; no linear part
        def velocity(_, m):
            along, across = dim - alpha * eps * (m[0] - 1), -alpha * eps * (m[1] - 1)
            trace = along + (dim - 1) * across
            return 4 * eps / (alpha * dim**2) * (trace / 2 + np.array([along, across])) * m

        def half(_, m):
            return alpha * eps * (m[0] - 1) - dim / 2

        half.terminal = True
        run = solve_ivp(velocity, (0, 1e6), [1.0, 1.0], events=half, method="DOP853", rtol=1e-11, atol=1e-13)
        return run.t_events[0][0]

    before, after = half_time(1.0, 0.05), half_time(1.0 / factor, 0.05 * factor)
    assert answer("rescaled")(before, factor) == pytest.approx(after, rel=1e-8)  # the integrator's own error


def test_rescaled_networks_were_measured_too():
    # in descent the linear part is there, and not much faster than the rest: 4 per cent of it were left
    assert answer("rescaled")(1697.0, 2.0) == pytest.approx(441, rel=0.05)


@pytest.mark.parametrize(("dim", "samples", "eps"), cases("crossover"))
def test_at_the_crossover_both_limits_are_one(dim, samples, eps):
    lazy = float(lr.lazy_bound(samples, dim))
    alpha = brentq(lambda alpha: float(lr.rich_bound(dim, alpha=alpha, eps=eps)) - lazy, 1e-6, 3 * eps, xtol=1e-15)
    assert answer("crossover")(dim, samples, eps) == pytest.approx(alpha, rel=1e-10)


@pytest.mark.parametrize(("dim", "eps", "samples"), cases("alignment"))
def test_alignment_over_all_inputs_and_its_shadow_on_a_sample(dim, eps, samples):
    whole, shadow = answer("alignment")(dim, eps, samples)
    by_moments = lr.population_task_alignment(lr.infinite_width(dim), jnp.ones(dim), eps=eps)
    # what the quadratic part adds to the norm, of order eps⁴ / D
    assert whole == pytest.approx(float(by_moments), rel=eps**2)
    rng, many = np.random.default_rng(0), 2000
    found = []
    for _ in range(4):
        x = rng.normal(size=(many, dim)) / np.sqrt(dim)
        y = np.sum(x, axis=1) ** 2 / 2
        y = y - y.mean()
        kernel = x @ x.T
        found.append(np.sum(y**2 * np.diag(kernel)) / (np.linalg.norm(kernel - kernel.mean(axis=0)) * np.sum(y**2)))
    # |x|² is larger by 4/D where the target is; the norm by D/(2n); and the draw, of one part in some hundred
    assert shadow * samples / many == pytest.approx(np.mean(found), rel=4 / dim + dim / (2 * many) + 0.03)


@pytest.mark.parametrize(("train", "test", "level"), cases("onset"))
def test_onset_is_found_by_looking_at_one_record_after_the_other(train, test, level):
    began = next(i for i in range(len(train)) if train[i] < level)
    stays = next(i for i in range(len(test)) if all(value < level for value in test[i:]))
    assert answer("onset")(train, test, level) == stays - began
    delay = lr.grokking_delay(np.arange(len(train)), train, test, reference=1.0, onset=min(level, 1.0))
    if level < 1:
        assert delay.onset == stays - began
    # a first passage, or a level that is reached, would be another answer
    first = next(i for i in range(len(test)) if test[i] < level)
    assert first < stays


NAMES = {
    "two_neurons": ("alpha", "eps"),
    "silence": ("rho",),
    "least_squares": ("D", "P"),
    "first_modes": ("D", "eps", "eta0", "fraction"),
    "rescaled": ("steps", "factor"),
    "crossover": ("D", "P", "eps"),
    "alignment": ("D", "eps", "n"),
    "onset": ("train", "test", "level"),
}


@pytest.mark.parametrize("name", EXERCISES)
def test_a_hint_has_no_formula_for_any_entry_of_the_answer(name):
    exercise = EXERCISES[name]
    trial = exercise.trials[0]
    expected = np.atleast_1d(exercise.reference(*trial))
    given = dict(zip(NAMES[name], trial, strict=True)) | {"sqrt": math.sqrt, "__builtins__": {}}
    words = re.findall(r"[^\s,;]+", exercise.hint)
    for first, last in itertools.combinations(range(len(words) + 1), 2):
        formula = " ".join(words[first:last]).rstrip(".")
        try:
            with warnings.catch_warnings(action="ignore"):
                value = eval(formula, dict(given))
        except (SyntaxError, NameError, TypeError, ValueError):
            continue  # prose
        if np.isscalar(value):
            assert not np.isclose(expected, value, rtol=1e-9).any(), formula


@pytest.mark.parametrize("name", EXERCISES)
def test_an_answer_that_is_off_by_a_factor_is_not_accepted(name, capsys):
    exercise = EXERCISES[name]
    reference = exercise.reference
    exercises.check(f"lazy_rich.{name}", reference)
    exercises.check(f"lazy_rich.{name}", lambda *arguments: 1.1 * reference(*arguments))
    right, refused = capsys.readouterr().out.splitlines()
    assert right == f"exercise lazy_rich.{name}: right."
    assert refused.startswith(f"exercise lazy_rich.{name}: not yet: ")
    assert refused.endswith(f"Hint: {exercise.hint}")
