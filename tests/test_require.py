"""The checks of arguments: what passes, and what each message says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from solvable import require

ACCEPTED = [
    (require.positive, 1e-300),
    (require.positive, [1, 2.5]),
    (require.non_negative, 0),
    (require.non_negative_or_infinite, np.inf),
    (require.finite, [-1.0, 0.0]),
    (require.finite, jnp.zeros(2, jnp.bfloat16)),
]


@pytest.mark.parametrize(("check", "value"), ACCEPTED)
def test_accepts(check, value):
    check(x=value)


REFUSED = [
    (require.positive, 0.0, "x must be positive, got 0.0"),
    (require.positive, np.inf, "x must be positive, got inf"),
    (require.positive, [1.0, -2.0], "x must be positive, got -2.0 at index (1,)"),
    (require.positive, [[1, 1], [1, 0]], "x must be positive, got 0 at index (1, 1)"),
    (require.positive, jnp.array(-1.5), "x must be positive, got -1.5"),
    (require.non_negative, -1, "x must be non-negative, got -1"),
    (require.non_negative, np.nan, "x must be non-negative, got nan"),
    (require.non_negative, np.inf, "x must be non-negative, got inf"),
    (require.non_negative_or_infinite, -np.inf, "x must be non-negative, got -inf"),
    (require.non_negative_or_infinite, np.nan, "x must be non-negative, got nan"),
    (require.finite, np.nan, "x must be finite, got nan"),
    # no numbers, or numbers without an order
    (require.positive, "two", "x must be positive, got 'two'"),
    (require.positive, None, "x must be positive, got None"),
    (require.positive, True, "x must be positive, got True"),
    (require.positive, 1 + 1j, "x must be positive, got (1+1j)"),
    (require.positive, [[1], [1, 2]], "x must be positive, got [[1], [1, 2]]"),
]


@pytest.mark.parametrize(("check", "value", "message"), REFUSED)
def test_refuses_and_names_the_argument_its_value_and_what_is_allowed(check, value, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared below
        check(x=value)
    assert str(caught.value) == message


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_within_is_the_closed_interval(x):
    inside = -1.0 <= x <= 2.0
    if inside:
        require.within(-1.0, 2.0, x=x)
    else:
        with pytest.raises(ValueError, match=r"x must be between -1\.0 and 2\.0, got"):
            require.within(-1.0, 2.0, x=x)


def test_integer():
    require.integer(1, k=1)
    require.integer(1, k=[2.0, 2**30])
    for wrong in (0, 1.5, np.inf, np.nan):
        with pytest.raises(ValueError, match="k must be a whole number of at least 1, got"):
            require.integer(1, k=wrong)


def test_one_of():
    require.one_of(("flow", "steps"), method="flow")
    with pytest.raises(ValueError, match="method must be one of 'flow', 'steps', got 'leap'"):
        require.one_of(("flow", "steps"), method="leap")


@pytest.mark.parametrize("shape", [(3,), (2, 3, 1), (3, 2)])
def test_shape(shape):
    require.shape((None, 3), a=np.zeros((7, 3)))
    with pytest.raises(ValueError, match=r"a must have shape \(any, 3\), got \("):
        require.shape((None, 3), a=np.zeros(shape))


def test_several_subjects_are_each_checked():
    with pytest.raises(ValueError, match="rate must be positive"):
        require.positive(tau=1.0, rate=-1.0)


@pytest.mark.parametrize(("matrix", "wanted"), [(np.zeros(3), "any, any"), (np.zeros((2, 3)), "2, 2")])
def test_square(matrix, wanted):
    require.square(a=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=rf"a must have shape \({wanted}\), got \("):
        require.square(a=matrix)


def test_a_traced_value_passes_and_a_traced_shape_does_not():
    assert jax.jit(lambda x: (require.positive(x=x), x)[1])(-1.0) == -1.0
    with pytest.raises(ValueError, match="x must have shape"):
        jax.jit(lambda x: (require.shape((3,), x=x), x)[1])(jnp.zeros(2))
