"""Figures that the reader moves: what a declaration accepts, and what a reader sees, with and without a kernel."""

import json
import math
import re
import sys
from dataclasses import replace
from io import BytesIO
from types import SimpleNamespace

import ipywidgets as widgets
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError
from PIL import Image

from solvable import style
from solvable.explore import (
    Axis,
    Choice,
    Curve,
    Explorable,
    Field,
    Markers,
    Notice,
    Panel,
    Readout,
    Slider,
    Stops,
    declaration,
    declared,
    find,
    show,
    showing,
)
from solvable.explore.drawing import PALETTE, Picture, draw, panel_names
from solvable.explore.live import FRAMES, Live, sentences

TIME = np.linspace(0, 1, 11)
# a handful of roundings, each of half an eps
ROUNDINGS = 1e-14


def decay(rate, offset, order, mirror):
    finite = jnp.where(jnp.isinf(order), 0.0, order)
    y = jnp.exp(-rate * TIME) * (1 + finite) + offset
    return {
        "t": jnp.asarray(TIME),
        "y": jnp.where(mirror > 0.5, -y, y),
        "line": jnp.full(11, offset),
        "end": y[-1],
        "fast": (rate > 5.0).astype(float),
    }


def toy(**changes):
    given = {
        "id": "toy.fast_decay",
        "function": decay,
        "controls": [
            Slider("rate", "rate k", 0.1, 10.0, default=1.0, scale="log", unit="1/s", mark=("end", "the end")),
            Slider("offset", "offset", -1.0, 3.0, default=0.5),
            Stops("order", "order n", (1, 2, math.inf), default=1),
            Choice("mirror", "side", ("up", "down")),
        ],
        "panels": [
            Panel(
                Axis("time", "s", scale=("linear", "log")),
                Axis("height", limits=(-5.0, 5.0)),
                curves=[
                    Curve("t", "y", "closed form"),
                    Curve("t", "line", "offset", kind="limit"),
                    Curve("t", "y", kind="experiment", colour=1),
                    Curve("t", "y", kind="mark"),
                ],
                markers=[Markers("measured", "measured", colour=2)],
                title="Decay",
            ),
            Panel(Axis("time", "s"), Axis("height again"), curves=[Curve("t", "y")]),
        ],
        "caption": "A decay <slowly>.",
        "alt": lambda at: f"Ends at {at['end']:.2f}.",
        "readouts": [Readout("end", "ends at", "m")],
        "notices": [Notice("fast", "This is fast.")],
        "play": "rate",
    }
    return Explorable(**given | changes)


TOY = toy()
MEASURED = {"measured": ([0.25, 0.75], [1.0, 2.0])}


def height(rate=1.0, offset=0.5, order=1.0):
    return np.array([math.exp(-rate * t) * (1 + order) + offset for t in TIME])


# Declarations


def slider(**changes):
    return Slider(**{"name": "k", "label": "k", "low": 1.0, "high": 2.0, "default": 1.5} | changes)


COLUMNS, ROWS = np.array([0.1, 1.0, 10.0]), np.array([1.0, 2.0])


def cells(**changes):
    given = {"x": "column", "y": "row", "z": "z", "label": "cells", "limits": (1.0, 100.0), "scale": "log"}
    return Field(**given | {"missing": "gone", "missing_label": "no cell"} | changes)


def layers(size):
    """Two layers of a sum, and a map that a cursor moves over."""
    t = jnp.asarray(TIME)
    return {
        "t": t,
        "lower": size * (1 + t),
        "upper": size * (2 + t),
        "column": jnp.asarray(COLUMNS),
        "row": jnp.asarray(ROWS),
        "z": size * jnp.asarray([[1.0, 10.0, 1000.0], [2.0, 20.0, 200.0]]),
        "gone": jnp.asarray([[0.0, 0.0, 0.0], [0.0, 0.5, 0.6]]),
        "at": size[None],
        "scalar": size,
    }


STACK = Panel(
    Axis("time"),
    Axis("share", scale=("linear", "log")),
    [Curve("t", "lower", "lower", kind="area"), Curve("t", "upper", "upper", kind="area", base="lower", colour=1)],
)
MAP = Panel(
    Axis("width", scale=("log", "linear")),
    Axis("rate"),
    [Curve("at", "at", "cursor", kind="mark")],
    [Markers("measured", "measured")],
    field=cells(),
)


