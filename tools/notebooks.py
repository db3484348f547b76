"""Execute the notebooks and store source and text outputs; hold stored notebooks to the rules of the house.

``python -m tools.notebooks [--check] [notebook ...]``: without names, every chapter. Pictures, widgets and HTML are not
stored: the site build makes them. What is stored is what nbval compares, and what a reader of the file sees.
"""

import argparse
import ast
import hashlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from solvable import claims, explore
from tools.fingerprint import ROOT

FOLDER = ROOT / "notebooks"
CELL_TIMEOUT = 300  # seconds
WORKERS = 2  # a chapter may use a gigabyte
STORED_CELL_METADATA = ("jupyter", "mystnb", "tags")
STORED_TYPES = {"text/plain", "text/markdown"}
FIGURE = "<Figure size"
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def read(path: Path) -> NotebookNode:
    """The notebook at ``path`` as it stands: no id is added, none is changed."""
    return nbformat.v4.reads(path.read_text(encoding="utf-8"))


def execute(path: Path) -> NotebookNode:
    """The notebook as it comes out of a fresh kernel, started in the notebook's folder."""
    notebook = read(path)
    resources = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=CELL_TIMEOUT, kernel_name="python3", resources=resources, record_timing=False
    )
    return client.execute()


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def _stored_outputs(outputs: Sequence[NotebookNode]) -> Iterator[NotebookNode]:
    previous = None
    for output in outputs:
        if output.output_type == "stream":
            # where one write ends and the next begins is chance
            if previous is not None and previous.get("name") == output.name:
                previous.text += _joined(output.text)
                continue
            kept = nbformat.v4.new_output("stream", name=output.name, text=_joined(output.text))
        elif output.output_type == "error":
            # tracebacks name temporary files
            kept = nbformat.v4.new_output("error", ename=output.ename, evalue=output.evalue, traceback=[])
        else:
            data = {kind: _joined(value) for kind, value in output.data.items() if kind in STORED_TYPES}
            if not data:
                continue
            kept = nbformat.v4.new_output(output.output_type, data=data)
        previous = kept
        yield kept


def stored(notebook: NotebookNode) -> str:
    """The text of the file for this notebook: source, text outputs, cell ids; the same for the same content."""
    cells = []
    for position, cell in enumerate(notebook.cells):
        kept = NotebookNode(
            cell_type=cell.cell_type,
            # an id once given stays; a cell without one gets one from its content
            id=cell.get("id") or hashlib.sha256(f"{position} {_joined(cell.source)}".encode()).hexdigest()[:8],
            metadata={key: cell.metadata[key] for key in STORED_CELL_METADATA if key in cell.metadata},
            source=_joined(cell.source),
        )
        if cell.cell_type == "code":
            kept.execution_count = None
            kept.outputs = list(_stored_outputs(cell.outputs))
        cells.append(kept)
    settings = METADATA | {key: notebook.metadata[key] for key in ("mystnb",) if key in notebook.metadata}
    return nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=settings)).rstrip("\n") + "\n"


def first_arguments(notebook: NotebookNode, *functions: str) -> list[str]:
    """The ids in the calls of these functions in the sources: ``claims.check``, say."""
    transform = TransformerManager().transform_cell
    found = []
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(transform(_joined(cell.source)))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in functions:
                first = node.args[0] if node.args else None
                # an id that is not written out is shown by its expression, and counts as unknown
                found.append(first.value if isinstance(first, ast.Constant) else ast.unparse(node))
    return found


def misshown(chapter: str, identities: Sequence[str]) -> list[str]:
    """Which explorables of a chapter are not shown exactly once, a line a fault, given the ids that are shown."""
    try:
        known = set(explore.declared(chapter))
    except ValueError:  # a chapter may have none
        known = set()
    faults = [f"{identity} is declared but not shown" for identity in sorted(known - set(identities))]
    faults += [f"{identity} is shown but not declared" for identity in sorted(set(identities) - known)]
    return faults + [f"{i} is shown {identities.count(i)} times" for i in sorted(known) if identities.count(i) > 1]


def _cell_faults(cell: NotebookNode) -> Iterator[str]:
    if cell.execution_count is not None:
        yield "has an execution count"
    for output in cell.outputs:
        if output.output_type == "stream" and output.name != "stdout":
            yield f"writes to {output.name}: {_joined(output.text).strip()[:200]}"
        if output.output_type == "error" and "raises-exception" not in cell.metadata.get("tags", ()):
            yield f"stores an error: {output.ename}: {output.evalue}"
        kinds = set(output.get("data", ()))
        if kinds - STORED_TYPES:
            yield f"stores {', '.join(sorted(kinds - STORED_TYPES))}"
        if FIGURE in _joined(output.get("data", {}).get("text/plain", "")):
            page = cell.metadata.get("mystnb", {})
            if not page.get("image", {}).get("alt", "").strip():
                yield "draws a figure without alt text: set metadata.mystnb.image.alt"
            caption = page.get("figure", {}).get("caption", "")
            if not caption.strip():
                yield "draws a figure without a caption: set metadata.mystnb.figure.caption"
            if "\\\\" in caption:
                yield "has two backslashes in a row in its caption: in a formula they begin a new line"


def faults(path: Path) -> list[str]:
    """What is wrong with a stored notebook, a line a fault."""
    notebook = read(path)
    found = []
    identities = [cell.get("id") for cell in notebook.cells]
    if None in identities:
        found.append(f"cell {identities.index(None)} has no id")
    elif len(set(identities)) < len(identities):
        found.append("two cells have the same id")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            found += [f"cell {cell.get('id')} {fault}" for fault in _cell_faults(cell)]
    if not found and stored(notebook) != path.read_text(encoding="utf-8"):
        found.append("is not stored in the form of the house: run `make notebooks`")
    _, _, chapter = path.stem.partition("_")
    try:
        found += claims.miscounted(chapter, first_arguments(notebook, "claims.check", "solvable.claims.check"))
    except claims.ClaimError as error:
        found.append(str(error))
    found += misshown(chapter, first_arguments(notebook, "explore.show", "solvable.explore.show"))
    return [f"{path.name}: {fault}" for fault in found]


def renew(path: Path) -> str | None:
    """Execute and store one notebook; the traceback of the cell that failed, where one does."""
    try:
        text = stored(execute(path))
    except CellExecutionError as error:
        return f"{path.name}: a cell fails; the file is left as it was\n{error}"
    if text != path.read_text(encoding="utf-8"):
        path.write_text(text, encoding="utf-8")
    return None


def main(arguments: Sequence[str] | None = None) -> None:
    """Format and renew the notebooks, then hold them to the rules; with ``--check``, only the last."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="execute nothing, change nothing")
    parser.add_argument("notebook", nargs="*", type=Path, help="all of notebooks/ where none is named")
    options = parser.parse_args(arguments)
    paths = [path.resolve() for path in options.notebook] or sorted(FOLDER.glob("*.ipynb"))
    found = []
    if not options.check:
        subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *paths], check=True)
        with ProcessPoolExecutor(WORKERS) as pool:
            found = [failure for failure in pool.map(renew, paths) if failure]
    found += [fault for path in paths for fault in faults(path)]
    if found:
        sys.exit("\n".join(found))
    print(f"{len(paths)} notebook{'s' * (len(paths) != 1)} {'in order' if options.check else 'executed and stored'}")


if __name__ == "__main__":
    main()
