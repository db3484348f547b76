"""The sum of exponentials in four formats, against loops over numbers of those formats."""

import math
from itertools import product

import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from solvable.softmax_collapse.explorables.precision import (
    CLASSES,
    FIRST,
    GAPS,
    LAST,
    LEAST,
    MARKERS,
    PLACES,
    PRECISION,
    ROWS,
)
from solvable.softmax_collapse.theory.precision import collapse_threshold

FORMATS = {"bfloat16": jnp.bfloat16, "float16": np.float16, "float32": np.float32, "float64": np.float64}
BITS = {"bfloat16": 8, "float16": 11, "float32": 24, "float64": 53}
SETTINGS = list(product(range(4), CLASSES, (LAST, FIRST)))
every = pytest.mark.parametrize(("which", "classes", "order"), SETTINGS)


def looped(which, classes, order):
    """Sum, loss and both derivatives at each gap, one operation in the format after the other."""
    number = np.dtype(list(FORMATS.values())[which]).type
    found = []
    for gap in GAPS:
        small = number(math.exp(-gap))
        total = number(1) if order == FIRST else number(0)
        for _ in range(classes - 1):
            total = number(total + small)
        if order == LAST:
            total = number(total + number(1))
        right, other = number(number(1) / total), number(small / total)
        loss = number(math.log(float(total)))
        found.append([float(total), float(loss), 1 - float(right), float(other)])
    return np.array(found).T


@every
def test_every_number_is_that_of_the_format(which, classes, order):
    total, loss, pull, other = looped(which, classes, order)
    at = PRECISION.evaluate(gap=0.0, dtype=which, classes=classes, order=order)
    # rounded to the same numbers, so there is nothing to tolerate
    np.testing.assert_array_equal(at["pull"], np.maximum(pull, LEAST))
    np.testing.assert_allclose(at["excess"], total[0] - 1, rtol=0, atol=0)
    push = (classes - 1) * other
    part = np.abs(push - pull) / np.where(push + pull > 0, push + pull, 1)
    # in float64 the product of a derivative and the number of classes is rounded once more, to parts of 1e-16 of 1
    np.testing.assert_allclose(
        at["uncancelled"], np.maximum(part[::MARKERS], LEAST), rtol=0, atol=0 if which < 3 else 3e-16
    )
    for index in range(0, len(GAPS), 7):
        here = PRECISION.evaluate(gap=GAPS[index], dtype=which, classes=classes, order=order)
        assert here["place here"] == GAPS[index]
        assert here["excess"] == total[index] - 1
        assert here["derivative"] == pull[index]
        # two libraries' logarithms, which differ in the last digit of float64 at most
        np.testing.assert_allclose(here["loss"], loss[index], rtol=0 if which < 3 else 4e-16, atol=0)
        np.testing.assert_allclose(here["left"], part[index] if part[index] > 1e-9 else 0, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("which", "name"), list(enumerate(BITS)))
def test_digits_add_up_to_the_sum(which, name):
    for order in (LAST, FIRST):
        total = looped(which, 31, order)[0]
        at = PRECISION.evaluate(dtype=which, classes=31, order=order)
        assert set(np.unique(at["digit"])) == {0, 1}
        shown = at["digit"] * (1 - at["not stored"])
        # every digit of the sum is at one of the places, and none is where nothing is stored
        np.testing.assert_array_equal(shown @ 2.0**-PLACES, total[::ROWS])
        for row, value in zip(at["not stored"], total[::ROWS], strict=True):
            assert PLACES[row > 0.5].min() == BITS[name] - math.floor(math.log2(value))


@every
def test_collapse_lies_between_the_thresholds(which, classes, order):
    name = list(BITS)[which]
    expected = collapse_threshold(name, classes=classes)
    at = PRECISION.evaluate(dtype=which, classes=classes, order=order)
    np.testing.assert_allclose([at["earliest"], at["latest"]], expected, rtol=1e-14, atol=0)
    gone = at["pull"] == LEAST
    assert not gone[expected.earliest > GAPS].any()
    assert gone[expected.latest < GAPS].all()
    # the largest term first loses each of the others by itself
    if order == FIRST:
        assert gone[expected.earliest < GAPS].all()


def test_the_exact_derivative():
    at = PRECISION.evaluate(classes=113)
    for index in range(0, len(GAPS), 25):
        odds = 112 * mpmath.exp(-mpmath.mpf(float(GAPS[index])))
        # roundings of double precision
        np.testing.assert_allclose(at["exact"][index], float(odds / (1 + odds)), rtol=1e-14, atol=0)


def test_the_line_follows_the_leading_digit_of_the_small_part():
    at = PRECISION.evaluate(dtype=3, classes=31)
    for gap, digits in zip(at["row"], at["digit"], strict=True):
        # below this gap the small part meets the 1, above that one it is lost
        if 4 < gap < 34:
            place = np.interp(gap, at["begins"], at["leading"])
            leading = PLACES[np.flatnonzero(digits * (PLACES > 0))[0]]
            assert place <= leading < place + 1


def test_the_order_decides_at_the_defaults():
    last, first = PRECISION.evaluate(order=LAST), PRECISION.evaluate(order=FIRST)
    assert (last["collapsed"], first["collapsed"]) == (0, 1)
    assert last["derivative"] > 0
    assert first["derivative"] == first["loss"] == first["excess"] == 0
    assert first["left"] == 1


def test_in_float16_everything_is_gone_where_exponentials_underflow():
    # the smallest positive number is 2^-24, and half of it is rounded to 0
    for gap, gone in ((17.1, 0), (17.4, 1)):
        at = PRECISION.evaluate(dtype=1, gap=gap)
        assert (at["collapsed"], at["all gone"]) == (1 - gone, gone)
        assert at["left"] == 1 - gone


def test_a_gap_is_the_nearest_of_the_grid():
    for gap, nearest in ((0.14, 0.0), (0.16, 0.3), (44.9, 45.0), (45.0, 45.0)):
        # a product of a whole number and 0.3
        np.testing.assert_allclose(PRECISION.evaluate(gap=gap)["level"], nearest, rtol=1e-15, atol=0)
