"""In a chapter, the picture of an explorable becomes a figure that the page brings to life."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import jax
from docutils import nodes
from matplotlib.colors import to_hex
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from solvable import explore
from solvable.explore import Axis, Choice, Curve, Explorable, Field, Slider
from solvable.explore.declaration import Control
from solvable.explore.drawing import PALETTE
from solvable.explore.showing import STATIC
from solvable_book import graphs, ledger, notebooks

SERVED = "explorables"  # below _static; the scripts lie there too
HINT = "This figure has sliders where the page is read on the web, or served by make serve, with JavaScript on."


def manifest(explorable: Explorable, graph: graphs.Graph, markers: Mapping[str, tuple]) -> dict:
    """What the page has to know of an explorable: the form that ``web/README.md`` describes."""
    return {
        "id": explorable.id,
        "graph": f"{explorable.id}.{graph.version}.onnx",
        "precision": graph.precision,
        "inputs": graph.inputs,
        "outputs": [{"name": name, "graph": internal} for name, internal in graph.outputs.items()],
        "controls": list(map(_control, explorable.controls)),
        "play": explorable.play,
        "panels": [
            {
                "title": panel.title,
                "x": _axis(panel.x),
                "y": _axis(panel.y),
                "curves": list(map(_curve, panel.curves)),
                "markers": [
                    dict(zip("xy", markers[entry.name], strict=True), label=entry.label, colour=entry.colour)
                    for entry in panel.markers
                ],
                "field": _field(panel.field) if panel.field else None,
            }
            for panel in explorable.panels
        ],
        "readouts": [
            {"output": entry.name, "label": entry.label, "unit": entry.unit, "digits": entry.digits}
            for entry in explorable.readouts
        ],
        "notices": [{"output": entry.name, "text": entry.text} for entry in explorable.notices],
        "note": _note(explorable),
    }


def _control(control: Control) -> dict:
    shared = {"name": control.name, "label": control.label, "unit": control.unit, "default": _number(control.default)}
    if isinstance(control, Slider):
        mark = dict(zip(("output", "label"), control.mark, strict=True)) if control.mark else None
        span = {"low": control.low, "high": control.high, "scale": control.scale, "step": control.step, "mark": mark}
        return {"kind": "range"} | shared | span
    kind = "choice" if isinstance(control, Choice) else "stops"
    return {"kind": kind} | shared | {"values": list(map(_number, control.values)), "texts": list(control.texts)}


def _number(value: float) -> float | str:
    # JSON has no infinity
    return "Infinity" if math.isinf(value) else value


def _axis(axis: Axis) -> dict:
    return {"label": axis.label, "unit": axis.unit, "scales": list(axis.scales), "limits": axis.limits}


def _curve(curve: Curve) -> dict:
    look = {"label": curve.label, "kind": curve.kind, "colour": curve.colour}
    return {"x": curve.x, "y": curve.y, "base": curve.base or None} | look


def _field(field: Field) -> dict:
    missing = {"output": field.missing, "label": field.missing_label} if field.missing else None
    look = {"label": field.label, "scale": field.scale, "limits": field.limits, "missing": missing}
    # the page has no table of colours of its own
    return {"x": field.x, "y": field.y, "z": field.z} | look | {"colours": list(map(to_hex, PALETTE.colors))}


def _note(explorable: Explorable) -> str | None:
    if explorable.grid is None:
        return None
    count = math.prod(
        explorable.grid[control.name] if isinstance(control, Slider) else len(control.values)
        for control in explorable.controls
    )
    return f"Computed at {count} settings when this page was built; between them the figure interpolates."


class Explorables(SphinxTransform):
    """Replace the output of every cell that shows an explorable."""

    default_priority = 400  # after the notebook is parsed, before the labels are collected

    def apply(self, **options: object) -> None:
        """Replace them all."""
        if not self.env.docname.startswith(notebooks.FOLDER):
            return
        shown = notebooks.explorables(ledger.executed(self.env, self.env.docname))
        if not shown:
            return
        with_explorables(self.env).add(self.env.docname)
        cells = {cell["cell_index"]: cell for cell in self.document.findall(nodes.container) if "cell_index" in cell}
        for position, found in shown.items():
            output = next(part for part in cells[position].children if "cell_output" in part["classes"])
            output.children = []
            output += self._figure(explore.find(found.identity), found)

    def _figure(self, explorable: Explorable, shown: notebooks.Shown) -> nodes.Node:
        build = Path(self.app.outdir).parent / "explorables"
        graph = graphs.export(explorable, build / "cache")
        content = manifest(explorable, graph, shown.markers)
        served = build / "served"
        served.mkdir(parents=True, exist_ok=True)
        (served / content["graph"]).write_bytes(graph.model)
        # no NaN or Infinity may reach a parser of JSON
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        (served / f"{explorable.id}.json").write_text(text, encoding="utf-8")

        name = f"fig-{explorable.anchor}"
        path = ledger.scratch(self.env) / f"{name}.png"
        path.write_bytes(shown.picture)
        with jax.enable_x64(True):
            alt = explorable.description()
        image = nodes.image(uri="/" + path.relative_to(self.env.srcdir).as_posix(), alt=alt)
        image["width"] = f"{shown.width}px"
        # where the figure comes alive the picture is not needed, and mostly it does so before the reader is there
        image["loading"] = "lazy"
        version = hashlib.sha256(text.encode()).hexdigest()[:8]
        stage = f'<div class="explorable-stage" data-explorable="{explorable.id}" data-version="{version}"></div>'
        figure = nodes.figure("", image, ids=[name])
        figure += nodes.caption("", "", nodes.Text(explorable.caption))
        figure += nodes.legend("", nodes.paragraph("", HINT, classes=["explorable-hint"]))
        ledger.note_label(self.env, self.env.docname, name, explorable.caption)
        moving = nodes.raw("", stage, format="html")
        return nodes.container("", moving, figure, ids=[explorable.anchor], classes=["explorable"])


def with_explorables(env: object) -> set[str]:
    """The pages that show an explorable."""
    if not hasattr(env, "solvable_explorables"):
        env.solvable_explorables = set()
    return env.solvable_explorables


def _add_scripts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    if pagename in with_explorables(app.env):
        app.add_js_file(f"{SERVED}/main.js", loading_method="defer")
        app.add_css_file(f"{SERVED}/explorables.css")


def _serve(app: Sphinx, error: Exception | None) -> None:
    site = Path(app.outdir) / "_static" / SERVED
    if error or not with_explorables(app.env):
        return
    shutil.copytree(app.srcdir / Path("web/src"), site, dirs_exist_ok=True)
    shutil.copytree(Path(app.outdir).parent / "explorables" / "served", site / "graphs", dirs_exist_ok=True)


def _start(app: Sphinx) -> None:
    # what another build served is made anew; graphs are kept in the cache beside it
    shutil.rmtree(Path(app.outdir).parent / "explorables" / "served", ignore_errors=True)


def setup(app: Sphinx) -> None:
    """Register the transform, the scripts and the files that they load."""
    # notebooks that this build executes draw explorables as they stand
    os.environ[STATIC] = "1"
    app.add_transform(Explorables)
    app.connect("builder-inited", _start)
    app.connect("html-page-context", _add_scripts)
    app.connect("build-finished", _serve)
