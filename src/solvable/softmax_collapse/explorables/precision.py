"""The sum of exponentials in its binary digits, and what the derivatives make of it."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from solvable.explore import Axis, Choice, Curve, Explorable, Field, Notice, Panel, Readout, Slider, Stops

from ..theory.precision import DTYPES, significand_bits

CLASSES = (2, 31, 113)
BITS = np.array([float(significand_bits(dtype)) for dtype in DTYPES])
LAST, FIRST = 0, 1
GAP_STEP, LARGEST_GAP = 0.3, 45.0
GAPS = np.arange(151) * GAP_STEP
"""Of a grid that the reader's gap is taken from. From here on all is sums, products by powers of two and quotients,
which no two machines round differently; a digit of an exponential of the reader's own would hang on the machine's."""
ROWS = 2
"""Of the grid's gaps every so many is a row of the map."""
MARKERS = 3
"""And every so many a marker."""
PLACES = np.arange(-6, 56)
END = PLACES[-1] + 0.5
POWERS = 2.0 ** np.arange(-80, 8)
SMALLEST_NORMAL = (2.0**-126, 2.0**-14, 2.0**-126, 2.0**-126)
"""Below this a number has fewer digits. In float64 nothing here is so small, and in float32 that entry stays finite."""
LEAST, MOST = 1e-20, 3.0
"""Ends of the axis of derivatives; exactly 0 is drawn at the lower one."""
UNSEEN = 1e-9
"""Parts of the derivatives that do not cancel count as nothing below this: in float64 they are rounding of rounding."""


def _power(x, smallest):
    """The largest power of two that is not above ``x``, but not below the ``smallest`` normal number."""
    # products instead of a choice, whose alternatives would be constants of this size in the graph
    return jnp.maximum(jnp.max((x[:, None] >= POWERS).astype(float) * POWERS, axis=1), smallest)


def _rounded(x, power, half):
    """The nearest multiple of ``power / half``, the even one in a tie; ``half`` is 2 to the number of digits less 1."""
    return jnp.round(x / power * half) / half * power


def _digits(totals):
    """Binary digits ``(n, places)`` of numbers, 0 or 1."""
    shifted = jnp.floor(totals[:, None] * 2.0**PLACES)
    return shifted - 2 * jnp.floor(shifted / 2)


def gap_and_format(gap, dtype, classes, order):
    """Cross-entropy of one sample in a chosen arithmetic: every operation is rounded to its digits."""
    which = jnp.clip(1 - jnp.abs(dtype - np.arange(4.0)), 0, 1)
    bits = which @ BITS
    half = which @ 2.0 ** (BITS - 1)
    smallest = which @ np.array(SMALLEST_NORMAL)
    others = classes - 1

    def kept(x):
        return _rounded(x, _power(x, smallest), half)

    small = kept(jnp.asarray(np.exp(-GAPS)))
    start = jnp.where(order > 0.5, jnp.ones_like(small), small)

    def add(state, index):
        total, power = state
        more = total + jnp.where(index < others - 1 + order, small, 0.0)
        # a sum at most doubles: its leading digit moves by one place, if at all
        power = jnp.where(more >= 2 * power, 2 * power, power)
        return (_rounded(more, power, half), power), None

    total = jax.lax.scan(add, (start, _power(start, smallest)), jnp.arange(CLASSES[-1] - 1.0))[0][0]
    total = jnp.where(order > 0.5, total, kept(total + 1))
    power = _power(total, smallest)
    loss = kept(jnp.log(total))
    right, other = kept(1 / total), kept(small / total)
    pull, push = 1 - right, others * other
    whole = pull + push
    uncancelled = jnp.abs(push - pull) / jnp.where(whole > 0, whole, 1)
    odds = others * np.exp(-GAPS)

    here = (np.arange(float(len(GAPS))) == jnp.clip(jnp.floor(gap / GAP_STEP + 0.5), 0, len(GAPS) - 1)).astype(float)
    pull_here, uncancelled_here = here @ pull, here @ uncancelled
    earliest = bits * math.log(2)
    row = np.arange(0, len(GAPS), ROWS)
    places = jnp.asarray(PLACES, float)
    marked = np.arange(0, len(GAPS), MARKERS)
    stored_places = bits - jnp.log2(power[row])[:, None]
    gap_here = here @ GAPS
    return {
        "place": places,
        "row": jnp.asarray(GAPS[row]),
        "digit": _digits(total[row]),
        "not stored": (places > stored_places - 0.5).astype(float),
        "leading": jnp.stack([-jnp.log(others) / math.log(2), jnp.full((), END)]),
        "begins": jnp.stack([jnp.zeros(()), END * math.log(2) + jnp.log(others)]),
        "gap": jnp.asarray(GAPS),
        "across": jnp.asarray([PLACES[0] - 0.5, END]),
        "level": jnp.full(2, gap_here),
        "exact": odds / (1 + odds),
        "pull": jnp.maximum(pull, LEAST),
        "marked": jnp.asarray(GAPS[marked]),
        "uncancelled": jnp.maximum(uncancelled[marked], LEAST),
        "place here": jnp.reshape(gap_here, (1,)),
        "pull here": jnp.reshape(jnp.maximum(pull_here, LEAST), (1,)),
        "excess": here @ (total - 1),
        "loss": here @ loss,
        "derivative": pull_here,
        "left": jnp.where(uncancelled_here < UNSEEN, 0.0, uncancelled_here),
        "earliest": earliest,
        "latest": earliest + jnp.log(others),
        "collapsed": ((pull_here == 0) & (here @ push > 0)).astype(float),
        "all gone": (here @ whole == 0).astype(float),
    }


