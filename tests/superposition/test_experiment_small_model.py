"""Training of the small model, held against the exact loss of its forms; and parts of a dimension."""

import jax
import numpy as np
import pytest

from solvable.superposition.experiment import plateaus
from solvable.superposition.experiment.plateaus import store_plateaus, stored_plateaus, train_plateaus
from solvable.superposition.experiment.small_model import SmallModels, train_small_model
from solvable.superposition.theory.geometry import feature_dimensionality, feature_geometry
from solvable.superposition.theory.small_model import form_loss

DENSITIES = np.array([0.3, 0.05])
FORMS = ("two pairs", "pentagon")
SMALL = {"restarts": 2, "n": 3, "steps": 40, "batch": 16}


@pytest.fixture(scope="module")
def models():
    return train_small_model(DENSITIES, restarts=6, key=jax.random.key(1), steps=2000)


def test_the_best_start_is_the_form_that_costs_least(models):
    best = models.best()
    assert best.forms()[:, 0].tolist() == list(FORMS)
    for form, density, loss, weights, biases in zip(
        FORMS, DENSITIES, best.loss[:, 0], best.weights[:, 0], best.biases[:, 0], strict=True
    ):
        least = form_loss(form, density=density)
        # noise of the last steps: the loss is quadratic in deviations of 1 %
        np.testing.assert_allclose(loss, least.loss, rtol=2e-3, atol=0)
        represented = np.linalg.norm(weights, axis=1) > 0.5
        np.testing.assert_allclose(np.linalg.norm(weights[represented], axis=1), least.norms[0], rtol=0, atol=0.02)
        np.testing.assert_allclose(biases[represented], least.biases[0], rtol=0, atol=0.02)
        np.testing.assert_allclose(biases[~represented], density / 2, rtol=0, atol=0.02)
    pentagon = feature_geometry(best.weights[1, 0])
    np.testing.assert_allclose(pentagon.gaps, 72, rtol=0, atol=2)
    np.testing.assert_allclose(pentagon.dimensionality, 0.4, rtol=0, atol=0.01)


def test_the_loss_is_that_of_the_model_on_fresh_inputs(models):
    draw = np.random.default_rng(3)
    weights, biases = models.weights[0, 2].astype(float), models.biases[0, 2].astype(float)
    x = np.where(draw.random((200_000, 5)) < 0.3, draw.random((200_000, 5)), 0)
    found = ((x - np.maximum(x @ weights @ weights.T + biases, 0)) ** 2).sum(axis=1)
    assert abs(found.mean() - models.loss[0, 2]) < 4 * found.std() / np.sqrt(len(x))  # four standard errors


def test_the_best_start_is_chosen_at_each_density(models):
    best = models.best()
    assert isinstance(best, SmallModels)
    assert best.weights.shape == (2, 1, 5, 2)
    np.testing.assert_array_equal(best.loss[:, 0], models.loss.min(axis=1))
    chosen = models.loss.argmin(axis=1)
    np.testing.assert_array_equal(best.biases[1, 0], models.biases[1, chosen[1]])
    np.testing.assert_array_equal(best.weights[0, 0], models.weights[0, chosen[0]])
    assert models.forms().shape == (2, 6)


def test_models_do_not_see_each_other():
    both = train_small_model(DENSITIES, key=jax.random.key(0), **SMALL)
    alone = train_small_model(DENSITIES[1:], key=jax.random.key(0), **SMALL)
    # single precision, forty steps of Adam, which divides by gradients of any size
    np.testing.assert_allclose(both.weights[1], alone.weights[0], rtol=0, atol=1e-3)
    assert np.abs(both.weights[1] - both.weights[0]).max() > 0.01
    assert np.abs(both.weights[:, 1] - both.weights[:, 0]).max() > 0.1
    assert both.weights.dtype == np.float32


def test_unimportant_features_are_given_up():
    # with one feature of weight and one dimension there is nothing to share
    models = train_small_model(np.array([1.0]), restarts=3, key=jax.random.key(0), n=3, m=1, importance=0.1, steps=1500)
    np.testing.assert_allclose(models.importance, [1, 0.1, 0.01], rtol=1e-12, atol=0)
    best = models.best()
    # dense features: the linear optimum, by which the first alone is represented
    assert abs(best.weights[0, 0, 0, 0]) > 0.9
    assert np.abs(best.weights[0, 0, 1:]).max() < 0.2
    # no more than the variances of the other two
    assert best.loss[0, 0] < 0.11 / 12 * 1.01


