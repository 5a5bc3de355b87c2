"""What runs in place of numbers: symbolic tensors, and the tracer that records their ops."""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sightline.frontend.checks import finite, show, wholes
from sightline.frontend.place import caller
from sightline.ir.build import GraphBuilder
from sightline.ir.constant import Constant
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.ops.arithmetic import Add, Mul, Sub
from sightline.ir.ops.movement import Flatten, Reshape, Slice, Transpose
from sightline.ir.ops.pointwise import Pointwise
from sightline.ir.types import Array, Shape, TensorType

if TYPE_CHECKING:
    from sightline.frontend.modules import Module


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

    def __repr__(self) -> str:
        return f"Tensor({self.type})"

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

    def __truediv__(self, other: float | Array) -> Tensor:
        """Division by constants: multiplication by their reciprocals."""
        if isinstance(other, Tensor):
            return self.__rtruediv__(other)
        divisor = finite(other, "a divisor").astype(np.float64)
        if not divisor.all():
            raise UserError("a traced value is divided by zero", where=caller())
        return self * (1.0 / divisor)

    def __rtruediv__(self, other: Any) -> NoReturn:
        raise UserError(
            "something is divided by a traced value, and there is no op that does so",
            where=caller(),
            fix="Normalize with nn.DivisiveNorm, nn.LocalNorm, nn.TorchDivisiveNorm or "
            "nn.Softmax, or declare an op of your own (docs/ADDING_AN_OP.md).",
        )

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
        try:
            bounds = [part.indices(size) for part, size in zip(whole, self.shape, strict=True)]
        except (TypeError, ValueError) as error:  # bounds that are no whole numbers, a step of 0
            raise UserError(f"[{index!r}] slices no axis: {error}", where=caller()) from None
        starts, stops, steps = zip(*bounds, strict=True)
        return self.apply(Slice(starts, stops, steps))

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same elements under another shape; one size may be -1, and is what the rest leave."""
        given = shape[0] if len(shape) == 1 and isinstance(shape[0], list | tuple) else shape
        return self.apply(Reshape(self._resolve(given)))

    def flatten(self, axis: int = 1) -> Tensor:
        return self.apply(Flatten(axis))

    def transpose(self, *order: int) -> Tensor:
        return self.apply(Transpose(order))

    def _resolve(self, shape: Any) -> Shape:
        """A shape to reach, its -1 replaced."""
        sizes = wholes(shape)
        if sizes is None or sizes.count(-1) > 1 or any(size < 1 and size != -1 for size in sizes):
            raise UserError(
                f"a shape is whole numbers of at least 1, and at most one -1, found {show(shape)}",
                where=caller(),
            )
        if -1 not in sizes:
            return sizes
        rest, total = -math.prod(sizes), self.type.size
        if total % rest:
            raise UserError(
                f"cannot reshape {self.type} to {list(sizes)}: its {total} elements are no "
                f"multiple of {rest}",
                where=caller(),
            )
        return tuple(total // rest if size == -1 else size for size in sizes)

    def _operand(self, other: Tensor | float | Array) -> Tensor:
        if isinstance(other, Tensor):
            return other
        return self._tracer.constant(other)

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
        # By identity; what was given is kept, so that nothing else takes its identity when it is
        # gone, and its numbers, since whoever gave it may change them before it comes again.
        self._constants: dict[int, tuple[Any, Constant, Tensor]] = {}

    @contextlib.contextmanager
    def running(self, module: Module) -> Iterator[None]:
        self._running.append(module)
        try:
            yield
        finally:
            self._running.pop()

    def emit(self, op: Op, *operands: Tensor) -> Tensor:
        for operand in operands:
            if not self.owns(operand):
                raise UserError(
                    f"{op.kind} was given {show(operand)}, which is no value of this trace",
                    where=caller(),
                )
        if not _takes(op, len(operands)):
            raise UserError(f"{op.kind} cannot take {len(operands)} operands", where=caller())
        where, path = self._place()
        values = [operand.value for operand in operands]
        name = path if self._is_own_op() and path else ".".join(filter(None, (path, op.kind)))
        return Tensor(self, self.builder.add(op, *values, name=name, instance=path, where=where))

    def owns(self, value: Any) -> bool:
        """Whether something is a value of this trace."""
        return isinstance(value, Tensor) and value._tracer is self

    def constant(self, given: Any, name: str = "constant", what: str = "a constant") -> Tensor:
        """A constant node of finite floats (see `checks.finite`).

        What is used again as it was, by whichever module, is one node.
        """
        constant = Constant(finite(given, what))
        known = self._constants.get(id(given))
        if known is None or known[1] != constant:
            where, path = self._place()
            full = ".".join(filter(None, (path, name)))
            value = self.builder.constant(constant, full, instance=path, where=where)
            known = self._constants[id(given)] = given, constant, Tensor(self, value)
        return known[2]

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
        where = module.where if self._is_own_op() else caller() or module.where
        return where, self._paths.get(id(module), "")


def _takes(op: Op, count: int) -> bool:
    """Whether an op has a meaning for that number of operands."""
    if isinstance(op, Pointwise):
        return count == op.arity
    try:
        inspect.signature(op.infer).bind(*range(count))
    except TypeError:
        return False
    return True


_active: list[Tracer] = []


@contextlib.contextmanager
def recording(tracer: Tracer) -> Iterator[None]:
    """Modules that are called within are recorded by this tracer."""
    _active.append(tracer)
    try:
        yield
    finally:
        _active.pop()


def active_tracer() -> Tracer:
    """The trace under way; modules are called on symbolic tensors only."""
    if not _active:
        raise UserError(
            "a module was called outside of a trace",
            where=caller(),
            fix="Compile it, or trace it, instead.",
        )
    return _active[-1]
