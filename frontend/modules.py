"""What a module is: weights, parts and a `forward` that is traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np

from sightline.frontend.model import Picture
from sightline.frontend.trace import Tensor, active_tracer, caller
from sightline.ir.errors import UserError
from sightline.ir.op import Op
from sightline.ir.types import Array, Shape


class Module:
    """Something with weights and a `forward`. Its attributes that are modules are its parts."""

    where: str = ""
    """The place in the user's code where it was made."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        module = super().__new__(cls)
        module.where = caller()
        return module

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        raise UserError(f"{type(self).__name__} defines no forward", where=self.where)

    def __call__(self, *inputs: Tensor) -> Any:
        with active_tracer().running(self):
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

    def load(self, weights: Mapping[str, Array]) -> None:
        """Replace all weights by those of a mapping (an open `.npz` is one), checked by name."""
        own = self.parameters()
        lacking = sorted(set(own) ^ set(weights))
        if lacking:
            told = [f"{n} is {'missing' if n in own else 'unknown'}" for n in lacking[:5]]
            raise UserError(f"the weights do not fit {type(self).__name__}: {', '.join(told)}")
        modules = dict(self.modules())
        for name, old in own.items():
            new = np.asarray(weights[name])
            if new.shape != old.shape:
                raise UserError(
                    f"the weights '{name}' have shape {list(new.shape)}, but {type(self).__name__} "
                    f"needs {list(old.shape)}"
                )
            path, _, attribute = name.rpartition(".")
            setattr(modules[path], attribute, new.astype(np.float32))


class Network(Module):
    """A whole network: it says its name, its inputs, and what pictures and classes it knows."""

    name: str = ""
    inputs: Mapping[str, Shape] = {}
    picture: Picture | None = None
    classes: tuple[str, ...] = ()


class Layer(Module):
    """A module that is one op on one input, with weights of its own."""

    def apply(self, op: Op, x: Tensor, **weights: Array | None) -> Tensor:
        tracer = active_tracer()
        given = ((name, array) for name, array in weights.items() if array is not None)
        return tracer.emit(op, x, *(tracer.constant(array, name) for name, array in given))

    def constant(self, name: str) -> Tensor:
        """A weight of its own as a traced value, by the attribute's name."""
        return active_tracer().constant(getattr(self, name), name)


class Sequential(Module):
    """Its modules one after the other."""

    def __init__(self, *modules: Module) -> None:
        self.layers = list(modules)

    def parts(self) -> Iterator[tuple[str, Module]]:
        return ((str(index), module) for index, module in enumerate(self.layers))

    def forward(self, *inputs: Tensor) -> Any:
        x: Any = inputs
        for module in self.layers:
            x = module(*x) if isinstance(x, tuple) else module(x)
        return x


class Apply(Layer):
    """Any op without weights, as a module: `nn.Apply(Tanh())`."""

    def __init__(self, op: Op) -> None:
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
