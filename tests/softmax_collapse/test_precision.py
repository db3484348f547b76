"""Where exponentials are lost: thresholds against rounding itself, gaps and odds against loops, broken sums."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from solvable.softmax_collapse.theory.losses import softmax_cross_entropy
from solvable.softmax_collapse.theory.precision import (
    DTYPES,
    collapse_threshold,
    collapsed,
    collapsed_fraction,
    log_odds,
    logit_gap,
    significand_bits,
    zero_sum_violation,
)

OF_TWO = [("bfloat16", 5.545), ("float16", 7.625), ("float32", 16.636), ("float64", 36.737)]
LOGITS = np.random.default_rng(2).normal(scale=4, size=(3, 4, 5))
LABELS = np.random.default_rng(3).integers(0, 5, size=(3, 4))


def two_classes(gaps, dtype):
    return np.stack([np.zeros(len(gaps)), -np.asarray(gaps, float)], axis=1).astype(dtype), np.zeros(len(gaps), int)


@pytest.mark.parametrize("dtype", DTYPES)
def test_digits_are_those_that_a_sum_with_1_keeps(dtype):
    one, bits = np.ones((), dtype), significand_bits(dtype)
    assert one + np.asarray(2.0**-bits, dtype) == one
    assert one + np.asarray(2.0 ** (1 - bits), dtype) > one


@pytest.mark.parametrize(("dtype", "gap"), OF_TWO)
def test_one_rival_is_lost_at_half_of_the_last_place(dtype, gap):
    ends = collapse_threshold(dtype)
    assert ends.earliest == ends.latest == pytest.approx(gap, abs=5e-4)  # three digits are printed
    # a number of this type and its neighbour lie on either side, and the exponential is good to a few roundings
    step = 4 * gap * float(jnp.finfo(dtype).eps)
    logits, labels = two_classes([gap - 5e-4 - step, gap + 5e-4 + step], dtype)
    np.testing.assert_array_equal(collapsed(logits, labels), [False, True])


def test_of_many_rivals_the_sum_is_lost_last():
    # printed in the table of the chapter, for 31 and 113 classes
    found = [collapse_threshold(dtype, classes=k).latest for dtype in ("bfloat16", "float32") for k in (31, 113)]
    np.testing.assert_allclose(found, [8.95, 10.26, 20.04, 21.35], rtol=0, atol=5e-3)  # two digits are printed
    assert collapse_threshold("float32", classes=31).earliest == collapse_threshold("float32").earliest


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_sample_collapses_before_the_first_end_and_all_do_after_the_last(dtype):
    ends = collapse_threshold(dtype, classes=9)
    draw = np.random.default_rng(4)
    behind = np.abs(draw.normal(size=(400, 9)))
    behind[::2] = 0  # half of them with rivals that are all alike
    labels = draw.integers(0, 9, size=400)
    nearest = behind.copy()
    nearest[np.arange(400), labels] = np.inf
    behind -= nearest.min(axis=1, keepdims=True)
    # gaps are rounded to a few units in the last place of 10 or 40, and the exponential is good to a few roundings
    slack = 8 * ends.latest * float(jnp.finfo(dtype).eps)
    for gap, expected in ((ends.earliest - slack, False), (ends.latest + slack, True)):
        logits = -gap - behind
        logits[np.arange(400), labels] = 0
        np.testing.assert_array_equal(collapsed(logits.astype(dtype), labels), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_collapsed_sample_has_no_loss_and_no_pull(dtype):
    gaps = np.linspace(0, 1.3, 40) * collapse_threshold(dtype).latest
    logits, labels = two_classes(gaps, dtype)
    lost = np.asarray(collapsed(logits, labels))
    assert 5 < lost.sum() < 20
    assert (np.diff(lost.astype(int)) >= 0).all()
    pull = jax.grad(lambda z: jnp.sum(softmax_cross_entropy(z, labels)))(jnp.asarray(logits))[:, 0]
    np.testing.assert_array_equal(pull == 0, lost)
    np.testing.assert_array_equal(softmax_cross_entropy(logits, labels) == 0, lost)


def test_only_the_right_class_can_stand_alone():
    logits = np.array([[0.0, 40.0], [40.0, 0.0], [1.0, 1.0], [1e30, -1e30], [1e4 + 40, 1e4]])
    np.testing.assert_array_equal(collapsed(logits, np.zeros(5, int)), [False, True, False, True, True])


@pytest.mark.parametrize("dtype", DTYPES)
def test_compiled_code_collapses_at_the_same_gaps(dtype):
    # a compiler could keep more digits between operations than their type has
    gaps = np.linspace(0.5, 1.5, 300) * collapse_threshold(dtype).latest
    logits, labels = two_classes(gaps, dtype)
    np.testing.assert_array_equal(jax.jit(collapsed)(logits, labels), collapsed(logits, labels))


@pytest.mark.parametrize("dtype", DTYPES)
def test_gap_and_odds_against_a_loop(dtype):
    logits = LOGITS.astype(dtype)
    gap, odds = logit_gap(logits, LABELS), log_odds(logits, LABELS)
    assert gap.shape == odds.shape == LABELS.shape
    assert gap.dtype == odds.dtype == dtype
    expected = []
    for place in np.ndindex(LABELS.shape):
        row = [float(x) for x in logits[place]]
        right = row.pop(LABELS[place])
        expected.append((right - max(row), right - float(mpmath.log(mpmath.fsum(map(mpmath.exp, row))))))
    # differences of numbers up to 15 and a logarithm are rounded once or twice each
    np.testing.assert_allclose(
        np.stack([gap, odds], axis=-1).astype(float).reshape(-1, 2), expected, rtol=0, atol=40 * jnp.finfo(dtype).eps
    )


def test_gap_and_odds_keep_their_digits_under_an_offset():
    logits = (np.round(LOGITS * 8) / 8).astype(np.float32)  # eighths: the sum with 1e4 is exact
    for measure in (logit_gap, log_odds):
        np.testing.assert_array_equal(measure(logits + np.float32(1e4), LABELS), measure(logits, LABELS))


def test_the_odds_fall_behind_the_gap_by_the_logarithm_of_the_rivals_at_most():
    behind = np.asarray(logit_gap(LOGITS, LABELS) - log_odds(LOGITS, LABELS))
    assert (behind > 0).all()
    assert (behind < np.log(4)).all()
    equal = np.array([3.0, 0.0, 0.0, 0.0])
    assert float(logit_gap(equal, 0) - log_odds(equal, 0)) == pytest.approx(np.log(3), abs=1e-14)  # rounding


def test_cross_entropy_is_a_function_of_the_odds():
    odds = np.asarray(log_odds(LOGITS, LABELS))
    expected = np.log1p(np.exp(-odds))
    # the loss loses digits beside 1, of which there are 53
    np.testing.assert_allclose(softmax_cross_entropy(LOGITS, LABELS), expected, rtol=1e-14, atol=1e-15)


def test_a_share_is_a_mean_over_all_samples():
    logits = np.tile(np.float32([[[20.0, 0.0], [0.0, 20.0], [1.0, 0.0], [18.0, 0.0]]]), (2, 1, 1))
    share = collapsed_fraction(logits, np.zeros((2, 4), int))
    assert share == 0.5
    # many samples in few bits: the share has the default precision, not that of the logits
    many = np.zeros((3000, 2), np.float16)
    many[:2999, 0] = 10
    assert float(collapsed_fraction(many, np.zeros(3000, int))) == pytest.approx(2999 / 3000, rel=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_derivatives_cancel_up_to_rounding_until_they_cannot(dtype):
    bits = significand_bits(dtype)
    logits, labels = two_classes(np.linspace(0, 1.6, 200) * collapse_threshold(dtype).latest, dtype)
    found, lost = np.asarray(zero_sum_violation(logits, labels), float), np.asarray(collapsed(logits, labels))
    assert zero_sum_violation(logits, labels).dtype == dtype
    np.testing.assert_array_equal(found[lost], 1)
    # the sum of exponentials, its reciprocal, and the product of both with an exponential are rounded by a part in 2^t
    # of a number of at most 1; what they are compared with is twice the chance of the wrong class
    wrong = 1 / (1 + np.exp(-logits[:, 1].astype(float)))
    assert (found[~lost] <= 2 * 2.0**-bits / wrong[~lost] + 2.0**-bits).all()
    assert (found[~lost] < 0.34).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_third_is_lost_at_the_last_gap(dtype):
    # an exponential of a little more than half of a unit in the last place makes the sum 1 + 2 u, and its reciprocal
    # 1 - 2 u, with u = 2^-t: a pull of 2 u against a push of u
    gap = np.asarray(collapse_threshold(dtype).latest * (1 - 1e-5 if dtype == "float32" else 1 - 1e-12), dtype)
    found = zero_sum_violation(np.stack([gap, 0 * gap]), 0)
    # the push is larger than u by gap * 1e-5
    assert float(found) == pytest.approx(1 / 3, abs=2e-4)


def test_nothing_is_violated_where_nothing_is_left():
    # exponentials of -200 are 0 in float32
    logits, labels = np.float32([[200, 0, 0], [80, 0, 0]]), np.zeros(2, int)
    np.testing.assert_array_equal(collapsed(logits, labels), True)
    np.testing.assert_array_equal(zero_sum_violation(logits, labels), [0, 1])
    np.testing.assert_array_equal(jax.jit(zero_sum_violation)(logits, labels), [0, 1])


def test_between_both_ends_the_pull_is_lost_in_part():
    # in float32 the sum 1 + u + ... + u is a multiple of 2^-23, whatever its order
    draw = np.random.default_rng(5)
    logits = np.zeros((200, 31), np.float32)
    logits[:, 1:] = -draw.uniform(16.7, 20, size=(200, 1)) - 0.1 * draw.uniform(size=(200, 30))
    found, lost = zero_sum_violation(logits, np.zeros(200, int)), collapsed(logits, np.zeros(200, int))
    u = np.exp(logits[:, 1:].astype(float)).sum(axis=1)
    # pushes that are exact to float32's digits, and a pull that is what is left of the sum: a reciprocal near 1 is
    # rounded to 2^-24
    total = np.asarray(jnp.sum(jnp.exp(jnp.asarray(logits)), axis=1), float) - 1
    np.testing.assert_allclose(found, np.abs(u - total) / (u + total), rtol=1e-4, atol=2.0**-25 / u.min())
    np.testing.assert_array_equal(lost, total == 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: significand_bits("float8"), "dtype must be one of 'bfloat16', 'float16', 'float32', 'float64', got"),
        (lambda: collapse_threshold("int32"), "dtype must be one of"),
        (lambda: collapse_threshold("float32", classes=1), "classes must be a whole number of at least 2, got 1"),
        *(
            (lambda measure=measure: measure(LOGITS, np.full(LABELS.shape, 5)), "labels must be between 0 and 4, got 5")
            for measure in (logit_gap, log_odds, collapsed, collapsed_fraction, zero_sum_violation)
        ),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=message):
        call()
