"""The stored notebooks keep the rules of the house, and each rule can be broken."""

import json

import nbformat
import pytest

from solvable import claims, explore
from tools import notebooks

STORED = sorted(notebooks.FOLDER.glob("*.ipynb"))


def test_there_are_notebooks():
    assert STORED


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_keeps_the_rules(path):
    assert notebooks.faults(path) == []


ALT = {"mystnb": {"image": {"alt": "A line rises."}, "figure": {"caption": "Growth.", "name": "fig-growth"}}}


def executed():
    """A notebook as a front end saves it: counts, times, pictures, widgets, chunks."""
    v4 = nbformat.v4
    printing = v4.new_code_cell("print(1)\nprint(2)", id="printing", execution_count=3)
    printing.metadata = {"execution": {"iopub.status.idle": "now"}, "tags": ["hide-input"], "scrolled": True}
    printing.outputs = [
        v4.new_output("stream", name="stdout", text="1\n"),
        v4.new_output("stream", name="stdout", text="2\n"),
    ]
    drawing = v4.new_code_cell("plt.show()", id="drawing", execution_count=4, metadata=ALT)
    bundle = {"text/plain": "<Figure size 740x290 with 1 Axes>", "image/png": "aGVsbG8=", "text/html": "<b>x</b>"}
    drawing.outputs = [v4.new_output("display_data", data=bundle, metadata={"image/png": {"width": 370}})]
    checking = v4.new_code_cell("claims.check('toy.a', 0.5)", id="checking", execution_count=5)
    checking.outputs = [
        v4.new_output("display_data", {"text/plain": "holds"}, metadata={claims.METADATA_KEY: {"measured": 0.123456}}),
        v4.new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {"model_id": "7"}}),
    ]
    metadata = {
        "kernelspec": {"name": "mine", "display_name": "Mine", "language": "python"},
        "language_info": {"name": "python", "version": "3.11.7"},
        "widgets": {"state": {}},
    }
    return v4.new_notebook(
        cells=[v4.new_markdown_cell("# Toy", id="title"), printing, drawing, checking], metadata=metadata
    )


def test_source_and_text_are_stored_and_nothing_else():
    stored = json.loads(notebooks.stored(executed()))
    assert stored["metadata"] == notebooks.METADATA
    title, printing, drawing, checking = stored["cells"]
    assert [cell["id"] for cell in stored["cells"]] == ["title", "printing", "drawing", "checking"]
    assert "".join(title["source"]) == "# Toy"
    assert printing["metadata"] == {"tags": ["hide-input"]}
    # where one write ended and the next began is chance
    assert [("".join(output["text"])) for output in printing["outputs"]] == ["1\n2\n"]
    assert drawing["metadata"] == ALT
    assert drawing["outputs"] == [
        {"data": {"text/plain": ["<Figure size 740x290 with 1 Axes>"]}, "metadata": {}, "output_type": "display_data"}
    ]
    assert checking["outputs"] == [{"data": {"text/plain": ["holds"]}, "metadata": {}, "output_type": "display_data"}]
    assert all(cell["execution_count"] is None for cell in stored["cells"][1:])


def test_storing_is_deterministic_and_stays():
    first = notebooks.stored(executed())
    assert notebooks.stored(executed()) == first
    assert notebooks.stored(nbformat.reads(first, as_version=4)) == first


def test_a_cell_without_id_gets_the_same_one_every_time():
    def bare():
        notebook = executed()
        del notebook.cells[0]["id"]
        return notebook

    first, second = (json.loads(notebooks.stored(bare()))["cells"][0]["id"] for _ in range(2))
    assert first == second


@pytest.fixture
def stored(tmp_path, monkeypatch):
    """Store a notebook of the chapter toy, which makes the claim toy.a, after a change to its JSON."""
    monkeypatch.setattr(claims, "declared", lambda chapter: {"toy.a": None})

    def store(change=lambda cells: None):
        content = json.loads(notebooks.stored(executed()))
        change(content["cells"])
        path = tmp_path / "09_toy.ipynb"
        # the form in which nbformat writes
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
        return notebooks.faults(path)

    return store


