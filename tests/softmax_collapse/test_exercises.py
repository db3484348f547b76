"""Reference answers of Chapter 5, against computations that do not use their formulas."""

import math

import mpmath
import numpy as np
import pytest

from solvable import exercises
from solvable.softmax_collapse.exercises import EXERCISES


def reference(name, *arguments):
    return EXERCISES[name].reference(*arguments)


@pytest.mark.parametrize("digits", [4, 8, 11, 24, 53, 113])
def test_at_the_gap_the_small_exponential_is_rounded_away(digits):
    gap = reference("gap", digits)

    def total(by):
        with mpmath.workdps(60):
            small = mpmath.exp(-mpmath.mpf(gap) * by)
        return mpmath.fadd(1, small, prec=digits, rounding="n")

    # the gap itself is a number of 53 digits
    assert total(1 + 1e-12) == 1
    assert total(1 - 1e-12) > 1


@pytest.mark.parametrize(("epoch", "gap", "beta2", "digits"), EXERCISES["alarm"].trials)
def test_the_alarm_is_when_the_memory_of_the_squares_has_faded_as_far(epoch, gap, beta2, digits):
    # the gradient falls with the root of a mean of squares that is not fed any more; it was larger before
    root, steps, forward = math.exp(-gap), 0, 1 if math.exp(-gap) > 2.0**-digits else -1
    while (root > 2.0**-digits) == (forward > 0):
        root, steps = root * math.sqrt(beta2) ** forward, steps + 1
    assert steps - 1 < forward * (reference("alarm", epoch, gap, beta2, digits) - epoch) <= steps


@pytest.mark.parametrize(("size", "classes"), EXERCISES["tail"].trials)
def test_the_tail_is_the_loss_of_stablemax(size, classes):
    with mpmath.workdps(50):
        right = mpmath.mpf(size) + 1
        wrong = [1 / (1 + mpmath.mpf(size))] * (classes - 1)
        expected = -mpmath.log(right / (right + mpmath.fsum(wrong)))
    assert reference("tail", size, classes) == pytest.approx(float(expected), rel=1e-14)  # rounding


@pytest.mark.parametrize(("gradient", "weights"), EXERCISES["project"].trials)
def test_what_is_projected_is_square_to_the_weights_and_as_long_as_before(gradient, weights):
    found = reference("project", gradient, weights)
    assert found @ weights == pytest.approx(0, abs=1e-14)  # rounding
    assert found @ found == pytest.approx(gradient @ gradient, rel=1e-14)
    # in the plane of both, on the gradient's side
    assert np.linalg.matrix_rank([found, gradient, weights]) == 2
    assert found @ gradient > 0


@pytest.mark.parametrize(("beta2", "layers"), EXERCISES["doubling"].trials)
def test_doubled_weights_have_doubled_steps(beta2, layers):
    n = reference("doubling", beta2, layers)
    # what a gradient of weights to the power of -2 d - 1 has left, over the root of squares that are forgotten
    assert 2.0 ** (-2 * layers - 1) / beta2 ** (n / 2) == pytest.approx(2, rel=1e-12)  # rounding


@pytest.mark.parametrize("logits", [trial[0] for trial in EXERCISES["shift"].trials])
def test_shifted_logits_have_a_normaliser_of_1(logits):
    with mpmath.workdps(50):
        c = mpmath.mpf(float(reference("shift", logits)))
        total = mpmath.fsum(mpmath.exp(mpmath.mpf(float(z)) + c) for z in logits)
    # the rounding of a shift of up to 900
    assert float(total) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("b", [trial[0] for trial in EXERCISES["fold"].trials])
def test_folded_logits_are_two_with_the_same_weight(b):
    roots = np.roots([0.5, 1, 1 - (1 + b + b**2 / 2)])
    # two simple roots: rounding
    np.testing.assert_allclose(sorted(roots), sorted([b, reference("fold", b)]), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize(("examples", "v"), EXERCISES["perceptron_step"].trials)
def test_a_step_of_the_perceptron_is_the_limit_of_large_steps(examples, v):
    eta, slopes = 1e6, []
    for x in examples:
        margin = eta * (x @ v)
        slopes.append(x / (1 + math.exp(margin)) if margin < 700 else 0 * x)
    # logistic derivatives of margins of a million and more, or of none
    np.testing.assert_allclose(
        reference("perceptron_step", examples, v), v + np.mean(slopes, axis=0), rtol=1e-14, atol=1e-15
    )


def test_a_step_of_the_perceptron_has_mistakes_and_ties_and_hits_among_its_trials():
    signs = {float(s) for examples, v in EXERCISES["perceptron_step"].trials for s in np.sign(examples @ v)}
    assert signs == {-1, 0, 1}


@pytest.mark.parametrize("name", EXERCISES)
def test_the_reference_is_right_and_a_near_miss_is_not(name, capsys):
    exercise = EXERCISES[name]
    exercises.check(f"softmax_collapse.{name}", exercise.reference)
    exercises.check(f"softmax_collapse.{name}", lambda *given: np.asarray(exercise.reference(*given)) * 1.001)
    right, wrong = capsys.readouterr().out.split("\n", 1)
    assert right == f"exercise softmax_collapse.{name}: right."
    assert exercise.hint in wrong
