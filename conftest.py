"""Settings under which every test runs: 64-bit numbers, strict dtype promotion, types checked at run time."""

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import pytest
from jaxtyping import install_import_hook

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")

# shapes and dtypes in the signatures become checks; only under test, where the cost does not matter
install_import_hook("solvable", "beartype.beartype")


@pytest.fixture
def key():
    """Give a source of randomness."""
    return jax.random.key(0)