def test_a_notebook_in_order_has_no_faults(stored):
    assert stored() == []


PRINTING, DRAWING, CHECKING = 1, 2, 3
PICTURE = {"image/png": "aGVsbG8=\n", "text/plain": ["x"]}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda cells: cells[PRINTING].update(execution_count=1), "cell printing has an execution count"),
        (lambda cells: cells[PRINTING].pop("id"), "cell 1 has no id"),
        (lambda cells: cells[PRINTING].update(id="title"), "two cells have the same id"),
        (lambda cells: cells[PRINTING]["outputs"][0].update(name="stderr"), "cell printing writes to stderr: 1"),
        (lambda cells: cells[CHECKING]["outputs"][0].update(data=PICTURE), "cell checking stores image/png"),
        (lambda cells: cells[DRAWING].update(metadata={}), "draws a figure without alt text"),
        (lambda cells: cells[DRAWING]["metadata"]["mystnb"]["image"].update(alt=" "), "without alt text"),
        (lambda cells: cells[DRAWING]["metadata"]["mystnb"].pop("figure"), "draws a figure without a caption"),
        (
            lambda cells: cells[DRAWING]["metadata"]["mystnb"]["figure"].update(caption="Of $\\\\alpha$."),
            "two backslashes in a row",
        ),
        (lambda cells: cells[DRAWING]["metadata"].update(collapsed=True), "run `make notebooks`"),
        (
            lambda cells: cells[PRINTING]["outputs"].append(
                {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
            ),
            "cell printing stores an error: ValueError: no",
        ),
        (lambda cells: cells[CHECKING].update(source=["1"]), "toy.a is declared but never checked"),
        (
            lambda cells: cells[CHECKING].update(source=["claims.check('toy.a', 1)\n", "claims.check('toy.a', 2)"]),
            "toy.a is checked 2 times",
        ),
        (
            lambda cells: cells[CHECKING].update(source=["%pip list\n", "claims.check('toy.b', 1)"]),
            "toy.b is checked but not declared",
        ),
        (
            lambda cells: cells[CHECKING].update(source=["for i in ids:\n", "    claims.check(i, 1)"]),
            "claims.check(i, 1) is checked but not declared",
        ),
        (lambda cells: cells[PRINTING].update(source=["explore.show('toy.figure')"]), "toy.figure is shown but not"),
    ],
)
def test_each_rule_can_be_broken(change, fault, stored):
    assert any(fault in line for line in stored(change))


def test_explorables_are_shown_once(monkeypatch):
    monkeypatch.setattr(explore, "declared", lambda chapter: {"toy.a": None, "toy.b": None})
    assert notebooks.misshown("toy", ["toy.a", "toy.b"]) == []
    assert notebooks.misshown("toy", ["toy.a", "toy.a"]) == [
        "toy.b is declared but not shown",
        "toy.a is shown 2 times",
    ]


def test_a_chapter_without_declared_claims_is_a_fault(stored, monkeypatch):
    monkeypatch.undo()
    assert any("chapter 'toy' has no claims.toml" in line for line in stored())


def test_a_failing_cell_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "09_toy.ipynb"
    broken = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 / 0")])
    nbformat.write(broken, path)
    before = path.read_bytes()
    assert "ZeroDivisionError" in notebooks.renew(path)
    assert path.read_bytes() == before


def test_execution_renews_what_is_stored(tmp_path):
    path = tmp_path / "09_toy.ipynb"
    source = "import os\nprint(6 * 7, os.path.basename(os.getcwd()))"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="answer")]), path)
    assert notebooks.renew(path) is None
    (cell,) = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cell["id"] == "answer"
    # notebooks run where they are
    assert cell["outputs"][0]["text"] == [f"42 {tmp_path.name}\n"]