def layered(*panels):
    return toy(
        function=layers,
        controls=[Slider("size", "size", 0.5, 2.0, default=1.0)],
        panels=panels,
        readouts=[],
        notices=[],
        play=None,
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: slider(low=-math.inf), "low must be finite, got -inf"),
        (lambda: slider(high=math.nan), "high must be finite, got nan"),
        (lambda: slider(high=1.0), "low must be below high, got 1.0 and 1.0 for 'k'"),
        (lambda: slider(low=0.0, scale="log"), "low must be positive, got 0.0"),
        (lambda: slider(step=0.0), "step must be positive, got 0.0"),
        (lambda: slider(default=2.5), "default must be between 1.0 and 2.0, got 2.5"),
        (lambda: Stops("n", "n", (1,), default=1), "values must be at least two in increasing order, got [1]"),
        (lambda: Stops("n", "n", (1, 3, 2), default=1), "values must be at least two in increasing order, got [1, 3, "),
        (lambda: Stops("n", "n", (1, 2), default=3), "default must be one of 1, 2, got 3"),
        (lambda: Choice("n", "n", ("only",)), "texts must name at least two alternatives, got ['only']"),
        (lambda: Choice("n", "n", ("a", "b"), default=2), "default must be one of 0, 1, got 2"),
        (lambda: Axis("x", limits=(0.0, math.inf)), "limits must be finite, got inf"),
        (lambda: Axis("x", limits=(1.0, 1.0)), "limits must increase, got (1.0, 1.0)"),
        (lambda: Curve("x", "y", base="z"), "base is for an area only, got 'z' for a curve of kind 'theory'"),
        (lambda: cells(limits=(1.0, 1.0)), "limits must increase, got (1.0, 1.0)"),
        (lambda: cells(limits=(0.0, 1.0), scale="log"), "limits must be positive, got 0.0 at index (0,)"),
        (lambda: cells(missing=""), "missing and missing_label must be given together, got '' and 'no cell'"),
        (lambda: toy(controls=[]), "controls must be at least one, of different names, got []"),
        (lambda: toy(controls=[slider(), slider()]), "of different names, got ['k', 'k']"),
        (lambda: toy(play="order"), "play must be one of 'rate', 'offset', got 'order'"),
        (lambda: toy(grid={"rate": 3}), "grid must count settings for each of ['rate', 'offset'], got {'rate': 3}"),
        (lambda: toy(grid={"rate": 3, "offset": 1}), "grid['offset'] must be a whole number of at least 2, got 1"),
        (lambda: toy(tolerance=1e-3), "reason must say why"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name_and_value(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


@pytest.mark.parametrize("scale", ["square", ("log", "square")])
def test_an_unknown_scale_of_an_axis_is_refused(scale):
    # by its type, of which the checker looks at one entry of a tuple, or by value
    with pytest.raises((TypeCheckError, ValueError), match="square"):
        Axis("x", scale=scale)


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "message"),
    [
        (Slider, slider(), {"scale": "square"}, "scale must be one of 'linear', 'log', got 'square'"),
        (
            Field,
            Field("x", "y", "z", "z", (0.0, 1.0)),
            {"scale": "square"},
            "scale must be one of 'linear', 'log', got",
        ),
        (
            Curve,
            Curve("x", "y"),
            {"kind": "dots"},
            "kind must be one of 'theory', 'limit', 'experiment', 'mark', 'area', got ",
        ),
    ],
)
def test_an_unknown_scale_or_kind_is_refused(kind, right, wrong, message):
    with pytest.raises(TypeCheckError):  # the type says it where types are checked
        replace(right, **wrong)
    # elsewhere the class itself does
    made = object.__new__(kind)
    vars(made).update(vars(right) | wrong)
    with pytest.raises(ValueError, match=message):
        made.__post_init__()


def test_a_slider_goes_evenly_over_its_scale():
    linear, log = slider(low=-1.0, high=3.0), slider(low=0.1, high=10.0, default=1.0, scale="log")
    assert [linear.value(x) for x in (0, 0.25, 0.5, 1)] == [-1.0, 0.0, 1.0, 3.0]
    np.testing.assert_allclose([log.value(x) for x in (0, 0.25, 0.5, 1)], [0.1, 10**-0.5, 1, 10], rtol=ROUNDINGS)


def test_texts_of_stops_and_choices():
    assert Stops("n", "n", (1, 2.5, 1000000, math.inf), default=1).texts == ("1", "2.5", "1e+06", "∞")
    choice = Choice("kind", "kind", ("Gaussian", "orthogonal"), default=1)
    assert (choice.values, choice.unit) == ((0, 1), "")


