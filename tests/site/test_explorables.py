"""Every explorable of the built site, moved as a reader moves it."""

import csv
import io
import json
import math
import re
import statistics
from dataclasses import dataclass
from functools import cache

import jax
import numpy as np
import pytest
from inspection import ADVICE, PROBE, ROOT, SETTLED, SITE, give_up, opened, pages, reader, violations
from PIL import Image
from solvable_book import graphs
from solvable_book.explorables import SERVED

from solvable import explore
from solvable.explore import Choice, Slider

pytestmark = [pytest.mark.browser, pytest.mark.site]

GRAPHS = SITE / "_static" / SERVED / "graphs"
HEAVY = re.compile(r"/_static/(explorables|onnxruntime|uplot)/(.*)")
TIMES = ROOT / "_build" / "explorables_times.json"

# A reader should have the figure in 3 s and never wait a second for a redraw. Both are measured and decide nothing, as
# the machine may be shared. What they hang on is asserted: how much is loaded, and that the page does not compute.
# The runtime weighs 3.7 MB; the drawing, the script and the graph have to do with the rest.
HEAVIEST_START = 4_200_000


# named here, looked for in the pages later: tests are collected while the site may still be in the making
SHOWN = sorted(path.stem for path in GRAPHS.glob("*.json"))
CONTROLS = [(identity, control.name) for identity in SHOWN for control in explore.find(identity).controls]
TRAINING = [identity for identity in SHOWN if identity.endswith(".train")]
# the learning rate of each, by the name it has there
RATES = {"deep_linear.train": "eta", "ntk.train": "rate", "lazy_rich.train": "rate"}
NO_SITE = [pytest.param(None, id="no-site")]
every = pytest.mark.parametrize("identity", SHOWN or NO_SITE)
every_control = pytest.mark.parametrize(("identity", "name"), CONTROLS or [pytest.param(None, None, id="no-site")])


@cache
def pages_of() -> dict[str, str]:
    """The page of each explorable, in the order of the pages."""
    found = {
        identity: name
        for name in pages()
        for identity in re.findall(r'data-explorable="([^"]+)"', (SITE / name).read_text(encoding="utf-8"))
    }
    return found or give_up(ADVICE)


def by_page() -> dict[str, list[str]]:
    """The explorables of each page that has some."""
    found = {}
    for identity, name in pages_of().items():
        found.setdefault(name, []).append(identity)
    return found


def manifest(identity: str) -> dict:
    return json.loads((GRAPHS / f"{identity}.json").read_text(encoding="utf-8"))


OUTPUTS = """stage => JSON.stringify(Object.fromEntries(
  Object.entries(stage.explorable.outputs).map(([name, numbers]) => [name, [...numbers]])))"""
# Chromium warns of canvases that are read often, hence the copies
NOTE = """stage => {
  const look = () => [...stage.querySelectorAll("canvas")].map(canvas => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { buffer } = copy.getImageData(0, 0, canvas.width, canvas.height).data;
    return new Uint32Array(buffer).reduce((hash, pixel) => (Math.imul(hash, 31) + pixel) | 0, 0);
  });
  window.noted = { outputs: stage.explorable.outputs, before: look(), look };
}"""
CHANGED = """stage => Object.entries(stage.explorable.outputs).some(
  ([name, numbers]) => numbers.some((number, index) => number !== window.noted.outputs[name][index]))"""
LOOKS_CHANGED = """() => window.noted.look().some((drawn, index) => drawn !== window.noted.before[index])"""
START = """box => new Promise((resolve, reject) => {
  const stage = box.querySelector("[data-explorable]");
  const began = performance.now();
  const look = () => {
    if (stage.dataset.state === "ready") resolve(performance.now() - began);
    if (stage.dataset.state === "failed") reject(new Error("the explorable failed"));
  };
  new MutationObserver(look).observe(stage, { attributes: true });
  box.scrollIntoView();
  look();
})"""
FRAMES = """async () => {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}"""


