"""The strengths of four modes at a thousand times: the closed form, integrators, gradient descent.

Every method runs once in each round, in turn, so that a slow moment of the machine meets them all; a ratio is taken
within its round, and the table gives the median over rounds and their range.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

from solvable.deep_linear import mode_strength

ROUNDS = 7
WIDTH = 16
STRENGTH = 1e-3
TIMES = np.linspace(0.0, 12.0, 1000)
# the data set of Chapter 1, section 1: canary, salmon, oak, rose and what they have
PROPERTIES = np.array(
    [
        [1, 1, 1, 1],
        [1, 1, 0, 0],
        [0, 0, 1, 1],
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
    ],
    dtype=float,
)


def closed_form(jitted: Callable, singular_values: np.ndarray) -> np.ndarray:
    """The formula for all modes and times at once."""
    return np.asarray(jitted(TIMES, singular_values[:, None], STRENGTH))


def integrate_modes(singular_values: np.ndarray, rtol: float) -> np.ndarray:
    """One scalar equation for each mode."""

    def rate(t, u, s):
        return 2 * u * (s - u)

    options = {"t_eval": TIMES, "method": "DOP853", "rtol": rtol, "atol": 0.0}
    return np.stack([solve_ivp(rate, (0, 12), [STRENGTH], args=(s,), **options).y[0] for s in singular_values])


def start(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both matrices of a balanced network aligned with the data, every mode of the same strength."""
    hidden = np.linalg.qr(np.random.default_rng(0).normal(size=(WIDTH, WIDTH)))[0][:, : right.shape[0]]
    return np.sqrt(STRENGTH) * hidden @ right, np.sqrt(STRENGTH) * left @ hidden.T


def integrate_network(left: np.ndarray, right: np.ndarray, rtol: float) -> np.ndarray:
    """The flow of both matrices; the modes are read from their product."""
    w1, w2 = start(left, right)

    def rate(_, flat):
        w1, w2 = flat[: WIDTH * 4].reshape(WIDTH, 4), flat[WIDTH * 4 :].reshape(7, WIDTH)
        error = PROPERTIES - w2 @ w1
        return np.concatenate([(w2.T @ error).ravel(), (error @ w1.T).ravel()])

    flat = np.concatenate([w1.ravel(), w2.ravel()])
    run = solve_ivp(rate, (0, 12), flat, t_eval=TIMES, method="DOP853", rtol=rtol, atol=rtol * 1e-3).y.T
    products = np.einsum(
        "toh,thi->toi", run[:, WIDTH * 4 :].reshape(-1, 7, WIDTH), run[:, : WIDTH * 4].reshape(-1, WIDTH, 4)
    )
    return np.einsum("om,toi,mi->mt", left, products, right)


@partial(jax.jit, static_argnames="steps")
def descend(w1: jax.Array, w2: jax.Array, left: jax.Array, right: jax.Array, rate: float, steps: int) -> jax.Array:
    """Gradient descent on both matrices, the modes after every step."""
    target = jnp.asarray(PROPERTIES)

    def step(weights, _):
        w1, w2 = weights
        error = target - w2 @ w1
        weights = w1 + rate * w2.T @ error, w2 + rate * error @ w1.T
        return weights, jnp.einsum("om,oi,mi->m", left, w2 @ w1, right)

    return jax.lax.scan(step, (w1, w2), length=steps)[1]


def gradient_descent(left: np.ndarray, right: np.ndarray, rate: float) -> np.ndarray:
    """Gradient descent with a learning rate, read at the same times."""
    steps = round(TIMES[-1] / rate)
    strengths = np.asarray(descend(*start(left, right), left, right, rate, steps))
    times = rate * np.arange(1, steps + 1)
    return np.stack([np.interp(TIMES, times, mode) for mode in strengths.T])


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    left, singular_values, right = np.linalg.svd(PROPERTIES, full_matrices=False)
    jitted = jax.jit(mode_strength)
    methods = {
        "closed form, jax jit": partial(closed_form, jitted, singular_values),
        "closed form, jax without jit": partial(closed_form, mode_strength, singular_values),
        "each mode, DOP853 rtol 1e-6": partial(integrate_modes, singular_values, 1e-6),
        "each mode, DOP853 rtol 1e-12": partial(integrate_modes, singular_values, 1e-12),
        "network, DOP853 rtol 1e-6": partial(integrate_network, left, right, 1e-6),
        "network, DOP853 rtol 1e-12": partial(integrate_network, left, right, 1e-12),
        "gradient descent, rate 0.01": partial(gradient_descent, left, right, 0.01),
        "gradient descent, rate 0.001": partial(gradient_descent, left, right, 0.001),
    }
    # the first call compiles; its values give the errors
    values = {name: method() for name, method in methods.items()}
    reference = next(iter(values.values()))
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for _ in range(ROUNDS):
        for name, method in methods.items():
            begin = time.perf_counter()
            method()
            seconds[name].append(time.perf_counter() - begin)
    base = next(iter(seconds.values()))
    print(f"4 modes, {TIMES.size} times, float64; {ROUNDS} rounds")
    print(f"{'method':<30} {'ms':>9} {'x closed form [min, max]':>28} {'largest error':>14}")
    for name, own in seconds.items():
        ratios = [a / b for a, b in zip(own, base, strict=True)]
        ratio = f"{statistics.median(ratios):.3g} [{min(ratios):.3g}, {max(ratios):.3g}]"
        error = np.max(np.abs(values[name] - reference))
        print(f"{name:<30} {1e3 * statistics.median(own):9.3f} {ratio:>28} {error:14.1e}")


if __name__ == "__main__":
    main()
