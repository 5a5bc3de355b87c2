"""From a module to a graph: `forward` runs once on symbolic tensors, and every op is recorded."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sightline.frontend.model import Model
from sightline.ir.build import GraphBuilder
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.movement import Flatten, Reshape, Slice, Transpose
from sightline.ir.types import Array, Shape, TensorType

if TYPE_CHECKING:
    from sightline.frontend.modules import Module

_FRONTEND = str(Path(__file__).parent)


class Tensor:
    """A value of the network while it is traced: it has a shape, but no numbers yet."""

    # NumPy arrays on the left of an operator leave it to us.
    __array_ufunc__ = None

    def __init__(self, tracer: Tracer, value: str) -> None:
        self._tracer = tracer
        self.value = value

    @property
    def type(self) -> TensorType:
        return self._tracer.builder[self.value].type

    @property
    def shape(self) -> Shape:
        return self.type.shape

    def apply(self, op: Op, *others: Tensor) -> Tensor:
        """The result of an op on this value (and others)."""
        return self._tracer.emit(op, self, *others)

    def __add__(self, other: Tensor | float | Array) -> Tensor:
        return self.apply(Add(), self._operand(other))

    def __radd__(self, other: Any) -> Tensor:
        return self._operand(other).apply(Add(), self)

    def __sub__(self, other: Tensor | float | Array) -> Tensor:
        return self.apply(Sub(), self._operand(other))

    def __rsub__(self, other: Any) -> Tensor:
        return self._operand(other).apply(Sub(), self)

    def __mul__(self, other: Tensor | float | Array) -> Tensor:
        return self.apply(Mul(), self._operand(other))

    def __rmul__(self, other: Any) -> Tensor:
        return self._operand(other).apply(Mul(), self)

    def __neg__(self) -> Tensor:
        return self * -1.0

    def __getitem__(self, index: Any) -> Tensor:
        """Slices, as NumPy's; an axis keeps its place, so a single index is written `i:i+1`."""
        given = index if isinstance(index, tuple) else (index,)
        if len(given) > len(self.shape) or not all(isinstance(part, slice) for part in given):
            raise UserError(
                f"a traced value of shape {list(self.shape)} is indexed by slices of constants, "
                f"one an axis, found [{index!r}]",
                where=caller(),
                fix="Write i:i+1 for a single index.",
            )
        whole = given + (slice(None),) * (len(self.shape) - len(given))
        bounds = [part.indices(size) for part, size in zip(whole, self.shape, strict=True)]
        starts, stops, steps = zip(*bounds, strict=True)
        return self.apply(Slice(starts, stops, steps))

    def reshape(self, *shape: int) -> Tensor:
        return self.apply(Reshape(shape))

    def flatten(self, axis: int = 1) -> Tensor:
        return self.apply(Flatten(axis))

    def transpose(self, *order: int) -> Tensor:
        return self.apply(Transpose(order))

    def _operand(self, other: Tensor | float | Array) -> Tensor:
        if isinstance(other, Tensor):
            return other
        return self._tracer.constant(np.asarray(other, np.float32))

    def _has_no_value(self, *_: Any) -> NoReturn:
        raise UserError(
            "a Python branch, loop, comparison or conversion needs the numbers of a traced value, "
            "which are not there before the network runs",
            where=caller(),
            fix="Decide by shapes or by the module's own settings, or express the choice with ops.",
        )

    __bool__ = __iter__ = __len__ = __float__ = __int__ = __index__ = _has_no_value
    __lt__ = __le__ = __gt__ = __ge__ = __array__ = __contains__ = _has_no_value
    __eq__ = __ne__ = _has_no_value
    __hash__ = None  # type: ignore[assignment]