@dataclass
class Figure:
    """An explorable in a page."""

    page: object
    identity: str

    @property
    def box(self):
        return self.page.locator("#" + explore.find(self.identity).anchor)

    @property
    def stage(self):
        return self.box.locator("[data-explorable]")

    @property
    def values(self) -> dict[str, float]:
        return self.stage.evaluate("stage => stage.explorable.values")

    def start(self) -> float:
        """Scroll to it; milliseconds until it is alive."""
        return self.box.evaluate(START)

    def outputs(self, **values: float) -> dict[str, np.ndarray]:
        """What is drawn, after a change."""
        self.settle(**values)
        return self.drawn()

    def settle(self, **values: float) -> None:
        """Wait for a change to be drawn; without one, for what is under way."""
        self.stage.evaluate("(stage, values) => stage.explorable.set(values)", values)

    def drawn(self) -> dict[str, np.ndarray]:
        return {name: np.array(numbers) for name, numbers in json.loads(self.stage.evaluate(OUTPUTS)).items()}

    def press(self, button: str) -> None:
        self.stage.get_by_role("button", name=button, exact=True).click()

    def reset(self) -> None:
        self.press("Reset")
        self.settle()

    def inputs(self, name: str):
        """The slider, or the radio buttons, of a control."""
        full = f"{explore.find(self.identity).anchor}-{name}"
        return self.stage.locator(f"input[id='{full}'], input[name='{full}']")

    def position(self, name: str) -> float:
        """Where the slider of a control stands, from 0 to 1; for radio buttons the number of the picked one."""
        inputs = self.inputs(name)
        if inputs.first.get_attribute("type") == "radio":
            return inputs.evaluate_all("inputs => inputs.findIndex(input => input.checked)")
        return inputs.evaluate("input => Number(input.value) / Number(input.max)")

    def wait_for_redraw(self) -> None:
        """Wait until what is drawn differs from what was noted; the pictures then do, too."""
        self.page.wait_for_function(CHANGED, arg=self.stage.element_handle())
        assert self.page.evaluate(LOOKS_CHANGED)


def position_of(control, value: float) -> float:
    """Where a control stands at a value, by the declaration."""
    if isinstance(control, Choice):
        return value
    if not isinstance(control, Slider):
        return list(control.values).index(value) / (len(control.values) - 1)
    if control.scale == "log":
        return math.log(value / control.low) / math.log(control.high / control.low)
    return (value - control.low) / (control.high - control.low)


def control_of(identity: str, name: str):
    return next(control for control in explore.find(identity).controls if control.name == name)


def calm_settings(explorable, count: int) -> list[dict[str, float]]:
    """Random settings, other than the build's, where rounding does not grow without bound."""
    settings = explorable.random_points(graphs.RANDOM_POINTS, seed=2)
    calm = [at for at in settings if not explorable.chaotic or explorable.evaluate(**at)[explorable.chaotic] <= 0.5]
    return calm[:count]


@pytest.fixture(scope="module")
def measured():
    """What was measured, kept in a file beside the build."""
    found = {"start": {}, "redraws": {}}
    yield found
    TIMES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def laptop(browser, address):
    context = reader(browser, width=1280, theme="light")
    # only what never comes fails: other stages may keep both cores busy
    context.set_default_timeout(60_000)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    yield context
    context.close()


@pytest.fixture(scope="module")
def chapters(laptop, address):
    """Every page with explorables, opened once, with the list of its faults."""
    kept = {}
    openings = []

    def find(name):
        if name not in kept:
            openings.append(opened(laptop, address))
            kept[name] = openings[-1].__enter__()
            kept[name][0].goto(address + name)
            kept[name][0].evaluate(SETTLED)
        return kept[name]

    yield find
    for opening in openings:
        opening.__exit__(None, None, None)


@pytest.fixture
def figure(request, chapters):
    """An explorable alive at its defaults, in a page that all tests share; they leave no fault in it."""
    identity = request.node.callspec.params["identity"]
    if identity is None:
        give_up(ADVICE)
    page, faults = chapters(pages_of()[identity])
    # Chromium draws a page behind another once a second
    page.bring_to_front()
    found = Figure(page, identity)
    found.start()
    found.reset()
    yield found
    # the next test starts with none
    left, faults[:] = faults[:], []
    assert left == []


