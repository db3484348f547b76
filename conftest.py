"""Settings under which every test runs: 64-bit numbers, strict dtype promotion, types checked at run time."""

import itertools
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")

pytest.register_assert_rewrite("tests.figure_rules")

# the same examples every time, however long they take: neither chance nor time decides a test
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

# shapes and dtypes in the signatures become checks; only under test, where the cost does not matter. As for every
# other type checker, an int is given where a float is asked for.
install_import_hook("solvable", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")


BETWEEN_CLEARINGS = 150
"""Tests of one process; what they compile adds up to a gigabyte or so."""
_ended = itertools.count(1)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """Hand memory back now and then: what a process compiles in all tests comes to more than some machines have."""
    if next(_ended) % BETWEEN_CLEARINGS == 0:
        from solvable.memory import give_back

        give_back()


@pytest.fixture
def key():
    """Give a source of randomness."""
    return jax.random.key(0)


@pytest.fixture
def book_look():
    """Give figures the look of the book, and close what is left open."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    from solvable import style

    with mpl.rc_context():
        style.use()
        yield
    plt.close("all")
