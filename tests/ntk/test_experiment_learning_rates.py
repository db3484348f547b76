"""Learning rates about the critical one, against matrix powers, gradients by hand, and a recursion of two numbers."""

import jax
import numpy as np
import pytest
from scipy.special import erf

from solvable.ntk.experiment import Inputs, init_mlp, run_catapult, run_learning_rates
from solvable.ntk.theory import catapult_recursion

SQUARES = 2 / np.sqrt(np.pi)
ACTIVATIONS = {
    "erf": (erf, lambda z: SQUARES * np.exp(-(z**2))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}


def _gradients(params, x, *, activation="erf", sigma_w=1.5, sigma_b=0.1):
    """Outputs of a dense network and the gradient of each by every parameter, by hand."""
    phi, slope = ACTIVATIONS[activation]
    entering, before = [x], []
    for weights, biases in params:
        before.append(sigma_w / np.sqrt(weights.shape[1]) * entering[-1] @ weights.T + sigma_b * biases)
        entering.append(phi(before[-1]))
    back, found = np.ones((len(x), 1)), []
    for i in reversed(range(len(params))):
        scale = sigma_w / np.sqrt(params[i][0].shape[1])
        found.insert(0, (scale * back[:, :, None] * entering[i][:, None, :], sigma_b * back))
        if i > 0:
            back = scale * back @ params[i][0] * slope(before[i - 1])
    return before[-1][:, 0], found


def _kernel(found):
    rows = np.concatenate([part.reshape(len(part), -1) for pair in found for part in pair], axis=1)
    return rows @ rows.T


@pytest.fixture
def task():
    draw = np.random.default_rng(0)
    # test inputs that would show, were they used
    return Inputs(draw.normal(size=(5, 2)), draw.normal(size=5), np.full((3, 2), np.nan))


@pytest.mark.parametrize(
    "change", [{}, {"hidden_layers": 1, "activation": "relu", "sigma_w": 1.2, "sigma_b": 0.4}], ids=["default", "relu"]
)
def test_losses_and_sharpness_are_those_of_matrix_powers_and_a_plain_loop(change, task, key):
    rates, steps = (0.4, 1.0, 1.2), np.array([0, 1, 2, 6])
    sweep = run_learning_rates(task, rates, seeds=2, key=key, width=6, steps=steps, **change)
    assert sweep.loss.shape == sweep.linear_loss.shape == sweep.sharpness.shape == (3, 2, 4)
    np.testing.assert_array_equal(sweep.rates, rates)
    np.testing.assert_array_equal(sweep.steps, steps)
    settings = {**change}
    drawn = init_mlp((2, *[6] * settings.pop("hidden_layers", 2), 1), key=key, networks=2)
    for i, rate in enumerate(rates):
        for seed in range(2):
            params = [(np.asarray(layer.weights[seed]), np.asarray(layer.biases[seed])) for layer in drawn]
            outputs, found = _gradients(params, task.x, **settings)
            kernel, error = _kernel(found), outputs - task.y
            birth = np.linalg.eigvalsh(kernel)[-1]
            eta = rate * 2 / (birth / 5)
            powers = [np.linalg.matrix_power(np.eye(5) - eta / 5 * kernel, int(k)) for k in steps]
            losses, sharpness = [], []
            for _ in range(steps[-1] + 1):
                outputs, found = _gradients(params, task.x, **settings)
                losses.append(np.mean((outputs - task.y) ** 2) / 2)
                sharpness.append(np.linalg.eigvalsh(_kernel(found))[-1] / birth)
                push = eta / 5 * (outputs - task.y)
                params = [
                    (w - np.tensordot(push, dw, 1), b - push @ db)
                    for (w, b), (dw, db) in zip(params, found, strict=True)
                ]
            # rounding, 1e-16 times some hundred operations, and six steps that amplify by 1.4 where they diverge
            close = {"rtol": 1e-10}
            np.testing.assert_allclose(
                sweep.linear_loss[i, seed], [np.mean((power @ error) ** 2) / 2 for power in powers], **close
            )
            np.testing.assert_allclose(sweep.loss[i, seed], np.array(losses)[steps], **close)
            np.testing.assert_allclose(sweep.sharpness[i, seed], np.array(sharpness)[steps], **close)


def test_the_linear_model_diverges_above_the_critical_rate_and_not_below(task, key):
    sweep = run_learning_rates(task, (0.9, 0.99, 1.01, 1.1), seeds=3, key=key, width=6, steps=np.arange(0, 1001, 50))
    below, above = sweep.linear_loss[:2], sweep.linear_loss[2:]
    # rounding of a loss that has come to rest
    assert (np.diff(below, axis=-1) <= 1e-12 * below[..., :1]).all()
    # each step multiplies the error along the largest eigenvalue by 1 − 2 rate, and the loss by its square; after
    # 500 steps the rest, multiplied by less than 1, is below (1.02)^-1000 = 2e-9 of it
    growth = above[..., 15] / above[..., 14]
    np.testing.assert_allclose(growth, np.repeat([[1.02**100], [1.2**100]], 3, axis=1), rtol=1e-6)


def test_the_same_networks_are_trained_at_every_rate_and_again_by_every_call(task, key):
    first, again = (
        run_learning_rates(task, (0.3, 0.6), seeds=3, key=key, width=4, steps=np.array([0, 3])) for _ in "ab"
    )
    for name in ("linear_loss", "loss", "sharpness"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    np.testing.assert_array_equal(first.loss[0, :, 0], first.loss[1, :, 0])
    # a division that is compiled into a product with the reciprocal: two roundings
    np.testing.assert_allclose(first.sharpness[..., 0], 1, rtol=3e-16)
    assert len(np.unique(first.loss[0, :, 0])) == 3


def test_a_run_that_diverges_is_not_finite_and_not_an_error(task, key):
    sweep = run_learning_rates(
        task, (40.0,), seeds=1, key=key, width=6, activation="linear", steps=np.array([0, 1, 200])
    )
    assert np.isfinite(sweep.loss[0, 0, :2]).all()
    assert not np.isfinite(sweep.loss[0, 0, 2])
    assert not np.isfinite(sweep.sharpness[0, 0, 2])


@pytest.mark.parametrize("eta", [0.7, 2.6, 3.5])
def test_the_smallest_network_takes_the_steps_of_its_written_out_gradient(eta, key):
    run, rate = run_catapult(7, eta=eta, steps=30, key=key)
    u, v = np.random.default_rng(np.asarray(jax.random.key_data(key))).normal(size=(2, 7))
    np.testing.assert_allclose(rate, eta / ((u @ u + v @ v) / 7), rtol=1e-14)  # rounding
    outputs, kernels = [], []
    for _ in range(31):
        outputs.append(u @ v / np.sqrt(7))
        kernels.append((u @ u + v @ v) / 7)
        push = rate * outputs[-1] / np.sqrt(7)
        u, v = u - push * v, v - push * u
    # rounding, amplified while the output grows, by less than the 1e4 that it grows by itself
    np.testing.assert_allclose(run.outputs, outputs, rtol=0, atol=1e-11 * np.abs(outputs).max())
    np.testing.assert_allclose(run.kernels, kernels, rtol=1e-11)


@pytest.mark.parametrize("eta", [0.7, 2.6, 3.5])
def test_the_smallest_network_obeys_the_recursion_of_two_numbers(eta, key):
    run, rate = run_catapult(16, eta=eta, steps=60, key=key)
    theory = catapult_recursion(run.outputs[0], run.kernels[0], eta=rate, width=16, steps=60)
    assert run.outputs.shape == run.kernels.shape == (61,)
    # as above
    np.testing.assert_allclose(run.outputs, theory.outputs, rtol=0, atol=1e-11 * np.abs(theory.outputs).max())
    np.testing.assert_allclose(run.kernels, theory.kernels, rtol=1e-11)
