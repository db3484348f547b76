"""Functions as graphs: what cannot be exported is said, and what is exported wrongly is caught."""

import importlib.util
import json
import pkgutil
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from inspection import ADVICE, SITE, give_up
from scipy import special
from solvable_book import explorables, graphs

import solvable
from solvable import explore
from solvable.explore import Axis, Choice, Curve, Explorable, Notice, Panel, Readout, Slider, Stops

CHAPTERS = [m.name for m in pkgutil.iter_modules(solvable.__path__) if m.ispkg]
WITH_EXPLORABLES = [name for name in CHAPTERS if importlib.util.find_spec(f"solvable.{name}.explorables")]
EVERY = [identity for chapter in WITH_EXPLORABLES for identity in explore.declared(chapter)]


def toy(function, **changed) -> Explorable:
    """An explorable of one slider ``x`` from 1 to 4 whose function returns the array ``y``."""

    def results(x):
        return {"t": jnp.arange(3.0, dtype=x.dtype), "y": function(x)}

    fields = {
        "controls": [Slider("x", "x", 1.0, 4.0, default=2.0)],
        "panels": [Panel(Axis("t"), Axis("y"), [Curve("t", "y")])],
        "caption": "A toy.",
        "alt": lambda at: f"A line from {at['y'][0]:.1f}.",
    }
    return Explorable("toy.one", results, **(fields | changed))


def line(x):
    return x * jnp.arange(1, 4).astype(x.dtype)


@pytest.mark.site
@pytest.mark.parametrize("identity", EVERY)
def test_served_graph_does_what_its_function_does(identity):
    """The files that a reader gets, at the settings at which the build held them, whatever its cache says."""
    folder = SITE / "_static" / explorables.SERVED / "graphs"
    if not (folder / f"{identity}.json").is_file():
        give_up(ADVICE)
    about = json.loads((folder / f"{identity}.json").read_text(encoding="utf-8"))
    outputs = {entry["name"]: entry["graph"] for entry in about["outputs"]}
    graph = graphs.Graph((folder / about["graph"]).read_bytes(), about["precision"], about["inputs"], outputs)
    explorable = explore.find(identity)
    assert set(outputs) == explorable.needed()
    graphs.hold(explorable, graph)


def test_an_export_is_kept_until_the_function_changes(tmp_path):
    first = graphs.export(toy(line), tmp_path)
    assert graphs.runner(first)({"x": 3.0})["y"].tolist() == [3.0, 6.0, 9.0]
    (stored,) = tmp_path.glob("*.onnx")
    before = stored.stat().st_mtime_ns
    assert graphs.export(toy(line), tmp_path) == first
    assert stored.stat().st_mtime_ns == before
    graphs.export(toy(lambda x: 2 * line(x)), tmp_path)
    graphs.export(toy(line, controls=[Slider("x", "x", 1.0, 5.0, default=2.0)]), tmp_path)
    assert len(list(tmp_path.glob("*.onnx"))) == 3


@pytest.mark.parametrize(
    "wrong", [lambda x: 2 * line(x), lambda x: -line(x), lambda x: line(x) + 1e-6, lambda x: line(x) / (x - 4)]
)
def test_a_wrong_graph_is_caught(wrong, tmp_path):
    graph = graphs.export(toy(line), tmp_path)
    with pytest.raises(graphs.GraphError, match=r"toy\.one"):
        graphs.hold(toy(wrong), graph)


def test_numbers_that_are_not_finite_are_caught(tmp_path):
    with pytest.raises(graphs.GraphError, match=r"y of the function is not finite at \{'x': 1\.0\}"):
        graphs.export(toy(lambda x: line(x) / (x - 1)), tmp_path)


def test_chaos_is_not_compared(tmp_path):
    def results(x, *, scale):
        return {"t": jnp.arange(3.0), "y": scale * line(x), "wild": (x > 2).astype(x.dtype)}

    steady = toy(line)
    wild = replace(steady, function=lambda x: results(x, scale=jnp.where(x > 2, 2.0, 1.0)), chaotic="wild")
    graph = graphs.export(replace(steady, function=lambda x: results(x, scale=1.0), chaotic="wild"), tmp_path)
    assert graphs.hold(wild, graph) == 0.0
    with pytest.raises(graphs.GraphError):
        graphs.hold(replace(wild, chaotic=None), graph)


