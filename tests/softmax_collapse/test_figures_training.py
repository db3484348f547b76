"""The figures of training show each seed of each way, the shares that they name, and predictions beside them."""

import numpy as np
import pytest
from matplotlib.colors import same_color

from solvable import style
from solvable.softmax_collapse.experiment.classifier import Classifier
from solvable.softmax_collapse.experiment.variants import Variants
from solvable.softmax_collapse.figures import training
from solvable.softmax_collapse.theory.clock import CollapseTime
from tests.figure_rules import (
    check_can_be_read,
    check_every_figure_is_tested,
    check_figure,
    legend_texts,
    lines,
    marked,
    notes,
)

pytestmark = pytest.mark.usefixtures("book_look")

LN2 = 0.6931471805599453
SEEDS = np.array([0.8, 0.85, 1.0])[:, None]
CHANCE = 1 / 31


def _run(last, *, factor=1.0, seeds=SEEDS, every=50):
    """Every quantity is another curve; what no figure shows is nan."""
    steps = np.arange(0, last + 1, every)
    part = steps / last
    nothing = np.full((len(seeds), len(steps)), np.nan)
    curves = {
        "train_accuracy": np.minimum(1, 5 * part),
        "test_accuracy": factor * part,
        "collapsed": 0.5 * factor * np.maximum(0, part - 0.5) * (1 + np.sin(steps)),
        "lost": 0.6 * factor * np.maximum(0, part - 0.4) * (1 + np.sin(steps)),
        "gap": 8 + 25 * part,
        "cosine": factor * (1 - part) - 0.1,
        "weight_norm": 10 + 90 * factor * part,
    }
    named = {name: seeds * curve for name, curve in curves.items()}
    rest = {name: nothing for name in Classifier._fields[1:-1] if name not in named}
    return Classifier(steps=steps, network=(), **named, **rest)


WAYS = {
    "cross-entropy": _run(3000, factor=0.05),
    "StableMax": _run(5000, factor=0.9),
    "orthogonal gradients": _run(300, every=10),
    "weight decay": _run(1000, factor=0.95),
}
COLOURS = {"cross-entropy": 0, "StableMax": 2, "orthogonal gradients": 3, "weight decay": 4}
FORMATS = {"float32": _run(3000), "float64": _run(6000, factor=0.9)}
LINES = {name: (np.array([0, run.steps[-1]]), np.array([7.0, 32.0])) for name, run in FORMATS.items()}
PREDICTED = {"float32": CollapseTime(1500.0, 1700.0), "float64": CollapseTime(5100.0, 5400.0)}
CONTROLS = {
    "float32": _run(3000, factor=0.03),
    "float64": _run(6000, factor=0.02),
    "float32, log1p": _run(6000, factor=0.01),
}


def _variants(names, top):
    steps = np.arange(0, 4001, 50)
    nothing = np.full((len(names), 3, len(steps)), np.nan)
    height = (1 + np.arange(len(names)))[:, None, None] / len(names)
    accuracy = top * height * SEEDS * steps / 4000
    lost = height * SEEDS * np.maximum(0, np.sin(steps / 500))
    return Variants(tuple(names), steps, nothing, accuracy, nothing, lost, nothing, nothing)


PRECISIONS = _variants(("float16", "float32", "float64", "float32, log1p"), 0.2)
REMEDIES = _variants(("float64", "float32", "float64, beta2 0.999", "Taylor"), 0.95)
ONE = _run(80_000, seeds=np.ones((1, 1)), every=500)
PAPER = ONE._replace(**{name: getattr(ONE, name)[0] for name in Classifier._fields[1:-1]})
SHARES = {
    "StableMax": np.array([0.1, 0.5, 0.05, 0.2, 0.15]),
    "orthogonal gradients": np.array([0.7, 0.2, 0.1, 0, 0]),
    "weight decay": np.array([0.3, 0.1, 0.4, 0.1, 0.1]),
}
STRONGEST = {"StableMax": [0.5, 0.55, 0.6], "orthogonal gradients": [0.97, 0.98, 0.99], "weight decay": [0.7]}
TIMES = np.geomspace(1, 1e5, 20)
NORMALISERS = {"no penalty": 6 + np.log(TIMES), "z-loss": 6 / TIMES}
GAPS = {"no penalty": np.log(31 * TIMES + 1), "z-loss": np.log(TIMES + 1)}
LAWS = {"no penalty": np.log(31 * TIMES), "z-loss": np.log(TIMES)}

