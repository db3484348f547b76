"""The explorable of loss against width, against the stored runs and the formulas."""

import numpy as np
import pytest

from solvable.superposition import code_loss, feature_frequencies, fit_power_law, ideal_loss, stored_grid
from solvable.superposition.explorables.widths import ALPHAS, CODE_WIDTHS, IDEAL_WIDTHS, WIDTHS


@pytest.mark.parametrize("alpha", [0.0, 1.25, 2.0])
def test_markers_are_the_stored_runs(alpha):
    at, grid = WIDTHS.evaluate(alpha=alpha), stored_grid()
    row = list(ALPHAS).index(alpha)
    for regime, name in enumerate(("strong", "weak")):
        losses = grid.ends.runs.loss[row, regime].mean(axis=-1)
        # rounding of a logarithm and back
        np.testing.assert_allclose(at[name], losses, rtol=1e-12, atol=0)
        fit = fit_power_law(grid.widths, losses)
        np.testing.assert_allclose(at[f"{name} exponent"], -fit.exponent, rtol=1e-10, atol=0)
        np.testing.assert_allclose(
            [at[f"{name} least"], at[f"{name} most"]], [-fit.local.max(), -fit.local.min()], rtol=1e-10, atol=0
        )


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_codes_are_those_of_the_formula(alpha):
    at, p = WIDTHS.evaluate(alpha=alpha), feature_frequencies("power", 512, alpha=alpha)
    for law in ("random", "equiangular"):
        for place in (0, -1):
            loss = code_loss(p, CODE_WIDTHS[place], overlaps=law).loss
            # both are one computation, stored and fresh; another machine may end its search elsewhere
            np.testing.assert_allclose(at[law][place], loss, rtol=1e-6, atol=0)


def test_the_ideal_is_the_sum_of_what_is_left():
    at = WIDTHS.evaluate(alpha=1.5)
    p = feature_frequencies("power", 512, alpha=1.5)
    np.testing.assert_allclose(at["ideal"], ideal_loss(p, IDEAL_WIDTHS), rtol=1e-10, atol=0)


def test_the_guide_has_the_exponent_of_the_reader():
    at = WIDTHS.evaluate(exponent=1.7)
    for name in ("strong", "weak"):
        slope = np.polyfit(np.log(at["width"]), np.log(at[f"{name} guide"]), 1)[0]
        np.testing.assert_allclose(slope, -1.7, rtol=1e-12, atol=0)
