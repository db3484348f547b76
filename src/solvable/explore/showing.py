"""Showing an explorable from a notebook: with controls where there is a kernel to answer them, else as it stands."""

import os

import numpy as np
from IPython import get_ipython
from IPython.display import display

from solvable import style

from .declaration import find
from .drawing import draw

METADATA_KEY = "solvable_explorable"
STATIC = "SOLVABLE_STATIC"
"""Environment variable: where it is ``1``, as in the build of the site, no widget is made."""


def show(identity: str, **markers: tuple) -> None:
    """Show the explorable ``identity`` in a notebook, or describe it where there is none.

    In a live kernel the controls move the figure. In the site's build the figure is drawn at the defaults, and the page
    brings it to life with the graph that the build exports.

    Args:
        identity: ``<chapter>.<name>``, declared in that wing's ``explorables.py``.
        markers: ``(x, y)`` of an experiment that ran in the notebook, for each of the declared markers; both ``(n,)``.

    Raises:
        ValueError: there is no such explorable, or it does not fit its function or the markers.
    """
    explorable = find(identity)
    # plain lists travel in the metadata of the output
    points = {name: tuple(np.asarray(axis, dtype=float).tolist() for axis in pair) for name, pair in markers.items()}
    explorable.check(points)
    text = f"explorable {identity}: {explorable.description()}"
    if get_ipython() is None:
        print(text)
        return
    bundle = {"text/plain": text}
    if os.environ.get(STATIC) == "1":
        bundle["image/png"], size = style.sharp_png(draw(explorable, explorable.evaluate(), points))
        display(
            bundle,
            metadata={"image/png": size, METADATA_KEY: {"id": identity, "markers": points}},
            raw=True,
        )
    else:
        # widgets are needed in a live kernel alone
        from .live import Live

        display(bundle | Live(explorable, points).box._repr_mimebundle_() | {"text/plain": text}, raw=True)
