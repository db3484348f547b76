"""A JAX function as an ONNX graph that a browser can run, held against the function before anyone sees it."""

import hashlib
import itertools
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from numpy.polynomial import chebyshev
from scipy.special import erfcx

from solvable.explore import Explorable, Slider
from solvable.explore.declaration import Control

PRECISIONS = ("float64", "float32")
# what a figure cannot show: a pixel is a thousandth of an axis. Rounding leaves 1e-11 and 1e-5 of it.
ROUNDING = {"float64": 1e-9, "float32": 1e-4}
# the part of what a result reaches elsewhere in the box below which it counts as zero
NOTHING = 1e-6
RANDOM_POINTS = 20
MAKERS = ("jax", "jax2onnx", "onnx", "onnxruntime")


class GraphError(Exception):
    """An explorable that cannot be exported, or whose graph does not do what its function does."""


@dataclass(frozen=True)
class Graph:
    """An exported function.

    Attributes:
        model: the ONNX file.
        precision: of its inputs and outputs.
        inputs: its name for each control, in the order of the declaration; None where it does not depend on it.
        outputs: its name for each result.
    """

    model: bytes
    precision: str
    inputs: list[str | None]
    outputs: dict[str, str]

    @property
    def version(self) -> str:
        """A short name for this content."""
        return hashlib.sha256(self.model).hexdigest()[:8]


def tolerance(explorable: Explorable, precision: str) -> float:
    """Largest allowed distance between graph and function, relative to the largest magnitude of a result."""
    return ROUNDING[precision] if explorable.tolerance is None else explorable.tolerance


def export(explorable: Explorable, cache: Path) -> Graph:
    """The graph of an explorable, from ``cache`` where the function and what makes graphs have not changed.

    Raises:
        GraphError: the function cannot be exported, or the graph does not give its results.
    """
    with jax.enable_x64(True):
        function = interpolated(explorable) if explorable.grid is not None else _plain(explorable)
        refusals = []
        for precision in PRECISIONS:
            traced = _trace(function, explorable, precision)
            stored = cache / f"{explorable.id}.{_fingerprint(traced, explorable, precision)}.json"
            if stored.is_file():
                return _read(stored)
            try:
                graph = _convert(traced, explorable, precision)
            except _NoKernel as error:
                refusals.append(f"{precision}: {error}")
                continue
            hold(explorable, graph)
            _write(stored, graph)
            return graph
    raise GraphError(_advice(explorable, "; ".join(refusals)))


def hold(explorable: Explorable, graph: Graph) -> float:
    """Compare graph and function at every corner and at random points; the largest relative distance.

    Raises:
        GraphError: a result is not finite, or further from the function's than the tolerance.
    """
    allowed, worst = tolerance(explorable, graph.precision), 0.0
    run, settings = runner(graph), explorable.corners() + explorable.random_points(RANDOM_POINTS)
    with jax.enable_x64(True):
        expected = [explorable.evaluate(**setting) for setting in settings]
    found = [run(setting) for setting in settings]
    for name in sorted(explorable.needed()):
        for which, results in (("function", expected), ("graph", found)):
            for setting, values in zip(settings, results, strict=True):
                if not np.isfinite(values[name]).all():
                    raise GraphError(f"{explorable.id}: {name} of the {which} is not finite at {setting}")
        # a result that is nothing but rounding at one setting has no size of its own there
        least = NOTHING * max(float(np.abs(values[name]).max()) for values in expected)
        for setting, right, given in zip(settings, expected, found, strict=True):
            if explorable.chaotic and right[explorable.chaotic] > 0.5:
                continue
            size = max(float(np.abs(right[name]).max()), least, np.finfo(float).tiny)
            distance = float(np.abs(right[name] - given[name]).max()) / size
            worst = max(worst, distance)
            if distance > allowed:
                raise GraphError(
                    f"{explorable.id}: {name} of the graph is {distance:.1e} from the function's, relative to its "
                    f"largest magnitude, at {setting}; allowed is {allowed:.0e}"
                )
    return worst


def runner(graph: Graph) -> Callable[[Mapping[str, float]], dict[str, np.ndarray]]:
    """A function that evaluates the graph here, given the value of each control in order."""
    session = _session(graph.model)

    def run(setting: Mapping[str, float]) -> dict[str, np.ndarray]:
        given = {
            name: np.asarray(value, graph.precision)
            for name, value in zip(graph.inputs, setting.values(), strict=True)
            if name is not None
        }
        found = session.run(list(graph.outputs.values()), given)
        return dict(zip(graph.outputs, found, strict=True))

    return run