def test_every_graph_has_a_page():
    assert set(pages_of()) == {path.stem for path in GRAPHS.glob("*.json")}


# what a page loads


@pytest.fixture(scope="module")
def visit(laptop, address):
    """A page opened at its top, with everything that it asked for."""

    def open_at_top(page, name):
        requests = []
        page.on("requestfinished", lambda request: requests.append(request))
        page.goto(address + name)
        page.evaluate(SETTLED)
        return requests

    return open_at_top


def heavy(requests) -> set[str]:
    return {match.group(1) + "/" + match.group(2).split("?")[0] for r in requests if (match := HEAVY.search(r.url))}


def test_other_pages_load_nothing(laptop, address, visit):
    for name in set(pages()) - set(by_page()):
        assert "_static/explorables" not in (SITE / name).read_text(encoding="utf-8"), name
    with opened(laptop, address) as (page, faults):
        assert heavy(visit(page, "index.html")) == set()
        assert faults == []


def test_the_first_loads_little_and_nothing_before_it_is_near(laptop, address, visit, measured):
    name, (first, *_) = next(iter(by_page().items()))
    with opened(laptop, address) as (page, faults):
        requests = visit(page, name)
        assert heavy(requests) == {"explorables/main.js", "explorables/explorables.css"}
        assert page.locator("[data-state]").count() == 0
        before = len(requests)
        took = Figure(page, first).start()
        sizes = sorted((r.sizes()["responseBodySize"], r.url.removeprefix(address)) for r in requests[before:])
        heaviest = {name: size for size, name in sizes[-5:]}
        total = sum(size for size, _ in sizes)
        measured["start"] = {"explorable": first, "ms": round(took), "bytes": total, "heaviest": heaviest}
        assert total < HEAVIEST_START
        assert faults == []


# the numbers


@every
def test_curves_are_those_of_the_function(figure, identity):
    explorable = explore.find(identity)
    with jax.enable_x64(True):
        settings = [explorable.defaults, *calm_settings(explorable, 2)]
        expected = [explorable.evaluate(**setting) for setting in settings]
    assert len(settings) == 3
    found = [figure.outputs(**setting) for setting in settings]
    assert figure.values == settings[-1]
    allowed = graphs.tolerance(explorable, manifest(identity)["precision"])
    for name in sorted(explorable.needed()):
        # as in graphs.hold: what is nothing but rounding at one setting has no size of its own there
        least = max(graphs.NOTHING * max(np.abs(at[name]).max() for at in expected), np.finfo(float).tiny)
        for setting, right, given in zip(settings, expected, found, strict=True):
            # the page holds a map in one row after the other
            values = np.ravel(right[name])
            assert given[name].shape == values.shape
            size = max(np.abs(values).max(), least)
            assert np.abs(values - given[name]).max() <= allowed * size, (name, setting)


# the controls


@every_control
def test_control_by_mouse(figure, identity, name):
    before = figure.values[name]
    inputs = figure.inputs(name)
    figure.stage.evaluate(NOTE)
    if inputs.first.get_attribute("type") == "radio":
        figure.stage.locator("input:not(:checked)").and_(inputs).first.click()
    else:
        inputs.scroll_into_view_if_needed()
        box = inputs.bounding_box()
        place, middle = figure.position(name), box["y"] + box["height"] / 2
        figure.page.mouse.move(box["x"] + 12 + place * (box["width"] - 24), middle)
        figure.page.mouse.down()
        figure.page.mouse.move(box["x"] + box["width"] * (0.25 if place > 0.5 else 0.75), middle, steps=6)
        figure.page.mouse.up()
    assert figure.values[name] != before
    figure.wait_for_redraw()