def test_axes_readouts_and_panels_say_what_they_show():
    assert Axis("time").text == "time"
    assert Axis("time", "τ").text == "time (τ)"
    assert (Axis("x").scales, Axis("x", scale=("log", "linear")).scales) == (("linear",), ("log", "linear"))
    assert Readout("h", "half-time", "τ").text(1.4937) == "half-time 1.49 τ"
    assert Readout("h", "half-time", digits=2).text(0.00123) == "half-time 0.0012"
    assert panel_names(TOY.panels) == ["Decay", "height again"]


def test_results_at_the_defaults_and_elsewhere():
    assert TOY.defaults == {"rate": 1.0, "offset": 0.5, "order": 1.0, "mirror": 0.0}
    assert TOY.anchor == "toy-fast-decay"
    assert TOY.needed() == {"t", "y", "line", "end", "fast"}
    np.testing.assert_allclose(TOY.evaluate()["y"], height(), rtol=ROUNDINGS)
    np.testing.assert_allclose(TOY.evaluate(rate=3, mirror=1)["y"], -height(3.0), rtol=ROUNDINGS)
    np.testing.assert_allclose(TOY.evaluate(order=math.inf)["y"], height(order=0.0), rtol=ROUNDINGS)
    assert TOY.description() == f"Ends at {2 * math.exp(-1) + 0.5:.2f}."
    with pytest.raises(ValueError, match="name must be one of 'rate', 'offset', 'order', 'mirror', got 'speed'"):
        TOY.evaluate(speed=1.0)


def test_a_declaration_that_fits_its_function_and_its_markers_passes():
    TOY.check(MEASURED)