class Tracer:
    """The state of one trace: the graph so far, and which module is running."""

    def __init__(self, name: str, paths: Mapping[int, str]) -> None:
        self.builder = GraphBuilder(name)
        self._paths = paths
        self._running: list[Module] = []
        # By identity; the array is kept, so that no other takes the identity of one that is gone.
        self._constants: dict[int, tuple[Array, Tensor]] = {}

    @contextlib.contextmanager
    def running(self, module: Module) -> Iterator[None]:
        self._running.append(module)
        try:
            yield
        finally:
            self._running.pop()

    def emit(self, op: Op, *operands: Tensor) -> Tensor:
        for operand in operands:
            if not isinstance(operand, Tensor) or operand._tracer is not self:
                raise UserError(
                    f"{op.kind} was given {operand!r}, which is no value of this trace",
                    where=caller(),
                )
        where, path = self._place()
        values = [operand.value for operand in operands]
        name = path if self._is_own_op() and path else ".".join(filter(None, (path, op.kind)))
        return Tensor(self, self.builder.add(op, *values, name=name, instance=path, where=where))

    def constant(self, array: Array, name: str = "constant") -> Tensor:
        """A constant node; an array that is used again, by whichever module, is one node."""
        if id(array) not in self._constants:
            where, path = self._place()
            full = ".".join(filter(None, (path, name)))
            value = self.builder.constant(array, full, instance=path, where=where)
            self._constants[id(array)] = array, Tensor(self, value)
        return self._constants[id(array)][1]

    def _is_own_op(self) -> bool:
        """Whether the running module is a layer of ours, which is one op and gives it its name."""
        return bool(self._running) and type(self._running[-1]).__module__.startswith(
            "sightline.frontend."
        )

    def _place(self) -> tuple[str, str]:
        """The place in the user's model and the path of the running module.

        A layer of ours is placed where the user made it, an operation on tensors where it stands.
        """
        if not self._running:
            return caller(), ""
        module = self._running[-1]
        return (module.where if self._is_own_op() else caller()), self._paths.get(id(module), "")


_active: list[Tracer] = []


def active_tracer() -> Tracer:
    """The trace under way; modules are called on symbolic tensors only."""
    if not _active:
        raise UserError(
            "a module was called outside of a trace", fix="Compile it, or trace it, instead."
        )
    return _active[-1]


def trace(module: Module, inputs: Mapping[str, Shape] | None = None, *, name: str = "") -> Model:
    """The model that a module is: its `forward` on symbolic inputs, one for each name and shape."""
    shapes = dict(inputs or getattr(module, "inputs", {}))
    if not shapes:
        raise UserError(
            f"{type(module).__name__} does not say what it takes",
            where=module.where,
            fix="Give the name and shape of each input, as inputs={'image': (1, 3, 240, 320)}.",
        )
    tracer = Tracer(
        name or getattr(module, "name", "") or type(module).__name__.lower(),
        {id(part): path for path, part in module.modules()},
    )
    arguments = [
        Tensor(tracer, tracer.builder.input(label, TensorType(shape), where=module.where))
        for label, shape in shapes.items()
    ]
    _active.append(tracer)
    try:
        result = module(*arguments)
    finally:
        _active.pop()
    for label, tensor in _results(module, result).items():
        tracer.builder.output(tensor.value, label)
    return Model(
        tracer.builder.finish(),
        getattr(module, "picture", None),
        tuple(getattr(module, "classes", ())),
    )


def _results(module: Module, result: Any) -> dict[str, Tensor]:
    """What forward returned, by label: one tensor, several in order, or a dict of them."""
    if isinstance(result, Tensor):
        return {"output": result}
    if isinstance(result, tuple | list):
        result = {f"output{index}": tensor for index, tensor in enumerate(result)}
    if not isinstance(result, dict) or not result:
        raise UserError(
            f"forward of {type(module).__name__} returned {type(result).__name__}",
            where=module.where,
            fix="Return a tensor, a tuple of tensors, or a dict from labels to tensors.",
        )
    for label, tensor in result.items():
        if not isinstance(tensor, Tensor):
            raise UserError(
                f"forward of {type(module).__name__} returned {type(tensor).__name__} for its "
                f"output '{label}', not a tensor",
                where=module.where,
            )
    return {str(label): tensor for label, tensor in result.items()}


def caller() -> str:
    """`file.py:line` of the innermost code that is not this frontend's: the user's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_FRONTEND):
        frame = frame.f_back
    path = Path(frame.f_code.co_filename)
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return f"{path}:{frame.f_lineno}"