ARGUMENTS = {
    "four_ways": (WAYS, CHANCE),
    "clock": (FORMATS, LINES, PREDICTED, (400, 1200), 31),
    "controls": (CONTROLS, CHANCE),
    "precisions": (PRECISIONS, 1 / 47),
    "remedies": (REMEDIES, CHANCE),
    "alignment": ({**WAYS, "cross-entropy, float64": _run(6000, factor=0.4)},),
    "spectrum": (SHARES, np.array([0.19, 0.22, 0.2, 0.18, 0.21]), STRONGEST, 0.36),
    "paper_size": (PAPER,),
    "z_loss": (TIMES, NORMALISERS, GAPS, LAWS),
}
# what is drawn is what was given
EXACT = {"rtol": 1e-12, "atol": 0}


def _draw(name):
    return getattr(training, name)(*ARGUMENTS[name])


def _levels(axes):
    return [line.get_ydata()[0] for line in lines(axes, style_of_line="--")]


def _check_seeds(axes, colour, steps, runs, *, label=None, log=False, others=0):
    """Each seed has a line through all observations and markers on some of them; ``others`` lines come after."""
    runs = np.atleast_2d(runs)
    drawn, marks = lines(axes, colour), marked(axes, colour)
    assert len(drawn) == len(runs) + others
    assert len(marks) == len(runs)
    for line, mark, run in zip(drawn, marks, runs, strict=False):
        from_first = int(log)
        np.testing.assert_allclose(line.get_data(), [steps[from_first:], run[from_first:]], **EXACT)
        x, y = mark.get_data()
        assert 5 <= len(x) <= 16
        np.testing.assert_allclose(y, run[np.searchsorted(steps, x)], **EXACT)
    if label is not None:
        assert [mark.get_label() for mark in marks if not mark.get_label().startswith("_")] == [label]
    if len(runs) > 1:
        # seeds do not hide each other; the first steps on a log axis are too few for that
        places = [set(mark.get_xdata()[mark.get_xdata() > (1000 if log else -1)]) for mark in marks]
        assert not set.intersection(*places)


