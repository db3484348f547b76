"""Claims: declared, compared, shown, recorded, and audited."""

import json
from dataclasses import replace
from types import SimpleNamespace

import jax.numpy as jnp
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from solvable import claims

EXACT = claims.Claim(
    id="toy.exact",
    statement="The two agree.",
    source="derived in the chapter",
    kind="exact",
    quantity="largest difference",
    expected=0.0,
    tolerance=1e-9,
    reason="the error of the integrator",
    conditions="float64",
)
SEVERAL = replace(EXACT, id="toy.several", kind="asymptotic", expected=[1.0, -1.0], tolerance=0.5)
SEEDS = replace(EXACT, id="toy.seeds", kind="statistical", quantity="slope", expected=1.0, tolerance=0.125)
TRUE = replace(EXACT, id="toy.true", kind="qualitative", quantity="it overshoots", expected=True, tolerance=0.0)
FALSE = replace(TRUE, id="toy.false", expected=False)
REFUTED = replace(EXACT, id="toy.refuted", kind="refuted", expected=2.0, tolerance=0.25, published="1 (Fig. 3)")
EVERY = {claim.id: claim for claim in (EXACT, SEVERAL, SEEDS, TRUE, FALSE, REFUTED)}

FIELDS = """
statement = "The two agree."
source = "derived in the chapter"
quantity = "largest difference"
reason = "the error of the integrator"
conditions = "float64"
"""