PRECISION = Explorable(
    "softmax_collapse.precision",
    gap_and_format,
    controls=[
        Slider("gap", "gap g from the right logit to the others", 0.0, LARGEST_GAP, default=17.4, step=GAP_STEP),
        Choice("dtype", "format", DTYPES, default=DTYPES.index("float32")),
        Stops("classes", "classes K", CLASSES, default=31),
        Choice("order", "the right class is added", ("last", "first"), default=LAST),
    ],
    panels=[
        Panel(
            Axis("place j of a binary digit, worth 2⁻ʲ"),
            Axis("gap g"),
            curves=[
                Curve("leading", "begins", "small part begins", colour=1),
                Curve("across", "level", "your gap", kind="limit"),
            ],
            field=Field(
                "place",
                "row",
                "digit",
                "digit of the sum",
                limits=(0.0, 1.0),
                missing="not stored",
                missing_label="not stored",
            ),
        ),
        Panel(
            Axis("gap g", limits=(0.0, LARGEST_GAP)),
            Axis("|derivative|", scale="log", limits=(LEAST, MOST)),
            curves=[
                Curve("gap", "exact", "exact", kind="limit"),
                Curve("gap", "pull", "stored", colour=1),
                Curve("marked", "uncancelled", "uncancelled", kind="experiment", colour=2),
                Curve("place here", "pull here", kind="mark"),
            ],
        ),
    ],
    readouts=[
        Readout("excess", "stored sum less 1:"),
        Readout("loss", "loss"),
        Readout("derivative", "|derivative| by the right logit"),
        Readout("left", "part of the derivatives that does not cancel"),
        Readout("earliest", "collapse at a gap from", digits=4),
        Readout("latest", "to", digits=4),
    ],
    notices=[
        Notice("collapsed", "Exactly 0: the sample has collapsed. Only the push on the wrong classes is left."),
        Notice("all gone", "The small exponentials are 0 too, and so is every derivative."),
    ],
    play="gap",
    caption=(
        "One sample whose right logit leads all others by a gap g, with every operation rounded to the digits of the "
        "format. Left: each row is the sum of the exponentials, 1 + (K − 1)e⁻ᵍ, in binary digits; the line says where "
        "the small part begins, and what lies in the hatching is not stored. Right: the derivative of the "
        "cross-entropy by the right logit, exact (dashed) and in the format (line); markers: the part of all "
        "derivatives that does not cancel, 0 in exact arithmetic. Exactly 0 is drawn at the bottom. Simplified: the "
        "other logits are equal, exponentials are added one by one, and gaps are multiples of 0.3."
    ),
    alt=lambda at: (
        "Two panels. Left: a map of binary digits against the gap from 0 to 45. Ones fill a band below a straight line "
        "from the lower left to the upper right, along which the small exponentials begin; right of place "
        f"{at['place'][np.argmax(at['not stored'][-1])] - 1:.0f} nothing is stored, and above a gap of about "
        f"{at['latest']:.0f} the rows are a one and zeros. Right, on a logarithmic axis: the derivative by the right "
        f"logit falls along a dashed line and drops to exactly 0 near {at['latest']:.0f}, at your gap of "
        f"{at['place here'][0]:.4g} it is {at['derivative']:.1e}; the part of the derivatives that does not cancel "
        "rises to 1 there."
    ),
)