@every_control
def test_control_by_keyboard(figure, identity, name):
    control = control_of(identity, name)
    at_end = position_of(control, control.default) == 1
    keys = ["ArrowLeft" if at_end else "ArrowRight", "Home", "PageUp", "End"]
    if isinstance(control, Choice):
        # these are all the keys that radio buttons have
        keys = ["ArrowRight", "ArrowLeft"]
    inputs = figure.inputs(name)
    (inputs.and_(figure.stage.locator(":checked")) if isinstance(control, Choice) else inputs).focus()
    for key in keys:
        before = figure.values[name]
        figure.stage.evaluate(NOTE)
        figure.page.keyboard.press(key)
        now = figure.values[name]
        assert now != before, key
        figure.wait_for_redraw()
        figure.settle()
        # a value has four digits
        assert figure.position(name) == pytest.approx(position_of(control, now), abs=2e-3)
        if key in ("Home", "End"):
            assert figure.position(name) == (1 if key == "End" else 0)


@every
def test_words_and_labels(figure, identity):
    labels = figure.stage.locator("input[type=range]").evaluate_all(
        "all => all.map(one => one.labels[0]?.textContent ?? '')"
    )
    sliders = [control.label for control in explore.find(identity).controls if not isinstance(control, Choice)]
    assert labels == sliders
    seen = figure.stage.locator(".explorable-readouts")
    before = seen.text_content()
    control = control_of(identity, explore.find(identity).play)
    figure.settle(**{control.name: control.value(0.9)})
    assert seen.text_content() != before
    heard = figure.stage.locator(".explorable-heard[aria-live=polite]")
    heard.filter(has_text=seen.text_content()).wait_for(state="attached")
    text = figure.inputs(control.name).get_attribute("aria-valuetext")
    assert text == figure.inputs(control.name).evaluate(
        "input => input.closest('.explorable-control').querySelector('.explorable-value').textContent"
    )


# the address


def fragment(identity: str, setting: dict[str, float]) -> str:
    words = {name: "Infinity" if math.isinf(value) else repr(value) for name, value in setting.items()}
    return f"#{explore.find(identity).anchor}?" + "&".join(f"{name}={word}" for name, word in words.items())


ADDRESS = """([start, name, value]) => {
  const [found, query] = location.hash.split("?");
  const moved = [...new URLSearchParams(query)];
  return found === start && moved.length === 1 && moved[0][0] === name && Number(moved[0][1]) === value;
}"""
IN_SIGHT = """box => { const { top, bottom } = box.getBoundingClientRect();
  return top > -2 && top < innerHeight / 2 && bottom > 0 }"""


def check_restored(figure: Figure, setting: dict[str, float]) -> None:
    figure.page.wait_for_function(
        "([stage, wanted]) => Object.entries(wanted).every(([name, value]) => stage.explorable.values[name] === value)",
        arg=[figure.stage.element_handle(), setting],
    )
    for name, value in setting.items():
        control = control_of(figure.identity, name)
        # a slider of the browser stands on its nearest step, whatever the value
        step = getattr(control, "step", None)
        off = 1e-6 if step is None else step / (control.high - control.low) / 2 + 1e-6
        assert figure.position(name) == pytest.approx(position_of(control, value), abs=off)
    figure.page.wait_for_function(IN_SIGHT, arg=figure.box.element_handle())


@every
def test_fragment_of_an_open_page(figure, identity):
    setting = explore.find(identity).random_points(1, seed=3)[0]
    figure.page.evaluate("scrollTo(0, 0)")
    figure.stage.evaluate(NOTE)
    figure.page.evaluate("hash => { location.hash = hash }", fragment(identity, setting))
    figure.wait_for_redraw()
    check_restored(figure, setting)


def test_fragment_of_a_fresh_page(laptop, address):
    identity, name = list(pages_of().items())[-1]
    explorable = explore.find(identity)
    setting = calm_settings(explorable, 1)[0]
    with opened(laptop, address) as (page, faults):
        page.goto(address + name + fragment(identity, setting))
        figure = Figure(page, identity)
        figure.box.locator("[data-state=ready]").wait_for()
        check_restored(figure, setting)
        with jax.enable_x64(True):
            right = explorable.evaluate(**setting)
        # drawn at the setting, not only shown on the sliders; the numbers themselves are compared above
        drawn = figure.drawn()
        for name in explorable.needed():
            np.testing.assert_allclose(drawn[name], np.atleast_1d(right[name]), rtol=1e-4, atol=1e-6)
        assert faults == []