@pytest.fixture
def toy(monkeypatch):
    """A chapter named toy that makes every kind of claim."""
    monkeypatch.setattr(claims, "declared", lambda chapter: EVERY)
    monkeypatch.setattr(claims, "get_ipython", lambda: None)


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Declare a chapter named toy by the text of its claims.toml."""

    def give(text):
        (tmp_path / "claims.toml").write_text(text, encoding="utf-8")
        monkeypatch.setattr(claims, "resources", SimpleNamespace(files=lambda package: tmp_path))
        claims.declared.cache_clear()
        return claims.declared("toy")

    yield give
    claims.declared.cache_clear()


@pytest.mark.parametrize(
    ("claim", "measured", "distance"),
    [
        (EXACT, 5e-10, 5e-10),
        (EXACT, jnp.float32(0), 0.0),
        (EXACT, -1e-9, 1e-9),
        (SEVERAL, [1.25, -1.0], 0.25),
        (SEVERAL, jnp.array([1.0, -1.5]), 0.5),
        (SEEDS, [0.0, 1.0, 2.25], 0.25 / 3),
        (TRUE, np.True_, 0.0),
        (TRUE, jnp.array(True), 0.0),
        (FALSE, False, 0.0),
        (REFUTED, 2.25, 0.25),
    ],
)
def test_holds(claim, measured, distance):
    record = claims.compare(claim, measured)
    assert record.holds
    assert record.distance == pytest.approx(distance)


@pytest.mark.parametrize(
    ("claim", "measured"),
    [
        (EXACT, 2e-9),
        (EXACT, -2e-9),
        (EXACT, np.nan),
        (EXACT, np.inf),
        (SEVERAL, [1.0, -1.75]),
        (SEVERAL, [np.nan, -1.0]),
        (SEVERAL, [-1.0, 1.0]),
        (SEEDS, [1.0, 1.0, 1.5]),
        (SEEDS, [1.0, 1.0, np.nan]),
        (SEEDS, [1.0, np.inf, -np.inf]),
        (TRUE, False),
        (FALSE, True),
        (REFUTED, 1.0),
    ],
)
def test_does_not_hold(claim, measured, toy):
    assert not claims.compare(claim, measured).holds
    with pytest.raises(claims.ClaimError, match=f"claim {claim.id} does not hold: .* within {claim.tolerance:g}"):
        claims.check(claim.id, measured)


@pytest.mark.parametrize(
    ("claim", "measured", "message"),
    [
        (EXACT, [0.0], r"shape \(1,\), expected \(\)"),
        (SEVERAL, 1.0, r"shape \(\), expected \(2,\)"),
        (SEVERAL, [[1.0, -1.0]], r"shape \(1, 2\)"),
        (SEEDS, [1.0, 1.0], "at least 3 seeds"),
        (SEEDS, 1.0, "at least 3 seeds"),
        (SEEDS, np.ones((3, 1)), "at least 3 seeds"),
        # 0.3 is not a yes, and a yes is not 1.0
        (TRUE, 0.3, "give true or false"),
        (TRUE, [True, True], "give true or false"),
        (REFUTED, True, "give a number"),
    ],
)
def test_a_measurement_of_the_wrong_form_is_refused(claim, measured, message):
    with pytest.raises(claims.ClaimError, match=message):
        claims.compare(claim, measured)


def test_the_verdict_is_the_same_whatever_the_last_digits(toy, capsys):
    for measured in (1e-10, 1.0000000001e-10):
        claims.check("toy.exact", measured)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second == "claim toy.exact holds: largest difference is within 1e-09 of 0"


@pytest.mark.parametrize(
    ("identity", "measured", "line"),
    [
        ("toy.several", [1.0, -1.0], "claim toy.several holds: largest difference is within 0.5 of (1, -1)"),
        ("toy.seeds", [1.0, 1.0, 1.0], "claim toy.seeds holds: mean of slope is within 0.125 of 1"),
        ("toy.true", True, "claim toy.true holds: it overshoots"),
    ],
)
def test_the_verdict_of_each_kind(identity, measured, line, toy, capsys):
    claims.check(identity, measured)
    assert capsys.readouterr().out.strip() == line


def test_an_unknown_claim_is_refused_with_the_known_ones(toy):
    with pytest.raises(claims.ClaimError, match=r"unknown claim 'toy\.exat'; the chapter declares toy\.exact, "):
        claims.check("toy.exat", 0.0)


@pytest.mark.parametrize("identity", ["no_such_chapter.sigmoid", "training.sigmoid", "", "sigmoid"])
def test_a_chapter_that_does_not_exist_is_refused(identity):
    with pytest.raises(claims.ClaimError, match=r"has no claims\.toml"):
        claims.find(identity)


def test_declared_in_order(declare):
    text = f'[toy.b]\nkind = "exact"\nexpected = 1\ntolerance = 0\n{FIELDS}'
    text += f'[toy.a]\nkind = "qualitative"\nexpected = true\ntolerance = 0\n{FIELDS}'
    found = declare(text)
    assert list(found) == ["toy.b", "toy.a"]
    assert found["toy.b"].expected == 1
    assert found["toy.b"].published == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("exact", "vague"), r"toy\.a in claims\.toml: kind must be one of 'exact', .* got 'vague'"),
        (("tolerance = 0.5", "tolerance = -0.5"), "tolerance must be non-negative, got -0.5"),
        (("tolerance = 0.5", "tolerance = nan"), "tolerance must be non-negative, got nan"),
        (("tolerance = 0.5", ""), "tolerance"),
        (("tolerance = 0.5", "tolerance = 0.5\ntolerence = 1"), "tolerence"),
        (("expected = 2.0", "expected = true"), "expected must be true or false for a qualitative claim"),
        (("expected = 2.0", "expected = inf"), "expected must be finite, got inf"),
        (("expected = 2.0", "expected = []"), "expected must not be empty"),
        (('"exact"', '"qualitative"'), "expected must be true or false for a qualitative claim"),
        (('"exact"\nexpected = 2.0', '"statistical"\nexpected = [1, 2]'), "one number for a statistical claim"),
        (('"the error of the integrator"', '" "'), "reason must not be empty"),
        (("[toy.a]", "[tory.a]"), r"must hold tables \[toy\.\*\] alone, got tory"),
    ],
)
def test_a_faulty_declaration_is_refused(change, message, declare):
    text = f'[toy.a]\nkind = "exact"\nexpected = 2.0\ntolerance = 0.5\n{FIELDS}'
    assert list(declare(text)) == ["toy.a"]
    assert change[0] in text
    with pytest.raises(claims.ClaimError, match=message):
        declare(text.replace(*change))


def test_audit_finds_what_is_missing_repeated_unknown_and_failing(toy):
    good = [claims.Record(identity, 0.0, 0.0, True) for identity in EVERY]
    assert claims.audit("toy", good) == []
    assert claims.audit("toy", good[1:]) == ["toy.exact is declared but never checked"]
    assert claims.audit("toy", [*good, good[0]]) == ["toy.exact is checked 2 times"]
    assert claims.audit("toy", [*good, replace(good[0], id="toy.new")]) == ["toy.new is checked but not declared"]
    assert claims.audit("toy", [replace(good[0], holds=False), *good[1:]]) == ["toy.exact does not hold"]


def test_in_a_notebook_the_figure_travels_beside_the_verdict():
    chapter = claims.declared("deep_linear")
    exact = next(claim for claim in chapter.values() if claim.kind == "exact" and isinstance(claim.expected, float))
    measured = exact.expected + exact.tolerance / 3
    source = f"from solvable import claims\nclaims.check({exact.id!r}, {measured!r})"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()

    executed = json.loads(nbformat.writes(notebook))
    (record,) = claims.records(executed)
    assert record.id == exact.id
    assert record.holds
    assert record.measured == measured
    # what is shown, and so compared and stored, is the verdict alone
    (output,) = executed["cells"][0]["outputs"]
    assert "".join(output["data"]["text/plain"]) == claims.verdict(exact)
    assert list(output["data"]) == ["text/plain"]


def test_a_notebook_without_checks_carries_no_records():
    assert (
        claims.records({"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [{"text": "a"}]}]}) == []
    )
