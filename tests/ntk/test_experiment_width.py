"""Sweeps over width and scale, and a linear model, against gradients by hand and training in a plain loop."""

import jax
import numpy as np
import pytest
from scipy.special import erf

from solvable.ntk.experiment import (
    CircleKernels,
    Inputs,
    init_mlp,
    run_circle,
    run_linear_model,
    run_output_scales,
    run_widths,
)

SQUARES = 2 / np.sqrt(np.pi)
ACTIVATIONS = {
    "erf": (erf, lambda z: SQUARES * np.exp(-(z**2))),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}
# rounding, 1e-16 times some hundred operations and ten steps; the smallest quantity compared, a distance between two
# predictions of order one, is above 1e-4 and so keeps ten digits
ROUNDING = {"rtol": 1e-9, "atol": 1e-12}


class Net:
    """A dense network: its outputs and the gradient of each by every parameter, by hand; descent in a loop."""

    def __init__(self, activation, sigma_w, sigma_b):
        self.phi, self.slope = ACTIVATIONS[activation]
        self.sigma_w, self.sigma_b = sigma_w, sigma_b

    def gradients(self, params, x):
        entering, before = [x], []
        for weights, biases in params:
            scale = self.sigma_w / np.sqrt(weights.shape[1])
            before.append(scale * entering[-1] @ weights.T + self.sigma_b * biases)
            entering.append(self.phi(before[-1]))
        back, found = np.ones((len(x), 1)), []
        for i in reversed(range(len(params))):
            scale = self.sigma_w / np.sqrt(params[i][0].shape[1])
            found.insert(0, (scale * back[:, :, None] * entering[i][:, None, :], self.sigma_b * back))
            if i > 0:
                back = scale * back @ params[i][0] * self.slope(before[i - 1])
        return before[-1][:, 0], found

    def outputs(self, params, x):
        return self.gradients(params, x)[0]

    def kernel(self, params, x1, x2=None):
        rows, columns = (
            np.concatenate([part.reshape(len(x), -1) for pair in self.gradients(params, x)[1] for part in pair], axis=1)
            for x in (x1, x1 if x2 is None else x2)
        )
        return rows @ columns.T

    def trained(self, params, x, y, eta, steps, *, scale=1.0, centred=False):
        start = self.outputs(params, x) if centred else 0.0
        for _ in range(steps):
            outputs, found = self.gradients(params, x)
            error = scale * (outputs - start) - y
            # the mean loss over scale^2, whose gradient has one factor of scale from the outputs
            push = eta / (scale * len(y))
            params = [
                (w - push * np.tensordot(error, dw, 1), b - push * error @ db)
                for (w, b), (dw, db) in zip(params, found, strict=True)
            ]
        return params


def _network(params, index):
    return [(np.asarray(layer.weights[index], float), np.asarray(layer.biases[index], float)) for layer in params]


def _as_float32(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), params)


def _infinite_width(x, activation, hidden_layers, sigma_w, sigma_b):
    """Kernel of infinite width, from the published closed forms by arc sine and arc cosine."""
    cov = sigma_w**2 * x @ x.T / x.shape[1] + sigma_b**2
    ntk = cov
    for _ in range(hidden_layers):
        var = np.diag(cov)
        if activation == "erf":
            size = np.outer(1 + 2 * var, 1 + 2 * var)
            mean = 2 / np.pi * np.arcsin(2 * cov / np.sqrt(size))
            slopes = 4 / np.pi / np.sqrt(size - 4 * cov**2)
        else:
            size = np.sqrt(np.outer(var, var))
            angle = np.arccos(np.clip(cov / size, -1, 1))
            np.fill_diagonal(angle, 0)
            mean = size * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)
            slopes = (np.pi - angle) / (2 * np.pi)
        cov = sigma_w**2 * mean + sigma_b**2
        ntk = sigma_w**2 * slopes * ntk + cov
    return ntk


def _linear_test_outputs(kernel, f0, y, eta, steps):
    """Descent on the mean loss with a fixed kernel: the error times a matrix to the power of the steps, summed up."""
    n = len(y)
    shrink = np.eye(n) - eta * kernel[:n, :n] / n
    moved = sum((np.linalg.matrix_power(shrink, k) for k in range(steps)), np.zeros((n, n))) @ (y - f0[:n])
    return f0[n:] + eta / n * kernel[n:, :n] @ moved


def _rms(values):
    return np.sqrt(np.mean(values**2))


@pytest.fixture
def task():
    draw = np.random.default_rng(0)
    return Inputs(draw.normal(size=(5, 2)), draw.normal(size=5), draw.normal(size=(4, 2)))


