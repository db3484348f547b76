"""What an explorable is made of: one function of named controls, and how its results are drawn and said.

Labels and units are plain Unicode text ("initial strength u₀"): they are read on a canvas, by matplotlib, in a widget
and by a screen reader alike.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from solvable import require

Scale = Literal["linear", "log"]
SCALES = ("linear", "log")
KINDS = ("theory", "limit", "experiment", "mark", "area")


@dataclass(frozen=True)
class Slider:
    """A control that moves continuously between two values.

    Attributes:
        name: of the function's argument.
        label: what the reader sees.
        low: smallest value.
        high: largest value.
        default: where it stands at first.
        scale: ``log`` for a positive quantity that matters by its order of magnitude.
        step: smallest move, in the unit of the value, or in decades on a log scale; none by default.
        unit: of the value.
        mark: name of a scalar result whose place is marked on the slider's track, and what that place is called.
    """

    name: str
    label: str
    low: float
    high: float
    default: float
    scale: Scale = "linear"
    step: float | None = None
    unit: str = ""
    mark: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        require.finite(low=self.low, high=self.high)
        require.one_of(SCALES, scale=self.scale)
        if not self.low < self.high:
            raise ValueError(f"low must be below high, got {self.low} and {self.high} for {self.name!r}")
        if self.scale == "log":
            require.positive(low=self.low)
        if self.step is not None:
            require.positive(step=self.step)
        require.within(self.low, self.high, default=self.default)

    def value(self, position: float) -> float:
        """The value at ``position``, from 0 at the low end to 1 at the high end."""
        if self.scale == "log":
            return self.low * (self.high / self.low) ** position
        return self.low + position * (self.high - self.low)


@dataclass(frozen=True)
class Stops:
    """A control that stands at one of several numbers, such as a depth.

    Attributes:
        name: of the function's argument.
        label: what the reader sees.
        values: in increasing order; the last may be infinite.
        default: one of them.
        unit: of the values.
    """

    name: str
    label: str
    values: Sequence[float]
    default: float
    unit: str = ""

    def __post_init__(self) -> None:
        if len(self.values) < 2 or any(b <= a for a, b in zip(self.values, self.values[1:], strict=False)):
            raise ValueError(f"values must be at least two in increasing order, got {list(self.values)}")
        require.one_of(self.values, default=self.default)

    @property
    def texts(self) -> tuple[str, ...]:
        """The values as the reader sees them."""
        return tuple("∞" if math.isinf(value) else f"{value:g}" for value in self.values)


@dataclass(frozen=True)
class Choice:
    """A control that picks one of several named alternatives; the function is given its number, from 0.

    Attributes:
        name: of the function's argument.
        label: what the reader sees.
        texts: the alternatives.
        default: number of the one that is picked at first.
    """

    name: str
    label: str
    texts: Sequence[str]
    default: int = 0
    unit: str = field(default="", init=False)

    def __post_init__(self) -> None:
        if len(self.texts) < 2:
            raise ValueError(f"texts must name at least two alternatives, got {list(self.texts)}")
        require.one_of(self.values, default=self.default)

    @property
    def values(self) -> tuple[int, ...]:
        """The numbers of the alternatives."""
        return tuple(range(len(self.texts)))


Control = Slider | Stops | Choice


@dataclass(frozen=True)
class Axis:
    """One axis of a panel.

    Attributes:
        label: what it shows, without the unit.
        unit: added to the label in brackets.
        scale: or several, of which the reader chooses; the first is shown at first.
        limits: lowest and highest value shown; by default those of the curves.
    """

    label: str
    unit: str = ""
    scale: Scale | tuple[Scale, ...] = "linear"
    limits: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        for scale in self.scales:
            require.one_of(SCALES, scale=scale)
        if self.limits is not None:
            _require_increasing(self.limits)

    @property
    def scales(self) -> tuple[Scale, ...]:
        """The scales to choose from."""
        return (self.scale,) if isinstance(self.scale, str) else self.scale

    @property
    def text(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def _require_increasing(limits: tuple[float, float]) -> None:
    require.finite(limits=limits)
    if not limits[0] < limits[1]:
        raise ValueError(f"limits must increase, got {limits}")


@dataclass(frozen=True)
class Curve:
    """One curve: two results of the function, drawn against each other.

    Attributes:
        x: name of the result along the horizontal axis.
        y: name of the result along the vertical one.
        label: for the legend; none leaves it out.
        kind: ``theory`` is a line, ``limit`` a thin dashed one, ``experiment`` markers, ``mark`` a black cross,
            ``area`` a line with what lies under it filled. Areas over one another show how a sum is made up: the
            function returns the cumulative sums, and each area has the one before as its base.
        colour: number of its colour (and marker) in :mod:`solvable.style`.
        base: of an area, name of the result on which it stands; by default it reaches to the bottom of the panel.
    """

    x: str
    y: str
    label: str | None = None
    kind: Literal["theory", "limit", "experiment", "mark", "area"] = "theory"
    colour: int = 0
    base: str = ""

    def __post_init__(self) -> None:
        require.one_of(KINDS, kind=self.kind)
        if self.base and self.kind != "area":
            raise ValueError(f"base is for an area only, got {self.base!r} for a curve of kind {self.kind!r}")

    @property
    def results(self) -> list[str]:
        """Names of all the results that it is drawn from."""
        return [name for name in (self.x, self.y, self.base) if name]


@dataclass(frozen=True)
class Field:
    """A map under the curves of a panel: one number for each place of a grid, as the colour of a cell around it.

    Attributes:
        x: name of the result that has the columns' places along the horizontal axis, ``(n,)``, increasing.
        y: name of the result that has the rows' places along the vertical one, ``(m,)``, increasing.
        z: name of the result that is shown, ``(m, n)``.
        label: of the colours.
        limits: values of the first and the last colour; what lies beyond has those too. They are fixed, so that a
            colour means the same wherever the controls stand.
        scale: of the colours.
        missing: name of a result, ``(m, n)``, that is above one half where a cell has no value; such cells are hatched,
            and ``z`` is any finite number there.
        missing_label: for the legend; given together with ``missing``.
    """

    x: str
    y: str
    z: str
    label: str
    limits: tuple[float, float]
    scale: Scale = "linear"
    missing: str = ""
    missing_label: str = ""

    def __post_init__(self) -> None:
        require.one_of(SCALES, scale=self.scale)
        _require_increasing(self.limits)
        if self.scale == "log":
            require.positive(limits=self.limits)
        if bool(self.missing) != bool(self.missing_label):
            raise ValueError(
                f"missing and missing_label must be given together, got {self.missing!r} and {self.missing_label!r}"
            )

    @property
    def results(self) -> list[str]:
        """Names of all the results that it is drawn from."""
        return [name for name in (self.x, self.y, self.z, self.missing) if name]


@dataclass(frozen=True)
class Markers:
    """Where an experiment that ran in the notebook was measured; it stays where it is when a control moves.

    Attributes:
        name: under which the notebook hands over ``(x, y)``.
        label: for the legend.
        colour: number of its colour and marker.
    """

    name: str
    label: str | None = None
    colour: int = 0


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        x: the horizontal axis.
        y: the vertical axis.
        curves: what is computed anew at every move.
        markers: what stays.
        title: above the panel.
        field: a map under the curves. Axes without limits then end where its cells do.
    """

    x: Axis
    y: Axis
    curves: Sequence[Curve]
    markers: Sequence[Markers] = ()
    title: str = ""
    field: Field | None = None

    def check(self, results: Mapping[str, np.ndarray]) -> None:
        """Hold what the panel draws against the shapes of what the function returned.

        Raises:
            ValueError: a result has the wrong shape, or a map's grid has no place on its axis.
        """
        for curve in self.curves:
            shapes = [results[name].shape for name in curve.results]
            if len(shapes[0]) != 1 or len(set(shapes)) > 1:
                names, found = (" and ".join(map(str, said)) for said in (curve.results, shapes))
                raise ValueError(f"{names} must be of one length, got shapes {found}")
        if self.field is None:
            return
        for name, axis in ((self.field.x, self.x), (self.field.y, self.y)):
            places = results[name]
            if places.ndim != 1 or len(places) < 2 or not (np.diff(places) > 0).all():
                raise ValueError(f"{name} must be at least two increasing numbers, got {places}")
            if "log" in axis.scales and places[0] <= 0:
                raise ValueError(f"{name} must be positive for a log axis, got {places[0]}")
        expected = (len(results[self.field.y]), len(results[self.field.x]))
        for name in self.field.results[2:]:
            if results[name].shape != expected:
                raise ValueError(f"{name} must have shape {expected}, got {results[name].shape}")