def test_an_operator_without_64_bits_goes_to_32(tmp_path):
    graph = graphs.export(toy(lambda x: jnp.arccos(line(x) / 12.5)), tmp_path)
    assert graph.precision == "float32"
    found = graphs.runner(graph)({"x": 4.0})["y"]
    assert found.dtype == np.float32
    # single precision near arccos(0.96), where the slope is 3.6
    np.testing.assert_allclose(found, np.arccos(np.array([4, 8, 12]) / 12.5), atol=1e-6)


QUADRANTS = [[1, 0], [1, 1], [0, 1], [-1, 1], [-1, 0], [-1, -1], [0, -1], [1, -1], [0, 0]]
NEAR_AND_FAR = [[1, 1e-9], [-1, 1e-9], [-1, -1e-9], [1e-9, 1], [1e-30, 1e-30], [1e8, 3], [0.3, 0.2], [-0.7, 1e8]]
PLACES = np.array([*QUADRANTS, *NEAR_AND_FAR], float)


@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize(
    ("function", "plain"),
    [
        (lambda x: jnp.arctan2(PLACES[:, 1] * x, PLACES[:, 0] * x), lambda x: np.arctan2(PLACES[:, 1], PLACES[:, 0])),
        (lambda x: jax.scipy.special.erf(PLACES[:, 0] * x), lambda x: special.erf(PLACES[:, 0] * x)),
    ],
    ids=["angle", "erf"],
)
def test_an_operator_without_64_bits_may_be_spelled_out(function, plain, looped, tmp_path):
    def results(x):
        if not looped:
            return {"t": jnp.arange(17.0), "y": function(x)}
        total = jax.lax.scan(lambda total, _: (total + function(x), None), jnp.zeros(17), length=2)[0]
        return {"t": jnp.arange(17.0), "y": total}

    graph = graphs.export(replace(toy(line), function=results), tmp_path)
    assert graph.precision == "float64"
    # some roundings of numbers up to two turns; of erf, the 1e-15 by which its polynomial is off
    close = {"rtol": 0, "atol": 1e-14}
    for x in (1.0, 2.7, 4.0):
        np.testing.assert_allclose(graphs.runner(graph)({"x": x})["y"], (1 + looped) * plain(x), **close)


def eigenvalues(x):
    return jnp.linalg.eigvalsh(x * jnp.array([[2.0, 1.0, 0.0], [1.0, 2.0, 1.0], [0.0, 1.0, 2.0]]))


