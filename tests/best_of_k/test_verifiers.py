"""Retrying until a verifier accepts: against a loop of tries, sampling, integrals in many digits, a search."""

import itertools
import math
import re

import mpmath
import numpy as np
import pytest

from solvable.best_of_k.theory.verifiers import (
    MOST_TRIES,
    TRIES,
    beta_difficulties,
    optimal_tries,
    two_point_optimal_tries,
    verifier_ceiling,
    verifier_utility,
)

SUCCESS = np.array([0.9, 0.3, 0.05, 0.0, 1.0])


def tried(tries, success, false_accept, miss, cost, weights):
    """The mean reward, one try after the other."""
    total = 0.0
    for p, f, m, w in np.broadcast(success, false_accept, miss, weights):
        open_share = 1.0
        for _ in range(tries):
            right, wrong = open_share * p * (1 - m), open_share * (1 - p) * f
            total += w * (right - cost * wrong)
            open_share -= right + wrong
    return total / np.sum(np.broadcast_to(weights, np.shape(success)))


@pytest.mark.parametrize(
    ("false_accept", "miss", "cost", "weights"),
    [
        (0.1, 0.0, 0.0, np.ones(5)),
        (0.0, 0.2, 3.0, np.arange(1.0, 6)),
        (1.0, 0.0, 0.5, np.array([1, 0, 2, 0.5, 3])),
        (np.linspace(0, 0.4, 5), np.linspace(0.5, 0, 5), 1.5, np.full(5, 0.2)),
    ],
)
def test_the_utility_is_that_of_one_try_after_the_other(false_accept, miss, cost, weights):
    tries = np.array([0, 1, 2, 7, 60])
    expected = [tried(int(k), SUCCESS, false_accept, miss, cost, weights) for k in tries]
    found = verifier_utility(tries, SUCCESS, false_accept=false_accept, miss=miss, cost=cost, weights=weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-14)  # rounding in a loop of sixty
    assert verifier_utility(tries[None, 1:], SUCCESS, false_accept=false_accept).shape == (1, 4)


def test_the_utility_is_the_mean_reward_of_simulated_tries():
    rng = np.random.default_rng(3)
    runs, tries, f, m, cost = 200_000, 4, 0.2, 0.3, 2.0
    right = rng.random((runs, tries)) < 0.35
    accepted = rng.random((runs, tries)) < np.where(right, 1 - m, f)
    first = accepted.argmax(axis=1)[:, None]
    reward = np.where(np.take_along_axis(right, first, 1), 1.0, -cost) * np.take_along_axis(accepted, first, 1)
    error = reward.std() / math.sqrt(runs)
    found = verifier_utility(tries, np.array([0.35]), false_accept=f, miss=m, cost=cost)
    assert found == pytest.approx(reward.mean(), abs=4 * error)  # four standard errors, about 0.012


def test_without_weights_or_errors_all_problems_count_alike_and_in_full():
    found = verifier_utility(3, SUCCESS, false_accept=0.1)
    assert found == verifier_utility(3, SUCCESS, false_accept=0.1, miss=0.0, cost=0.0, weights=np.full(5, 7.0))
    # the share of five problems that three tries solve, 1 - (1 - p)^3
    assert verifier_utility(3, SUCCESS, false_accept=0.0) == pytest.approx(
        float((1 - (1 - SUCCESS) ** 3).mean()), abs=1e-15
    )


def test_a_try_that_is_hardly_ever_accepted_keeps_its_digits():
    p, f, k = 1e-18, 1e-19, 10**12
    with mpmath.workdps(50):
        right, wrong = mpmath.mpf(p), (1 - mpmath.mpf(p)) * mpmath.mpf(f)
        expected = (1 - (1 - right - wrong) ** k) * (right - 3 * wrong) / (right + wrong)
    found = verifier_utility(k, np.array([p]), false_accept=f, cost=3.0)
    assert found == pytest.approx(float(expected), rel=1e-14)  # rounding


