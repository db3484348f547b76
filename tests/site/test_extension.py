"""The parts of the site's Sphinx extension that can be wrong without a build noticing."""

import base64
import doctest
import importlib
import pkgutil

import nbformat
import numpy as np
import pytest
import solvable_book
from docutils import nodes
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from PIL import Image
from solvable_book import api, icons, ledger, notebooks, pages, pictures, verdicts

from solvable.claims import Claim, Record


def claim(**changed) -> Claim:
    fields = {
        "id": "deep_linear.toy",
        "statement": "The toy holds.",
        "source": "saxe2013, section 1; derived in section 2",
        "kind": "exact",
        "quantity": "largest difference",
        "expected": 0.0,
        "tolerance": 1e-9,
        "reason": "rounding",
        "conditions": "none",
    }
    return Claim(**(fields | changed))


def notebook(*cells) -> dict:
    return {"cells": [{"metadata": {}, "source": [], "outputs": []} | cell for cell in cells]}


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(solvable_book.__path__)])
def test_examples_in_docstrings(module):
    assert doctest.testmod(importlib.import_module(f"solvable_book.{module}")).failed == 0


@pytest.mark.parametrize(
    ("name", "module", "elsewhere"),
    [
        ("fit_power_law", "solvable.superposition", True),
        ("fit_power_law", "solvable.power_law", False),
        ("welch_bound", "solvable.superposition", False),
    ],
)
def test_a_name_is_described_once(name, module, elsewhere):
    assert api.described_elsewhere(getattr(importlib.import_module(module), name), module) is elsewhere


def test_question_is_the_first_paragraph_of_the_tagged_cell():
    source = ["## The question\n", "\n", "Why in\n", "stages?\n", "\n", "More."]
    found = notebooks.question(
        notebook({"source": ["# Title"]}, {"source": source, "metadata": {"tags": ["question"]}})
    )
    assert found == "Why in\nstages?"


def test_question_skips_a_label_and_may_be_missing():
    tagged = {"metadata": {"tags": ["question"]}, "source": ["(a-label)=\n## Q\n\nWhy?"]}
    assert notebooks.question(notebook(tagged)) == "Why?"
    assert notebooks.question(notebook({"source": ["Why?"]})) is None


def test_figure_is_found_by_its_name():
    picture = {"data": {"image/png": base64.b64encode(b"bytes").decode()}, "metadata": {"image/png": {"width": 740}}}
    cell = {
        "metadata": {"mystnb": {"image": {"alt": "a curve"}, "figure": {"name": "fig-a", "caption": "A curve."}}},
        "outputs": [{"data": {"text/plain": "text"}}, picture],
    }
    assert notebooks.figure(notebook({}, cell), "fig-a") == (
        b"bytes",
        {"alt": "a curve", "caption": "A curve.", "width": 740},
    )
    assert notebooks.figure(notebook({}, cell), "fig-b") is None


def test_statistics_over_seeds():
    statistical = claim(kind="statistical", expected=2.0, tolerance=0.1)
    record = Record("deep_linear.toy", [1.0, 2.0, 3.0], 0.0, True)
    # the sample's standard deviation, with n - 1 in the denominator, is 1
    assert notebooks.measured(statistical, record) == "2 ± 1 (3 seeds)"


def test_expected_shows_the_tolerance_except_where_there_is_none():
    assert notebooks.expected(claim()) == "0 ± 1e−9"
    assert notebooks.expected(claim(kind="qualitative", expected=True, tolerance=0.0)) == "true"


@pytest.mark.parametrize(
    ("kind", "holds", "word"),
    [("exact", True, "holds"), ("exact", False, "does not hold"), ("refuted", True, "refuted here")],
)
def test_verdict(kind, holds, word):
    assert notebooks.verdict(claim(kind=kind), Record("deep_linear.toy", 0.0, 0.0, holds)) == word
    assert notebooks.verdict(claim(kind=kind), None) == "not checked"


def test_bibliography_keys_become_citations():
    assert notebooks.source(claim()) == "{cite:t}`saxe2013`, section 1; derived in section 2"
    assert notebooks.source(claim(source="derived in section 12 in 2013")) == "derived in section 12 in 2013"


def test_dollars_enclose_formulas():
    parts = verdicts.with_math("at $u_0 = 1$ and $t$.")
    assert [(type(part), part.astext()) for part in parts] == [
        (nodes.Text, "at "),
        (nodes.math, "u_0 = 1"),
        (nodes.Text, " and "),
        (nodes.math, "t"),
        (nodes.Text, "."),
    ]


def test_verdict_line_is_recognised_whole():
    found = verdicts.LINE.match("claim deep_linear.toy holds: it is\nwithin 1 of 0")
    assert found["id"] == "deep_linear.toy"
    assert found["what"] == "it is\nwithin 1 of 0"
    assert verdicts.LINE.match("the claim deep_linear.toy holds: no") is None


