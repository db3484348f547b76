"""What the commands rest on: knowing what changed, where the repository is, which Python serves; giving advice."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tools import book, environment, node, repository, run, serve, stages
from tools.fingerprint import ROOT, fingerprint, is_current, mark
from tools.repository import Repository


@pytest.fixture
def tree(tmp_path):
    """A small source tree."""
    (tmp_path / "src" / "solvable").mkdir(parents=True)
    (tmp_path / "src" / "solvable" / "theory.py").write_text("a = 1\n")
    (tmp_path / "requirements.txt").write_text("numpy==2.4.6\n")
    return tmp_path


def rename(tree):
    (tree / "src/solvable/theory.py").rename(tree / "src/solvable/theories.py")


@pytest.mark.parametrize(
    "edit",
    [
        lambda tree: (tree / "src/solvable/theory.py").write_text("a = 2\n"),
        lambda tree: (tree / "src/solvable/new.toml").write_text(""),
        lambda tree: (tree / "src/solvable/theory.py").unlink(),
        lambda tree: (tree / "requirements.txt").write_text("numpy==2.4.7\n"),
        rename,
    ],
)
def test_results_of_other_code_are_forgotten(tree, edit):
    build = tree / "_build"
    book.forget_stale(build, fingerprint(tree, book.CODE))
    result = build / ".jupyter_cache" / "executed"
    result.mkdir(parents=True)
    book.forget_stale(build, fingerprint(tree, book.CODE))
    assert result.exists()

    edit(tree)
    book.forget_stale(build, fingerprint(tree, book.CODE))
    assert not result.exists()


def test_what_tools_leave_behind_changes_nothing(tree):
    before = fingerprint(tree, book.CODE)
    (tree / "src/solvable/__pycache__").mkdir()
    (tree / "src/solvable/__pycache__/theory.cpython-311.pyc").write_bytes(b"1")
    (tree / "notebook.md").write_text("not code")
    os.utime(tree / "requirements.txt", (0, 0))
    assert fingerprint(tree, book.CODE) == before
    assert fingerprint(tree, book.CODE, extra="another Python") != before


def test_a_stamp_stands_for_one_state(tmp_path):
    stamp = tmp_path / "below" / ".ready"
    assert not is_current(stamp, "a")
    mark(stamp, "a")
    assert is_current(stamp, "a")
    assert not is_current(stamp, "b")


FORGE = "https://github.com/owner/name"


@pytest.mark.parametrize(
    ("remote", "url"),
    [
        ("https://github.com/owner/name.git", FORGE),
        ("https://github.com/owner/name/\n", FORGE),
        ("https://user:token@github.com/owner/name", FORGE),
        ("git@github.com:owner/name.git", FORGE),
        ("ssh://git@github.com:22/owner/name.git", FORGE),
        ("https://gitlab.com/group/below/name.git", "https://gitlab.com/group/below/name"),
        ("/home/someone/solvable", None),
        ("../solvable.git", None),
        ("file:///home/someone/solvable.git", None),
        ("file://disk.example.org/owner/name.git", None),
        ("http://localhost:3000/owner/name", None),
        ("http://10.0.0.2/owner/name", None),
        ("C:\\work\\solvable", None),
        ("", None),
    ],
)
def test_a_remote_names_a_repository_or_none(remote, url):
    assert repository.parse(remote) == (url and Repository(url))


def git(*arguments, tree):
    subprocess.run(["git", "-C", tree, *arguments], check=True, capture_output=True)


def test_the_repository_comes_from_the_variable_then_the_workflow_then_the_remote(tmp_path):
    assert repository.find(tmp_path, {}) is None
    git("init", tree=tmp_path)
    assert repository.find(tmp_path, {}) is None
    git("remote", "add", "origin", "/somewhere/on/a/disk", tree=tmp_path)
    assert repository.find(tmp_path, {}) is None
    git("remote", "set-url", "origin", "git@github.com:from/remote.git", tree=tmp_path)
    assert repository.find(tmp_path, {}).url == "https://github.com/from/remote"
    workflow = {"GITHUB_REPOSITORY": "from/workflow", "GITHUB_SERVER_URL": "https://github.com"}
    assert repository.find(tmp_path, workflow).url == "https://github.com/from/workflow"
    named = workflow | {"SOLVABLE_REPOSITORY": "https://github.com/from/variable"}
    assert repository.find(tmp_path, named).url == "https://github.com/from/variable"
    with pytest.raises(ValueError, match="SOLVABLE_REPOSITORY must be an address such as"):
        repository.find(tmp_path, {"SOLVABLE_REPOSITORY": "solvable"})


def test_the_buttons_appear_exactly_when_the_repository_is_known():
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert not {"repository", "launch_buttons"} & set(settings)
    assert book.with_repository(settings, None) == settings

    known = book.with_repository(settings, Repository(FORGE))
    assert known["repository"] == {"url": FORGE, "branch": "main", "path_to_book": ""}
    assert known["html"]["use_repository_button"]
    assert set(known["launch_buttons"]) == {"notebook_interface", "binderhub_url", "colab_url"}
    assert {key: known["html"][key] for key in settings["html"]} == settings["html"]
    # Binder and Colab are linked for what they can open
    assert "launch_buttons" not in book.with_repository(settings, Repository("https://gitlab.com/group/name"))


def test_no_other_file_names_a_repository():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=True)
    own = re.compile(r"github\.com/[\w-]+/solvable|mybinder\.org/v2/gh", re.IGNORECASE)
    naming = [
        name
        for name in listed.stdout.split("\0")
        if name.endswith((".md", ".toml", ".cff", ".yml", ".ipynb", ".py")) and (ROOT / name).is_file()
        if own.search((ROOT / name).read_text(encoding="utf-8"))
    ]
    assert naming == []


@pytest.fixture
def fake_pythons(tmp_path):
    """A folder to be the whole path, and a way to put Pythons in it."""

    def add(name, version, venv=True, starts=True):
        # a Python that takes itself for another version, has no venv module, or does not start
        disguise = f"import sys; sys.version_info = ({version.replace('.', ', ')}); exec(sys.argv[1])"
        lines = ["#!/bin/sh"]
        lines += [] if starts else ["exit 127"]
        lines += [] if venv else ["case $2 in *ensurepip*) exit 1;; esac"]
        lines += [f'exec "{sys.executable}" -c "{disguise}" "$2"']
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        (tmp_path / name).chmod(0o755)

    def find(*arguments):
        script = ["/bin/sh", ROOT / "tools" / "find_python.sh", *arguments]
        return subprocess.run(script, env={"PATH": str(tmp_path)}, capture_output=True, text=True)

    return add, find


def test_the_newest_python_that_starts_is_found(fake_pythons):
    add, find = fake_pythons
    add("python3", "3.11")
    assert find().stdout == "python3\n"
    add("python3.12", "3.12")
    add("python3.13", "3.13", starts=False)
    assert find().stdout == "python3.12\n"
    assert find("python3").stdout == "python3\n"


def test_a_python_that_does_not_serve_gets_advice(fake_pythons):
    add, find = fake_pythons
    add("python3", "3.10")
    done = find()
    assert done.returncode == 1
    assert "too old: python3 (3.10)" in done.stderr
    assert "Python 3.11 or newer" in done.stderr
    add("python3.12", "3.12", venv=False)
    done = find()
    assert done.returncode == 1
    assert "without venv: python3.12 (3.12). On Debian and Ubuntu: sudo apt install python3.12-venv" in done.stderr
    done = find("python3.14")
    assert done.returncode == 1
    assert "asked for: PYTHON=python3.14" in done.stderr


def test_a_half_made_environment_is_known_as_such(tmp_path):
    assert environment.version_of(tmp_path / "bin" / "python") is None
    # a Python without pip, as an interrupted `python -m venv` leaves it
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    assert environment.version_of(tmp_path / "bare" / "bin" / "python") is None
    assert environment.version_of(Path(sys.executable)) == "{}.{}".format(*sys.version_info[:2])


@pytest.mark.parametrize(
    ("found", "asked", "kept"),
    [
        ("3.12", False, True),
        # a newer Python appeared on the path: nobody asked for it
        ("3.11", False, True),
        ("3.11", True, False),
        ("3.12", True, True),
        ("3.9", False, False),
        (None, False, False),
    ],
)
def test_an_environment_is_kept_while_it_serves(found, asked, kept):
    assert environment.serves(found, "3.12", asked=asked) is kept


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("pip: Temporary failure in name resolution", "no connection to the package index. Connect to a network"),
        ("npm error code ENOTFOUND", "no connection to the package index"),
        ("No matching distribution found", "the reason is above. Running make again continues from here"),
    ],
)
def test_a_failing_download_ends_in_advice_and_not_in_a_traceback(said, advice, capfd):
    failing = [sys.executable, "-c", f"import sys; print({said!r}); sys.exit(1)"]
    with pytest.raises(SystemExit, match=re.escape(advice)):
        run.download(failing, "the parts")
    assert said in capfd.readouterr().err


def test_a_download_that_succeeds_is_silent(capfd):
    run.download([sys.executable, "-c", "print('noise')"], "the parts")
    assert capfd.readouterr() == ("", "")


def test_serving_avoids_a_port_that_is_taken(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        with pytest.raises(
            SystemExit, match=f"Port {taken} is taken or not allowed. Name a free one: make serve PORT="
        ):
            serve.open_server(str(taken))
        monkeypatch.setattr(serve, "DEFAULT_PORT", taken)
        with serve.open_server(None) as server:
            assert taken < server.server_port < taken + serve.TRIES


@pytest.mark.parametrize("wanted", ["eighty", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(wanted):
    with pytest.raises(SystemExit, match=f"PORT must be a whole number from 1 to 65535, got '{wanted}'"):
        serve.open_server(wanted)


def test_a_machine_without_node_gets_the_pinned_one(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(node, "download", lambda command, what: asked.append(command))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "bin" / "python"))
    assert node.npm_path().split(os.pathsep)[0] == str(tmp_path / "venv" / "bin")
    assert asked[0][-1] == ROOT / "requirements-node.txt"


def stage(name, code, *after):
    return stages.Stage(name, (sys.executable, "-c", code), after)


def test_stages_wait_for_those_they_need_and_a_failure_is_reported(monkeypatch, capsys, tmp_path):
    ended = tmp_path / "ended"
    listed = [
        stage("first", f"import time; time.sleep(0.3); open({str(ended)!r}, 'w'); print('first is done')"),
        stage("second", f"open({str(ended)!r}); print('1 passed in 0.1s')", "first"),
        stage("broken", "print('the fault'); raise SystemExit(3)"),
        stage("orphan", "print('never')", "broken"),
    ]
    monkeypatch.setattr(stages, "stages", lambda: listed)
    monkeypatch.setattr(stages, "LOGS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages"])
    monkeypatch.delenv("SOLVABLE_REQUIRE_BROWSER", raising=False)
    with pytest.raises(SystemExit) as left:
        stages.main()
    assert left.value.code == 1
    said = capsys.readouterr().out
    assert "1 passed in 0.1s" in said
    assert "the fault" in said
    assert "not run: broken did not pass" in said
    assert "stages: 2 passed, 1 failed, 1 skipped" in said
    assert (tmp_path / "broken.log").read_text() == "the fault\n"

    monkeypatch.setattr(sys, "argv", ["stages", "first", "second"])
    stages.main()
    assert capsys.readouterr().out.splitlines()[-1] == "stages: 2 passed, 0 failed, 0 skipped"


def test_stages_run_side_by_side(monkeypatch, tmp_path):
    # each passes only if the other begins before it has ended
    wait = (
        "import pathlib, time\n"
        "pathlib.Path({mine!r}).touch()\n"
        "for _ in range(1200):\n"
        "    time.sleep(0.05)\n"
        "    if pathlib.Path({other!r}).exists(): break\n"
        "else: raise SystemExit('the other never began')"
    )
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    listed = [stage("a", wait.format(mine=a, other=b)), stage("b", wait.format(mine=b, other=a))]
    monkeypatch.setattr(stages, "stages", lambda: listed)
    monkeypatch.setattr(stages, "LOGS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages"])
    monkeypatch.delenv("SOLVABLE_REQUIRE_BROWSER", raising=False)
    stages.main()


def test_the_browser_is_named_found_or_required(monkeypatch, tmp_path):
    assert stages.find_chromium({"PATH": str(tmp_path)}) is None
    (tmp_path / "google-chrome").touch(0o755)
    assert stages.find_chromium({"PATH": str(tmp_path)}) == str(tmp_path / "google-chrome")
    (tmp_path / "own").touch(0o755)
    named = {"PATH": str(tmp_path), "CHROMIUM": str(tmp_path / "own")}
    assert stages.find_chromium(named) == str(tmp_path / "own")

    monkeypatch.setattr(stages, "find_chromium", lambda: None)
    monkeypatch.setattr(stages, "LOGS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["stages"])
    monkeypatch.setenv("SOLVABLE_REQUIRE_BROWSER", "1")
    with pytest.raises(SystemExit, match="No Chromium found, and SOLVABLE_REQUIRE_BROWSER=1"):
        stages.main()


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line.partition("#")[0].strip() for line in lines if not line.startswith("#")]


def bare_name(requirement):
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt", "requirements-node.txt"])
def test_pins_are_exact_and_name_no_place(name):
    for pin in pins(name):
        assert re.fullmatch(r"[\w.\[\]-]+==[\w.]+( ; .+)?", pin), pin


def direct_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    readers = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["lab"]
    builders = [entry for name in ("build", "docs", "test") for entry in groups[name]]
    return {bare_name(entry) for entry in readers}, {bare_name(entry) for entry in builders}


def test_every_direct_dependency_is_pinned_where_it_is_needed_and_once():
    readers, builders = direct_dependencies()
    for_readers = [bare_name(pin) for pin in pins("requirements.txt")]
    for_builders = [bare_name(pin) for pin in pins("requirements-dev.txt")]
    assert readers <= set(for_readers)
    assert builders <= set(for_readers) | set(for_builders)
    assert not set(pins("requirements.txt")) & set(pins("requirements-dev.txt"))
    # what builds the book is not asked of a reader, nor of Binder
    assert not {"jupyter-book", "sphinx", "nbval", "pytest", "playwright"} & set(for_readers)


def test_every_direct_dependency_is_justified():
    readers, builders = direct_dependencies()
    packages = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    scripts = set(packages["dependencies"]) | set(packages["devDependencies"])
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").lower()
    listed = {name for row in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE) for name in re.findall(r"`(.+?)`", row)}
    assert readers | builders | scripts <= listed


def test_the_javascript_parts_are_locked_by_content_and_name_no_place():
    packages = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    for name, version in (packages["dependencies"] | packages["devDependencies"]).items():
        assert lock[f"node_modules/{name}"]["version"] == version
    for place, entry in lock.items():
        assert "resolved" not in entry
        assert not place or entry["integrity"].startswith("sha512-")