def interpolated(explorable: Explorable) -> Callable[..., list[jax.Array]]:
    """Stand-in for a function that cannot be exported: computed at settings on a grid, linear between them."""
    axes = [_settings(control, explorable.grid) for control in explorable.controls]
    computed = [explorable.evaluate(**explorable.named(setting)) for setting in itertools.product(*axes)]
    shape = tuple(map(len, axes))
    tables = {
        name: np.array([results[name] for results in computed]).reshape(*shape, *computed[0][name].shape)
        for name in sorted(explorable.needed())
    }

    def function(*values):
        return [_look_up(jnp.asarray(table, values[0].dtype), explorable.controls, values) for table in tables.values()]

    return function


def _settings(control: Control, grid: Mapping[str, int]) -> list[float]:
    if isinstance(control, Slider):
        return [control.value(position) for position in np.linspace(0, 1, grid[control.name])]
    return list(map(float, control.values))


def _look_up(table, controls: Sequence[Control], values):
    for control, value in zip(controls, values, strict=True):
        if not isinstance(control, Slider):
            table = table[_place(control, value)]
            continue
        if control.scale == "log":
            position = jnp.log(value / control.low) / math.log(control.high / control.low)
        else:
            position = (value - control.low) / (control.high - control.low)
        along = jnp.clip(position, 0.0, 1.0) * (len(table) - 1)
        below = jnp.minimum(jnp.floor(along), len(table) - 2)
        share, index = along - below, below.astype(int)
        table = (1 - share) * table[index] + share * table[index + 1]
    return table


def _place(control: Control, value):
    # by comparison, which infinity survives
    between = [(a + b) / 2 for a, b in itertools.pairwise(map(float, control.values))]
    finite = [a + 0.5 if math.isinf(m) else m for a, m in zip(control.values, between, strict=False)]
    return jnp.sum(value > np.asarray(finite, value.dtype))


def _plain(explorable: Explorable) -> Callable[..., list[jax.Array]]:
    names = [control.name for control in explorable.controls]

    def function(*values):
        results = explorable.function(**dict(zip(names, values, strict=True)))
        return [results[name] for name in sorted(explorable.needed())]

    return function


def _trace(function: Callable, explorable: Explorable, precision: str):
    # a trace of JAX's own: the converter replaces functions of JAX while it traces, and some of those that close over
    # outer values fail
    with jax.enable_x64(precision == "float64"):
        traced = jax.make_jaxpr(function)(*(jnp.zeros((), precision) for _ in explorable.controls))
    return traced.replace(jaxpr=_portable(traced.jaxpr))


def _portable(jaxpr: core.Jaxpr) -> core.Jaxpr:
    """The same program without what is lost on the way to the page.

    The converter forgets to turn the first matrix of a product over its rows, as gradients have them, and the runtime
    has some operators in single precision only.
    """
    equations = []
    for equation in jaxpr.eqns:
        nested = {name: _portable_within(value) for name, value in equation.params.items()}
        equation = equation.replace(params=nested)
        if equation.primitive.name in SPELLED and equation.outvars[0].aval.dtype == np.float64:
            equation = _spelled(equation)
        if equation.primitive.name == "dot_general" and _lies_down(equation):
            first, second = equation.invars
            turned = core.Var(first.aval.update(shape=first.aval.shape[::-1]))
            equations.append(
                equation.replace(
                    primitive=core.primitives.transpose_p,
                    invars=[first],
                    outvars=[turned],
                    params={"permutation": (1, 0)},
                )
            )
            (_, by_second), batch = nested["dimension_numbers"]
            contraction = {"dimension_numbers": (((1,), by_second), batch)}
            equation = equation.replace(invars=[turned, second], params=nested | contraction)
        equations.append(equation)
    return jaxpr.replace(eqns=equations)


def _portable_within(value):
    if isinstance(value, core.ClosedJaxpr):
        return value.replace(jaxpr=_portable(value.jaxpr))
    if isinstance(value, core.Jaxpr):
        return _portable(value)
    if type(value) is tuple:  # branches; not a named tuple
        return tuple(map(_portable_within, value))
    return value


def _spelled(equation: core.JaxprEqn) -> core.JaxprEqn:
    function = jax.jit(SPELLED[equation.primitive.name])
    arguments = [jax.ShapeDtypeStruct(var.aval.shape, var.aval.dtype) for var in equation.invars]
    (call,) = jax.make_jaxpr(function)(*arguments).eqns
    return call.replace(invars=equation.invars, outvars=equation.outvars)


def _lies_down(equation: core.JaxprEqn) -> bool:
    return equation.invars[0].aval.ndim == 2 and equation.params["dimension_numbers"][0][0] == (0,)