def test_every_figure_is_here():
    check_every_figure_is_tested(training, ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_figure_can_be_read(name):
    check_figure(_draw(name))


def test_each_way_has_a_panel_of_three_shares():
    figure, lost = _draw("four_ways"), "no derivative by the right logit"
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(WAYS)
    for axes, run in zip(figure.axes, WAYS.values(), strict=True):
        quantities = (("train_accuracy", "train accuracy"), ("test_accuracy", "test accuracy"), ("lost", lost))
        for colour, (quantity, label) in enumerate(quantities):
            _check_seeds(axes, colour, run.steps, getattr(run, quantity), label=label)
        assert _levels(axes) == [CHANCE]
        assert axes.get_xscale() == "linear"
    (legend,) = figure.legends
    assert legend_texts(legend) == ["train accuracy", "test accuracy", lost, "chance"]


def test_an_odd_way_leaves_no_empty_panel():
    three = {name: WAYS[name] for name in list(WAYS)[:3]}
    figure = training.four_ways(three, CHANCE)
    check_can_be_read(figure)
    assert len([axes for axes in figure.axes if axes.get_visible()]) == 3


def test_the_clock_extrapolates_to_the_thresholds():
    figure = _draw("clock")
    top, bottom = figure.axes
    for (name, run), colour in zip(FORMATS.items(), (0, 1), strict=True):
        _check_seeds(top, colour, run.steps, run.gap, label=name, others=1)
        line = lines(top, colour)[-1]
        np.testing.assert_allclose(line.get_data(), LINES[name], **EXACT)
        assert line.get_linewidth() > 1.5  # theory, not the thin line of a seed
        _check_seeds(bottom, colour, run.steps, run.collapsed)
    expected = np.array([24 * LN2, 24 * LN2 + np.log(30), 53 * LN2, 53 * LN2 + np.log(30)])
    np.testing.assert_allclose(_levels(top), expected, **EXACT)
    assert notes(top) == [r"$24\,\ln 2$", r"$24\,\ln 2 + \ln 30$", r"$53\,\ln 2$", r"$53\,\ln 2 + \ln 30$"]
    np.testing.assert_allclose([text.xy[1] for text in top.texts], expected, **EXACT)
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in (*top.patches, *bottom.patches)]
    np.testing.assert_allclose(spans, [(400, 1200), *PREDICTED.values()], **EXACT)
    colours = [patch.get_facecolor()[:3] for patch in bottom.patches]
    assert all(same_color(found, style.COLOURS[index]) for index, found in enumerate(colours))
    assert legend_texts(top.get_legend()) == ["float32", "extrapolated", "float64", "extrapolated", "fitted here"]
    assert top.get_shared_x_axes().joined(top, bottom)


def test_controls_show_accuracy_and_what_is_lost():
    figure = _draw("controls")
    left, right = figure.axes
    for (name, run), colour in zip(CONTROLS.items(), (0, 1, 5), strict=True):
        _check_seeds(left, colour, run.steps, run.test_accuracy, label=name)
        _check_seeds(right, colour, run.steps, run.lost)
    assert _levels(left) == [CHANCE]
    # all are near chance, and their axis is the small one
    assert left.get_ylim()[1] == pytest.approx(0.1)
    assert right.get_ylim()[1] > 1
    assert legend_texts(figure.legends[0]) == [*CONTROLS, "chance"]


