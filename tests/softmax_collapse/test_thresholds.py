"""Thresholds of this machine against rounding by hand, and how they depend on the order of the sum."""

import jax
import numpy as np
import pytest

from solvable.softmax_collapse.experiment.thresholds import PLACES, SUMMATIONS, measured_threshold
from solvable.softmax_collapse.theory.precision import DTYPES, collapse_threshold, collapsed, significand_bits


def spacing(dtype, gap):
    """Distance of neighbouring numbers of this type at a gap."""
    return 2.0 ** (np.floor(np.log2(gap)) + 1 - significand_bits(dtype))


def slack(dtype, gap, terms=1):
    """The gap is one of few numbers, the exponential is good to 3 roundings, and each partial sum is rounded."""
    return spacing(dtype, gap) + (3 + terms) * 2.0 ** -significand_bits(dtype)


def before(classes, right):
    return {"first": 0, "middle": classes // 2, "last": classes - 1}[right]


@pytest.mark.parametrize("summation", SUMMATIONS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_single_rival_is_lost_where_theory_says(dtype, summation):
    gap = collapse_threshold(dtype).latest
    for right in ("first", "last"):
        found = measured_threshold(dtype, right=right, summation=summation)
        assert found == pytest.approx(gap, abs=slack(dtype, gap))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("right", PLACES)
@pytest.mark.parametrize("classes", [3, 31])
def test_added_in_turn_only_what_comes_before_the_right_class_counts_together(dtype, right, classes):
    ahead = before(classes, right)
    gap = collapse_threshold(dtype).earliest + np.log(max(ahead, 1))
    found = measured_threshold(dtype, classes=classes, right=right, summation="in turn")
    assert found == pytest.approx(gap, abs=slack(dtype, gap, terms=ahead))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("right", PLACES)
@pytest.mark.parametrize("samples", [1, 500])
def test_the_sum_of_the_library_lies_between_both_ends(dtype, right, samples):
    ends = collapse_threshold(dtype, classes=31)
    found = measured_threshold(dtype, classes=31, right=right, samples=samples)
    low, high = (slack(dtype, end, terms=30) for end in ends)
    assert ends.earliest - low <= found <= ends.latest + high


@pytest.mark.parametrize(("dtype", "summation", "samples"), [("float32", "library", 3), ("float16", "in turn", 1)])
def test_the_number_before_has_not_collapsed(dtype, summation, samples):
    found = np.asarray(
        measured_threshold(dtype, classes=5, right="middle", summation=summation, samples=samples), dtype
    )
    logits = np.zeros((samples, 5), dtype)
    lost = []
    for gap in (np.nextafter(found, np.zeros((), dtype)), found, np.nextafter(found, np.full((), 100, dtype))):
        logits[:, [0, 1, 3, 4]] = -gap
        if summation == "library":
            lost.append(bool(collapsed(logits, np.full(samples, 2)).all()))
        else:
            u = np.asarray(jax.numpy.exp(logits[0]))
            total = u[0]
            for one in u[1:]:
                total = total + one
            lost.append(bool(total == u[2]))
    assert lost == [False, True, True]


def test_rivals_added_one_by_one_in_numpy_are_lost_at_the_same_gap():
    # float16 in which NumPy rounds every sum; the exponential is rounded to the same number by both
    for right in PLACES:
        found = measured_threshold("float16", classes=20, right=right, summation="in turn")
        gaps = np.arange(5, 15, 2.0**-7, dtype=np.float16)
        lost = []
        for gap in gaps:
            u = np.full(20, np.float16(np.exp(-np.float64(gap))), np.float16)
            u[before(20, right)] = 1
            total = np.float16(0)
            for one in u:
                total = total + one
            lost.append(total == 1)
        first = int(np.argmax(lost))
        assert all(lost[first:])
        assert gaps[first - 1] < found <= gaps[first]


def test_float64_is_measured_whatever_the_default_is():
    with jax.enable_x64(False):
        found = measured_threshold("float64")
    assert found == measured_threshold("float64") == pytest.approx(53 * np.log(2), abs=1e-14)  # neighbours at 37


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dtype": "float8"}, "dtype must be one of 'bfloat16', 'float16', 'float32', 'float64', got 'float8'"),
        ({"classes": 1}, "classes must be a whole number of at least 2, got 1"),
        ({"right": "second"}, "right must be one of 'first', 'middle', 'last', got 'second'"),
        ({"summation": "pairs"}, "summation must be one of 'library', 'in turn', got 'pairs'"),
        ({"samples": 0}, "samples must be a whole number of at least 1, got 0"),
    ],
)
def test_refuses_what_has_no_meaning(arguments, message):
    with pytest.raises(ValueError, match=message):
        measured_threshold(**{"dtype": "float32", **arguments})
