"""The ways in which values become arrays."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvable._types import at_hand, place, promote


@pytest.mark.parametrize("value", [2, 0.5, np.arange(3), np.float32(1.5)])
def test_place_brings_what_it_is_given(value):
    placed = place(value)
    assert isinstance(placed, jax.Array)
    np.testing.assert_array_equal(placed, value)


def test_place_keeps_or_changes_the_type():
    assert place(np.ones(2, "float32")).dtype == "float32"
    assert place(np.ones(2, "float32"), "float64").dtype == "float64"
    assert place(jnp.ones(2, "float32"), "float64").dtype == "float64"


def test_place_compiles_nothing(caplog):
    with jax.log_compiles():
        place(np.ones((17, 3)))
    assert not caplog.records


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((1, 2), "float64"),
        ((1, np.float32(2)), "float32"),
        ((1.5, np.ones(2, "float32")), "float32"),
    ],
)
def test_promote_finds_the_type_of_the_arrays(values, dtype):
    assert {array.dtype for array in promote(*values)} == {jnp.dtype(dtype)}


def test_known_values_are_handled_by_numpy():
    library, (one, other) = at_hand(jnp.arange(3.0), np.ones(2))
    assert library is np
    assert type(one) is type(other) is np.ndarray
    np.testing.assert_array_equal(one, [0, 1, 2])


def test_one_traced_value_makes_all_of_them_jax():
    @jax.jit
    def function(traced):
        library, (one, other) = at_hand(np.ones(2), traced)
        assert library is jnp
        return library.concatenate([one, other])

    np.testing.assert_array_equal(function(jnp.zeros(1)), [1, 1, 0])
