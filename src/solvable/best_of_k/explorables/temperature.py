"""Error against the judge's bias and temperature, and the temperature that is best."""

from functools import cache
from importlib import resources
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Curve, Explorable, Field, Notice, Panel, Readout, Slider, Stops

from ..theory import error_floor, high_temperature_series, selected_moments
from .quadrature import error, softmax_moments

KS = (2, 3, 4, 8, 16, 64, 256, 1024)
COLUMNS = np.linspace(0, 4, 17)
"""Of the judge's bias; the error at a bias below 0 follows from that above."""
ROWS = np.geomspace(0.1, 100, 25)
LINE = np.geomspace(0.1, 100, 41)
FINE = np.linspace(-4, 4, 161)
SCORES, BAND = 112, 32
SHOWN = (0.1, 10.0)
STORED = "moments.npy"
"""Moments of the selected answer, ``(2, ks, rows, columns)``: some thousand integrals, too many for a page."""


@cache
def _tables():
    with resources.files(__package__).joinpath(STORED).open("rb") as file:
        return np.load(file)


def store_moments(file: Path) -> None:
    """Compute the moments of the map anew."""
    found = selected_moments(np.array(KS, float), ROWS[:, None], bias_reward=COLUMNS)
    np.save(file, np.moveaxis(np.array(found), -1, 1))


def _lowest(errors, places):
    """Where each column is lowest, by a parabola through the lowest point and its neighbours, and how low.

    Args:
        errors: ``(rows, columns)``.
        places: of the rows, evenly spread in their logarithm.
    """
    rows = len(places)
    lowest = jnp.argmin(errors, axis=0)
    # at an end there is no neighbour, and the end itself is the place
    inner = jnp.clip(lowest, 1, rows - 2)
    before, middle, after = (
        jnp.sum((jnp.arange(rows)[:, None] == inner + shift).astype(float) * errors, axis=0) for shift in (-1, 0, 1)
    )
    bend = before - 2 * middle + after
    at_end = (lowest != inner).astype(float)
    shift = (1 - at_end) * (before - after) / jnp.where(bend > 0, 2 * bend, 1)
    step = np.log(places[1] / places[0])
    there = jnp.sum((jnp.arange(rows)[:, None] == lowest).astype(float) * np.log(places)[:, None], axis=0)
    return jnp.exp(there + step * jnp.clip(shift, -0.5, 0.5)), jnp.min(errors, axis=0)


def error_map(k, b, a, t):
    """The map at one number of answers and one bias, and its cut at the reader's judge."""
    which = jnp.clip(1 - jnp.abs(np.log2(np.array(KS)) - jnp.log2(k)) * 4, 0, 1)
    half = jnp.sum(which[None, :, None, None] * _tables(), axis=1)
    columns = np.concatenate([-COLUMNS[:0:-1], COLUMNS])
    across = np.abs(np.abs(columns) - COLUMNS[:, None]) < 1e-9
    first, second = half[0] @ (across * np.sign(columns)), half[1] @ across.astype(float)
    apart = b - columns
    errors = apart**2 + 2 * apart * first + second
    best, _ = _lowest(errors, ROWS)

    def endless(place):
        slope = 1 + 2 * b * place
        safe = jnp.where(slope > 0, slope, 1)
        exact = jnp.where(slope > 0, 2 * place**2 / safe - 1, ROWS[-1])
        series = jnp.where(slope > 0, 2 * (1 - 2 / k) * (1 + place**2 / safe), ROWS[-1])
        return jnp.clip(exact, ROWS[0], ROWS[-1]), jnp.clip(series, ROWS[0], ROWS[-1])

    exact, series = endless(jnp.asarray(FINE))
    exact_here, series_here = endless(a)

    ts = jnp.concatenate([jnp.asarray(LINE), jnp.reshape(t, (1,))])
    judges = jnp.full(len(LINE) + 1, a)
    cut = error(b, judges, *softmax_moments(jnp.reshape(k, (1,)), ts, judges, SCORES, BAND))[:, 0]
    line, here = cut[:-1], cut[-1:]
    best_here, least = _lowest(line[:, None], LINE)
    floor = error_floor(LINE, bias_teacher=b, bias_reward=a)
    expansion = high_temperature_series(k, LINE, bias_teacher=b, bias_reward=a, order=2)
    return {
        "a": jnp.asarray(columns),
        "t": jnp.asarray(ROWS),
        "errors": errors,
        "best": best,
        "fine": jnp.asarray(FINE),
        "exact": exact,
        "series": series,
        "a here": jnp.reshape(a, (1,)),
        "t here": jnp.reshape(t, (1,)),
        "line t": jnp.asarray(LINE),
        "line": line,
        "floor": floor,
        "expansion": jnp.clip(expansion, 0.0, 1.1 * jnp.maximum(jnp.max(line), jnp.max(floor))),
        "here": here,
        "error": here[0],
        "best t": best_here[0],
        "least": least[0],
        "endless t": exact_here,
        "series t": series_here,
        "wrong side": (1 + 2 * a * b <= 0).astype(float),
        "coldest": (2 * a**2 <= 1 + 2 * a * b).astype(float),
    }


