"""How late the test follows the training: by reading records one after the other, and by cases made up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from solvable.lazy_rich.theory import grokking_delay


def read(steps, train, test, reference, onset, threshold):
    """The four answers of one run, record by record."""
    answers = {}
    for step, loss in zip(steps, train, strict=True):
        if loss < onset * reference:
            answers.setdefault("train_onset", step)
        if loss < threshold * reference:
            answers.setdefault("train_reached", step)
    for k, (step, loss) in enumerate(zip(steps, test, strict=True)):
        if all(later < onset * reference for later in test[k:]):
            answers.setdefault("test_onset", step)
        if loss < threshold * reference:
            answers.setdefault("test_reached", step)
    names = ("train_onset", "test_onset", "train_reached", "test_reached")
    return [answers.get(name, np.nan) for name in names]


# losses that meet their thresholds exactly are among them; below is below
LOSSES = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.45, 0.9, 1.0, 1.8, 3.0, np.inf, np.nan])


@settings(max_examples=150)
@given(
    losses=arrays(float, st.tuples(st.just(2), st.integers(1, 3), st.integers(1, 8)), elements=LOSSES),
    reference=st.sampled_from([0.5, 1.0, 2.0]),
    onset=st.sampled_from([0.9, 0.5, 1.0]),
    threshold=st.sampled_from([0.1, 0.5, 0.0]),
)
def test_the_answers_are_those_of_reading_the_records(losses, reference, onset, threshold):
    train, test = losses
    steps = 3.0 + np.cumsum(np.arange(train.shape[-1]))[: train.shape[-1]] + np.arange(train.shape[-1])
    found = grokking_delay(steps, train, test, reference=reference, onset=onset, threshold=threshold)
    expected = [read(steps, one, other, reference, onset, threshold) for one, other in zip(train, test, strict=True)]
    np.testing.assert_array_equal(np.array(found).T, expected)
    np.testing.assert_array_equal(found.onset, found.test_onset - found.train_onset)
    np.testing.assert_array_equal(found.threshold, found.test_reached - found.train_reached)
    np.testing.assert_array_equal(found.ratio, found.test_reached / found.train_reached)


STEPS = np.array([0, 10, 20, 40, 80])


def test_a_test_loss_that_rises_first():
    train, test = [1.0, 0.5, 0.05, 0.01, 0.0], [1.0, 1.3, 1.1, 0.5, 0.05]
    found = grokking_delay(STEPS, np.array(train), np.array(test), reference=1.0)
    assert list(map(float, found)) == [10, 40, 20, 80]
    assert (float(found.onset), float(found.threshold), float(found.ratio)) == (30, 60, 4)


def test_the_onset_of_the_test_is_the_last_and_its_threshold_the_first():
    # it dips below both before it rises again
    test = np.array([1.0, 0.05, 1.2, 0.8, 0.05])
    found = grokking_delay(STEPS, np.array([1.0, 0.05, 0.95, 0.95, 0.95]), test, reference=1.0)
    assert list(map(float, found)) == [10, 40, 10, 10]
    assert (float(found.onset), float(found.threshold), float(found.ratio)) == (30, 0, 1)


def test_what_never_happens_is_not_a_number():
    up = np.full(5, 1.0)
    found = grokking_delay(STEPS, np.array([1.0, 0.5, 0.05, 0.0, 0.0]), up, reference=1.0)
    assert list(map(float, found))[::2] == [10, 20]
    assert np.isnan([found.test_onset, found.test_reached, found.onset, found.threshold, found.ratio]).all()
    # a run that has diverged: what was before has happened, and nothing stays
    lost = np.array([1.0, 0.05, np.nan, np.nan, np.nan])
    found = grokking_delay(STEPS, lost, lost, reference=1.0)
    assert list(map(float, found))[2:] == [10, 10]
    assert float(found.train_onset) == 10
    assert np.isnan(found.test_onset)
    assert np.isnan(found.onset)


def test_all_may_happen_at_the_first_record():
    found = grokking_delay(np.array([5.0]), np.array([0.01]), np.array([0.01]), reference=1.0)
    assert list(map(float, found)) == [5, 5, 5, 5]
    assert (float(found.onset), float(found.threshold), float(found.ratio)) == (0, 0, 1)
    at_once = grokking_delay(STEPS, np.full(5, 0.01), np.array([1.0, 1.0, 0.01, 0.01, 0.01]), reference=1.0)
    assert list(map(float, at_once)) == [0, 20, 0, 20]
    assert (float(at_once.onset), float(at_once.threshold)) == (20, 20)


def test_the_ratio_to_a_first_record_at_zero_is_not_finite():
    train, test = np.full((2, 5), 0.01), np.array([[1.0, 1.0, 0.01, 0.01, 0.01], [0.01] * 5])
    ratio = grokking_delay(STEPS, train, test, reference=1.0).ratio
    assert ratio[0] == np.inf
    assert np.isnan(ratio[1])


def test_the_training_loss_may_have_a_reference_of_its_own():
    train, test = np.array([1.0, 0.95, 0.4, 0.05, 0.04]), np.array([1.0, 0.95, 0.8, 0.3, 0.05])
    found = grokking_delay(STEPS, train, test, reference=1.0, train_reference=0.45)
    # below 0.405, then below 0.045; the test as if nothing had been said
    assert list(map(float, found)) == [20, 20, 80, 80]
    both = grokking_delay(
        STEPS, np.stack([train, train]), np.stack([test, test]), reference=1.0, train_reference=np.array([0.45, 2.0])
    )
    assert both.train_onset.tolist() == [20, 0]


def test_every_run_may_have_a_reference_of_its_own():
    train = np.array([[1.0, 0.5, 0.05, 0.01, 0.0]]) * np.array([[1.0], [3.0]])
    test = np.array([[1.0, 1.3, 1.1, 0.5, 0.05]]) * np.array([[1.0], [3.0]])
    found = grokking_delay(STEPS, train, test, reference=np.array([1.0, 3.0]))
    assert found.test_onset.tolist() == [40, 40]
    assert found.ratio.tolist() == [4, 4]
    # axes of a batch, as many as there are
    stacked = grokking_delay(STEPS, np.tile(train, (3, 1, 1)), np.tile(test, (3, 1, 1)), reference=np.ones((3, 2)))
    assert stacked.onset.shape == stacked.threshold.shape == (3, 2)
    assert stacked.train_onset[:, 1].tolist() == [20, 20, 20]  # 3, 1.5, 0.15


@settings(max_examples=50)
@given(
    losses=arrays(float, (2, 6), elements=st.floats(0, 2, width=16)),
    power=st.integers(-20, 20),
    pace=st.integers(1, 1000),
)
def test_units_do_not_matter(losses, power, pace):
    steps = np.array([1, 2, 3, 5, 8, 13])
    one = grokking_delay(steps, *losses, reference=1.0)
    # a power of two is exact
    other = grokking_delay(steps * pace, *(losses * 2.0**power), reference=2.0**power)
    np.testing.assert_array_equal(other, np.array(one) * pace)
    np.testing.assert_allclose(other.ratio, one.ratio, rtol=1e-15)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": np.array([0.0, 2.0, 2.0])}, r"steps must increase.*, got \[0.0, 2.0, 2.0\]"),
        ({"steps": np.array([0.0, 2.0, 1.0])}, "steps must increase"),
        ({"steps": np.zeros((1, 3))}, r"steps must have shape \(any,\), got \(1, 3\)"),
        ({"train": np.ones(4)}, r"test must have shape \(4,\), got \(3,\)"),
        ({"train": np.ones(4), "test": np.ones(4)}, r"train must have shape \(3,\), got \(4,\)"),
        ({"test": np.ones((2, 3))}, r"test must have shape \(3,\), got \(2, 3\)"),
        ({"reference": 0.0}, "reference must be positive"),
        ({"reference": np.nan}, "reference must be positive"),
        ({"reference": np.ones(2)}, r"reference must have shape \(\), got \(2,\)"),
        ({"train_reference": -1.0}, "train_reference must be positive"),
        ({"train_reference": np.ones(2)}, r"train_reference must have shape \(\), got \(2,\)"),
        ({"steps": np.zeros(0), "train": np.zeros(0), "test": np.zeros(0)}, "steps must increase and not be empty"),
        ({"onset": 1.1}, "onset must be between 0 and 1, got 1.1"),
        ({"threshold": -0.1}, "threshold must be between 0 and 1"),
        ({"threshold": np.nan}, "threshold must be between 0 and 1"),
    ],
)
def test_refuses_what_it_cannot_answer(wrong, message):
    good = {"steps": np.arange(3.0), "train": np.ones(3), "test": np.ones(3), "reference": 1.0}
    with pytest.raises(ValueError, match=message):
        grokking_delay.__wrapped__(**(good | wrong))