@every
def test_a_move_is_written_to_the_address(figure, identity):
    name = explore.find(identity).play
    anchor = explore.find(identity).anchor
    figure.inputs(name).focus()
    figure.page.keyboard.press("ArrowRight")
    # an address that an earlier test's play has left to be written may come first
    figure.page.wait_for_function(ADDRESS, arg=[f"#{anchor}", name, figure.values[name]])
    figure.reset()
    figure.page.wait_for_function("hash => location.hash === hash", arg=f"#{anchor}")


@pytest.mark.parametrize("identity", SHOWN[:1] or NO_SITE)
def test_ordinary_anchors_still_work(figure, identity):
    before = figure.values
    link = figure.page.locator("article h2 a.headerlink").last
    target = link.get_attribute("href")
    figure.page.evaluate("scrollTo(0, 0)")
    link.evaluate("link => link.click()")
    assert figure.page.evaluate("location.hash") == target
    figure.page.wait_for_function(IN_SIGHT, arg=figure.page.locator(f"[id='{target[1:]}']").element_handle())
    # one that nobody can decode is none of ours
    figure.page.evaluate("location.hash = '#100%'")
    figure.page.evaluate(FRAMES)
    assert figure.values == before


# the buttons


@every
def test_reset(figure, identity):
    explorable = explore.find(identity)
    start = figure.outputs()
    moved = figure.outputs(**explorable.random_points(1, seed=4)[0])
    assert any((moved[name] != start[name]).any() for name in start)
    figure.reset()
    assert figure.values == explorable.defaults
    again = figure.outputs()
    assert all((again[name] == start[name]).all() for name in start)
    for control in explorable.controls:
        assert figure.position(control.name) == pytest.approx(position_of(control, control.default), abs=1e-6)


# Clicking from here may come seconds late on a busy machine, when the player has gone on or is home again.
PAUSE_AFTER_TWO = """(stage, name) => new Promise(resolve => {
  const { values } = stage.explorable;
  const button = label => [...stage.querySelectorAll("button")].find(one => one.textContent === label);
  const seen = [values[name]];
  button("Play").click();
  const look = () => {
    if (values[name] !== seen.at(-1)) seen.push(values[name]);
    // a player that has come to its end shows no more
    if (seen.length <= 2 && button("Pause")) requestAnimationFrame(look);
    else {
      button("Pause")?.click();
      resolve(seen.slice(1));
    }
  };
  look();
})"""


def play(figure: Figure, name: str) -> list[float]:
    """The first two values that the player shows; it is paused at the second."""
    return figure.stage.evaluate(PAUSE_AFTER_TWO, name)


@every
def test_play_and_pause(figure, identity):
    control = control_of(identity, explore.find(identity).play)
    # far from where it begins: paused where it stood before, it would draw the same
    figure.settle(**{control.name: control.value(1)})
    figure.stage.evaluate(NOTE)
    first, second = play(figure, control.name)
    assert first != second
    figure.wait_for_redraw()
    figure.settle()
    figure.page.evaluate(FRAMES)
    assert figure.values[control.name] == second
    assert figure.stage.get_by_role("button", name="Pause", exact=True).count() == 0
    # a reader's own click goes on from there
    figure.press("Play")
    figure.page.wait_for_function(
        "([stage, name, value]) => stage.explorable.values[name] !== value",
        arg=[figure.stage.element_handle(), control.name, second],
    )


# one stands for all: the player waits most of a second between its steps
@pytest.mark.parametrize("identity", SHOWN[:1] or NO_SITE)
def test_play_in_steps_for_those_who_want_less_motion(figure, identity):
    control = control_of(identity, explore.find(identity).play)
    figure.page.emulate_media(reduced_motion="reduce")
    try:
        seen = play(figure, control.name)
    finally:
        figure.page.emulate_media(reduced_motion="no-preference")
    # a value has four digits, or is the nearest of the slider's steps
    room = max(1e-3 * abs(control.value(0.2)), (getattr(control, "step", None) or 0) / 2 + 1e-9)
    assert seen == pytest.approx([control.value(0.1), control.value(0.2)], rel=0, abs=room)


