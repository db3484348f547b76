"""How late the test follows the training: two definitions, for the loss and not for an accuracy."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real

from solvable import require


class GrokkingDelay(NamedTuple):
    """When losses fell, in the unit of the steps given; NaN where they never did within the run.

    Attributes:
        train_onset: when the training loss first was below ``onset`` of its reference.
        test_onset: from when on the test loss stayed below it.
        train_reached: when the training loss first was below ``threshold`` of its reference.
        test_reached: when the test loss first was.
    """

    train_onset: Float[np.ndarray, "..."]
    test_onset: Float[np.ndarray, "..."]
    train_reached: Float[np.ndarray, "..."]
    test_reached: Float[np.ndarray, "..."]

    @property
    def onset(self) -> Float[np.ndarray, "..."]:
        """Steps between the two onsets."""
        return np.asarray(self.test_onset - self.train_onset)

    @property
    def threshold(self) -> Float[np.ndarray, "..."]:
        """Steps between reaching the threshold in training and in test."""
        return np.asarray(self.test_reached - self.train_reached)

    @property
    def ratio(self) -> Float[np.ndarray, "..."]:
        """How many times later the test reaches the threshold than the training; not finite where that is at step 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.test_reached / self.train_reached)


def grokking_delay(
    steps: Real[np.ndarray, " n"],
    train: Float[np.ndarray, "*b n"],
    test: Float[np.ndarray, "*b n"],
    *,
    reference: float | Float[np.ndarray, "*b"],
    train_reference: float | Float[np.ndarray, "*b"] | None = None,
    onset: float = 0.9,
    threshold: float = 0.1,
) -> GrokkingDelay:
    r"""When training and test loss begin to fall, when they have fallen, and how long the one waits for the other.

    The *onset* of the training loss is the first record below ``onset`` times the reference. The test loss may rise
    before it falls; its onset is the first record from which on it stays below. The *threshold* counts first passages
    of ``threshold`` times the reference. Both are relative, because a threshold in absolute units makes or unmakes a
    delay by the size of the target.

    Args:
        steps: ``(n,)``; when the losses were recorded, increasing. The answers are among them, so that records far
            apart hide what happens in between.
        train: ``(..., n)``; training losses.
        test: ``(..., n)``; test losses, recorded at the same steps.
        reference: the loss of a network that says 0, the target's mean square; a number, or one for each run.
        train_reference: the same over the training inputs, from which a small sample's mean square may be far; as
            ``reference`` by default.
        onset: fraction that counts as having begun; between 0 and 1.
        threshold: fraction that counts as having learned; between 0 and 1.

    Returns:
        Steps at which each happens, and their differences; NaN, not 0, where it does not.

    Raises:
        ValueError: shapes do not match, steps do not increase, or a fraction lies outside its range.

    Source: Kumar et al. (2024) use an absolute threshold and count runs that never reach it as having no delay; the
    definitions here are this book's.

    >>> delay = grokking_delay(np.arange(4.0), np.array([1, 0.5, 0.05, 0]), np.array([1, 1.2, 0.8, 0.4]), reference=1.0)
    >>> float(delay.onset), float(delay.threshold)
    (1.0, nan)
    """
    steps, train, test = (np.asarray(values, dtype=float) for values in (steps, train, test))
    train_reference = reference if train_reference is None else train_reference
    require.positive(reference=reference, train_reference=train_reference)
    require.within(0, 1, onset=onset, threshold=threshold)
    require.shape((None,), steps=steps)
    require.shape(train.shape, test=test)
    require.shape((*train.shape[:-1], steps.size), train=train)
    for name, value in {"reference": reference, "train_reference": train_reference}.items():
        if np.ndim(value):
            require.shape(train.shape[:-1], **{name: value})
    if steps.size == 0 or (np.diff(steps) <= 0).any():
        raise ValueError(f"steps must increase and not be empty, got {steps.tolist()}")
    # NaN, a run that has diverged, is below nothing
    train = train / np.asarray(train_reference, dtype=float)[..., None]
    test = test / np.asarray(reference, dtype=float)[..., None]
    stays = np.flip(np.logical_and.accumulate(np.flip(test < onset, axis=-1), axis=-1), axis=-1)
    events = train < onset, stays, train < threshold, test < threshold
    return GrokkingDelay(*(_first(steps, is_so) for is_so in events))


def _first(steps, is_so):
    return np.where(is_so.any(axis=-1), steps[np.argmax(is_so, axis=-1)], np.nan)
