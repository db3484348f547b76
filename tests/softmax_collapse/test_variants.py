"""Runs that differ in one thing: what is stored, that it is of this code, and that variants are plain training runs."""

import re
from functools import cache, partial

import jax
import numpy as np
import pytest

from solvable.softmax_collapse.experiment import variants
from solvable.softmax_collapse.experiment.classifier import paper_adamw, train_seeds
from solvable.softmax_collapse.experiment.data import modular_addition
from solvable.softmax_collapse.experiment.network import initial_network
from solvable.softmax_collapse.experiment.variants import Variants, stored_variants, train_variants

KEY = jax.random.key(3)
adamw = cache(paper_adamw)
CURVES = ("train_accuracy", "test_accuracy", "collapsed", "lost", "gap", "weight_norm")
TINY = {"p": 5, "learning_rate": 0.02, "last_step": 20, "hidden": (6,), "seeds": 2, "every": 10}


def test_variants_are_training_runs_of_seeds(monkeypatch):
    # one object for the same settings, so that its program is compiled once
    monkeypatch.setattr(variants, "paper_adamw", adamw)
    options = {"plain": {}, "own": {"beta2": 0.999, "loss": "stablemax", "loss_dtype": "float64"}}
    found = train_variants(options, key=KEY, **TINY)
    assert found.names == ("plain", "own")
    np.testing.assert_array_equal(found.steps, [0, 10, 20])
    draw = partial(modular_addition, 5, fraction=0.8)
    common = {"seeds": 2, "key": KEY, "steps": np.array([0, 10, 20]), "hidden": (6,)}
    plain = train_seeds(draw, adamw(0.02, beta2=0.99), **common)
    own = train_seeds(draw, adamw(0.02, beta2=0.999), loss="stablemax", loss_dtype="float64", **common)
    assert Variants._fields == ("names", "steps", *CURVES)
    for name in CURVES:
        curve = getattr(found, name)
        assert curve.shape == (2, 2, 3)
        # the same programs on the same numbers
        np.testing.assert_array_equal(curve, [getattr(plain, name), getattr(own, name)], err_msg=name)
    assert (found.gap[0, :, -1] != found.gap[1, :, -1]).all()


def test_defaults_are_the_chapter_s(monkeypatch):
    asked = []

    def seen(draw, optimiser, **options):
        asked.append((draw, options))
        raise InterruptedError

    monkeypatch.setattr(variants, "train_seeds", seen)
    with pytest.raises(InterruptedError):
        train_variants({"one": {}}, key=KEY, p=11, learning_rate=0.1, last_step=100)
    draw, options = asked[0]
    assert (options["seeds"], options["hidden"], options["key"]) == (3, (128, 64), KEY)
    np.testing.assert_array_equal(options["steps"], [0, 50, 100])
    task = draw(key=KEY)
    assert (task.classes, len(task.train_labels), len(task.test_labels)) == (11, 96, 25)


# What is stored

NAMES = {
    "precisions": ("float16", "float32", "float64", "float32, log1p"),
    "remedies": ("float64", "float32", "float64, beta2 0.999", "Taylor"),
    "controls": ("float64", "float32, log1p"),
}
SETTINGS = [("precisions", 0, 47, (128, 128)), ("remedies", 0, 31, (128, 64)), ("controls", 5, 31, (128, 64))]
LAST = {"precisions": 4000, "remedies": 6000, "controls": 6000}


def test_there_is_nothing_else_to_store():
    assert set(variants.TABLES) == set(NAMES)


@pytest.mark.parametrize("table", NAMES)
def test_a_table_has_its_variants_and_their_curves(table):
    found = stored_variants(table)
    assert found.names == NAMES[table]
    np.testing.assert_array_equal(found.steps, np.arange(0, LAST[table] + 1, 50))
    for name in CURVES:
        curve = getattr(found, name)
        assert curve.shape == (len(found.names), 3, len(found.steps))
        assert curve.dtype == np.float32
        assert np.isfinite(curve).all()
    for name in CURVES[:4]:
        assert ((getattr(found, name) >= 0) & (getattr(found, name) <= 1)).all()
    # shares are whole numbers of examples, or of pairs that are kept back
    p = 47 if table == "precisions" else 31
    examples = int(0.8 * p**2)
    for name, count in zip(CURVES[:4], (examples, p**2 - examples, examples, examples), strict=True):
        shares = count * getattr(found, name).astype(float)
        # rounding to float32
        np.testing.assert_allclose(shares, np.round(shares), rtol=0, atol=count * 1e-7, err_msg=name)
    # variants begin with the same weights
    assert np.ptp(found.weight_norm[:, :, 0], axis=0).max() == 0
    assert np.ptp(found.gap[:, :, 0], axis=0).max() == 0
    # and seeds with others
    assert (np.diff(found.weight_norm[0, :, 0]) != 0).all()


@pytest.mark.parametrize(("table", "number", "p", "hidden"), SETTINGS)
def test_what_is_stored_begins_with_the_first_weights_of_its_key(table, number, p, hidden):
    stored = stored_variants(table)
    for seed in range(3):
        _, start = jax.random.split(jax.random.fold_in(jax.random.key(number), seed))
        network = initial_network((2 * p, *hidden, p), biases=False, key=start, dtype="float64")
        length = np.sqrt(sum(np.sum(np.asarray(layer.weights) ** 2) for layer in network))
        # rounding to float32
        np.testing.assert_allclose(stored.weight_norm[:, seed, 0], length, rtol=1e-6, atol=0)


