"""What holds for every explorable of the book, whatever its chapter, over the whole box of its controls."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from solvable import explore
from solvable.explore.drawing import Picture, draw
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


@each
@pytest.mark.usefixtures("book_look")
def test_titles_and_legends_are_inside_the_picture_and_cover_nothing(explorable):
    figure = draw(explorable, explorable.evaluate(), markers(explorable))
    figure.draw_without_rendering()
    titles = [panel.title for panel in explorable.panels if panel.title]
    named = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_text() in titles)
    assert len(named) == len(titles)
    legends = [axes.get_legend() for axes in figure.axes if axes.get_legend()]
    boxes = [entry.get_window_extent() for entry in named + legends]
    assert boxes
    # a pixel of slack for letters, which are a little wider or narrower at every size
    assert all(figure.bbox.padded(1).containsx(edge) for box in boxes for edge in (box.x0, box.x1))
    assert all(figure.bbox.padded(1).containsy(edge) for box in boxes for edge in (box.y0, box.y1))
    panels = [axes.bbox.padded(-1) for axes in figure.axes]
    assert not any(box.overlaps(other) for box, other in itertools.combinations(boxes + panels, 2))
