"""From a module to a graph: `forward` runs once on symbolic tensors, and every op is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sightline.frontend.checks import show, wholes
from sightline.frontend.model import Model, Picture
from sightline.frontend.modules import Module, require_forward_takes, require_module
from sightline.frontend.place import place_of, placed
from sightline.frontend.tracer import Tensor, Tracer, recording
from sightline.ir.errors import UserError
from sightline.ir.types import Shape, TensorType


@placed()
def trace(module: Module, inputs: Mapping[str, Shape] | None = None, *, name: str = "") -> Model:
    """The model that a module is: its `forward` on symbolic inputs, one for each name and shape."""
    require_module(module, "what is traced")
    name = _name(module, name)
    shapes = _shapes(module, inputs)
    picture, classes = _picture(module), _classes(module)
    tracer = Tracer(name, {id(part): path for path, part in module.modules()})
    arguments = [
        Tensor(tracer, tracer.builder.input(label, type_, where=module.where))
        for label, type_ in shapes.items()
    ]
    require_forward_takes(module, arguments, _forward_place(module))
    with recording(tracer):
        result = module(*arguments)
    for label, tensor in _results(module, result, tracer).items():
        tracer.builder.output(tensor.value, label)
    return Model(tracer.builder.finish(), picture, classes)


def _name(module: Module, given: str) -> str:
    name = given or getattr(module, "name", "") or type(module).__name__.lower()
    if not isinstance(name, str):
        raise _refusal(module, f"the name of {_class(module)} is a text, found {show(name)}")
    return name


def _shapes(module: Module, given: Mapping[str, Shape] | None) -> dict[str, TensorType]:
    """The type of each input, by its name."""
    inputs = getattr(module, "inputs", {}) if given is None else given
    fix = "Give the name and shape of each input, as inputs={'image': (1, 3, 240, 320)}."
    if not isinstance(inputs, Mapping):
        raise _refusal(
            module, f"the inputs of {_class(module)} are a dict, found {show(inputs)}", fix
        )
    if not inputs:
        raise _refusal(module, f"{_class(module)} does not say what it takes", fix)
    return {label: _type(module, label, shape) for label, shape in inputs.items()}


def _type(module: Module, label: str, shape: Any) -> TensorType:
    if not isinstance(label, str) or not label:
        raise _refusal(
            module, f"an input of {_class(module)} is named by a text, found {show(label)}"
        )
    sizes = wholes(shape)
    if sizes is None:
        raise _refusal(
            module,
            f"the shape of the input '{label}' of {_class(module)} is whole numbers, as "
            f"(1, 3, 240, 320), found {show(shape)}",
        )
    try:
        return TensorType(sizes)
    except UserError as error:
        raise error.at(where=_place(module)) from None


def _picture(module: Module) -> Picture | None:
    picture = getattr(module, "picture", None)
    if picture is not None and not isinstance(picture, Picture):
        raise _refusal(
            module,
            f"the picture of {_class(module)} is a Picture, found {show(picture)}",
            "Write Picture('rgb'), after `from sightline import Picture`.",
        )
    return picture


def _classes(module: Module) -> tuple[str, ...]:
    classes = getattr(module, "classes", ())
    if not isinstance(classes, list | tuple) or not all(isinstance(each, str) for each in classes):
        raise _refusal(
            module,
            f"the classes of {_class(module)} are a list of texts, found {show(classes)}",
            "Name each class, in the order of the scores.",
        )
    return tuple(classes)


def _results(module: Module, result: Any, tracer: Tracer) -> dict[str, Tensor]:
    """What forward returned, by label: one tensor, several in order, or a dict of them."""
    if isinstance(result, Tensor):
        result = {"output": result}
    if isinstance(result, tuple | list):
        result = {f"output{index}": tensor for index, tensor in enumerate(result)}
    if not isinstance(result, dict) or not result:
        found = show(result) if isinstance(result, dict) else type(result).__name__
        raise UserError(
            f"forward of {_class(module)} returned {found}",
            where=_forward_place(module),
            fix="Return a tensor, a tuple of tensors, or a dict from labels to tensors.",
        )
    for label, tensor in result.items():
        if not isinstance(label, str) or not label:
            raise UserError(
                f"forward of {_class(module)} labels an output by a text, found {show(label)}",
                where=_forward_place(module),
            )
        if not tracer.owns(tensor):
            found = "a value of another trace" if isinstance(tensor, Tensor) else "not a tensor"
            raise UserError(
                f"forward of {_class(module)} returned {type(tensor).__name__} for its "
                f"output '{label}', {found}",
                where=_forward_place(module),
            )
    return result


def _refusal(module: Module, problem: str, fix: str = "") -> UserError:
    return UserError(problem, where=_place(module), fix=fix)


def _class(module: Module) -> str:
    return type(module).__name__


def _place(module: Module) -> str:
    """Where the class is defined, which says what it takes; a layer of ours, where it was made.

    Nothing for the networks of `models/`: what they say follows from their parameters.
    """
    is_model = type(module).__module__.startswith("sightline.models.")
    return place_of(type(module)) or ("" if is_model else module.where)


def _forward_place(module: Module) -> str:
    return place_of(module.forward) or _place(module)
