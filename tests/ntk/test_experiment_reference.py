"""The kernels of another library: that all are there, and that the chapter's recursion gives the same."""

import numpy as np
import pytest

from solvable.ntk.experiment import reference_kernels
from solvable.ntk.theory import nngp_and_ntk

REFERENCE = reference_kernels()
BY_NAME = {
    f"{e.activation}-{e.hidden_layers}-{e.sigma_w}-{e.sigma_b}-{e.between}": e
    for e in sorted(REFERENCE.entries, key=lambda e: e[:5])
}


def _entries(activation, between):
    chosen = {name: e for name, e in BY_NAME.items() if (e.activation, e.between) == (activation, between)}
    return pytest.mark.parametrize("entry", chosen.values(), ids=chosen.keys())


def _ours(entry):
    first = (REFERENCE.x,) if entry.between == "tt" else (REFERENCE.z, REFERENCE.x)
    return nngp_and_ntk(
        *first,
        hidden_layers=entry.hidden_layers,
        activation=entry.activation,
        sigma_w=entry.sigma_w,
        sigma_b=entry.sigma_b,
    )


def _distance(ours, theirs):
    """Of each entry, relative to the largest."""
    return np.abs(np.asarray(ours) - theirs) / np.abs(theirs).max()


def test_all_architectures_are_there_once_for_each_pair_of_inputs():
    found = sorted(e[:5] for e in REFERENCE.entries)
    assert found == [
        (activation, hidden_layers, *sigmas, between)
        for activation in ("erf", "relu")
        for hidden_layers in (1, 3)
        for sigmas in ((1.0, 0.1), (1.5, 0.3))
        for between in ("tt", "zt")
    ]


def test_inputs_and_kernels_have_the_shapes_they_say():
    assert REFERENCE.x.shape == (12, 5)
    assert REFERENCE.z.shape == (5, 5)
    for entry in REFERENCE.entries:
        rows = {"tt": 12, "zt": 5}[entry.between]
        assert entry.nngp.shape == entry.ntk.shape == (rows, 12)
        assert entry.nngp.dtype == entry.ntk.dtype == np.float64


@_entries("erf", "tt")
def test_erf_agrees_among_the_first_inputs(entry):
    for ours, theirs in zip(_ours(entry), (entry.nngp, entry.ntk), strict=True):
        # closed forms without a corner: rounding of a few layers, in both
        assert _distance(ours, theirs).max() < 1e-12


@_entries("erf", "zt")
def test_erf_agrees_between_the_second_and_the_first(entry):
    for ours, theirs in zip(_ours(entry), (entry.nngp, entry.ntk), strict=True):
        assert _distance(ours, theirs).max() < 1e-12  # as above


@_entries("relu", "tt")
def test_relu_agrees_among_the_first_inputs(entry):
    ours = _ours(entry)
    # rounding; an error of the angle has no effect of first order on the covariance
    assert _distance(ours.nngp, entry.nngp).max() < 1e-12
    ntk = _distance(ours.ntk, entry.ntk)
    assert ntk[~np.eye(12, dtype=bool)].max() < 1e-12
    # that library has an angle of about 1e-8, the root of the rounding error, between an input and itself
    assert np.diag(ntk).max() < 1e-7


@_entries("relu", "zt")
def test_relu_agrees_between_the_second_and_the_first(entry):
    ours = _ours(entry)
    assert _distance(ours.nngp, entry.nngp).max() < 1e-12  # as above
    ntk = _distance(ours.ntk, entry.ntk)
    x, z = (
        np.concatenate([entry.sigma_w * part / np.sqrt(5), np.full((len(part), 1), entry.sigma_b)], axis=1)
        for part in REFERENCE[:2]
    )
    correlation = z @ x.T / np.outer(np.linalg.norm(z, axis=1), np.linalg.norm(x, axis=1))
    apart = correlation < 1 - 1e-6
    assert ntk[apart].max() < 1e-12
    # an angle is off by the rounding error over itself: by 1e-10 where it is 1e-6
    assert ntk.max() < 1e-9
    # some of the second inputs are all but equal to some of the first
    assert 0 < (~apart).sum() < 10
