"""What holds for every explorable of the book, whatever its chapter, over the whole box of its controls."""

import numpy as np
import pytest

from solvable import explore
from solvable.explore.drawing import Picture
from tools import notebooks

CHAPTERS = [path.stem.partition("_")[2] for path in sorted(notebooks.FOLDER.glob("*.ipynb"))]
EXPLORABLES = [explorable for chapter in CHAPTERS for explorable in explore.declared(chapter).values()]

each = pytest.mark.parametrize("explorable", EXPLORABLES, ids=lambda explorable: explorable.id)


def markers(explorable):
    """A stand-in for what the notebook hands over."""
    return {entry.name: ([1.0], [1.0]) for panel in explorable.panels for entry in panel.markers}


@each
def test_every_result_is_finite_in_the_whole_box(explorable):
    for at in explorable.corners() + explorable.random_points(40):
        for name, result in explorable.evaluate(**at).items():
            assert np.isfinite(result).all(), (name, at)


@each
def test_declarations_fit_and_are_described(explorable):
    explorable.check(markers(explorable))
    assert explore.find(explorable.id) is explorable
    text = explorable.description()
    assert text
    assert "nan" not in text
    assert "inf" not in text.replace("infinite", "")


@each
def test_pictures_can_be_drawn_on_every_scale(explorable):
    picture = Picture(explorable, explorable.evaluate(), markers(explorable))
    for at in (explorable.corners()[0], explorable.corners()[-1]):
        picture.move(explorable.evaluate(**at))
        for which in (0, -1):
            for index, panel in enumerate(explorable.panels):
                picture.rescale(index, x=panel.x.scales[which], y=panel.y.scales[which])
            picture.figure.canvas.draw()  # warnings are errors
