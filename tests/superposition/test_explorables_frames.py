"""The explorable of directions, against brute force."""

import numpy as np
import pytest

from solvable.superposition.explorables.frames import COUNTS, DIMENSIONS, FRAMES, RANDOM, SEEDS, SPREAD, TIGHT


def welch(n, m):
    return max(n - m, 0) / (m * (n - 1))


@pytest.mark.parametrize(("n", "m"), [(4, 2), (28, 7), (64, 16)])
def test_random_directions_are_those_of_the_table(n, m):
    start = np.random.default_rng(0).normal(size=(len(SEEDS), COUNTS[-1], DIMENSIONS[-1]))[3, :n, :m]
    rows = start / np.linalg.norm(start, axis=1, keepdims=True)
    overlaps = np.abs(rows @ rows.T)[~np.eye(n, dtype=bool)]
    at = FRAMES.evaluate(n=n, m=m, kind=RANDOM, seed=3)
    # rounding of sums of at most 4096 numbers
    np.testing.assert_allclose(at["mean square"], (overlaps**2).mean(), rtol=1e-12, atol=0)
    np.testing.assert_allclose(at["largest"], overlaps.max(), rtol=1e-12, atol=0)
    np.testing.assert_allclose(at["welch"], welch(n, m), rtol=1e-14, atol=0)


@pytest.mark.parametrize(("n", "m"), [(12, 2), (28, 7), (64, 16), (40, 12)])
@pytest.mark.parametrize("seed", SEEDS)
def test_descent_finds_a_tight_frame(n, m, seed):
    at = FRAMES.evaluate(n=n, m=m, kind=TIGHT, seed=seed)
    # 240 steps, each of which shrinks the distance by a fixed part
    np.testing.assert_allclose(at["mean square"], welch(n, m), rtol=1e-3, atol=0)


@pytest.mark.parametrize("seed", SEEDS)
def test_six_directions_in_space_become_equiangular(seed):
    at = FRAMES.evaluate(n=6, m=3, kind=SPREAD, seed=seed)
    # the icosahedron's diagonals; the last power leaves overlaps apart by a per cent
    np.testing.assert_allclose(at["largest"], 1 / np.sqrt(5), rtol=2e-2, atol=0)


def test_no_code_beats_the_bound():
    for settings in FRAMES.random_points(20, seed=1):
        at = FRAMES.evaluate(**settings)
        # rounding where the bound is met
        assert at["mean square"] >= at["welch"] * (1 - 1e-9)
        assert at["largest"] >= at["root"] * (1 - 1e-9)


def test_notices():
    assert FRAMES.evaluate(n=4, m=16)["enough"] == 1
    assert FRAMES.evaluate(n=28, m=7)["too many"] == 0
    assert FRAMES.evaluate(n=28, m=6)["too many"] == 1
