"""What a module is: weights, parts and a `forward` that is traced."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np

from sightline.frontend.checks import finite, show
from sightline.frontend.model import Picture
from sightline.frontend.place import caller, place_of, placed
from sightline.frontend.tracer import Tensor, active_tracer
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.types import Array, Shape


class Module:
    """Something with weights and a `forward`. Its attributes that are modules are its parts."""

    where: str = ""
    """The place in the user's code where it was made."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        module = super().__new__(cls)
        module.where = caller() or place_of(cls)
        return module

    def __init_subclass__(cls, **settings: Any) -> None:
        """What is wrong with its arguments is told with the line that made it."""
        super().__init_subclass__(**settings)
        if "__init__" in vars(cls):
            cls.__init__ = placed()(cls.__init__)  # type: ignore[method-assign]

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        raise UserError(f"{type(self).__name__} defines no forward", where=self.where)

    def __call__(self, *inputs: Tensor) -> Any:
        tracer = active_tracer()
        require_forward_takes(self, inputs, caller())
        with tracer.running(self):
            return self.forward(*inputs)

    def parts(self) -> Iterator[tuple[str, Module]]:
        """The modules among its attributes, those in lists and dicts included."""
        for name, value in vars(self).items():
            yield from _modules_in(name, value)

    def modules(self, path: str = "") -> Iterator[tuple[str, Module]]:
        """Itself and all modules below, with their paths; a shared one once, by its first path."""
        seen: set[int] = set()

        def walk(path: str, module: Module) -> Iterator[tuple[str, Module]]:
            if id(module) in seen:
                return
            seen.add(id(module))
            yield path, module
            for name, part in module.parts():
                yield from walk(f"{path}.{name}" if path else name, part)

        yield from walk(path, self)

    def parameters(self) -> dict[str, Array]:
        """All weights by path, as `features.0.weight`."""
        return {
            f"{path}.{name}" if path else name: value
            for path, module in self.modules()
            for name, value in vars(module).items()
            if isinstance(value, np.ndarray)
        }

    @placed()
    def load(self, weights: Mapping[str, Any]) -> None:
        """Replace all weights by those of a mapping (an open `.npz` is one), checked by name."""
        if not isinstance(weights, Mapping):
            raise UserError(
                f"weights are a mapping from names to arrays, found {show(weights)}",
                fix="Open a file of them with numpy.load.",
            )
        own = self.parameters()
        lacking = sorted(set(own) ^ set(weights), key=str)
        if lacking:
            told = [f"{n} is {'missing' if n in own else 'unknown'}" for n in lacking[:5]]
            raise UserError(f"the weights do not fit {type(self).__name__}: {', '.join(told)}")
        new = {name: self._fitting(name, weights, old.shape) for name, old in own.items()}
        modules = dict(self.modules())
        for name, array in new.items():
            path, _, attribute = name.rpartition(".")
            setattr(modules[path], attribute, array)

    def _fitting(self, name: str, weights: Mapping[str, Any], shape: Shape) -> Array:
        """The named array of a mapping as an own copy, if it can take the place of that shape."""
        try:
            given = weights[name]
        except ValueError as error:  # NumPy's, for pickled objects
            raise UserError(f"the weights '{name}' cannot be read: {error}") from error
        array = finite(given, f"the weights '{name}'").copy()
        if array.shape != shape:
            raise UserError(
                f"the weights '{name}' have shape {list(array.shape)}, but {type(self).__name__} "
                f"needs {list(shape)}"
            )
        return array


class Network(Module):
    """A whole network: it says its name, its inputs, and what pictures and classes it knows."""

    name: str = ""
    inputs: Mapping[str, Shape] = {}
    picture: Picture | None = None
    classes: tuple[str, ...] = ()


class Layer(Module):
    """A module that is one op on one input, with weights of its own."""

    def apply(self, op: Op, x: Tensor, **weights: Array | None) -> Tensor:
        given = ((name, array) for name, array in weights.items() if array is not None)
        return active_tracer().emit(op, x, *(self._weight(*each) for each in given))

    def constant(self, name: str) -> Tensor:
        """A weight of its own as a traced value, by the attribute's name."""
        return self._weight(name, getattr(self, name))

    def _weight(self, name: str, weight: Array) -> Tensor:
        try:
            return active_tracer().constant(weight, name, f"the {name} of {type(self).__name__}")
        except UserError as error:
            raise error.at(where=self.where) from None


class Sequential(Module):
    """Its modules one after the other."""

    def __init__(self, *modules: Module) -> None:
        for module in modules:
            require_module(module, "a part of Sequential")
        self.layers = list(modules)

    def parts(self) -> Iterator[tuple[str, Module]]:
        return ((str(index), module) for index, module in enumerate(self.layers))

    def forward(self, *inputs: Tensor) -> Any:
        x: Any = inputs[0] if len(inputs) == 1 else inputs
        for module in self.layers:
            x = module(*x) if isinstance(x, tuple) else module(x)
        return x


class Apply(Layer):
    """Any op without weights, as a module: `nn.Apply(Tanh())`."""

    def __init__(self, op: Op) -> None:
        if not isinstance(op, Op):
            what, fix = _told(op)
            raise UserError(f"Apply makes a layer of an op, found {what}", fix=fix)
        self.op = op

    def forward(self, *inputs: Tensor) -> Tensor:
        return active_tracer().emit(self.op, *inputs)


def _modules_in(name: str, value: Any) -> Iterator[tuple[str, Module]]:
    if isinstance(value, Module):
        yield name, value
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _modules_in(f"{name}.{index}", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _modules_in(f"{name}.{key}", item)


def require_module(value: Any, what: str) -> None:
    if not isinstance(value, Module):
        found, fix = _told(value)
        raise UserError(f"{what} is a module of sightline.frontend.nn, found {found}", fix=fix)


def require_forward_takes(module: Module, inputs: Sequence[Any], where: str) -> None:
    """Refuse inputs of a number that a module's `forward` cannot be called with."""
    name = type(module).__name__
    if not callable(module.forward):
        raise UserError(f"forward of {name} is {show(module.forward)}, not a method", where=where)
    signature = inspect.signature(module.forward)
    try:
        signature.bind(*inputs)
    except TypeError:
        takes = ", ".join(map(str, signature.parameters)) or "nothing"
        given = f"{len(inputs)} input{'' if len(inputs) == 1 else 's'}"
        raise UserError(
            f"forward of {name} takes ({takes}), but is given {given}", where=where
        ) from None


def _told(value: Any) -> tuple[str, str]:
    """What was found in place of an object, and what to do instead."""
    if isinstance(value, type):
        return f"the class {value.__name__}", f"Make one of it: {value.__name__}(…)."
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__}", "Give its items one by one, with a * before it."
    return show(value), ""