def _angle(y, x):
    """``atan2(y, x)``, by halving the angle three times and a series for what is left."""
    across = jnp.sqrt(x**2 + y**2) + jnp.abs(x)
    tangent = y / jnp.where(across > 0, across, 1)
    for _ in range(2):
        tangent = tangent / (1 + jnp.sqrt(1 + tangent**2))
    square, series = tangent**2, 0.0  # the tangent is below 0.2
    for power in range(23, 0, -2):
        series = 1 / power - square * series
    angle = 8 * tangent * series
    return jnp.where(x < 0, jnp.where(y < 0, -math.pi, math.pi) - angle, angle)


@cache
def _scaled_complement() -> list[float]:
    """Chebyshev coefficients of ``exp(x^2) erfc(x) (x + 5/2) / 5`` by ``(x - 5/2) / (x + 5/2)``."""
    return chebyshev.chebinterpolate(lambda s: erfcx(2.5 * (1 + s) / (1 - s)) / (1 - s), 20).tolist()


def _error_function(x):
    """``erf(x)`` to some roundings of 1."""
    size = jnp.minimum(jnp.abs(x), 6.0)  # beyond, it rounds to 1
    place = (size - 2.5) / (size + 2.5)
    total, before = 0.0, 0.0
    for coefficient in _scaled_complement()[:0:-1]:
        total, before = 2 * place * total - before + coefficient, total
    total = place * total - before + _scaled_complement()[0]
    return jnp.sign(x) * (1 - 5 / (size + 2.5) * total * jnp.exp(-(size**2)))


SPELLED = {"atan2": _angle, "erf": _error_function}
"""By operations that the runtime has in double precision: functions that it, or the converter, has in single only."""


def _fingerprint(traced, explorable: Explorable, precision: str) -> str:
    total = hashlib.sha256(str(traced.jaxpr).encode())
    for constant in traced.consts:
        total.update(np.asarray(constant).tobytes())
    makers = [f"{name} {version(name)}" for name in MAKERS]
    box = [(control.name, *map(str, _ends(control))) for control in explorable.controls]
    total.update(json.dumps([precision, makers, box, explorable.tolerance, sorted(explorable.needed())]).encode())
    # a graph that was held against its function by other rules is held again
    total.update(Path(__file__).read_bytes())
    return total.hexdigest()[:16]


def _ends(control: Control) -> Sequence[float]:
    return (control.low, control.high, control.scale) if isinstance(control, Slider) else control.values


class _NoKernel(Exception):
    """The runtime has no implementation of an operator in this precision."""


def _convert(traced, explorable: Explorable, precision: str) -> Graph:
    # only the build converts, and the converter takes a second to import
    from jax2onnx import to_onnx

    # it warns of values without a shape, which the runtime works out
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)
    arguments = [jax.ShapeDtypeStruct((), precision) for _ in explorable.controls]
    try:
        model = to_onnx(
            lambda *values: jax.core.eval_jaxpr(traced.jaxpr, traced.consts, *values),
            arguments,
            enable_double_precision=precision == "float64",
        )
    except Exception as error:
        raise GraphError(_advice(explorable, f"{type(error).__name__}: {error}")) from error
    given = [entry.name for entry in model.graph.input]
    if len(given) != len(explorable.controls):
        raise GraphError(f"{explorable.id}: the graph has inputs {given} for {len(explorable.controls)} controls")
    found = [entry.name for entry in model.graph.output]
    # the shapes that the converter notes for a loop without inputs are wrong, and the runtime finds all shapes itself
    _forget_shapes(model.graph)
    content = model.SerializeToString()
    try:
        _session(content)
    except _NoKernel:
        raise
    except Exception as error:  # the runtime has a class of its own for each fault, and no common one
        raise GraphError(_advice(explorable, f"{type(error).__name__}: {error}")) from error
    return Graph(content, precision, given, dict(zip(sorted(explorable.needed()), found, strict=True)))


def _forget_shapes(graph) -> None:
    del graph.value_info[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _forget_shapes(attribute.g)


def _session(model: bytes):
    # only the build and its tests run graphs here
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as runtime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of constants that it removes
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except runtime.NotImplemented as error:
        raise _NoKernel(str(error)) from error


def _advice(explorable: Explorable, fault: str) -> str:
    return (
        f"{explorable.id} cannot be exported for the page: {fault}. Write the operation named there by others, or "
        "declare grid={slider: settings} to have the function computed when the site is built and interpolated in the "
        "page."
    )


def _write(path: Path, graph: Graph) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".onnx").write_bytes(graph.model)
    about = {"precision": graph.precision, "inputs": graph.inputs, "outputs": graph.outputs}
    path.write_text(json.dumps(about), encoding="utf-8")


def _read(path: Path) -> Graph:
    return Graph(path.with_suffix(".onnx").read_bytes(), **json.loads(path.read_text(encoding="utf-8")))
