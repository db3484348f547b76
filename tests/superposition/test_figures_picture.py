"""The figures of the small picture draw theory as lines and measurements as markers, and fit their page."""

import numpy as np
import pytest
from matplotlib.colors import same_color
from matplotlib.quiver import Quiver

from solvable import style
from solvable.superposition.experiment.plateaus import Plateaus
from solvable.superposition.experiment.small_model import SmallModels
from solvable.superposition.figures import picture
from solvable.superposition.theory.geometry import PLATEAUS, PlateauExcess
from solvable.superposition.theory.small_model import BLOCKS, form_weights
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_figure,
    is_line,
    marked,
)

pytestmark = pytest.mark.usefixtures("book_look")

DENSITIES = np.array([1.0, 0.5, 0.2, 0.1, 0.05])
NORMS = np.array([np.nan, 0.97, 1.03, 1.1, 1.13])
CURVE = np.geomspace(0.05, 1, 20)
LOSSES = {form: (1 - 0.1 * index) * CURVE for index, form in enumerate(BLOCKS)}


def _models(densities=DENSITIES):
    """Three starts at each density: a pentagon, which is the best at low ones, two pairs, and nothing known."""
    pentagon, pairs = form_weights("pentagon", np.full(5, 1.1)), form_weights("two pairs", np.array([0.97] * 4 + [0]))
    other = form_weights("pentagon", np.array([1, 1, 0.9, 0.8, 0]))
    count = len(densities)
    weights = np.broadcast_to(np.stack([pentagon, pairs, other]), (count, 3, 5, 2)).astype(np.float32)
    loss = densities[:, None] * np.where(densities[:, None] > 0.3, [0.9, 0.8, 1.0], [0.2, 0.5, 0.7])
    return SmallModels(densities, np.ones(5), weights, np.zeros((count, 3, 5), np.float32), loss)


SHARES = np.random.default_rng(0).random((3, 4, 30)).astype(np.float32)
RUNS = Plateaus(np.array([1.0, 0.5, 0.25, 0.05]), 2 * SHARES, SHARES, 10)
EXCESS = PlateauExcess(np.arange(6), np.arange(6) / 2, np.arange(6) / 2, np.ones(6))

ARGUMENTS = {
    "forms": (_models(), NORMS),
    "form_losses": (CURVE, LOSSES, _models()),
    "plateaus": (RUNS, EXCESS),
}


def _draw(name, **options):
    return getattr(picture, name)(*ARGUMENTS[name], **options)


def test_every_figure_is_here():
    check_every_figure_is_tested(picture, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_figure_can_be_read_and_covers_nothing(name):
    check_figure(_draw(name))


def test_the_best_form_of_each_density_is_drawn_and_counted():
    axes = _draw("forms").axes
    assert [panel.get_title(loc="left") for panel in axes] == [f"$p$ = {p:g}" for p in DENSITIES]
    assert [panel.get_xlabel().split("\n")[0] for panel in axes] == ["two pairs"] * 2 + ["pentagon"] * 3
    assert {panel.get_xlabel().split("\n")[1] for panel in axes} == {"1 of 3 starts"}
    (tips,) = marked(axes[3])
    np.testing.assert_allclose(np.hypot(*tips.get_data()), 1.1, rtol=1e-6, atol=0)
    (arrows,) = [artist for artist in axes[3].collections if isinstance(artist, Quiver)]
    np.testing.assert_allclose(np.hypot(arrows.U, arrows.V), 1.1, rtol=1e-6, atol=0)
    circle, theory = (np.hypot(*line.get_data()) for line in axes[3].lines if is_line(line))
    np.testing.assert_allclose(circle, 1, rtol=1e-12, atol=0)
    np.testing.assert_allclose(theory, NORMS[3], rtol=1e-12, atol=0)
    assert axes[3].get_aspect() == 1


def test_four_densities_fill_a_row():
    models = _models(DENSITIES[:4])
    figure = picture.forms(models, NORMS[:4])
    check_can_be_read(figure)
    assert len(figure.axes) == 4


def test_losses_are_relative_to_the_variance():
    (axes,) = _draw("form_losses", boundary=0.225).axes
    variance = 5 * (CURVE / 3 - CURVE**2 / 4)
    for colour, (name, loss) in enumerate(LOSSES.items()):
        (line,) = [line for line in axes.lines if is_line(line) and line.get_label() == name]
        assert same_color(line.get_color(), style.COLOURS[colour])
        np.testing.assert_allclose(line.get_ydata(), loss / variance, rtol=1e-12, atol=0)
    # a marker has the colour of its form; what is in no form has its own
    loss = _models().loss / (5 * (DENSITIES / 3 - DENSITIES**2 / 4))[:, None]
    for colour, start in ((4, 0), (3, 1), (picture.OTHER, 2)):
        (marks,) = marked(axes, colour)
        np.testing.assert_allclose(marks.get_xdata(), DENSITIES, rtol=1e-12, atol=0)
        np.testing.assert_allclose(marks.get_ydata(), loss[:, start], rtol=1e-12, atol=0)
    assert [text.get_text() for text in axes.texts] == ["0.225"]
    assert axes.get_ylim()[0] == 0


def test_parts_of_a_dimension_stand_beside_their_histogram():
    left, right = _draw("plateaus").axes
    (share,) = marked(left, 1)
    np.testing.assert_allclose(share.get_xdata(), [1, 2, 4, 20], rtol=1e-12, atol=0)
    expected = (10 / (2 * SHARES).sum(axis=-1)).mean(axis=0)
    np.testing.assert_allclose(share.get_ydata(), expected, rtol=1e-5, atol=0)  # single precision
    (features,) = [line for line in left.lines if line.get_marker() == "."]
    assert len(features.get_xdata()) == SHARES.size
    first = features.get_ydata()[features.get_xdata() == 20]
    np.testing.assert_allclose(np.sort(first), np.sort(SHARES[:, 3].ravel()), rtol=1e-12, atol=0)
    (near,) = marked(right, 0)
    np.testing.assert_allclose(near.get_data(), [EXCESS.count, PLATEAUS], rtol=1e-12, atol=0)
    (null,) = [line for line in right.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(null.get_xdata(), EXCESS.expected, rtol=1e-12, atol=0)
    levels = {float(line.get_ydata()[0]) for line in right.lines if line.get_linestyle() == "--"}
    assert levels == set(PLATEAUS)
    assert [text.get_text() for text in right.texts] == ["1", "3/4", "2/3", "1/2", "2/5", "3/8"]


def test_one_run_can_be_read():
    one = RUNS._replace(squared_norms=RUNS.squared_norms[0], dimensionality=RUNS.dimensionality[0])
    check_can_be_read(picture.plateaus(one, EXCESS))
