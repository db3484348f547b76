"""The embedding of a language model: the file that the package ships, and what is said where there is none."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from solvable.superposition.experiment import embedding
from solvable.superposition.experiment.embedding import language_model_embedding


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of another name, with weights of its own."""
    safetensors = pytest.importorskip("safetensors.numpy")
    folder = tmp_path / "no_model" / "weights"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise AssertionError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(embedding, "PACKAGE", "no_model")

    def ship(**tensors):
        safetensors.save_file(tensors, folder / "l2_supercat_256.safetensors")

    return ship


def test_the_file_of_weights_is_read_and_no_code_is_run(package):
    weights = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float16)
    package(**{"embedding.weight": weights})
    # the checked shape is that of the true embedding
    found = language_model_embedding.__wrapped__()
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, weights)  # half precision fits in single
    assert "no_model" not in sys.modules


def test_a_file_of_two_tensors_is_not_the_embedding(package):
    package(a=np.zeros((2, 2), np.float32), b=np.zeros((2, 2), np.float32))
    with pytest.raises(ValueError, match="too many values"):
        language_model_embedding.__wrapped__()


def test_a_package_that_is_missing_is_named(monkeypatch):
    monkeypatch.setattr(embedding, "PACKAGE", "no_such_language_model")
    with pytest.raises(ModuleNotFoundError, match=r'no_such_language_model is missing: pip install "solvable\[embed'):
        language_model_embedding()


@pytest.mark.skipif(find_spec("wordllama") is None, reason="WordLlama is not installed")
def test_the_embedding_is_that_of_a_language_model():
    found = language_model_embedding()
    assert found.shape == (32_000, 256)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    lengths = np.linalg.norm(found, axis=1)
    unit = found[lengths > 0] / lengths[lengths > 0, None]
    # tokens point to one side: the mean row is longer than 1/sqrt(n), as it would be by chance
    assert np.linalg.norm(unit.mean(axis=0)) > 10 / np.sqrt(len(unit))
    # the first 64 columns are an embedding of their own: what is close by them is close by all
    pairs = np.random.default_rng(0).integers(0, len(unit), size=(2, 20_000))
    pairs = pairs[:, pairs[0] != pairs[1]]
    whole, part = (
        np.sum(rows[pairs[0]] * rows[pairs[1]], axis=1)
        for rows in (unit, unit[:, :64] / np.linalg.norm(unit[:, :64], axis=1, keepdims=True))
    )
    assert np.corrcoef(whole, part)[0, 1] > 0.5


@pytest.mark.skipif(find_spec("wordllama") is None, reason="WordLlama is not installed")
def test_the_package_itself_is_not_imported():
    code = (
        "import sys; from solvable.superposition.experiment.embedding import language_model_embedding as load; "
        "load(); assert 'wordllama' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