def test_what_is_stored_goes_on_as_these_networks():
    options, number, settings = variants.TABLES["controls"]
    assert settings == {"p": 31, "learning_rate": 1e-2, "last_step": 6000}
    settings = settings | {"last_step": 100, "seeds": 1}
    found = train_variants({"float64": options["float64"]}, key=jax.random.key(number), **settings)
    stored = stored_variants("controls").variant("float64")
    np.testing.assert_array_equal(found.steps, stored.steps[:3])
    for curve in ("gap", "weight_norm"):
        # a hundred steps with weights in float64 come to the same within 1e-6, of which this is a hundred times: the
        # roundings of another machine
        np.testing.assert_allclose(
            getattr(found, curve)[0, 0], getattr(stored, curve)[0, :3], rtol=1e-4, atol=1e-5, err_msg=curve
        )
    # two logits that are equal within rounding may change places in one or two of 768 or 193
    np.testing.assert_allclose(found.train_accuracy[0, 0], stored.train_accuracy[0, :3], rtol=0, atol=2.1 / 768)
    np.testing.assert_allclose(found.test_accuracy[0, 0], stored.test_accuracy[0, :3], rtol=0, atol=2.1 / 193)
    assert stored.gap[0, 2] > 2


def test_what_is_stored_is_what_was_measured_with_another_program():
    """Its networks have 128 hidden units in both layers, and other draws."""
    controls = stored_variants("controls")
    plain = controls.variant("float64")
    # a median gap of 11.6 at 500 epochs, growing by 5.4 in a thousand; draws and widths move it by some tenths
    for epoch, gap in [(500, 11.6), (1000, 14.1), (2000, 19.6), (3000, 25.0), (4000, 30.3)]:
        np.testing.assert_allclose(plain.gap[:, plain.steps == epoch], gap, rtol=0, atol=1.0)
    # half have collapsed at 5400 to 5500
    assert ((plain.reached(plain.collapsed, 0.5) >= 5200) & (plain.reached(plain.collapsed, 0.5) <= 5700)).all()
    # and nothing is learned of the pairs that are kept back, of which one in 31 is right by chance
    assert (controls.test_accuracy[:, :, -1] < 0.1).all()
    # in the other form nothing is ever lost
    assert controls.variant("float32, log1p").lost.max() == 0


def test_every_curve_is_read_under_its_own_name(tmp_path, monkeypatch):
    found = stored_variants("controls")
    marked = {name: np.full_like(found.gap, place) for place, name in enumerate(CURVES)}
    np.savez(tmp_path / "controls.npz", steps=found.steps, **marked)
    monkeypatch.setattr(variants.resources, "files", lambda package: tmp_path)
    again = stored_variants("controls")
    for place, name in enumerate(CURVES):
        assert (getattr(again, name) == place).all()


# Reading

TOY = Variants(("a", "b"), np.array([0, 10, 40]), *(np.arange(12.0).reshape(2, 2, 3) + k for k in range(6)))


def test_one_variant_by_its_name():
    one = TOY.variant("b")
    assert one.names == ("b",)
    np.testing.assert_array_equal(one.steps, TOY.steps)
    for k, name in enumerate(CURVES):
        np.testing.assert_array_equal(getattr(one, name), [[6 + k, 7 + k, 8 + k], [9 + k, 10 + k, 11 + k]])


def test_when_a_curve_comes_to_a_level():
    np.testing.assert_array_equal(TOY.reached(TOY.train_accuracy, 4.0), [[np.nan, 10], [0, 0]])
    one = TOY.variant("a")
    np.testing.assert_array_equal(one.reached(one.test_accuracy, 3.0), [40, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: stored_variants("figures"),
            "table must be one of 'precisions', 'remedies', 'controls', got 'figures'",
        ),
        (lambda: TOY.variant("c"), "name must be one of 'a', 'b', got 'c'"),
        (lambda: train_variants({"a": {}}, key=KEY, **TINY | {"every": 0}), "every must be a whole number of at least"),
        (lambda: train_variants({"a": {}}, key=KEY, **TINY | {"last_step": 0}), "last_step must be a whole number of"),
        (
            lambda: train_variants({"a": {}}, key=KEY, **TINY | {"every": 3}),
            "every must divide last_step, got 3 and 20",
        ),
        (
            lambda: train_variants({"a": {}}, key=KEY, **TINY | {"p": 1}),
            "p must be a whole number of at least 2, got 1",
        ),
        (
            lambda: train_variants({"a": {}}, key=KEY, **TINY | {"seeds": 0}),
            "seeds must be a whole number of at least 1",
        ),
        (lambda: train_variants({"a": {}}, key=KEY, **TINY | {"hidden": (0,)}), "hidden must be a whole number of at"),
        (lambda: train_variants({"a": {}}, key=KEY, **TINY | {"learning_rate": 0.0}), "learning_rate must be positive"),
        (lambda: train_variants({"a": {"loss": "hinge"}}, key=KEY, **TINY), "loss must be one of 'softmax'"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