def downloaded(figure: Figure, button: str) -> bytes:
    with figure.page.expect_download() as waiting:
        figure.press(button)
    kind = re.search(r"\((\w+)\)", button).group(1).lower()
    assert waiting.value.suggested_filename == f"{explore.find(figure.identity).anchor}.{kind}"
    return waiting.value.path().read_bytes()


@every
def test_picture(figure, identity):
    picture = downloaded(figure, "Picture (PNG)")
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    # two pixels for one of the page, which shows the panels side by side
    assert image.width > 1.8 * figure.stage.bounding_box()["width"]
    assert image.getextrema() != ((255, 255),) * 3


@every
def test_numbers(figure, identity):
    panels = manifest(identity)["panels"]
    setting = explore.find(identity).random_points(1, seed=5)[0]
    outputs = figure.outputs(**setting)
    head, *tables = downloaded(figure, "Numbers (CSV)").decode().split("\n\n")
    for name, value in setting.items():
        (line,) = [line for line in head.splitlines() if line.startswith(f"# {name} = ")]
        assert float(line.rpartition("= ")[2]) == value
    maps = [panel["field"] for panel in panels if panel["field"]]
    assert len(tables) == len(panels) + len(maps)
    for panel, table in zip(panels, tables, strict=False):
        # curves over the same x share a column of it; every set of markers has its own
        groups = {}
        for curve in panel["curves"]:
            groups.setdefault(curve["x"], [outputs[curve["x"]]]).append(outputs[curve["y"]])
        columns = [column for group in groups.values() for column in group]
        columns += [np.array(marker[axis]) for marker in panel["markers"] for axis in "xy"]
        names, *rows = csv.reader(table.splitlines()[1:])
        assert names.count(panel["x"]["label"]) == len(groups) + len(panel["markers"])
        assert len(rows) == max(map(len, columns))
        for column, cells in zip(columns, zip(*rows, strict=True), strict=True):
            # a browser writes the shortest number that reads as the same
            assert [float(cell) for cell in cells if cell] == list(map(float, column))
    for field, table in zip(maps, tables[len(panels) :], strict=True):
        (_, *places), *rows = csv.reader(table.splitlines()[2:])
        assert list(map(float, places)) == outputs[field["x"]].tolist()
        assert [float(row[0]) for row in rows] == outputs[field["y"]].tolist()
        cells = [cell for row in rows for cell in row[1:]]
        hidden = outputs[field["missing"]["output"]] > 0.5 if field["missing"] else np.zeros(len(cells), bool)
        assert cells.count("") == hidden.sum()
        assert [float(cell) for cell in cells if cell] == outputs[field["z"]][~hidden].tolist()


@every
def test_link(figure, identity):
    control = control_of(identity, explore.find(identity).play)
    figure.settle(**{control.name: control.value(0.75)})
    figure.press("Copy link")
    figure.stage.get_by_text("Link copied.").wait_for()
    link = figure.page.evaluate("navigator.clipboard.readText()")
    assert link == figure.page.url
    assert link.endswith(f"#{explore.find(identity).anchor}?{control.name}={figure.values[control.name]!r}")


# without scripts, on paper, and when something is missing


def pictures_stand(page, identities: list[str]) -> None:
    """These figures are pictures with their descriptions and the hint."""
    for identity in identities:
        box = Figure(page, identity).box
        image = box.locator("figure img")
        # a picture is loaded when it is near
        box.scroll_into_view_if_needed()
        image.wait_for()
        assert image.bounding_box()["width"] > 200
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")
        assert len(image.get_attribute("alt")) > 40
        assert box.locator(".explorable-hint").is_visible()
        assert not box.locator("input, canvas").filter(visible=True).count()


def test_without_scripts(browser, address):
    context = browser.new_context(java_script_enabled=False)
    with opened(context, address) as (page, faults):
        for name, identities in by_page().items():
            page.goto(address + name)
            pictures_stand(page, identities)
        # scripts that the page announces are refused, as they should be
        assert [fault for fault in faults if not (fault.startswith("failed request") and ".js" in fault)] == []
    context.close()