def test_problems_of_which_nothing_is_accepted_count_nothing():
    np.testing.assert_array_equal(
        verifier_utility(np.array([0, 5, math.inf]), np.array([0.0, 1.0]), false_accept=0.0, miss=1.0), [0, 0, 0]
    )
    found = verifier_utility(np.array([0, 1, math.inf]), np.array([0.0, 1.0]), false_accept=0.0)
    np.testing.assert_array_equal(found, [0, 0.5, 0.5])
    assert verifier_ceiling(np.array([0.0, 0.2]), false_accept=0.0) == 0.5


@pytest.mark.parametrize(("false_accept", "miss"), [(0.15, 0.0), (0.02, 0.4), (0.5, 0.5)])
def test_the_ceiling_is_the_mean_precision_and_the_limit_of_many_tries(false_accept, miss):
    weights = np.array([1, 2, 3, 4, 5.0])
    right, wrong = SUCCESS * (1 - miss), (1 - SUCCESS) * false_accept
    expected = np.average(right / (right + wrong), weights=weights)
    found = verifier_ceiling(SUCCESS, false_accept=false_accept, miss=miss, weights=weights)
    assert found == pytest.approx(expected, abs=1e-15)  # rounding
    late = verifier_utility(5000, SUCCESS, false_accept=false_accept, miss=miss, weights=weights)
    # 0.98^5000 is 1e-44
    assert found == pytest.approx(float(late), abs=1e-15)


def searched(success, false_accept, miss, cost, weights, most):
    utilities = verifier_utility(
        np.arange(most + 1), success, false_accept=false_accept, miss=miss, cost=cost, weights=weights
    )
    return int(np.argmax(utilities)), utilities


def test_the_best_number_is_the_one_that_a_plain_search_finds():
    rng = np.random.default_rng(11)
    seen = set()
    for _ in range(200):
        success, false_accept = rng.beta(0.3, 0.8, 6), rng.uniform(0.01, 0.3)
        miss, cost, weights = rng.uniform(0, 0.5), rng.exponential(1.0), rng.random(6)
        best, utilities = searched(success, false_accept, miss, cost, weights, 3000)
        found = optimal_tries(success, false_accept=false_accept, miss=miss, cost=cost, weights=weights)
        # 0.99^3000 is 1e-13: at the end of the search the utility is its limit
        if found == math.inf:
            assert utilities[-1] >= utilities.max() - 1e-12
        else:
            # where two utilities agree to rounding, the search may take either
            assert utilities[int(found)] >= utilities.max() - 1e-15
            assert found == best or abs(utilities[best] - utilities[int(found)]) < 1e-15
        seen.add(found)
    assert {0.0, 1.0, math.inf} < seen
    assert len(seen) > 6


def test_a_best_number_beyond_the_first_integers_is_found_exactly():
    # A = 0.5 p and B = 0.5 c f with slow rates: the turn is at ln(A / B) / ln(d2 / d1)
    for p in [3e-3, 1e-4, 1e-6]:
        success, false_accept, cost = np.array([p, 0.0]), p / 100, 1.0
        with mpmath.workdps(40):
            x, f = mpmath.mpf(p), mpmath.mpf(p / 100)
            turn = mpmath.log((x - (1 - x) * f) / f) / mpmath.log((1 - f) / ((1 - x) * (1 - f)))
        assert optimal_tries(success, false_accept=false_accept, cost=cost) == float(mpmath.ceil(turn))


def test_one_kind_of_problem_is_worth_no_try_or_all():
    for p, f, cost in itertools.product([0.1, 0.5, 1.0], [0.1, 0.4], [0.5, 3.0]):
        found = optimal_tries(np.array([p, p]), false_accept=f, cost=cost)
        if p == 1:
            assert found == 1  # nothing is left after the first
        else:
            assert found == (math.inf if p > cost * (1 - p) * f else 0)


def test_of_several_turns_the_best_is_taken():
    # easy problems, hard ones that are accepted wrongly, and harder ones that are worth waiting for
    success, false_accept = np.array([0.8, 0.0, 1e-3]), np.array([0.0, 0.05, 0.0])
    for weights, expected in [([1, 1, 1.0], math.inf), ([1, 1, 0.1], 2)]:
        weights = np.array(weights)
        utilities = verifier_utility(np.arange(20_001), success, false_accept=false_accept, cost=0.9, weights=weights)
        steps = np.sign(np.diff(utilities[:5000]))
        assert (np.diff(steps) != 0).sum() == 2  # up, down, and up again
        found = optimal_tries(success, false_accept=false_accept, cost=0.9, weights=weights)
        assert found == expected
        best = int(np.argmax(utilities))
        # 0.999^20000 is 2e-9: the utility still rises at the end where it is best there
        assert best == (20_000 if expected == math.inf else expected)