WIDTHS = (3, 6)
SWEEPS = [
    {},
    {"hidden_layers": 1, "activation": "relu", "sigma_w": 1.2, "sigma_b": 0.4},
]


@pytest.fixture
def two_at_once(monkeypatch):
    """Let three seeds make one full batch and one that is not."""
    monkeypatch.setattr("solvable.ntk.experiment.width.AT_ONCE", 2)


@pytest.mark.usefixtures("two_at_once")
@pytest.mark.parametrize(("widths", "change"), [(WIDTHS, SWEEPS[0]), ((4,), SWEEPS[1])], ids=["default", "relu"])
def test_every_quantity_of_the_width_sweep_is_that_of_a_plain_loop(widths, change, task, key):
    sweep = run_widths(task, widths, seeds=3, key=key, steps=7, **change)
    settings = {"hidden_layers": 2, "activation": "erf", "sigma_w": 1.5, "sigma_b": 0.1} | change
    depth = settings["hidden_layers"]
    net = Net(settings["activation"], settings["sigma_w"], settings["sigma_b"])
    inputs, n = np.concatenate([task.x, task.x_test]), len(task.x)
    wide = _infinite_width(inputs, **settings)
    eta = 0.5 / (np.linalg.norm(wide[:n, :n], 2) / n)
    np.testing.assert_array_equal(sweep.widths, widths)
    for i, (width, one_key) in enumerate(zip(widths, jax.random.split(key, len(widths)), strict=True)):
        drawn = init_mlp((2, *[width] * depth, 1), key=one_key, networks=3)
        for seed in range(3):
            params = _network(drawn, seed)
            trained = net.trained(params, task.x, task.y, eta, 7)
            before, after, f0 = net.kernel(params, inputs), net.kernel(trained, inputs), net.outputs(params, inputs)
            f1 = net.outputs(trained, task.x_test)
            expected = {
                "kernel_error": np.linalg.norm(before - wide) / np.linalg.norm(wide),
                "kernel_change": np.linalg.norm(after - before) / np.linalg.norm(before),
                "weight_change": [
                    np.linalg.norm(new - old) / np.linalg.norm(old)
                    for (old, _), (new, _) in zip(params, trained, strict=True)
                ],
                "to_own_linear": _rms(f1 - _linear_test_outputs(before, f0, task.y, eta, 7)),
                "to_infinite_width": _rms(f1 - _linear_test_outputs(wide, f0, task.y, eta, 7)),
            }
            for name, value in expected.items():
                np.testing.assert_allclose(getattr(sweep, name)[i, seed], value, **ROUNDING, err_msg=name)


def test_the_width_sweep_has_an_axis_for_each_width_seed_and_layer_and_repeats_itself(task, key):
    first, again = (run_widths(task, WIDTHS, seeds=2, key=key, hidden_layers=1, steps=2) for _ in range(2))
    assert first.weight_change.shape == (2, 2, 2)
    for name in ("kernel_error", "kernel_change", "to_own_linear", "to_infinite_width"):
        assert getattr(first, name).shape == (2, 2)
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert len(np.unique(getattr(first, name))) == 4