@pytest.mark.parametrize(
    ("changes", "markers", "message"),
    [
        ({"readouts": [Readout("start", "starts at")]}, MEASURED, "function must return start, got "),
        ({"readouts": [Readout("y", "height")]}, MEASURED, r"y must be a scalar, got shape \(11,\)"),
        (
            {"panels": [Panel(Axis("x"), Axis("y"), [Curve("t", "end")])]},
            {},
            r"t and end must be of one length, got shapes \(11,\) and \(\)",
        ),
        ({}, {}, r"markers must be \['measured'\], got \[\]"),
        ({}, MEASURED | {"more": ([], [])}, r"markers must be \['measured'\], got \['measured', 'more'\]"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(changes, markers, message):
    with pytest.raises(ValueError, match="toy.fast_decay: " + message):
        toy(**changes).check(markers)


def test_areas_and_maps_ask_for_their_results():
    both = layered(STACK, MAP)
    assert both.needed() == {"t", "lower", "upper", "column", "row", "z", "gone", "at"}
    assert layered(replace(MAP, field=cells(missing="", missing_label=""))).needed() == {"column", "row", "z", "at"}
    both.check(MEASURED)


@pytest.mark.parametrize(
    ("panel", "message"),
    [
        (
            replace(STACK, curves=[Curve("t", "lower", kind="area", base="at")]),
            r"t and lower and at must be of one length, got shapes \(11,\) and \(11,\) and \(1,\)",
        ),
        (replace(MAP, field=cells(y="at")), r"at must be at least two increasing numbers, got \[1\.\]"),
        (replace(MAP, field=cells(x="z")), "z must be at least two increasing numbers, got "),
        (replace(MAP, field=cells(x="gone")), "gone must be at least two increasing numbers, got "),
        (replace(MAP, field=cells(x="t")), r"t must be positive for a log axis, got 0\.0"),
        (replace(MAP, field=cells(z="row")), r"row must have shape \(2, 3\), got \(2,\)"),
        (replace(MAP, field=cells(missing="scalar")), r"scalar must have shape \(2, 3\), got \(\)"),
        (replace(MAP, field=cells(z="nothing")), "function must return nothing, got "),
    ],
)
def test_areas_and_maps_of_the_wrong_shape_are_refused(panel, message):
    with pytest.raises(ValueError, match="toy.fast_decay: " + message):
        layered(panel).check(MEASURED)


# Chapters


@pytest.fixture
def chapter(monkeypatch):
    monkeypatch.setitem(sys.modules, "solvable.toy.explorables", SimpleNamespace(EXPLORABLES=(TOY,)))


@pytest.mark.usefixtures("chapter")
def test_an_explorable_is_found_by_its_id():
    assert declared("toy") == {"toy.fast_decay": TOY}
    assert find("toy.fast_decay") is TOY
    with pytest.raises(ValueError, match=r"identity must be one of toy.fast_decay, got 'toy.nothing'"):
        find("toy.nothing")


def test_an_unknown_chapter_is_refused():
    for chapter in ("nowhere", "style"):  # no module, and one that is no chapter
        with pytest.raises(ValueError, match=f"chapter must have a module explorables, got '{chapter}'"):
            find(f"{chapter}.name")


def test_a_package_that_a_chapter_lacks_is_named(monkeypatch):
    def lacking(module):
        raise ModuleNotFoundError("No module named 'flax'", name="flax")

    monkeypatch.setattr(declaration, "import_module", lacking)
    with pytest.raises(ModuleNotFoundError, match="flax"):
        find("toy.fast_decay")


# Pictures


def test_theory_is_a_line_and_experiment_a_marker():
    figure = draw(TOY, TOY.evaluate(), MEASURED)
    theory, limit, experiment, mark, measured = figure.axes[0].lines
    assert (theory.get_linestyle(), theory.get_marker()) == ("-", "None")
    assert (limit.get_linestyle(), limit.get_marker()) == ("--", "None")
    assert (experiment.get_linestyle(), experiment.get_marker()) == ("None", "s")
    assert (mark.get_linestyle(), mark.get_marker(), mark.get_color()) == ("None", "x", "black")
    assert (measured.get_linestyle(), measured.get_marker()) == ("None", "^")
    assert [axes.get_xlabel() for axes in figure.axes] == ["time (s)", "time (s)"]
    assert [axes.get_ylabel() for axes in figure.axes] == ["height", "height again"]
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["closed form", "offset", "measured"]
    assert figure.axes[1].get_legend() is None


def test_a_move_puts_the_curves_where_the_results_say():
    picture = Picture(TOY, TOY.evaluate(), MEASURED)
    before = picture.axes[1].get_ylim()
    picture.move(TOY.evaluate(offset=3.0, order=2))
    theory, limit, experiment, mark, measured = picture.axes[0].lines
    for line in (theory, experiment, mark, picture.axes[1].lines[0]):
        np.testing.assert_allclose(line.get_xydata(), np.transpose([TIME, height(1.0, 3.0, 2.0)]), rtol=ROUNDINGS)
    assert set(limit.get_ydata()) == {3.0}
    np.testing.assert_array_equal(measured.get_xydata(), [[0.25, 1.0], [0.75, 2.0]])  # an experiment stays
    assert picture.axes[0].get_ylim() == (-5.0, 5.0)
    low, high = picture.axes[1].get_ylim()
    # matplotlib leaves a margin of a twentieth
    assert before[1] < 2.7 < high
    assert low == pytest.approx(height(1.0, 3.0, 2.0).min() - 0.05 * np.ptp(height(1.0, 3.0, 2.0)))


def test_an_axis_changes_its_scale_and_keeps_its_limits():
    picture = Picture(TOY, TOY.evaluate(), MEASURED)
    picture.rescale(0, x="log")
    assert [axes.get_xscale() for axes in picture.axes] == ["log", "linear"]
    assert picture.axes[0].get_xlim()[0] > 0
    assert picture.axes[0].get_ylim() == (-5.0, 5.0)
    picture.rescale(0, x="linear")
    assert picture.axes[0].get_xscale() == "linear"
    assert picture.axes[0].get_xlim() == pytest.approx((-0.05, 1.05))


def bounds(collection):
    """Lowest and highest edge of what a collection fills, at the first and the last place."""
    (path,) = collection.get_paths()
    x, y = path.vertices.T
    return [end(y[x == place]) for place in (x.min(), x.max()) for end in (np.min, np.max)]


def test_an_area_is_filled_down_to_its_base_or_the_bottom_of_the_panel():
    explorable = layered(STACK)
    picture = Picture(explorable, explorable.evaluate(), {})
    (axes,) = picture.axes
    lower, upper = axes.collections
    assert [line.get_linestyle() for line in axes.lines] == ["-", "-"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["lower", "upper"]
    assert 0 < upper.get_alpha() < 1
    for size in (1.0, 2.0):
        picture.move(explorable.evaluate(size=size))
        for scale in ("linear", "log", "linear"):
            picture.rescale(0, y=scale)
            picture.figure.canvas.draw()
            # the fill has no say in the limits: they are those of the lines, with matplotlib's margin
            bottom, top = axes.get_ylim()
            assert 0 < bottom < size < 3 * size < top
            assert bounds(lower) == pytest.approx([bottom, size, bottom, 2 * size])
            assert bounds(upper) == pytest.approx([size, 2 * size, 2 * size, 3 * size])


def test_a_base_below_a_log_axis_leaves_its_limits_alone():
    explorable = layered(
        replace(STACK, y=Axis("share", scale="log"), curves=[Curve("t", "upper", kind="area", base="t")])
    )
    picture = Picture(explorable, explorable.evaluate(), {})
    picture.figure.canvas.draw()  # warnings are errors
    low, high = picture.axes[0].get_ylim()
    assert 0 < low < TIME[1]
    assert 3 < high < 10


def test_cells_end_half_way_to_their_neighbours():
    np.testing.assert_allclose(style.cell_edges(np.array([0.0, 1.0, 3.0]), "linear"), [-0.5, 0.5, 2, 4], rtol=ROUNDINGS)
    np.testing.assert_allclose(style.cell_edges(COLUMNS, "log"), 10 ** np.array([-1.5, -0.5, 0.5, 1.5]), rtol=ROUNDINGS)


def test_a_map_shows_its_numbers_as_colours_and_hides_cells_without_one():
    explorable = layered(MAP)
    picture = Picture(explorable, explorable.evaluate(), MEASURED)
    axes, bar = picture.figure.axes
    picture.move(explorable.evaluate(size=2.0))
    (drawn,) = axes.collections  # not one for every move
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn.get_array()), [[False] * 3, [False, False, True]])
    colours = drawn.to_rgba(drawn.get_array())
    assert tuple(colours[0, 2]) == PALETTE(1.0)  # 2000 is above the limits
    # 2 and 4 of the two decades from 1
    assert [tuple(colours[row, 0]) for row in (0, 1)] == [PALETTE(np.log10(value) / 2) for value in (2.0, 4.0)]
    assert bar.get_ylabel() == "cells"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["no cell", "cursor", "measured"]
    cursor, _ = axes.lines
    assert cursor.get_xydata().tolist() == [[2.0, 2.0]]
    assert cursor.get_path_effects()


def test_a_map_fills_its_panel_on_every_scale():
    explorable = layered(MAP)
    picture = Picture(explorable, explorable.evaluate(), MEASURED)
    for scale in ("log", "linear", "log"):
        picture.rescale(0, x=scale)
        picture.figure.canvas.draw()
        (axes,) = picture.axes
        (drawn,) = axes.collections
        x = style.cell_edges(COLUMNS, scale)
        np.testing.assert_allclose(drawn.get_coordinates()[0, :, 0], x, rtol=ROUNDINGS)
        assert axes.get_xlim() == pytest.approx((x[0], x[-1]))
        assert axes.get_ylim() == (0.5, 2.5)
    limited = layered(replace(MAP, y=Axis("rate", limits=(1.0, 2.0))))
    assert Picture(limited, limited.evaluate(), MEASURED).axes[0].get_ylim() == (1.0, 2.0)


# In a live kernel


def inside(widget, kind):
    found = [widget] if isinstance(widget, kind) else []
    return found + [x for child in getattr(widget, "children", ()) for x in inside(child, kind)]


@pytest.fixture(scope="module")
def shown():
    return Live(TOY, MEASURED)


@pytest.fixture
def live(shown):
    inside(shown.box, widgets.Button)[0].click()
    return shown


def picture_of(live):
    return inside(live.box, widgets.Image)[0].value


def said(live):
    return inside(live.box, widgets.HTML)[0].value


def test_controls_have_the_widget_of_their_kind(live):
    rate, offset, order, mirror = live.controls.values()
    assert isinstance(rate, widgets.FloatLogSlider)
    assert isinstance(offset, widgets.FloatSlider)
    assert (rate.description, offset.description) == ("rate k (1/s)", "offset")
    assert (rate.min, rate.max, offset.min, offset.max) == (-1.0, 1.0, -1.0, 3.0)
    assert (rate.step, offset.step) == (2 / 200, 4 / 200)
    assert dict(order.options) == {"1": 1, "2": 2, "∞": math.inf}
    assert dict(mirror.options) == {"up": 0, "down": 1}
    assert live.values == TOY.defaults
    assert Image.open(BytesIO(picture_of(live))).format == "PNG"
    assert inside(live.box, widgets.HTML)[1].value == "<p>A decay &lt;slowly&gt;.</p>"


def test_a_control_moves_the_picture_and_the_readout(live):
    before = picture_of(live)
    assert said(live) == f"ends at {height()[-1]:.3g} m"
    for name, value in (("rate", 2.0), ("offset", -0.5), ("order", math.inf), ("mirror", 1)):
        last = picture_of(live)
        live.controls[name].value = value
        assert picture_of(live) != last, name
    assert said(live) == f"ends at {height(2.0, -0.5, 0.0)[-1]:.3g} m"
    inside(live.box, widgets.Button)[0].click()
    assert live.values == TOY.defaults
    assert picture_of(live) == before
    assert said(live) == f"ends at {height()[-1]:.3g} m"


def test_a_notice_appears_and_goes(live):
    live.controls["rate"].value = 6.0
    assert said(live) == f"ends at {height(6.0)[-1]:.3g} m · This is fast."
    live.controls["rate"].value = 4.0
    assert "fast" not in said(live)
    assert sentences(TOY, {"end": np.array(1.0), "fast": np.array(0.5)}) == ["ends at 1 m"]  # only above one half


def test_the_reader_chooses_the_scale(live):
    (toggle,) = inside(live.box, widgets.ToggleButtons)
    assert (toggle.options, toggle.description) == (("linear", "log"), "Decay, x axis")
    before = picture_of(live)
    toggle.value = "log"
    changed = picture_of(live)
    assert changed != before
    toggle.value = "linear"
    assert picture_of(live) == before


def test_play_sweeps_its_slider(live):
    (play,) = inside(live.box, widgets.Play)
    seen = []
    for frame in (15, FRAMES // 2, FRAMES, 0):
        play.value = frame
        seen.append(live.controls["rate"].value)
    np.testing.assert_allclose(seen, [10**-0.5, 1, 10, 0.1], rtol=ROUNDINGS)


def test_without_a_slider_to_sweep_there_is_no_play_button():
    still = replace(TOY, play=None)
    assert not inside(Live(still, MEASURED).box, widgets.Play)


# What `show` shows


@pytest.fixture
def session(monkeypatch):
    displayed = []
    monkeypatch.setattr(showing, "get_ipython", lambda: SimpleNamespace())
    monkeypatch.setattr(showing, "display", lambda *args, **options: displayed.append((args, options)))
    return displayed


TEXT = f"explorable toy.fast_decay: Ends at {2 * math.exp(-1) + 0.5:.2f}."


@pytest.mark.usefixtures("chapter")
def test_outside_a_notebook_the_figure_is_described(capsys):
    show("toy.fast_decay", measured=(np.array([0.25, 0.75]), [1, 2]))
    assert capsys.readouterr().out == TEXT + "\n"


@pytest.mark.usefixtures("chapter")
def test_the_site_gets_a_picture_and_what_brings_it_to_life(session, monkeypatch, capsys):
    monkeypatch.setenv("SOLVABLE_STATIC", "1")
    show("toy.fast_decay", measured=(np.array([0.25, 0.75]), [1, 2]))
    (((bundle,), options),) = session
    metadata = options["metadata"]
    assert options["raw"]
    assert set(bundle) == {"image/png", "text/plain"}
    assert bundle["text/plain"] == TEXT
    width, height = Image.open(BytesIO(bundle["image/png"])).size
    assert metadata["image/png"] == {"width": width // 2, "height": height // 2}
    # as it is stored in the notebook
    assert json.loads(json.dumps(metadata["solvable_explorable"])) == {
        "id": "toy.fast_decay",
        "markers": {"measured": [[0.25, 0.75], [1.0, 2.0]]},
    }
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("chapter")
@pytest.mark.parametrize("static", [None, "0"])
def test_a_live_kernel_gets_widgets_and_the_same_text(session, monkeypatch, static):
    monkeypatch.delenv("SOLVABLE_STATIC", raising=False)
    if static:
        monkeypatch.setenv("SOLVABLE_STATIC", static)
    show("toy.fast_decay", **MEASURED)
    (((bundle,), options),) = session
    assert options["raw"]
    assert bundle["text/plain"] == TEXT
    assert "model_id" in bundle["application/vnd.jupyter.widget-view+json"]


@pytest.mark.usefixtures("chapter")
def test_what_does_not_fit_is_not_shown(session):
    with pytest.raises(ValueError, match="markers must be"):
        show("toy.fast_decay")
    assert session == []
