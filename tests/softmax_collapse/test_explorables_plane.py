"""Descent in the plane, against plain loops and a search over all directions."""

import numpy as np
import pytest
from scipy.special import expit

from solvable.softmax_collapse.explorables.plane import EDGES, LABELS, LIMITS, PLANE, SEEDS, STEPS

SETTINGS = [(0.01, 0.6, 0), (1.0, 0.04, 1), (3.0, 0.06, 3), (30.0, 0.1, 2), (1e3, 0.3, 4), (1e6, 0.05, 3)]


def examples(margin, seed):
    """The points of the picture times their labels."""
    at = PLANE.evaluate(margin=margin, seed=seed)
    signed = np.empty((len(LABELS), 2))
    signed[::2] = np.stack([at["positive across"], at["positive up"]], axis=1)
    signed[1::2] = -np.stack([at["negative across"], at["negative up"]], axis=1)
    return signed


def largest_margin(signed):
    """By a grid of directions, made finer three times."""
    centre, width = 0.0, np.pi
    for _ in range(12):
        angles = centre + np.linspace(-width, width, 2001)
        margins = (signed @ np.stack([np.cos(angles), np.sin(angles)])).min(axis=0)
        centre, width = angles[margins.argmax()], width / 100
    return np.array([np.cos(centre), np.sin(centre)]), margins.max()


def descend(signed, rate):
    weights = [np.zeros(2)]
    for _ in range(STEPS):
        total = np.zeros(2)
        for one in signed:
            total += expit(-(one @ weights[-1])) * one
        weights.append(weights[-1] + rate * total / len(signed))
    return np.array(weights)


def first_without(signed, run):
    right = (run @ signed.T > 0).all(axis=1)
    return right.argmax() if right.any() else None


@pytest.mark.parametrize(("rate", "margin", "seed"), SETTINGS)
def test_descent_is_that_of_a_loop(rate, margin, seed):
    signed = examples(margin, seed)
    run = descend(signed, rate)
    losses = np.logaddexp(0, -(run @ signed.T)).mean(axis=1)
    shares = (run @ signed.T < 0).mean(axis=1)
    at = PLANE.evaluate(rate=rate, margin=margin, seed=seed)
    assert at["chaotic"] == 0
    # rounding errors may grow by the factor from which the figure calls itself chaotic, and shrink a loss's digits
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(at["losses"], np.clip(losses[1:], *LIMITS), **close)
    np.testing.assert_allclose(at["shares"], np.maximum(shares[1:], LIMITS[0]), rtol=1e-12, atol=0)
    first = first_without(signed, run)
    assert at["never"] == (first is None)
    assert at["first"] == (STEPS if first is None else first)
    np.testing.assert_allclose(at["loss then"], losses[int(at["first"])], **close)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("margin", [0.04, 0.1, 0.6])
def test_the_perceptron_adds_what_is_wrong(seed, margin):
    signed = examples(margin, seed)
    run = [np.zeros(2), signed.mean(axis=0) / 2]
    for _ in range(STEPS - 1):
        run.append(run[-1] + signed[signed @ run[-1] < 0].sum(axis=0) / len(signed))
    run = np.array(run)
    at = PLANE.evaluate(margin=margin, seed=seed)
    shares = (run @ signed.T < 0).mean(axis=1)
    np.testing.assert_allclose(at["perceptron shares"], np.maximum(shares[1:], LIMITS[0]), rtol=1e-12, atol=0)
    assert at["perceptron"] == first_without(signed, run)
    # n R^2 / margin^2 steps at most
    assert at["perceptron"] <= len(signed) * (signed**2).sum(axis=1).max() / largest_margin(signed)[1] ** 2


@pytest.mark.parametrize("seed", SEEDS)
def test_points_are_separable_and_in_sight_and_the_mean_is_wrong(seed):
    for margin in (0.04, 0.15, 0.6):
        signed = examples(margin, seed)
        assert largest_margin(signed)[1] >= margin
        assert (np.abs(signed).max(axis=0) < EDGES).all()
        if margin < 0.5:
            assert (signed @ signed.mean(axis=0) < 0).sum() == 2


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("margin", [0.04, 0.3])
def test_the_largest_margin(seed, margin):
    signed = examples(margin, seed)
    direction, _ = largest_margin(signed)
    at = PLANE.evaluate(margin=margin, seed=seed, step=50.0)
    along = np.array([np.diff(at["optimum across"])[0], np.diff(at["optimum up"])[0]])
    # the dashed line is at a right angle to the direction, to the last step of the search
    np.testing.assert_allclose(along @ direction / np.linalg.norm(along), 0, rtol=0, atol=1e-8)
    weights = descend(signed, PLANE.defaults["rate"])[50]
    cosine = weights @ direction / np.linalg.norm(weights)
    np.testing.assert_allclose(at["angle"], np.degrees(np.arccos(cosine)), rtol=1e-6, atol=0)


def test_a_step_may_be_a_part_of_one():
    signed = examples(0.06, 3)
    run = descend(signed, 3.0)
    for step, weights in ((1.0, run[1]), (7.0, run[7]), (7.25, 0.75 * run[7] + 0.25 * run[8]), (300.0, run[300])):
        at = PLANE.evaluate(rate=3.0, margin=0.06, seed=3, step=step)
        loss = np.logaddexp(0, -(signed @ weights)).mean()
        # rounding of a few hundred steps that do not amplify it
        np.testing.assert_allclose([at["loss"], at["loss here"][0]], loss, rtol=1e-11, atol=0)
        along = np.array([np.diff(at["boundary across"])[0], np.diff(at["boundary up"])[0]])
        np.testing.assert_allclose(along @ weights / np.linalg.norm(weights), 0, rtol=0, atol=1e-11)


def test_crosses_are_on_what_is_wrong():
    signed = examples(0.06, 3)
    wrong = signed @ descend(signed, 3.0)[20] < 0
    at = PLANE.evaluate(rate=3.0, margin=0.06, seed=3, step=20.0)
    assert at["mistakes"] == wrong.sum() == 2
    points = (signed * LABELS[:, None])[wrong]
    # a label is a factor of 1 or -1
    np.testing.assert_allclose(np.stack([at["wrong across"], at["wrong up"]], axis=1)[wrong], points, rtol=0, atol=0)
    assert (np.abs(at["wrong across"][~wrong]) > EDGES[0]).all()


def test_a_huge_step_is_the_perceptron_and_a_loss_may_rise():
    huge = PLANE.evaluate(rate=1e6)
    np.testing.assert_array_equal(huge["shares"][:9], huge["perceptron shares"][:9])
    high = PLANE.evaluate(rate=300.0)
    assert high["losses"].max() > 10 * high["losses"][2]
    assert high["first"] < PLANE.evaluate()["first"]


def test_chaos_is_where_a_nudge_grows():
    """Margins that differ by a part in 10^15 lead apart where the figure says so, and not where it does not."""
    wild = {"rate": 1769.6170187462376, "margin": 0.06141669205396889, "seed": 2.0}
    for setting, chaotic in ((wild, 1), ({"rate": 3.0, "margin": 0.06, "seed": 2.0}, 0)):
        at = PLANE.evaluate(**setting)
        nudged = PLANE.evaluate(**(setting | {"margin": setting["margin"] * (1 + 1e-15)}))
        assert at["chaotic"] == chaotic
        away = np.abs(nudged["losses"] - at["losses"]).max() / at["losses"].max()
        # a nudge of 1e-16 grows by 1e12; or by less than the 1e5 that are allowed
        assert (away > 1e-6) == bool(chaotic)