def test_the_same_key_gives_the_same_models():
    first, again, other = (train_small_model(DENSITIES, key=jax.random.key(k), **SMALL) for k in (0, 0, 1))
    np.testing.assert_array_equal(first.weights, again.weights)
    assert np.abs(first.weights - other.weights).max() > 0.1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"densities": np.array([0.0])}, "densities must be positive"),
        ({"densities": np.array([1.2])}, "densities must be between 0 and 1"),
        ({"restarts": 0}, "restarts must be a whole number of at least 1"),
        ({"n": 9}, "n must be between 1 and 8"),
        ({"m": 0}, "m must be a whole number of at least 1"),
        ({"importance": 0.0}, "importance must be positive"),
        ({"learning_rate": -0.1}, "learning_rate must be positive"),
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"batch": 0}, "batch must be a whole number of at least 1"),
    ],
)
def test_refuses_what_it_cannot_train(changed, message, key):
    settings = {"densities": DENSITIES} | SMALL | changed
    with pytest.raises(ValueError, match=message):
        train_small_model(settings.pop("densities"), key=key, **settings)


def test_at_middling_sparsity_features_share_dimensions_in_pairs(key):
    run = train_plateaus(np.array([1.0, 1 / 3]), key=key, n=24, m=4, steps=2500, batch=128)
    assert run.squared_norms.shape == run.dimensionality.shape == (2, 24)
    pairs = np.abs(run.dimensionality[1] - 0.5) < 0.01
    assert pairs.sum() == 8  # two features for each dimension
    assert np.all(run.squared_norms[1, ~pairs] < 0.05)
    # a pair's squared norm, at this density, is 1.01: D* = 4 / 8.1
    norm = form_loss("two pairs", density=1 / 3).norms[0]
    np.testing.assert_allclose(run.dimensions_per_feature[1], 0.5 / norm**2, rtol=0.03, atol=0)
    # dense features have a projection, of squared norm m, and no dimension to themselves
    np.testing.assert_allclose(run.dimensions_per_feature[0], 1, rtol=0.1, atol=0)
    assert run.dimensionality[0].sum() <= 4 + 1e-4


def test_what_is_stored_is_what_is_computed(tmp_path):
    store_plateaus(tmp_path / "found.npz", seeds=2, n=6, m=2, steps=3, batch=4)
    with np.load(tmp_path / "found.npz") as kept:
        assert kept["dimensionality"].shape == kept["squared_norms"].shape == (2, 20, 6)
        assert kept["dimensions"] == 2
        run = train_plateaus(key=jax.random.split(jax.random.key(0), 2)[1], n=6, m=2, steps=3, batch=4)
        np.testing.assert_allclose(kept["dimensionality"][1], run.dimensionality, rtol=0, atol=6e-5)  # four digits


def test_stored_runs_are_whole():
    stored = stored_plateaus()
    assert stored.dimensionality.shape == stored.squared_norms.shape == (4, 20, 200)
    assert stored.dimensionality.dtype == np.float32
    assert stored.dimensions == 20
    np.testing.assert_array_equal(stored.densities, plateaus.LEVELS)
    np.testing.assert_allclose(plateaus.LEVELS[[0, -1]], [1, 1 / 20], rtol=1e-12, atol=0)
    # the sum over features is at most the number of dimensions
    assert stored.dimensionality.sum(axis=-1).max() <= 20 + 200 * 5e-5
    # at densities of 0.27 to 0.46 half a dimension for each of two features per dimension
    assert np.count_nonzero(np.abs(stored.dimensionality[:, 6:9] - 0.5) < 0.02) > 0.9 * 4 * 3 * 40


def test_dimensionality_is_that_of_the_weights(key):
    run = train_plateaus(np.array([0.5]), key=key, n=6, m=2, steps=1, batch=4)
    start = np.random.default_rng(np.asarray(jax.random.key_data(jax.random.split(key)[0])))
    weights = start.normal(scale=0.5, size=(6, 2))
    # one step of Adam changes each weight by the learning rate
    moved = np.abs(run.dimensionality[0] - np.asarray(feature_dimensionality(weights)))
    assert moved.max() < 0.1
    np.testing.assert_allclose(run.squared_norms[0], (weights**2).sum(axis=1), rtol=0, atol=0.1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"densities": np.array([0.0])}, "densities must be positive"),
        ({"densities": np.array([1.2])}, "densities must be between 0 and 1"),
        ({"n": 0}, "n must be a whole number of at least 1"),
        ({"m": 0}, "m must be a whole number of at least 1"),
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"batch": 0}, "batch must be a whole number of at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
    ],
)
def test_refuses_plateaus_that_cannot_be_trained(changed, message, key):
    settings = {"densities": DENSITIES, "n": 6, "m": 2} | changed
    with pytest.raises(ValueError, match=message):
        train_plateaus(settings.pop("densities"), key=key, **settings)
