"""Times of collapse: straight lines solved by hand, and gradient descent run to its end."""

import numpy as np
import pytest

from solvable.softmax_collapse.theory.clock import collapse_time

GROWING = {"times": np.array([100, 200, 400]), "gaps": np.array([2.0, 3.0, 5.0]), "odds": np.array([0.0, 0.5, 1.5])}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: collapse_time(np.zeros(1), np.zeros(1), np.zeros(1), dtype="float32"), "times must be at least two"),
        (
            lambda: collapse_time(**{**GROWING, "times": np.array([1, 3, 3])}, dtype="float32"),
            "increasing numbers, got",
        ),
        (lambda: collapse_time(**{**GROWING, "gaps": np.array([0, np.nan, 1])}, dtype="float32"), "gaps must be"),
        (lambda: collapse_time(**{**GROWING, "odds": np.array([0, np.inf, 1])}, dtype="float32"), "odds must be"),
        (lambda: collapse_time(**GROWING, dtype="float8"), "dtype must be one of"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=message):
        call()