def test_turns_are_found_that_lie_between_large_numbers_of_tries():
    # a loss that is over first, then a gain, then a loss
    success, false_accept = np.array([0.0, 1e-3, 0.0]), np.array([0.02, 0.0, 1e-4])
    best, utilities = searched(success, false_accept, 0.0, 1.0, np.array([0.5, 1, 1]), 20_000)
    assert utilities[65] < utilities[64] < 0 < utilities[best]
    weights = np.array([0.5, 1, 1])
    assert optimal_tries(success, false_accept=false_accept, cost=1.0, weights=weights) == best


def test_a_verifier_that_accepts_wrong_answers_sooner_is_used_for_ever_or_never():
    success, weights = np.array([0.05, 0.6]), np.array([0.5, 0.5])
    for cost in [0.2, 0.9, 2.0]:
        best, utilities = searched(success, 0.6, 0.9, cost, weights, 400)
        found = optimal_tries(success, false_accept=0.6, miss=0.9, cost=cost, weights=weights)
        # 0.6 is the slower rate left: 400 tries are all
        assert utilities[min(int(min(found, 400)), 400)] == pytest.approx(utilities[best], abs=1e-15)
        assert found in (0, math.inf)


def test_nothing_to_gain_is_no_try():
    assert optimal_tries(np.array([0.0, 0.0]), false_accept=0.0) == 0
    assert optimal_tries(np.array([0.0, 0.5]), false_accept=0.1, cost=1.0, weights=np.array([1.0, 0.0])) == 0
    assert (TRIES[0], TRIES[64], TRIES[-1]) == (0, 64, MOST_TRIES)


def test_the_optimum_of_a_beta_law_is_the_one_that_was_measured():
    success, weights = beta_difficulties(0.4, 0.4)
    found = [optimal_tries(success, false_accept=0.15, cost=c, weights=weights) for c in [0.0, 0.5, 1.0, 2.0, 4.0]]
    assert found == [math.inf, 5, 3, 1, 1]
    assert verifier_utility(200, success, false_accept=0.15, cost=4.0, weights=weights) < 0


def two_points(easy_share, easy_success, f1, f2, cost):
    return two_point_optimal_tries(
        easy_share=easy_share,
        easy_success=easy_success,
        false_accept_easy=f1,
        false_accept_impossible=f2,
        cost=cost,
    )


def test_the_closed_form_for_two_kinds_is_the_one_that_a_plain_search_finds():
    rng = np.random.default_rng(2)
    seen = set()
    for _ in range(300):
        share, p, f1, f2 = rng.uniform(0.02, 0.98), rng.uniform(0.02, 0.98), *rng.choice([0.01, 0.05, 0.3, 0.9], 2)
        cost = rng.exponential(1.5)
        success, false_accept, weights = np.array([p, 0.0]), np.array([f1, f2]), np.array([share, 1 - share])
        best, utilities = searched(success, false_accept, 0.0, cost, weights, 4000)
        found = two_points(share, p, f1, f2, cost)
        # 0.99^4000 is 1e-17: the end of the search is the limit
        assert utilities[int(min(found, 4000))] >= utilities.max() - 1e-14
        if found < math.inf:
            assert found == best or abs(utilities[best] - utilities[int(found)]) < 1e-15
        seen.add(found)
    assert {0.0, 1.0, 2.0, math.inf} < seen


