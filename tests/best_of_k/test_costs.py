"""What the best of many costs and gains: against quadrature in many digits, enumeration, and a loop over tokens."""

import itertools
import math
import re

import mpmath
import numpy as np
import pytest

from solvable.best_of_k.theory.costs import (
    attention_share,
    best_of_n_gain,
    best_of_n_kl,
    best_of_n_kl_discrete,
    inference_cost,
    proxy_gain,
    verifier_gap,
)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 100])
def test_the_divergence_is_that_of_the_largest_of_n_uniform_numbers(n):
    with mpmath.workdps(25):
        expected = mpmath.quad(lambda u: n * u ** (n - 1) * mpmath.log(n * u ** (n - 1)), [0, 0.5, 0.9, 1])
    # the logarithm at zero leaves the quadrature ten digits
    assert best_of_n_kl(n) == pytest.approx(float(expected), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_divergence_with_ties_is_that_of_every_sequence_of_answers(n):
    law = np.array([0.3, 0.1, 0.25, 0.35])
    best = np.zeros(4)
    for answers in itertools.product(range(4), repeat=n):
        best[max(answers)] += math.prod(law[i] for i in answers)
    expected = float(best @ np.log(best / law))
    assert best_of_n_kl_discrete(law, n) == pytest.approx(expected, rel=1e-13, abs=1e-15)  # rounding


@pytest.mark.parametrize(
    "law", [[0.25] * 4, [0.9, 0.1 - 1e-7, 1e-7], [1e-7, 0.2, 0.8 - 1e-7], [0.0, 0.4, 0.0, 0.6], [1.0]]
)
def test_the_divergence_with_ties_keeps_its_digits_up_to_many_answers(law):
    n = np.array([1, 7, 10**3, 10**6, 2**30])
    with mpmath.workdps(60):
        exact = [mpmath.mpf(p) / sum(map(mpmath.mpf, law)) for p in law if p]
        expected = []
        for count in map(int, n):
            below, total = mpmath.mpf(0), mpmath.mpf(0)
            for p in exact:
                share = (below + p) ** count - below**count
                total += share * mpmath.log(share / p) if share else 0
                below += p
            expected.append(float(total))
    found = best_of_n_kl_discrete(np.array(law), n)
    # rounding: 1 - F is summed from the top, so that it keeps its digits where it is small
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    assert (found >= 0).all()


def test_ties_make_the_divergence_smaller_and_bounded():
    n = np.array([1, 2, 10, 1000])
    assert (best_of_n_kl_discrete(np.full(4, 0.25), n) <= best_of_n_kl(n)).all()
    # three digits are given
    assert best_of_n_kl_discrete(np.full(4, 0.25), 10) == pytest.approx(1.165, abs=5e-4)
    assert best_of_n_kl_discrete(np.full(4, 0.25), 10**6) == pytest.approx(math.log(4), abs=1e-15)  # rounding
    # outcomes as fine as a thousandth hardly ever tie in two answers: what ties take is of the order of their chance
    assert best_of_n_kl_discrete(np.full(1000, 1e-3), 2) == pytest.approx(float(best_of_n_kl(2)), abs=1e-3)


def test_the_mean_of_the_largest_is_known_for_few():
    root = math.sqrt(math.pi)
    known = [0, 1 / root, 1.5 / root, 3 / root * (0.5 + math.asin(1 / 3) / math.pi)]
    found = best_of_n_gain(np.array([[1, 2], [3, 4]]))
    assert found.shape == (2, 2)
    np.testing.assert_allclose(found.ravel(), known, rtol=0, atol=1e-14)  # rounding of a sum of two hundred terms


@pytest.mark.parametrize("n", [10, 100, 4096, 10**6, 2**30])
def test_the_mean_of_the_largest_is_an_integral_over_its_law(n):
    with mpmath.workdps(25):
        # in the tail probability the digits of a power of 2^30 are kept
        def density(x):
            return x * n * mpmath.npdf(x) * mpmath.exp((n - 1) * mpmath.log1p(-mpmath.erfc(x / mpmath.sqrt(2)) / 2))

        top = math.sqrt(2 * math.log(n))
        expected = mpmath.quad(density, [-9, 0, *np.linspace(max(top - 4, 0.5), top + 6, 12)])
    assert best_of_n_gain(n) == pytest.approx(float(expected), rel=1e-14)  # rounding of a sum


def test_the_largest_grows_as_the_root_of_a_logarithm():
    n = 2.0 ** np.arange(1, 31)
    ratio = best_of_n_gain(n) / np.sqrt(2 * np.log(n))
    assert (np.diff(ratio) > 0).all()
    # what is missing is (ln 4 pi + ln ln n - 2 gamma) / 4 ln n to leading order, 0.053 at 2^30 and its square beside it
    lacking = (math.log(4 * math.pi * math.log(n[-1])) - 2 * np.euler_gamma) / (4 * math.log(n[-1]))
    assert 1 - ratio[-1] == pytest.approx(lacking, abs=2 * lacking**2)


def test_the_gain_of_a_verifier_is_that_of_the_best_sum_of_steps():
    # 8 steps of spread 0.5: the best of 4 traces, with 200000 traces of one fixed draw
    rng = np.random.default_rng(5)
    best = rng.normal(0, 0.5, (50_000, 4, 8)).sum(axis=-1).max(axis=-1)
    error = best.std() / math.sqrt(len(best))
    assert verifier_gap(4, 8, 0.5) == pytest.approx(best.mean(), abs=4 * error)  # four standard errors, of 0.3 per cent
    assert verifier_gap(4, 8) == pytest.approx(2 * float(verifier_gap(4, 8, 0.5)), rel=1e-15)
    assert verifier_gap(np.array([1, 4]), np.array([[1], [2]])).shape == (2, 2)


@pytest.mark.parametrize("correlation", [0.7, -0.3])
def test_the_true_reward_follows_a_normal_proxy(correlation):
    rng = np.random.default_rng(7)
    proxy, noise = rng.normal(size=(2, 40_000, 16))
    gold = correlation * proxy + math.sqrt(1 - correlation**2) * noise
    chosen = np.take_along_axis(gold, proxy.argmax(axis=-1)[:, None], axis=-1)
    error = chosen.std() / math.sqrt(len(chosen))
    assert proxy_gain(16, correlation) == pytest.approx(chosen.mean(), abs=4 * error)  # four standard errors


MODEL = {"parameters": 3e8, "kv_size": 2 * 6 * 2 * 64, "gqa_ratio": 4}
"""Six layers, two heads of keys of 64 dimensions, eight heads of queries."""


def counted(trials, prompt, generated, layers=6, key_heads=2, query_heads=8, dimension=64, parameters=3e8):
    """Operations and bytes, token by token: a product of an n-vector with a matrix of m rows takes 2 n m operations."""
    operations = memory = 0
    for token in range(generated):
        own, seen = token + 0.5, prompt + token + 0.5  # a token sees on average half of itself: sums become integrals
        scores, sums = 2 * dimension * seen, 2 * seen * dimension
        operations += trials * (2 * parameters + layers * query_heads * (scores + sums))
        numbers = 2 * layers * key_heads * dimension
        memory += 2 * numbers * (prompt + trials * own)  # two bytes a number, the prompt once for all trials
    return operations, memory


@pytest.mark.parametrize(("trials", "prompt", "generated"), [(1, 0, 10), (1, 300, 200), (16, 300, 200), (5, 1000, 1)])
def test_the_cost_is_that_of_every_token(trials, prompt, generated):
    found = inference_cost(trials, prompt=prompt, generated=generated, **MODEL)
    operations, memory = counted(trials, prompt, generated)
    # rounding of a sum of a few hundred terms
    assert found.compute == pytest.approx(operations, rel=1e-12)
    assert found.memory == pytest.approx(memory, rel=1e-12)
    assert found.equivalent == pytest.approx(operations + 562.5 * memory, rel=1e-12)
    other = inference_cost(trials, prompt=prompt, generated=generated, intensity=10.0, **MODEL)
    assert other.equivalent == pytest.approx(operations + 10 * memory, rel=1e-12)
    share = attention_share(trials, prompt=prompt, generated=generated, **MODEL)
    expected = 1 - trials * generated * 6e8 / (operations + 562.5 * memory)
    assert share == pytest.approx(expected, abs=1e-12)
    share = attention_share(trials, prompt=prompt, generated=generated, intensity=10.0, **MODEL)
    assert share == pytest.approx(1 - trials * generated * 6e8 / (operations + 10 * memory), abs=1e-12)


def test_longer_answers_are_ever_more_attention():
    share = attention_share(4, prompt=500, generated=np.geomspace(10, 1e8, 30), **MODEL)
    assert share.shape == (30,)
    assert (np.diff(share) > 0).all()
    assert share[-1] > 0.999


def test_costs_of_many_answers_are_broadcast():
    found = inference_cost(np.array([1, 2, 4]), prompt=10, generated=np.array([[5], [6]]), **MODEL)
    assert [part.shape for part in found] == [(2, 3)] * 3
    assert [part.shape for part in inference_cost(1, prompt=10, generated=5, **MODEL)] == [()] * 3


WHOLE = {"parameters": 1.0, "prompt": 1, "generated": 1, "kv_size": 1, "gqa_ratio": 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: best_of_n_kl(0), "n must be a whole number of at least 1, got 0"),
        (lambda: best_of_n_kl_discrete(np.array([0.5, 0.6]), 2), "probabilities must add up to 1, got a sum of 1.1"),
        (lambda: best_of_n_kl_discrete(np.array([1.5, -0.5]), 2), "probabilities must be non-negative, got -0.5"),
        (lambda: best_of_n_kl_discrete(np.array([1.0]), 1.5), "n must be a whole number of at least 1, got 1.5"),
        (lambda: best_of_n_gain(np.array([1, 0])), "n must be a whole number of at least 1, got 0"),
        (lambda: verifier_gap(0, 1), "n must be a whole number of at least 1, got 0"),
        (lambda: verifier_gap(1, 0), "horizon must be positive, got 0"),
        (lambda: verifier_gap(1, 1, 0.0), "step_spread must be positive, got 0.0"),
        (lambda: proxy_gain(0, 0.5), "n must be a whole number of at least 1, got 0"),
        (lambda: proxy_gain(1, 1.5), "correlation must be between -1 and 1, got 1.5"),
        (lambda: inference_cost(-1, **WHOLE), "trials must be non-negative, got -1"),
        (lambda: inference_cost(1, **WHOLE, intensity=-1.0), "intensity must be non-negative, got -1.0"),
        *[
            (lambda name=name: inference_cost(1, **WHOLE | {name: -1.0}), f"{name} must be non-negative, got -1.0")
            for name in ["parameters", "prompt", "generated", "kv_size"]
        ],
        (lambda: inference_cost(1, **WHOLE | {"gqa_ratio": 0}), "gqa_ratio must be positive, got 0"),
        (lambda: attention_share(0, **WHOLE), "trials must be positive, got 0"),
        *[
            (lambda name=name: attention_share(1, **WHOLE | {name: 0}), f"{name} must be positive, got 0")
            for name in ["parameters", "generated", "gqa_ratio"]
        ],
        *[
            (lambda name=name: attention_share(1, **WHOLE | {name: -1}), f"{name} must be non-negative, got -1")
            for name in ["prompt", "kv_size"]
        ],
    ],
)
def test_refuses_what_has_no_meaning(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
