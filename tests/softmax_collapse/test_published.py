"""The published runs, made small: their settings, that a run goes on as if it had not been broken off, and refusals."""

import inspect
import re
from functools import cache
from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

from solvable.softmax_collapse.experiment import published
from solvable.softmax_collapse.experiment.classifier import Classifier, paper_adamw, train_classifier
from solvable.softmax_collapse.experiment.data import modular_addition
from solvable.softmax_collapse.experiment.orthogonal import orthogonal_gradients
from solvable.softmax_collapse.experiment.published import run_paper_orthogonal, run_paper_stablemax

KEY = jax.random.key(2)
TINY = {"key": KEY, "p": 5, "fraction": 0.6, "hidden": (8, 6)}
CURVES = Classifier._fields[1:-1]


@pytest.fixture(scope="module", autouse=True)
def one_program():
    """Make one object for the same settings, so that all calls share what is compiled for the first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "paper_adamw", cache(paper_adamw))
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """In one go: the run, and its file."""
    file = tmp_path_factory.mktemp("published") / "whole.npz"
    return run_paper_stablemax(file, epochs=40, every=10, **TINY), file


def assert_same(run, other, rows=slice(None)):
    """Two runs agree to the last bit: each stretch is one program, whatever came before it."""
    np.testing.assert_array_equal(run.steps, other.steps[rows])
    for name in CURVES:
        np.testing.assert_array_equal(getattr(run, name), getattr(other, name)[rows], err_msg=name)


def assert_same_network(run, other):
    for layer, one in zip(run.network, other.network, strict=True):
        assert layer.biases is one.biases is None
        np.testing.assert_array_equal(layer.weights, one.weights)


def test_settings_are_those_of_the_paper():
    assert (published.P, published.FRACTION, published.HIDDEN) == (113, 0.4, (200, 200))
    assert (published.LEARNING_RATE, published.BETA2, published.EPOCHS) == (0.01, 0.999, 80_000)
    defaults = {name: part.default for name, part in inspect.signature(run_paper_stablemax).parameters.items()}
    assert (defaults["p"], defaults["fraction"], defaults["hidden"], defaults["epochs"]) == (
        113,
        0.4,
        (200, 200),
        80_000,
    )
    assert defaults["epochs"] % defaults["every"] == 0
    assert defaults["budget"] == float("inf")
    defaults = {name: part.default for name, part in inspect.signature(run_paper_orthogonal).parameters.items()}
    assert defaults["last_step"] == 300


# The paper's grokking without regularisation


def test_stretches_are_one_run_of_adamw_on_stablemax_in_float64(whole):
    run, _ = whole
    np.testing.assert_array_equal(run.steps, [10, 20, 30, 40])
    split, start = jax.random.split(KEY)
    expected = train_classifier(
        modular_addition(5, fraction=0.6, key=split),
        paper_adamw(0.01, beta2=0.999),
        key=start,
        steps=np.array([10, 20, 30, 40]),
        hidden=(8, 6),
        loss="stablemax",
        loss_dtype="float64",
    )
    for name in CURVES:
        # the same operations, compiled for stretches of other lengths: roundings of float32 over 40 steps
        np.testing.assert_allclose(getattr(run, name), getattr(expected, name), rtol=1e-4, atol=1e-5, err_msg=name)
        assert getattr(run, name).dtype == float
    for layer, one in zip(run.network, expected.network, strict=True):
        assert isinstance(layer.weights, np.ndarray)
        assert layer.weights.dtype == np.float32
        np.testing.assert_allclose(layer.weights, one.weights, rtol=0, atol=1e-5)
    assert run.weight_norm[-1] > 1.02 * run.weight_norm[0]


def test_a_run_goes_on_where_fewer_epochs_ended(whole, tmp_path):
    run, _ = whole
    file = tmp_path / "run.npz"
    first = run_paper_stablemax(file, epochs=10, every=10, **TINY)
    assert_same(first, run, slice(1))
    assert first.network[0].weights.shape == (10, 8)
    assert np.abs(first.network[0].weights - run.network[0].weights).max() > 0.01
    rest = run_paper_stablemax(str(file), epochs=40, every=10, **TINY)
    assert_same(rest, run)
    assert_same_network(rest, run)


def test_a_run_goes_on_where_time_ran_out(whole, tmp_path, monkeypatch):
    run, _ = whole
    file = tmp_path / "run.npz"
    # no time at all: the first weights, and no curves
    start = run_paper_stablemax(file, epochs=40, every=10, budget=-1.0, **TINY)
    assert not file.exists()
    assert start.steps.shape == (0,)
    assert {np.shape(getattr(start, name)) for name in CURVES} == {(0,)}
    assert all(np.abs(layer.weights).max() <= n**-0.5 for layer, n in zip(start.network, (10, 8, 6), strict=True))
    # an hour goes by with each look at the clock: at the beginning, and before each stretch
    hours = iter(range(100))
    with monkeypatch.context() as patch:
        patch.setattr(published.long_runs, "time", SimpleNamespace(monotonic=lambda: 3600.0 * next(hours)))
        part = run_paper_stablemax(file, epochs=40, every=10, budget=2.5 * 3600, **TINY)
    assert_same(part, run, slice(2))
    rest = run_paper_stablemax(file, epochs=40, every=10, **TINY)
    assert_same(rest, run)
    assert_same_network(rest, run)


def test_what_is_done_is_read(whole, monkeypatch):
    run, file = whole
    before = file.read_bytes()

    def never(*given, **named):
        raise AssertionError("a run that is done is not trained")

    monkeypatch.setattr(published, "advance", never)
    again = run_paper_stablemax(file, epochs=40, every=10, **TINY)
    assert_same(again, run)
    assert_same_network(again, run)
    # fewer epochs than are there do not shorten it
    assert_same(run_paper_stablemax(file, epochs=20, every=10, **TINY), run)
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "other",
    [
        {"p": 7},
        {"fraction": 0.5},
        {"hidden": (8, 7)},
        {"every": 20},
        {"key": jax.random.key(3)},
    ],
    ids=str,
)
def test_a_file_with_another_run_is_refused_and_left_as_it_is(other, whole):
    _, file = whole
    before = file.read_bytes()
    with pytest.raises(ValueError, match="file must be new or hold a run with settings"):
        run_paper_stablemax(file, **({"epochs": 60, "every": 10} | TINY | other))
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["whole.npz"]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"every": 0}, "every must be a whole number of at least 1, got 0"),
        ({"epochs": 45}, "every must divide epochs, got 10 and 45"),
        ({"p": 1}, "p must be a whole number of at least 2, got 1"),
        ({"fraction": 0.0}, "fraction must be between 0.04 and 0.96, got 0.0"),
        ({"hidden": (8, 0)}, "hidden must be a whole number of at least 1, got 0 at index (1,)"),
    ],
)
def test_refuses_what_has_no_meaning(other, message, tmp_path):
    with pytest.raises(ValueError, match=re.escape(message)):
        run_paper_stablemax(tmp_path / "run.npz", **({"epochs": 40, "every": 10} | TINY | other))
    assert list(tmp_path.iterdir()) == []


def test_refuses_other_files_and_numbers_of_32_bits(tmp_path):
    with pytest.raises(ValueError, match=r"file must end in .npz, got 'run.npy'"):
        run_paper_stablemax(tmp_path / "run.npy", epochs=10, every=10, **TINY)
    with jax.enable_x64(False), pytest.raises(ValueError, match="jax_enable_x64 must be switched on for a loss"):
        run_paper_stablemax(tmp_path / "run.npz", epochs=10, every=10, **TINY)
    assert list(tmp_path.iterdir()) == []


# The paper's orthogonal gradients


def test_the_orthogonal_run_projects_each_tensor_and_restores_its_length(monkeypatch):
    monkeypatch.setattr(published, "P", 5)
    monkeypatch.setattr(published, "HIDDEN", (6,))
    run = run_paper_orthogonal(key=KEY, last_step=20, every=5)
    np.testing.assert_array_equal(run.steps, [0, 5, 10, 15, 20])
    split, start = jax.random.split(KEY)
    expected = train_classifier(
        modular_addition(5, fraction=0.4, key=split),
        optax.chain(orthogonal_gradients(whole="tensor", rescale=True), paper_adamw(0.01, beta2=0.99)),
        key=start,
        steps=np.array([0, 5, 10, 15, 20]),
        hidden=(6,),
        loss="softmax",
        loss_dtype="float32",
    )
    assert_same(run, expected)
    assert_same_network(run, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"last_step": 0}, "last_step must be a whole number of at least 1, got 0"),
        ({"every": 0}, "every must be a whole number of at least 1, got 0"),
    ],
)
def test_the_orthogonal_run_refuses_what_has_no_meaning(options, message):
    with pytest.raises(ValueError, match=message):
        run_paper_orthogonal(key=KEY, **options)
