"""Loss against width, in both regimes: what can be computed, and what was trained."""

from functools import cache
from importlib import resources
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Curve, Explorable, Panel, Readout, Slider, Stops

from ..experiment.grid import FEATURES, stored_grid
from ..theory import MEAN_SQUARE, code_loss, feature_frequencies

ALPHAS = tuple(np.arange(9) * 0.25)
CODE_WIDTHS = (5, 6, 8, 10, 13, 17, 22, 28, 36)
IDEAL_WIDTHS = np.arange(5, 37)
LAWS = ("random", "equiangular")
STORED = "code_losses.npy"
"""Losses of codes ``(laws, alphas, widths)``; each takes a tenth of a second, all of them too long for a page."""


@cache
def _tables():
    """Logarithms of the losses of codes ``(laws, alphas, widths)``, and of trained networks ``(regimes, ...)``."""
    with resources.files(__package__).joinpath(STORED).open("rb") as file:
        codes = np.load(file)
    grid = stored_grid()
    # regimes, alphas, widths
    trained = np.moveaxis(grid.ends.runs.loss.mean(axis=-1), 1, 0)
    return np.log(codes), np.log(trained), grid.widths.astype(float)


def store_codes(file: Path) -> None:
    """Compute the losses of codes anew."""
    spectra = [feature_frequencies("power", FEATURES, alpha=alpha) for alpha in ALPHAS]
    losses = [[[float(code_loss(p, m, overlaps=law).loss) for m in CODE_WIDTHS] for p in spectra] for law in LAWS]
    np.save(file, np.array(losses))


def _at(table, alpha):
    """The row of a table, ``(alphas, ...)``, at one of the stops."""
    share = jnp.clip(1 - jnp.abs(alpha - jnp.asarray(ALPHAS)) / (ALPHAS[1] - ALPHAS[0]), 0, 1)
    return share @ table


def loss_against_width(alpha, exponent):
    """Strong and weak superposition at one exponent of the frequencies, and a guide of the reader's own exponent."""
    codes, trained, widths = _tables()
    raw = jnp.arange(1.0, FEATURES + 1) ** -alpha
    left = MEAN_SQUARE * (1 - jnp.cumsum(raw, axis=0) / jnp.sum(raw))
    deviation = np.log(widths) - np.log(widths).mean()
    results = {
        "code width": jnp.asarray(CODE_WIDTHS, float),
        "ideal width": jnp.asarray(IDEAL_WIDTHS, float),
        "width": jnp.asarray(widths),
        "ideal": left[IDEAL_WIDTHS - 1],
    }
    for law, table in zip(LAWS, codes, strict=True):
        results[law] = jnp.exp(_at(table, alpha))
    for name, table in zip(("strong", "weak"), trained, strict=True):
        measured = _at(table, alpha)
        results[name] = jnp.exp(measured)
        guide = measured[2] - exponent * (np.log(widths) - np.log(widths[2]))
        results[f"{name} guide"] = jnp.exp(guide)
        results[f"{name} miss"] = jnp.exp(jnp.max(jnp.abs(guide - measured)))
        results[f"{name} exponent"] = -(measured @ deviation) / (deviation @ deviation)
        slopes = -(measured[1:] - measured[:-1]) / np.diff(np.log(widths))
        results |= {f"{name} least": jnp.min(slopes), f"{name} most": jnp.max(slopes)}
    return results


WIDTH = Axis("width m", scale="log")
LOSS = Axis("loss", scale="log", limits=(5e-3, 3.0))

WIDTHS = Explorable(
    "superposition.widths",
    loss_against_width,
    controls=[
        Stops("alpha", "exponent α of the frequencies", ALPHAS, default=1.0),
        Slider("exponent", "exponent of the guide", 0.0, 2.5, default=1.0, step=0.05),
    ],
    panels=[
        Panel(
            WIDTH,
            LOSS,
            curves=[
                Curve("code width", "random", "random code", colour=0),
                Curve("code width", "equiangular", "equiangular code", colour=2),
                Curve("width", "strong guide", "guide", kind="limit"),
                Curve("width", "strong", "trained", kind="experiment", colour=1),
            ],
            title="strong superposition, γ = −1",
        ),
        Panel(
            WIDTH,
            LOSS,
            curves=[
                Curve("ideal width", "ideal", "the first m known", colour=4),
                Curve("width", "weak guide", "guide", kind="limit"),
                Curve("width", "weak", "trained", kind="experiment", colour=3),
            ],
            title="weak superposition, γ = 1",
        ),
    ],
    readouts=[
        Readout("strong exponent", "strong: fitted exponent", digits=2),
        Readout("strong least", "local ones from", digits=2),
        Readout("strong most", "to", digits=2),
        Readout("weak exponent", "weak: fitted exponent", digits=2),
        Readout("weak least", "local ones from", digits=2),
        Readout("weak most", "to", digits=2),
        Readout("strong miss", "the guide misses by a factor of up to", digits=3),
        Readout("weak miss", "and", digits=3),
    ],
    play="exponent",
    caption=(
        f"Loss of {FEATURES} features whose frequencies fall as a power, against the width. Markers: trained for 6000 "
        "steps, means of three seeds. Left, every row pulled to length 1: the lines are codes with random overlaps "
        "and with equal ones. Right, with weight decay: the line is what would be left if the m most frequent features "
        "were known. The dashed guide has the exponent that you choose. Networks and codes were computed before."
    ),
    alt=lambda at: (
        "Two panels of loss against width from 5 to 36, on logarithmic axes. Left: the line of a random code falls "
        f"from {at['random'][0]:.2f} to {at['random'][-1]:.2f}, that of an equiangular one from "
        f"{at['equiangular'][0]:.2f} to {at['equiangular'][-1]:.2f}; trained networks from {at['strong'][0]:.2f} to "
        f"{at['strong'][-1]:.2f}, steeper than either. Right: trained networks fall from {at['weak'][0]:.2f} to "
        f"{at['weak'][-1]:.2f}, below the line."
    ),
)


if __name__ == "__main__":
    import jax

    jax.config.update("jax_enable_x64", True)
    store_codes(Path(__file__).with_name(STORED))