class Script:
    def __init__(self, filename=None, **attributes):
        self.filename, self.attributes = filename, attributes


def test_thebe_and_mathjax_are_dropped_and_nothing_else():
    ours = Script("site.js")
    thebe = [Script(None, body='const THEBE_JS_URL = "elsewhere"'), Script("sphinx-thebe.js"), Script("thebe.css")]
    mathjax = [Script("mathjax/tex.js"), Script(None, body='window.MathJax = {"options": {}}')]
    assert pages.without_thebe([*thebe, ours, *mathjax]) == [ours, *mathjax]
    assert pages.without_mathjax([ours, *mathjax], "mathjax/tex.js") == [ours]


def test_notebooks_are_read_before_the_pages_that_report_on_them():
    names = ["book/claims", "index", "notebooks/02_ntk", "notebooks/01_deep_linear"]
    ledger._notebooks_first(None, None, names)
    assert [name.startswith("notebooks/") for name in names] == [True, True, False, False]


def test_reports_are_written_again_when_a_notebook_changes():
    class Environment:
        solvable_readers = frozenset({"index", "book/claims", "book/gone"})
        found_docs = frozenset({"index", "book/claims", "book/api", "notebooks/01_deep_linear"})

    def outdated(**sets):
        return set(ledger._outdated(None, Environment(), *({sets.get(k) or ""} - {""} for k in ("a", "c", "r"))))

    assert outdated(c="notebooks/01_deep_linear") == {"index", "book/claims"}
    assert outdated(a="notebooks/02_ntk") == {"index", "book/claims"}
    assert outdated(c="book/api") == set()


@pytest.mark.parametrize("is_cached", [True, False])
def test_figures_survive_the_execution_cache(tmp_path, is_cached):
    kept = {"solvable_claim": {"id": "deep_linear.toy"}}
    cell = nbformat.v4.new_code_cell("check()", id="a")
    stored, run = nbformat.v4.new_notebook(cells=[cell]), nbformat.v4.new_notebook(cells=[cell.copy()])
    stored.cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/plain": "holds"})]
    run.cells[0].outputs = [nbformat.v4.new_output("display_data", {"text/plain": "holds"}, metadata=kept)]
    nbformat.write(stored, tmp_path / "toy.ipynb")
    if is_cached:
        bundle = CacheBundleIn(run, str(tmp_path / "toy.ipynb"))
        get_cache(tmp_path / "cache").cache_notebook_bundle(bundle, check_validity=False)
    else:
        (tmp_path / "outputs").mkdir()
        nbformat.write(run, tmp_path / "outputs" / "toy.ipynb")

    class Environment:
        class mystnb_config:
            execution_cache_path, output_folder = str(tmp_path / "cache"), str(tmp_path / "outputs")

        def doc2path(self, docname):
            return str(tmp_path / f"{docname}.ipynb")

    assert ledger.executed(Environment(), "toy").cells[0].outputs[0].metadata == kept


def test_every_public_module_is_in_the_api_page():
    found = api.modules()
    assert {"solvable.claims", "solvable.deep_linear", "solvable.training"} <= set(found)
    assert not any("._" in name for name in found)
    # what the chapters are comes before what they share
    assert found.index("solvable.superposition") < found.index("solvable.claims")


def test_icons_are_those_that_pages_name_and_style_sheets_draw():
    named = '.fa-bars:before,.fa-navicon:before{content:"\\f0c9"}.fa-moon:before{content:"\\f186"}'
    sheets = named + '.arrow::after{content:"\\f107"}'
    assert icons.shown(sheets, '<i class="fa-solid fa-navicon">') == {0xF0C9, 0xF107}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_lighter_pictures_have_every_pixel(tmp_path, mode):
    # flat areas with an edge and a few soft pixels, as in a figure
    shade = np.full((60, 90), 255, "uint8")
    shade[20:40], shade[19], shade[40] = 30, 140, 140
    layers = [shade, 255 - shade, np.roll(shade, 25, axis=0), np.where(shade < 255, shade, 0).astype("uint8")]
    colours = Image.fromarray(np.stack(layers, axis=-1), "RGBA")
    colours.convert("RGB" if mode == "P" else mode).convert(mode).save(tmp_path / "picture.png")
    pictures.as_webp(tmp_path / "picture.png", tmp_path / "picture.webp")
    before, after = (Image.open(tmp_path / f"picture.{form}").convert("RGBA") for form in ("png", "webp"))
    np.testing.assert_array_equal(before, after)
    assert (tmp_path / "picture.webp").stat().st_size < (tmp_path / "picture.png").stat().st_size