def test_the_closed_form_agrees_with_the_measured_optimum():
    assert two_points(0.6, 0.5, 0.02, 0.02, 4.0) == 4
    weights = np.array([0.6, 0.4])
    assert optimal_tries(np.array([0.5, 0.0]), false_accept=0.02, cost=4.0, weights=weights) == 4


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((0.5, 0.4, 0.1, 0.1, 0.0), math.inf),  # a wrong answer costs nothing
        ((0.5, 0.4, 0.1, 0.0, 1.0), math.inf),  # nothing impossible is accepted
        ((1.0, 0.4, 0.1, 0.5, 1.0), math.inf),  # nothing is impossible
        ((0.5, 1.0, 0.1, 0.1, 0.0), 1),  # the first try answers all that can be answered
        ((0.5, 1.0, 0.1, 0.1, 1.0), 1),
        ((0.1, 1.0, 0.1, 0.5, 1.0), 0),  # and costs more than it brings
        ((0.5, 0.2, 1.0, 0.1, 0.1), 1),  # every answer to an easy problem is accepted
        ((0.5, 0.1, 0.9, 0.1, 5.0), 0),  # an easy problem is a loss by itself
        ((0.0, 0.5, 0.1, 0.1, 1.0), 0),  # nothing is easy
        ((0.5, 0.5, 0.0, 0.5, 0.5), math.inf),  # both kinds are over as soon, and it pays
        ((0.5, 0.5, 0.0, 0.5, 1.5), 0),  # or not
        ((0.9, 0.2, 0.0, 0.9, 5.0), math.inf),  # first a loss on the impossible ones, later made good
        ((0.3, 0.2, 0.0, 0.9, 5.0), 0),  # or not
        ((0.9, 0.2, 0.0, 0.9, 0.1), math.inf),
        # A = B: the first try brings nothing
        ((0.5, 0.5, 0.0, 0.25, 2.0), 0),
        ((0.5, 1.0, 0.1, 0.5, 2.0), 0),
        # A d1 = B d2 exactly, with A = 1/4, B = 1/8, d1 = 1/4 and d2 = 1/2: one try is as good as two
        ((0.5, 0.75, 0.0, 0.5, 0.75), 1),
    ],
)
def test_the_closed_form_in_its_special_cases(arguments, expected):
    share, p, f1, f2, cost = arguments
    assert two_points(*arguments) == expected
    # and the search for any problems agrees
    weights = np.array([share, 1 - share])
    found = optimal_tries(np.array([p, 0.0]), false_accept=np.array([f1, f2]), cost=cost, weights=weights)
    assert found == expected


@pytest.mark.parametrize(
    ("a", "b", "nodes"),
    [(0.4, 0.4, 64), (0.05, 3.0, 64), (0.05, 20.0, 256), (20.0, 0.5, 256), (1.0, 1.0, 5), (0.3, 0.7, 3), (2.0, 1.0, 1)],
)
def test_the_nodes_give_the_moments_of_a_beta_law(a, b, nodes):
    success, weights = beta_difficulties(a, b, nodes)
    assert success.shape == weights.shape == (nodes,)
    assert ((success >= 0) & (success <= 1)).all()
    assert (np.diff(success) > 0).all()
    for power in [0, 1, nodes, 2 * nodes - 1]:
        expected = float(mpmath.beta(a + power, b) / mpmath.beta(a, b))
        failed = float(mpmath.beta(a, b + power) / mpmath.beta(a, b))
        assert weights @ success**power == pytest.approx(expected, rel=0, abs=1e-13)  # what is promised
        assert weights @ (1 - success) ** power == pytest.approx(failed, rel=0, abs=1e-13)


def test_one_node_fewer_than_the_degree_asks_for_is_not_exact():
    success, weights = beta_difficulties(0.4, 0.4, 3)
    expected = float(mpmath.beta(6.4, 0.4) / mpmath.beta(0.4, 0.4))
    assert abs(weights @ success**6 - expected) > 1e-4