def test_what_cannot_be_exported_is_said_with_what_to_do(tmp_path):
    with pytest.raises(graphs.GraphError, match=r"toy\.one cannot be exported .* eigh .* declare grid="):
        graphs.export(toy(eigenvalues), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_grid_stands_in_for_it(tmp_path):
    computed = toy(eigenvalues, grid={"x": 2})
    graph = graphs.export(computed, tmp_path)
    # eigenvalues of a multiple of one matrix are linear in the factor
    expected = 2.7 * (2 + np.sqrt(2) * np.array([-1, 0, 1]))
    np.testing.assert_allclose(graphs.runner(graph)({"x": 2.7})["y"], expected, rtol=1e-12)
    note = explorables.manifest(computed, graph, {})["note"]
    assert note == "Computed at 2 settings when this page was built; between them the figure interpolates."


def test_a_grid_that_is_too_coarse_is_caught(tmp_path):
    with pytest.raises(graphs.GraphError, match="relative to its largest magnitude"):
        graphs.export(toy(lambda x: eigenvalues(x) ** 3, grid={"x": 5}), tmp_path)
    allowed = toy(lambda x: eigenvalues(x) ** 3, grid={"x": 41}, tolerance=0.01, reason="the width of a line")
    # the error of a straight line between points h = 3/40 apart is h^2 / 8 times the second derivative 6x, 4e-3 at most
    assert 1e-5 < graphs.hold(allowed, graphs.export(allowed, tmp_path)) < 4e-3


def test_a_grid_over_every_kind_of_control(tmp_path):
    def results(x, depth, kind):
        finite = jnp.where(jnp.isinf(depth), 100.0, depth)
        return {"t": jnp.arange(2.0), "y": jnp.array([1.0, 2.0]) * jnp.log10(x) + finite + 1000 * kind}

    controls = [
        Slider("x", "x", 0.01, 100.0, default=1.0, scale="log"),
        Stops("depth", "depth", (1, 2, 5, np.inf), default=2),
        Choice("kind", "kind", ("one", "other")),
    ]
    computed = replace(toy(line), function=results, controls=controls, grid={"x": 3})
    run = graphs.runner(graphs.export(computed, tmp_path))
    for depth, value in ((1, 1), (2, 2), (5, 5), (np.inf, 100)):
        found = run({"x": 10.0, "depth": depth, "kind": 1.0})["y"]
        np.testing.assert_allclose(found, [1001 + value, 1002 + value], rtol=1e-12)


@pytest.mark.parametrize("loop", ["scan", "fori"])
def test_training_by_gradients_of_matrix_products(loop, tmp_path):
    """The converter forgets to transpose the first factor of some products, which gradients are full of."""
    first, second = (np.random.default_rng(seed).normal(size=(3, 3)) / 3 for seed in range(2))

    def train(x):
        def loss(w):
            return jnp.sum((w[1] @ w[0] - x * jnp.eye(3, dtype=x.dtype)) ** 2)

        def step(w):
            return w - jnp.asarray(0.05, x.dtype) * jax.grad(loss)(w)

        start = jnp.stack([jnp.asarray(first, x.dtype), jnp.asarray(second, x.dtype)])
        if loop == "scan":
            end = jax.lax.scan(lambda w, _: (step(w), None), start, length=20)[0]
        else:
            end = jax.lax.fori_loop(0, 20, lambda _, w: step(w), start)
        return (end[1] @ end[0])[0]

    found = graphs.runner(graphs.export(toy(train), tmp_path))({"x": 1.5})["y"]
    w0, w1 = first.copy(), second.copy()
    for _ in range(20):
        error = 2 * (w1 @ w0 - 1.5 * np.eye(3))
        w0, w1 = w0 - 0.05 * w1.T @ error, w1 - 0.05 * error @ w0.T
    # rounding of twenty steps
    np.testing.assert_allclose(found, (w1 @ w0)[0], atol=1e-13)


def test_points_of_the_box():
    stops = Stops("n", "n", (1, 2, np.inf), default=1)
    box = toy(line, controls=[Slider("x", "x", 1.0, 100.0, default=2.0, scale="log"), stops])
    assert {tuple(point.values()) for point in box.corners()} == {(1, 1), (1, np.inf), (100, 1), (100, np.inf)}
    points = box.random_points(20)
    assert len(points) == 20
    assert points == box.random_points(20) != box.random_points(20, seed=1)
    assert all(1 <= point["x"] <= 100 and point["n"] in stops.values for point in points)


def test_manifest_is_what_the_page_reads(tmp_path):
    declared = toy(
        line,
        controls=[Slider("x", "length x", 1.0, 4.0, default=2.0, unit="m", mark=("top", "limit"))],
        readouts=[Readout("top", "highest", "m", 2)],
        notices=[Notice("top", "High.")],
        play="x",
    )
    declared = replace(declared, function=lambda x: {"t": jnp.arange(3.0), "y": line(x), "top": x * 3})
    found = explorables.manifest(declared, graphs.export(declared, tmp_path), {})
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text)["controls"] == [
        {
            "kind": "range",
            "name": "x",
            "label": "length x",
            "unit": "m",
            "default": 2.0,
            "low": 1.0,
            "high": 4.0,
            "scale": "linear",
            "step": None,
            "mark": {"output": "top", "label": "limit"},
        }
    ]
    assert {entry["name"] for entry in found["outputs"]} == {"t", "y", "top"}
    assert found["readouts"] == [{"output": "top", "label": "highest", "unit": "m", "digits": 2}]
    assert found["notices"] == [{"output": "top", "text": "High."}]
    assert (found["play"], found["note"]) == ("x", None)


def test_infinity_is_written_as_a_word(tmp_path):
    control = explorables._control(Stops("n", "n", (1, np.inf), default=np.inf))
    assert (control["values"], control["default"], control["texts"]) == ([1, "Infinity"], "Infinity", ["1", "∞"])