def test_from_a_folder(laptop):
    with opened(laptop, SITE.as_uri()) as (page, faults):
        for name, identities in by_page().items():
            page.goto(f"{SITE.as_uri()}/{name}")
            page.evaluate(SETTLED)
            page.locator(".explorable").first.scroll_into_view_if_needed()
            page.evaluate(FRAMES)
            pictures_stand(page, identities)
        assert faults == []


def test_on_paper(laptop, chapters):
    for name, identities in by_page().items():
        page, faults = chapters(name)
        figures = [Figure(page, identity) for identity in identities]
        for figure in figures:
            figure.start()
        page.emulate_media(media="print")
        try:
            assert not any(figure.stage.is_visible() for figure in figures)
            pictures_stand(page, identities)
        finally:
            page.emulate_media(media="screen")
        assert all(figure.stage.is_visible() for figure in figures)
        assert not any(figure.box.locator("figure img").is_visible() for figure in figures)
        assert faults == []


def test_without_its_graph(laptop, address):
    name, (first, *_) = next(iter(by_page().items()))
    with opened(laptop, address) as (page, faults):
        page.route("**/*.onnx*", lambda route: route.abort())
        page.goto(address + name)
        figure = Figure(page, first)
        figure.box.scroll_into_view_if_needed()
        figure.box.locator("[data-state=failed]").wait_for(state="attached")
        pictures_stand(page, [first])
        assert "could not be made to move" in figure.box.locator(".explorable-hint").text_content()
        # the browser itself reports the request that failed
        assert [fault for fault in faults if fault.startswith(("script error", "request outside"))] == []


# accessibility, widths, and time


@pytest.mark.parametrize("mode", [(1280, "light"), (390, "dark")], ids=lambda mode: f"{mode[0]}-{mode[1]}")
def test_page_with_living_figures_is_sound(browser, address, mode):
    context = reader(browser, width=mode[0], theme=mode[1])
    for name, identities in by_page().items():
        with opened(context, address) as (page, faults):
            page.goto(address + name)
            page.evaluate(SETTLED)
            for identity in identities:
                Figure(page, identity).start()
            assert [*violations(page, within=".explorable"), *page.evaluate(PROBE), *faults] == []
    context.close()


@pytest.mark.parametrize("identity", TRAINING or NO_SITE)
def test_training_that_diverges_is_said(figure, identity):
    outputs = figure.outputs(**{RATES[identity]: 2.5})
    assert all(np.isfinite(numbers).all() for numbers in outputs.values())
    assert figure.stage.get_attribute("data-fault") is None
    figure.stage.locator(".explorable-notices").get_by_text("diverges").wait_for()
    figure.reset()
    assert figure.stage.locator(".explorable-notices").text_content() == ""


LONGEST_GAP = """async ([stage, rate]) => {
  let last = performance.now(), worst = 0, going = true;
  const tick = () => {
    worst = Math.max(worst, performance.now() - last);
    last = performance.now();
    if (going) requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
  for (let run = 0; run < 10; run++) await stage.explorable.set({ seed: run % 4, [rate]: 0.1 + 0.05 * run });
  going = false;
  return worst;
}"""


@pytest.mark.parametrize("identity", TRAINING or NO_SITE)
def test_training_does_not_hold_up_the_page(figure, identity, measured):
    gap = figure.page.evaluate(LONGEST_GAP, [figure.stage.element_handle(), RATES[identity]])
    measured["longest gap between frames (ms)"] = round(gap, 1)
    assert len(figure.page.workers) == 1


@every
def test_every_redraw_is_timed(figure, identity, measured):
    """All that the tests above have drawn, and a few more."""
    control = control_of(identity, explore.find(identity).play)
    for position in np.linspace(0, 1, 10):
        figure.settle(**{control.name: control.value(position)})
    times = figure.stage.evaluate("stage => stage.explorable.times")
    assert len(times) == int(figure.stage.get_attribute("data-moves"))
    measured["redraws"][identity] = {
        "count": len(times),
        "median (ms)": round(statistics.median(times), 1),
        "worst (ms)": round(max(times), 1),
    }