@pytest.mark.parametrize("tries", [1, 10, 127, math.inf])
@pytest.mark.parametrize(("a", "b", "f", "miss"), [(0.4, 0.4, 0.15, 0.0), (0.6, 2.0, 0.02, 0.25)])
def test_the_utility_over_a_beta_law_is_its_integral(a, b, f, miss, tries):
    with mpmath.workdps(30):

        def utility(p):
            right, wrong = p * (1 - miss), (1 - p) * f
            answered = 1 if tries == math.inf else 1 - (1 - right - wrong) ** tries
            return answered * (right - 0.7 * wrong) / (right + wrong)

        # p = u^(1/a) and 1 - p = u^(1/b) take the law's ends away; halves of the interval, each from its own end
        lower = mpmath.quad(lambda u: utility(u ** (1 / a)) * (1 - u ** (1 / a)) ** (b - 1) / a, [0, 0.01, 0.1, 0.5**a])
        upper = mpmath.quad(
            lambda u: utility(1 - u ** (1 / b)) * (1 - u ** (1 / b)) ** (a - 1) / b,
            [0, 0.01, 0.1, 0.5**b],
        )
        expected = float((lower + upper) / mpmath.beta(a, b))
    success, weights = beta_difficulties(a, b)
    found = verifier_utility(tries, success, false_accept=f, miss=miss, cost=0.7, weights=weights)
    # weights good to 1e-13; the quadrature in many digits has as many
    assert found == pytest.approx(expected, abs=2e-13)


def test_the_ceiling_over_a_beta_law_is_the_one_that_was_measured():
    success, weights = beta_difficulties(0.4, 0.4)
    found = verifier_ceiling(success, false_accept=0.15, weights=weights)
    # .6928 and, for one sample, .497 were measured on a draw of problems; the second is E[p] = 1/2 in truth
    assert verifier_utility(1, success, false_accept=0.15, weights=weights) == pytest.approx(0.5, abs=1e-13)
    assert found == pytest.approx(0.698471435856886770916, abs=1e-13)  # by mpmath, thirty digits


ONE = np.array([0.5])
TWO_KINDS = {
    "easy_share": 0.5,
    "easy_success": 0.5,
    "false_accept_easy": 0.1,
    "false_accept_impossible": 0.1,
    "cost": 1.0,
}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: verifier_utility(-1, ONE, false_accept=0.1), "tries must be non-negative, got -1"),
        (lambda: verifier_utility(math.nan, ONE, false_accept=0.1), "tries must be non-negative, got nan"),
        (lambda: verifier_utility(1, np.array([1.5]), false_accept=0.1), "success must be between 0 and 1, got 1.5"),
        (lambda: verifier_utility(1, np.zeros(0), false_accept=0.1), "success must have at least one problem"),
        (lambda: verifier_utility(1, ONE, false_accept=1.1), "false_accept must be between 0 and 1, got 1.1"),
        (lambda: verifier_utility(1, ONE, false_accept=0.1, miss=-0.1), "miss must be between 0 and 1, got -0.1"),
        (lambda: verifier_utility(1, ONE, false_accept=0.1, cost=-1.0), "cost must be non-negative, got -1.0"),
        (
            lambda: verifier_utility(1, ONE, false_accept=0.1, weights=np.array([-1.0])),
            "weights must be non-negative, got -1.0",
        ),
        (
            lambda: verifier_utility(1, ONE, false_accept=0.1, weights=np.zeros(1)),
            "weights must have a positive sum, got 0.0",
        ),
        (lambda: verifier_ceiling(ONE, false_accept=-0.1), "false_accept must be between 0 and 1, got -0.1"),
        (lambda: verifier_ceiling(ONE, false_accept=0.1, miss=2.0), "miss must be between 0 and 1, got 2.0"),
        (lambda: optimal_tries(ONE, false_accept=2.0), "false_accept must be between 0 and 1, got 2.0"),
        (lambda: optimal_tries(ONE, false_accept=0.1, cost=-1.0), "cost must be non-negative, got -1.0"),
        *[
            (
                lambda name=name: two_point_optimal_tries(**TWO_KINDS | {name: 1.5}),
                f"{name} must be between 0 and 1, got 1.5",
            )
            for name in ["easy_share", "easy_success", "false_accept_easy", "false_accept_impossible"]
        ],
        (lambda: two_point_optimal_tries(**TWO_KINDS | {"cost": -1.0}), "cost must be non-negative, got -1.0"),
        (lambda: beta_difficulties(0.0, 1.0), "a must be positive, got 0.0"),
        (lambda: beta_difficulties(1.0, -1.0), "b must be positive, got -1.0"),
        (lambda: beta_difficulties(1.0, 1.0, 0), "nodes must be a whole number of at least 1, got 0"),
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
