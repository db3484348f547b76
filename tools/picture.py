"""Copy the README's picture out of the built book, so that the README shows what the chapter draws. For maintainers."""

import base64

from tools.fingerprint import BUILD, ROOT
from tools.notebooks import read
from tools.run import fail

NOTEBOOK = BUILD / "jupyter_execute" / "notebooks" / "01_deep_linear.ipynb"
FIGURE = "fig-deep-linear-stages"
PICTURE = ROOT / "book" / "assets" / "readme_figure.png"


def main() -> None:
    """Find the figure by its name among the executed cells, and store its picture."""
    if not NOTEBOOK.is_file():
        fail("The book is not built: run `make book` first")
    for cell in read(NOTEBOOK).cells:
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") != FIGURE:
            continue
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                PICTURE.write_bytes(base64.b64decode(output.data["image/png"]))
                print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB")
                return
    fail(f"{NOTEBOOK.name} draws no figure named {FIGURE}")


if __name__ == "__main__":
    main()
