"""Check everything that CI checks: the stages of ``make test``, side by side where one does not wait for another.

``python -m tools.stages [stage ...]`` runs the named stages alone.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

from tools.fingerprint import BUILD, ROOT

LOGS = BUILD / "logs"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TAIL = 3  # lines of a passing stage that are shown: a test runner's closing lines are among them


@dataclass(frozen=True)
class Stage:
    """One check: a command, run once the stages named in ``after`` have passed."""

    name: str
    command: tuple[str, ...]
    after: tuple[str, ...] = ()


@dataclass
class Outcome:
    """How a stage ended: ``passed``, ``failed`` or ``skipped`` (with the reason), after so many seconds."""

    verdict: str = ""
    seconds: float = 0.0
    output: str = ""
    done: Event = field(default_factory=Event)


def stages() -> list[Stage]:
    """Every stage, those that others wait for first."""
    pytest = (sys.executable, "-m", "pytest", "--quiet")
    ruff = (sys.executable, "-m", "ruff")
    # strict: what a notebook stores is what it prints. The cells of a notebook stay together on one worker.
    nbval = (*pytest, "-p", "tools.nbval_plugin", "--nbval", "--override-ini=addopts=", "-n", "2", "--dist=loadscope")
    return [
        Stage("lint", (*ruff, "check", "--quiet", ".")),
        Stage("format", (*ruff, "format", "--check", "--quiet", ".")),
        Stage("web", (sys.executable, "-m", "tools.node", "check")),
        Stage("book", (sys.executable, "-m", "tools.book")),
        Stage("tests", (*pytest, "-n", "2", "-m", "not browser and not site", "--durations=5")),
        Stage("site", (*pytest, "tests/site"), after=("book",)),
        # after the book, whose execution has filled the compilation cache
        Stage("notebooks", (*nbval, "notebooks"), after=("book",)),
    ]


def find_chromium(environment: Mapping[str, str] = os.environ) -> str | None:
    """The browser for the site's tests: ``CHROMIUM``, or the first of its usual names on the path."""
    named = environment.get("CHROMIUM")
    names = (named,) if named else CHROMIUM
    return next((found for name in names if (found := shutil.which(name, path=environment.get("PATH")))), None)


def run(stage: Stage, outcomes: Mapping[str, Outcome], environment: Mapping[str, str]) -> Outcome:
    """Wait for the stages that this one needs, then run it; its output goes to ``_build/logs`` too."""
    outcome = outcomes[stage.name]
    try:
        for earlier in stage.after:
            if earlier in outcomes:
                outcomes[earlier].done.wait()
                if outcomes[earlier].verdict != "passed":
                    outcome.verdict, outcome.output = "skipped", f"not run: {earlier} did not pass"
                    return outcome
        start = time.monotonic()
        done = subprocess.run(
            stage.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        outcome.seconds = time.monotonic() - start
        outcome.output = done.stdout.rstrip()
        outcome.verdict = "passed" if done.returncode == 0 else "failed"
        (LOGS / f"{stage.name}.log").write_text(done.stdout, encoding="utf-8")
        return outcome
    finally:
        outcome.done.set()


def report(name: str, outcome: Outcome) -> None:
    """Show the whole log of a stage that failed, the closing lines of one that passed."""
    lines = outcome.output.splitlines()
    shown = lines if outcome.verdict == "failed" else lines[-TAIL:]
    print(f"== {name}: {outcome.verdict} ({outcome.seconds:.0f} s)", *shown, sep="\n", flush=True)


def table(outcomes: Mapping[str, Outcome], total: float) -> str:
    """The time of each stage, and the line that sums them up."""
    rows = [f"  {name:<10} {outcome.verdict:<8} {outcome.seconds:6.1f} s" for name, outcome in outcomes.items()]
    counts = {
        verdict: sum(outcome.verdict == verdict for outcome in outcomes.values())
        for verdict in ("passed", "failed", "skipped")
    }
    last = f"stages: {counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped"
    return "\n".join(["", "stage times", *rows, f"  {'together':<19} {total:6.1f} s", last])


def main() -> None:
    """Run the stages; leave with 1 where one fails."""
    every = stages()
    wanted = sys.argv[1:] or [stage.name for stage in every]
    unknown = set(wanted) - {stage.name for stage in every}
    if unknown:
        sys.exit(f"no stage {', '.join(sorted(unknown))}; there are {', '.join(stage.name for stage in every)}")
    LOGS.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ)
    browser = find_chromium()
    if browser:
        environment["CHROMIUM"] = browser
    elif os.environ.get("SOLVABLE_REQUIRE_BROWSER") == "1":
        sys.exit(
            "No Chromium found, and SOLVABLE_REQUIRE_BROWSER=1 asks for it. Install it, or name it: CHROMIUM=/path"
        )
    else:
        print("No Chromium found: the browser tests are skipped. Install it, or name it: CHROMIUM=/path", flush=True)
    start = time.monotonic()
    chosen = [stage for stage in every if stage.name in wanted]
    outcomes = {stage.name: Outcome() for stage in chosen}
    with ThreadPoolExecutor(len(chosen)) as pool:
        for stage, outcome in zip(
            chosen, pool.map(lambda stage: run(stage, outcomes, environment), chosen), strict=True
        ):
            report(stage.name, outcome)
    print(table(outcomes, time.monotonic() - start))
    if any(outcome.verdict != "passed" for outcome in outcomes.values()):
        print("Logs: _build/logs. One stage alone: .venv/bin/python -m tools.stages NAME")
        sys.exit(1)


if __name__ == "__main__":
    main()