@dataclass(frozen=True)
class Readout:
    """A scalar result that is said in words, such as "half-time 1.49 τ".

    Attributes:
        name: of the result.
        label: what it is.
        unit: of the number.
        digits: significant ones.
    """

    name: str
    label: str
    unit: str = ""
    digits: int = 3

    def text(self, value: float) -> str:
        """The readout as a reader sees it."""
        number = f"{value:.{self.digits}g}"
        return f"{self.label} {number} {self.unit}".rstrip()


@dataclass(frozen=True)
class Notice:
    """A sentence that is shown while a scalar result is above one half, such as "Descent has diverged".

    Attributes:
        name: of the result.
        text: the sentence.
    """

    name: str
    text: str


@dataclass(frozen=True)
class Explorable:
    """A figure that the reader moves.

    Attributes:
        id: ``<chapter>.<name>``.
        function: a JAX function of one scalar for each control, by name; returns a mapping from names to arrays of
            fixed shapes. Every result is finite everywhere in the box that the controls span.
        controls: what the reader moves.
        panels: where the results are drawn.
        caption: what the figure shows, in plain text.
        alt: describes the picture at the defaults to those who do not see it: a function of the results there.
        readouts: results that are said in words.
        notices: sentences that depend on a result.
        play: name of the slider that the play button sweeps.
        grid: for a function that cannot be exported (an eigendecomposition, say): for each slider the number of
            settings at which it is computed at build time. The page interpolates between them, and says so.
        tolerance: largest distance between the page's results and the function's, as a fraction of the largest
            magnitude of each result. None means rounding: 1e-9 in float64, 1e-4 in float32.
        reason: why a tolerance above rounding is enough; required with one.
        chaotic: name of a scalar result that is above one half where the function amplifies rounding errors without
            bound, so that no two machines agree; there the page's results are only held to be finite.
    """

    id: str
    function: Callable[..., Mapping[str, Array]]
    controls: Sequence[Control]
    panels: Sequence[Panel]
    caption: str
    alt: Callable[[Mapping[str, np.ndarray]], str]
    readouts: Sequence[Readout] = ()
    notices: Sequence[Notice] = ()
    play: str | None = None
    grid: Mapping[str, int] | None = None
    tolerance: float | None = None
    reason: str = ""
    chaotic: str | None = None

    def __post_init__(self) -> None:
        names = [control.name for control in self.controls]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"controls must be at least one, of different names, got {names}")
        sliders = [control.name for control in self.controls if isinstance(control, Slider)]
        if self.play is not None:
            require.one_of(sliders, play=self.play)
        if self.grid is not None:
            if set(self.grid) != set(sliders):
                raise ValueError(f"grid must count settings for each of {sliders}, got {dict(self.grid)}")
            require.integer(2, **{f"grid[{name!r}]": count for name, count in self.grid.items()})
        if self.tolerance is not None and not self.reason:
            raise ValueError("reason must say why the tolerance is enough")

    @property
    def defaults(self) -> dict[str, float]:
        """The value of each control at first."""
        return {control.name: float(control.default) for control in self.controls}

    @property
    def anchor(self) -> str:
        """The id of the figure in its page."""
        return self.id.replace("_", "-").replace(".", "-")

    def corners(self) -> list[dict[str, float]]:
        """Every corner of the box that the controls span; of the stops and choices every one of the ends."""
        ends = [
            (control.low, control.high) if isinstance(control, Slider) else (control.values[0], control.values[-1])
            for control in self.controls
        ]
        return [self.named(values) for values in itertools.product(*ends)]

    def random_points(self, count: int, seed: int = 0) -> list[dict[str, float]]:
        """Settings drawn evenly along every control."""
        draw = np.random.default_rng(seed)

        def pick(control: Control) -> float:
            position = draw.uniform()
            if isinstance(control, Slider):
                return control.value(position)
            return control.values[int(position * len(control.values))]

        return [self.named(map(pick, self.controls)) for _ in range(count)]

    def named(self, values: Iterable[float]) -> dict[str, float]:
        """A value for each control, in the order of the controls, by its name."""
        return {control.name: float(value) for control, value in zip(self.controls, values, strict=True)}

    @cached_property
    def _compiled(self) -> Callable[..., Mapping[str, Array]]:
        return jax.jit(lambda values: dict(self.function(**values)))

    def evaluate(self, **values: float) -> dict[str, np.ndarray]:
        """Every result, at the defaults but for ``values``, in JAX's default precision.

        Raises:
            ValueError: a value's name is not one of a control.
        """
        for name in values:
            require.one_of([control.name for control in self.controls], name=name)
        given = {name: jnp.asarray(value, dtype=float) for name, value in (self.defaults | values).items()}
        return {name: np.asarray(result) for name, result in self._compiled(given).items()}

    def description(self) -> str:
        """The alt text at the defaults."""
        return self.alt(self.evaluate())

    def needed(self) -> set[str]:
        """Names of the results that the declaration refers to."""
        drawn = [entry for panel in self.panels for entry in (*panel.curves, panel.field) if entry is not None]
        return {name for entry in drawn for name in entry.results} | self._scalars()

    def _scalars(self) -> set[str]:
        said = {entry.name for entry in (*self.readouts, *self.notices)}
        marked = {control.mark[0] for control in self.controls if isinstance(control, Slider) and control.mark}
        return said | marked

    def check(self, markers: Mapping[str, tuple]) -> None:
        """Hold the declaration against what the function returns and what the notebook hands over.

        Raises:
            ValueError: a result is missing or has the wrong shape, or the markers are not those declared.
        """
        results = self.evaluate()
        missing = self.needed() - set(results)
        if missing:
            raise ValueError(f"{self.id}: function must return {', '.join(sorted(missing))}, got {', '.join(results)}")
        for panel in self.panels:
            try:
                panel.check(results)
            except ValueError as error:
                raise ValueError(f"{self.id}: {error}") from error
        for name in sorted(self._scalars()):
            if results[name].ndim:
                raise ValueError(f"{self.id}: {name} must be a scalar, got shape {results[name].shape}")
        declared = {entry.name for panel in self.panels for entry in panel.markers}
        if set(markers) != declared:
            raise ValueError(f"{self.id}: markers must be {sorted(declared)}, got {sorted(markers)}")


def find(identity: str) -> Explorable:
    """The explorable with this id, from its chapter's ``explorables.py``.

    Raises:
        ValueError: there is no such chapter, or none of its explorables has this id.
    """
    chapter = identity.partition(".")[0]
    known = declared(chapter)
    if identity not in known:
        raise ValueError(f"identity must be one of {', '.join(known)}, got {identity!r}")
    return known[identity]


def declared(chapter: str) -> dict[str, Explorable]:
    """The explorables of one chapter by id.

    Raises:
        ValueError: the chapter has no ``explorables.py``.
    """
    module = f"solvable.{chapter}.explorables"
    try:
        listed = import_module(module).EXPLORABLES
    except ModuleNotFoundError as error:
        if not module.startswith(error.name or "?"):  # a package that it needs is missing
            raise
        raise ValueError(f"chapter must have a module explorables, got {chapter!r}") from error
    return {explorable.id: explorable for explorable in listed}
