"""Starts of low rank, and how far networks move from them, against a plain loop in double precision."""

import jax
import numpy as np
import pytest

from solvable.lazy_rich.experiment.initial_rank import low_rank_initialisation, run_initial_ranks
from solvable.randomness import generator

SIZES = {"n_in": 4, "width": 5, "examples": 6}


def test_a_cut_matrix_has_its_rank_and_the_norm_it_had_before(key):
    drawn = low_rank_initialisation((7, 5), 5, key=key, scale=0.3)
    # nothing is cut at full rank
    np.testing.assert_allclose(drawn, 0.3 * generator(key).normal(size=(7, 5)), rtol=1e-12)
    before = np.linalg.svd(drawn, compute_uv=False)
    for rank in (1, 2, 4):
        w = low_rank_initialisation((7, 5), rank, key=key, scale=0.3)
        np.testing.assert_allclose(np.linalg.norm(w), np.linalg.norm(drawn), rtol=1e-13)
        s = np.linalg.svd(w, compute_uv=False)
        assert (s > 1e-12).sum() == rank
        # the directions that are left keep their proportions
        np.testing.assert_allclose(s[:rank] / s[0], before[:rank] / before[0], rtol=1e-12)


def _start(rank, w):
    left, s, right = np.linalg.svd(w)
    s[rank:] = 0
    cut = (left[:, : len(s)] * s) @ right
    return cut * np.linalg.norm(w) / np.linalg.norm(cut)


def _cosine(a, b):
    return np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))


def _by_hand(w, v, x, y, phi, slope, eta, level, steps):
    """Measures of one run in the order of Movement, with gradients written out."""

    def state(w, v):
        h, d = phi(x @ w.T), slope(x @ w.T) * v
        # kernel: gradients of the readout, and of the first layer
        return h, h @ h.T + (x @ x.T) * (d @ d.T)

    start = w
    h0, k0 = state(w, v)
    reached = np.nan
    for step in range(steps + 1):
        h = phi(x @ w.T)
        error = h @ v - y
        loss = np.mean(error**2)
        if loss <= level:
            reached = step
            break
        if step < steps:
            back = 2 * error / len(y)
            w, v = w - eta * (slope(x @ w.T) * np.outer(back, v)).T @ x, v - eta * h.T @ back
    h1, k1 = state(w, v)
    return (
        _cosine(k0, k1),
        _cosine(h0 @ h0.T, h1 @ h1.T),
        np.linalg.norm(w - start) / np.linalg.norm(start),
        loss,
        reached,
    )


FUNCTIONS = {
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "linear": (lambda z: z, np.ones_like),
}


@pytest.mark.parametrize(("activation", "level"), [("tanh", 0.3), ("linear", 0.3), ("tanh", 1e-9)])
def test_networks_move_as_in_a_plain_loop(activation, level, key):
    settings = {"norm": 1.5, "readout": 0.4, "eta": 0.05, "level": level, "steps": 60}
    found = run_initial_ranks((1, 3), seeds=2, key=key, activation=activation, **settings, **SIZES)
    for seed, one in enumerate(jax.random.split(key, 2)):
        first, second = jax.random.split(one)
        full = 1.5 / np.sqrt(20) * generator(first).normal(size=(5, 4))
        draw = generator(second)
        x, direction = draw.normal(size=(6, 4)), draw.normal(size=4)
        direction /= np.sqrt(direction @ direction)
        v = 0.4 / np.sqrt(5) * draw.normal(size=5)
        aligned = np.outer(draw.normal(size=5), direction)
        starts = [_start(1, full), _start(3, full), aligned * np.linalg.norm(full) / np.linalg.norm(aligned)]
        runs = [_by_hand(w, v, x, x @ direction, *FUNCTIONS[activation], 0.05, level, 60) for w in starts]
        ours = [[field[i, seed] for field in found.random] for i in range(2)]
        ours.append([field[seed] for field in found.aligned])
        # float32 rounds to 6e-8; sixty steps of growth, and a change of weights that is a small difference
        np.testing.assert_allclose(ours, runs, rtol=1e-4)
    reached = np.isfinite(found.random.steps)
    assert reached.all() if level > 0.1 else not reached.any()


def test_starts_share_tasks_readouts_and_norms_but_seeds_do_not(key):
    found = run_initial_ranks((1, 2, 4), seeds=3, key=key, steps=5, **SIZES)
    for field in found.random:
        assert field.shape == (3, 3)
    assert all(field.shape == (3,) for field in found.aligned)
    assert len(np.unique(found.random.final_loss)) == 9
    np.testing.assert_array_equal(found.ranks, (1, 2, 4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ranks": (0, 2)}, "rank must be a whole number of at least 1, got 0"),
        ({"ranks": (5,)}, "rank must be between 1 and 4, got 5"),
        ({"activation": "relu"}, "activation must be one of 'tanh', 'linear', got 'relu'"),
        ({"readout": 0.0}, "readout must be positive, got 0.0"),
        ({"level": -1.0}, "level must be positive, got -1.0"),
        ({"seeds": 0}, "seeds must be a whole number of at least 1, got 0"),
    ],
)
def test_arguments_outside_their_domain_are_refused(change, message, key):
    arguments = {"ranks": (1, 2), "seeds": 1, "key": key} | SIZES | change
    with pytest.raises(ValueError, match=message):
        run_initial_ranks(arguments.pop("ranks"), **arguments)


def test_a_start_of_no_size_is_refused(key):
    with pytest.raises(ValueError, match=r"scale must be positive, got 0\.0"):
        low_rank_initialisation((3, 3), 1, key=key, scale=0.0)