TEMPERATURE_AXIS = Axis("temperature t", scale="log", limits=(ROWS[0], ROWS[-1]))

TEMPERATURE = Explorable(
    "best_of_k.temperature",
    error_map,
    controls=[
        Stops("k", "answers k", KS, default=64),
        Slider("b", "bias b of the mean against the teacher", -1.0, 1.0, default=0.2, step=0.05),
        Slider("a", "bias a against the judge's target", -4.0, 4.0, default=3.0, step=0.04),
        Slider("t", "temperature t", ROWS[0], ROWS[-1], default=1.0, scale="log", mark=("best t", "best")),
    ],
    panels=[
        Panel(
            Axis("judge's bias a"),
            Axis("temperature t", scale="log"),
            curves=[
                Curve("fine", "exact", "best, k = ∞", colour=2),
                Curve("fine", "series", "best, series", kind="limit"),
                Curve("a", "best", "best, this k", kind="experiment", colour=1),
                Curve("a here", "t here", kind="mark"),
            ],
            field=Field("a", "t", "errors", "error (s²)", limits=SHOWN, scale="log"),
        ),
        Panel(
            TEMPERATURE_AXIS,
            Axis("error at this a", unit="s²"),
            curves=[
                Curve("line t", "floor", "k = ∞", colour=2),
                Curve("line t", "expansion", "series", kind="limit"),
                Curve("line t", "line", "exact", colour=1),
                Curve("t here", "here", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("error", "squared error"),
        Readout("least", "smallest over the temperatures shown"),
        Readout("best t", "at t =", digits=2),
        Readout("endless t", "best t with endlessly many answers"),
        Readout("series t", "best t by the series"),
    ],
    notices=[
        Notice("wrong side", "This judge points to the wrong side of the mean: with many answers it is best ignored."),
        Notice("coldest", "With endlessly many answers t = 0 is best here, and the series is of no use."),
    ],
    play="t",
    caption=(
        "Squared error of the answer that a softmax of temperature t selects from k, in units of s². Left: for every "
        "judge, by the bias a of the mean against its target; a = b is the teacher. Markers, the best temperature of "
        "each column; line, the best with endlessly many answers; dashed, by the first two terms of the series at high "
        "temperature. Temperatures beyond the map lie on its edge. Right: the error at the cross's a, exact, with "
        "endlessly many answers, and the series, which is for high temperatures alone and cut off at the top. The "
        "integrals of the map were computed before; those on the right are computed here and now."
    ),
    alt=lambda at: (
        "Two panels. Left: a map of the error against the judge's bias a, from -4 to 4, and the temperature, from 0.1 "
        f"to 100. It is below {at['errors'].max(axis=0).min():.1f} around a small a, and reaches "
        f"{at['errors'].max():.0f} for a far judge at a low temperature. The line of the best temperature rises from "
        "the bottom to both sides, markers near it; the dashed one of the series lies above it. Right, at a = "
        f"{at['a here'][0]:.2g}: the error falls from {at['line'][0]:.2f} at t = 0.1 to {at['least']:.2f} at t = "
        f"{at['best t']:.2g} and rises a little; the series departs from it at low temperatures."
    ),
)


if __name__ == "__main__":
    import jax

    jax.config.update("jax_enable_x64", True)
    store_moments(Path(__file__).with_name(STORED))
