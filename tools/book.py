"""Build the site: execute the notebooks, render the pages, stop at the first fault of either."""

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tools import repository
from tools.fingerprint import BUILD, ROOT, fingerprint, is_current, mark
from tools.run import fail

# a notebook's results depend on its own cells, which the execution cache watches, and on these, which it does not
CODE = ("src", "requirements.txt", "requirements-dev.txt")
PAGES = ("_config.yml", "_toc.yml", "index.md", "book", "notebooks", "web/src", "CHANGELOG.md", "pyproject.toml")
BUILDERS = ("tools/book.py", "tools/repository.py", "package-lock.json")


def forget_stale(build: Path, code: str) -> None:
    """Drop the results of notebooks that were executed with other code than the present, which ``code`` identifies."""
    stamp = build / ".code"
    if not is_current(stamp, code):
        shutil.rmtree(build / ".jupyter_cache", ignore_errors=True)
        mark(stamp, code)


def with_repository(settings: dict, found: repository.Repository | None) -> dict:
    """The book's settings with source and launch buttons, where the repository's address is known."""
    if found is None:
        return settings
    buttons = {"use_repository_button": True, "use_issues_button": True}
    # an empty path_to_book keeps "/./" out of the addresses that the buttons open
    extra = {
        "repository": {"url": found.url, "branch": found.branch, "path_to_book": ""},
        "html": settings.get("html", {}) | buttons,
    }
    if found.on_github:
        extra["launch_buttons"] = {
            "notebook_interface": "jupyterlab",
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        }
    return settings | extra


def main() -> None:
    """Build ``_build/html`` unless it stands for the present sources already."""
    found = repository.find(ROOT)
    code = fingerprint(ROOT, CODE, extra=sys.version)
    state = fingerprint(ROOT, PAGES + BUILDERS, extra=f"{code} {found}")
    stamp, html = BUILD / ".book", BUILD / "html"
    index = html / "index.html"
    if is_current(stamp, state) and index.is_file():
        print(f"The book is up to date: {index.as_uri()}")
        return
    stamp.unlink(missing_ok=True)
    forget_stale(BUILD, code)
    # pages are read and written afresh: Sphinx repeats no warning for a page that it keeps, and removes none that left
    shutil.rmtree(BUILD / ".doctrees", ignore_errors=True)
    shutil.rmtree(html, ignore_errors=True)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    # Jupyter Book looks for local extensions from the folder of its settings, which is not the root here
    local = settings["sphinx"]["local_extensions"]
    local |= {name: str(ROOT / path) for name, path in local.items()}
    config = BUILD / "config.yml"
    config.write_text(yaml.safe_dump(with_repository(settings, found), sort_keys=False), encoding="utf-8")
    command = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "--config", config]
    talk = [] if sys.stdout.isatty() else ["-q"]  # a log gets the faults alone
    print("Building the book: executing the notebooks that have changed, rendering the pages", flush=True)
    done = subprocess.run([*command, "-W", "-n", "--keep-going", *talk], cwd=ROOT)
    if done.returncode != 0 or not index.is_file():
        fail("The book was not built: each WARNING or ERROR above says where; a failing cell shows its traceback.")
    mark(stamp, state)
    print(f"The book is built: {index.as_uri()}")
    print("Some browsers restrict pages opened from a file: `make serve` serves it.")


if __name__ == "__main__":
    main()