def test_variants_of_the_precision_have_the_colour_of_their_format():
    figure = _draw("precisions")
    left, right = figure.axes
    for index, colour in enumerate((4, 0, 1, 5)):
        accuracy = PRECISIONS.test_accuracy[index]
        mean = accuracy.sum(axis=0) / 3
        *seeds, line = lines(left, colour)
        for drawn, values in zip((*seeds, line), (*accuracy, mean), strict=True):
            np.testing.assert_allclose(drawn.get_data(), [PRECISIONS.steps, values], **EXACT)
        assert all(seed.get_linewidth() < line.get_linewidth() for seed in seeds)
        (marks,) = marked(left, colour)
        x, y = marks.get_data()
        np.testing.assert_allclose(y, mean[x // 50], **EXACT)
        assert marks.get_label() == PRECISIONS.names[index]
        _check_seeds(right, colour, PRECISIONS.steps, PRECISIONS.lost[index])
    assert _levels(left) == [1 / 47]
    # the highest of them has room
    assert left.get_ylim()[1] == pytest.approx(1.1 * 0.2)
    assert legend_texts(figure.legends[0]) == [*PRECISIONS.names, "chance"]


def test_remedies_are_named_in_words():
    figure = _draw("remedies")
    left, right = figure.axes
    names = ["StableMax, float64", "StableMax, float32", r"StableMax, $\beta_2 = 0.999$", "Taylor softmax, float64"]
    for index, (colour, name) in enumerate(zip((2, 0, 5, 3), names, strict=True)):
        _check_seeds(left, colour, REMEDIES.steps, REMEDIES.test_accuracy[index], label=name)
        _check_seeds(right, colour, REMEDIES.steps, REMEDIES.lost[index])
    assert _levels(left) == [CHANCE]
    assert left.get_ylim() == right.get_ylim()
    assert legend_texts(figure.legends[0]) == [*names, "chance"]


def test_alignment_is_on_a_log_axis_from_the_first_update():
    figure = _draw("alignment")
    left, right = figure.axes
    (runs,) = ARGUMENTS["alignment"]
    for name, run in runs.items():
        colour = {**COLOURS, "cross-entropy, float64": 1}[name]
        _check_seeds(left, colour, run.steps, run.cosine, label=name, log=True)
        _check_seeds(right, colour, run.steps, run.weight_norm, log=True)
    assert _levels(left) == [0, 1]
    assert left.get_xscale() == right.get_xscale() == right.get_yscale() == "log"
    assert left.get_yscale() == "linear"
    assert legend_texts(figure.legends[0]) == list(runs)


def test_markers_on_a_log_axis_are_spread_over_it():
    axes = _draw("alignment").axes[0]
    for mark in marked(axes, 1):
        x = mark.get_xdata()
        assert x[0] > 0
        # far apart in ratio where observations are many
        late = x[x > 1000]
        assert (late[1:] / late[:-1] > 1.2).all()


def test_the_spectrum_is_sorted_and_stands_beside_its_start():
    figure = _draw("spectrum")
    left, right = figure.axes
    (start,) = lines(left, style_of_line="--")
    np.testing.assert_allclose(start.get_data(), [[1, 2, 3, 4, 5], [0.22, 0.21, 0.2, 0.19, 0.18]], **EXACT)
    expected = {"StableMax": [0.5, 0.2, 0.15, 0.1, 0.05], "weight decay": [0.4, 0.3, 0.1, 0.1, 0.1]}
    expected["orthogonal gradients"] = [0.7, 0.2, 0.1, 0, 0]
    for index, name in enumerate(SHARES):
        (marks,) = marked(left, COLOURS[name])
        (line,) = lines(left, COLOURS[name])
        for drawn in (marks, line):
            np.testing.assert_allclose(drawn.get_data(), [[1, 2, 3, 4, 5], expected[name]], **EXACT)
        (seeds,) = marked(right, COLOURS[name])
        x, y = seeds.get_data()
        np.testing.assert_allclose(y, STRONGEST[name], **EXACT)
        assert (np.round(x) == index).all()
        assert len(set(x)) == len(x)
    assert _levels(right) == [0.36]
    assert notes(right) == ["before training"]
    assert [tick.get_text() for tick in right.get_xticklabels()] == [name.replace(" ", "\n") for name in SHARES]
    assert legend_texts(left.get_legend()) == ["before training", *SHARES]
    assert left.get_ylim()[0] < 0 == right.get_ylim()[0]


@pytest.mark.parametrize("run", [PAPER, _run(2000)], ids=["one seed", "three seeds"])
def test_the_run_of_the_papers_size(run):
    left, right = training.paper_size(run).axes
    _check_seeds(left, 0, run.steps, run.train_accuracy, label="train accuracy")
    _check_seeds(left, 1, run.steps, run.test_accuracy, label="test accuracy")
    _check_seeds(right, 2, run.steps, run.weight_norm)
    assert right.get_ylim()[0] == 0


def test_the_penalty_acts_on_the_normaliser_and_less_on_the_gap():
    figure = _draw("z_loss")
    left, right = figure.axes
    for colour, name in enumerate(NORMALISERS):
        (normaliser,) = marked(left, colour)
        (gap,) = marked(right, colour)
        (law,) = lines(right, colour)
        for drawn, values in ((normaliser, NORMALISERS), (gap, GAPS), (law, LAWS)):
            np.testing.assert_allclose(drawn.get_data(), [TIMES, values[name]], **EXACT)
    assert _levels(left) == [0]
    assert notes(left) == ["$Z = 1$"]
    assert legend_texts(left.get_legend()) == list(NORMALISERS)
