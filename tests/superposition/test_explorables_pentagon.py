"""The pentagon that is trained in the page."""

import numpy as np
import pytest

from solvable.superposition.explorables import PENTAGON


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4])
def test_rare_features_make_a_pentagon(seed):
    at = PENTAGON.evaluate(**(PENTAGON.defaults | {"seed": seed}))
    assert at["count"] == 5
    # some hundred steps leave directions within a few degrees of a regular pentagon's
    np.testing.assert_allclose([at["smallest"], at["largest"]], 72, rtol=0, atol=4)


def test_five_rows_are_drawn_from_the_origin():
    at = PENTAGON.evaluate()
    for index in range(1, 6):
        assert at[f"across {index}"][0] == at[f"up {index}"][0] == 0
        # at this density the exact optimum has rows of length 1.135
        length = np.hypot(at[f"across {index}"][1], at[f"up {index}"][1])
        np.testing.assert_allclose(length, 1.135, rtol=0.05, atol=0)