@pytest.mark.usefixtures("two_at_once")
def test_the_kernel_around_the_circle_is_that_of_a_plain_loop(key):
    angles = np.linspace(-3, 3, 9)
    found = run_circle(6, seeds=3, key=key, angles=angles, examples=7, steps=5)
    assert found.before.shape == found.after.shape == (3, 9)
    first, second = jax.random.split(key)
    drawn = _as_float32(init_mlp((2, 6, 6, 6, 1), key=first, networks=3))
    x = np.random.default_rng(np.asarray(jax.random.key_data(second))).normal(size=(3, 7, 2)).astype(np.float32)
    net = Net("relu", 1.0, 0.1)
    points = np.column_stack([np.cos(angles), np.sin(angles)])
    for seed in range(3):
        inputs = x[seed].astype(float)
        params = _network(drawn, seed)
        trained = net.trained(params, inputs, inputs[:, 0] * inputs[:, 1], 1.0, 5)
        for kernel, after in ((found.before[seed], params), (found.after[seed], trained)):
            expected = net.kernel(after, np.array([[1.0, 0.0]]), points)[0]
            # float32 rounds to 6e-8; a hundred operations and five steps that amplify little
            np.testing.assert_allclose(kernel, expected, rtol=0, atol=2e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(found.angles, angles)
    assert (found.after != found.before).any(axis=1).all()


def test_inflation_is_the_growth_of_the_kernel_at_the_angle_closest_to_zero():
    before = np.array([[9.0, 2.0, 7.0], [9.0, 4.0, 7.0]])
    after = np.array([[1.0, 3.0, 1.0], [1.0, 3.0, 1.0]])
    np.testing.assert_array_equal(CircleKernels(np.array([-2.0, 0.1, 1.0]), before, after).inflation, [0.5, -0.25])


@pytest.mark.parametrize("change", SWEEPS, ids=["default", "relu"])
def test_every_quantity_of_the_scale_sweep_is_that_of_a_plain_loop(change, task, key):
    scales = (0.5, 1.0, 20.0)
    sweep = run_output_scales(task, scales, seeds=2, key=key, width=5, steps=8, **change)
    settings = {"hidden_layers": 2, "activation": "erf", "sigma_w": 1.5, "sigma_b": 0.1} | change
    net = Net(settings["activation"], settings["sigma_w"], settings["sigma_b"])
    inputs, n = np.concatenate([task.x, task.x_test]), len(task.x)
    drawn = init_mlp((2, *[5] * settings["hidden_layers"], 1), key=key, networks=2)
    np.testing.assert_array_equal(sweep.scales, scales)
    for i, scale in enumerate(scales):
        for seed in range(2):
            params = _network(drawn, seed)
            before = net.kernel(params, inputs)
            eta = 1 / (np.linalg.norm(before[:n, :n], 2) / n)
            trained = net.trained(params, task.x, task.y, eta, 8, scale=scale, centred=True)
            f1 = scale * (net.outputs(trained, task.x_test) - net.outputs(params, task.x_test))
            linear = _linear_test_outputs(before, np.zeros(len(inputs)), task.y, eta, 8)
            pairs = zip(jax.tree.leaves(trained), jax.tree.leaves(params), strict=True)
            expected = {
                "to_own_linear": _rms(f1 - linear),
                "kernel_change": np.linalg.norm(net.kernel(trained, inputs) - before) / np.linalg.norm(before),
                "moved": np.sqrt(sum(((new - old) ** 2).sum() for new, old in pairs)),
            }
            for name, value in expected.items():
                np.testing.assert_allclose(getattr(sweep, name)[i, seed], value, **ROUNDING, err_msg=name)


def test_the_scale_sweep_has_an_axis_for_each_scale_and_seed_and_repeats_itself(task, key):
    first, again = (
        run_output_scales(task, (1.0, 3.0), seeds=2, key=key, width=4, hidden_layers=1, steps=2) for _ in range(2)
    )
    for name in ("to_own_linear", "kernel_change", "moved"):
        assert getattr(first, name).shape == (2, 2)
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


@pytest.mark.parametrize("scales", [(1.0, 0.0), (-1.0,), (np.inf,)])
def test_the_scale_sweep_rejects_a_scale_that_is_not_positive(scales, task, key):
    with pytest.raises(ValueError, match="scales must be positive"):
        run_output_scales(task, scales, seeds=1, key=key)


@pytest.mark.parametrize("change", SWEEPS, ids=["default", "relu"])
def test_the_network_its_linear_model_and_the_recursion_are_those_of_a_plain_loop(change, task, key):
    run = run_linear_model(task, 6, seeds=2, key=key, steps=5, **change)
    settings = {"hidden_layers": 2, "activation": "erf", "sigma_w": 1.5, "sigma_b": 0.1} | change
    net = Net(settings["activation"], settings["sigma_w"], settings["sigma_b"])
    inputs, n = np.concatenate([task.x, task.x_test]), len(task.x)
    drawn = init_mlp((2, *[6] * settings["hidden_layers"], 1), key=key, networks=2)
    np.testing.assert_array_equal(run.steps, np.arange(6))
    assert run.network.shape == run.linear.shape == run.recursion.shape == (2, 6, 4)
    for seed in range(2):
        params = _network(drawn, seed)
        kernel, f0 = net.kernel(params, inputs), net.outputs(params, inputs)
        eta = 1 / (np.linalg.norm(kernel[:n, :n], 2) / n)
        for step in range(6):
            trained = net.trained(params, task.x, task.y, eta, step)
            linear = _linear_test_outputs(kernel, f0, task.y, eta, step)
            np.testing.assert_allclose(run.network[seed, step], net.outputs(trained, task.x_test), **ROUNDING)
            np.testing.assert_allclose(run.linear[seed, step], linear, **ROUNDING)
            np.testing.assert_allclose(run.recursion[seed, step], linear, **ROUNDING)
