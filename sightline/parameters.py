"""`NAME,classes=33,scales=1`: parameters of a factory from text, by the types it declares."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from sightline.ir.errors import UserError

_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def bind(factory: Callable[..., Any], words: Iterable[str], name: str) -> dict[str, Any]:
    """The keyword arguments that `key=value` words stand for; `name` is told in errors."""
    known = inspect.signature(factory).parameters
    hints = _hints(factory)
    given: dict[str, Any] = {}
    for word in words:
        key, equals, text = (part.strip() for part in word.partition("="))
        if not equals:
            raise UserError(
                f"'{word}' is no parameter of {name}", fix="Write parameters as name=value."
            )
        if key not in known or known[key].kind is inspect.Parameter.VAR_KEYWORD:
            raise UserError(f"{name} has no parameter '{key}'", fix=suggest(key, known, "It takes"))
        if key in given:
            raise UserError(f"the parameter '{key}' of {name} is given twice")
        parameter = known[key]
        wanted = hints.get(key, type(parameter.default))
        try:
            given[key] = parse_value(text, wanted)
        except ValueError:
            raise UserError(
                f"the parameter '{key}' of {name} is {describe(wanted)}, but was given '{text}'"
            ) from None
    for key, parameter in known.items():
        optional = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not optional and key not in given:
            raise UserError(
                f"{name} needs a value for its parameter '{key}'",
                fix=f"Append it to the name, as '{name},{key}=VALUE'.",
            )
    return given


def parse_value(text: str, wanted: Any) -> Any:
    """The value of a type that a text stands for, or ValueError."""
    if isinstance(wanted, types.UnionType) or typing.get_origin(wanted) is typing.Union:
        choices = typing.get_args(wanted)
        if type(None) in choices and text.lower() == "none":
            return None
        return _first_that_reads(text, [kind for kind in choices if kind is not type(None)])
    if typing.get_origin(wanted) is typing.Literal:
        return next(value for value in _checked(wanted, text) if str(value) == text)
    if typing.get_origin(wanted) in (tuple, list):
        item = typing.get_args(wanted)[0]
        return tuple(parse_value(part, item) for part in text.split("x"))
    if wanted is bool:
        if text.lower() not in _WORDS:
            raise ValueError(text)
        return _WORDS[text.lower()]
    if wanted in (int, float, str):
        return wanted(text)
    return _first_that_reads(text, [int, float, str])


def describe(wanted: Any) -> str:
    """A type in words: `an integer`, `numbers as 240x320`."""
    if typing.get_origin(wanted) is typing.Literal:
        return "one of " + ", ".join(map(str, typing.get_args(wanted)))
    if typing.get_origin(wanted) in (tuple, list):
        return "numbers as 240x320"
    plain = {int: "an integer", float: "a number", bool: "true or false", str: "a text"}
    return plain.get(wanted, str(wanted))


def suggest(name: str, known: Iterable[str], what: str) -> str:
    """`Did you mean 'lenet5'? There are lenet5, …`, to be the fix of an error."""
    choices = list(known)
    close = get_close_matches(name, choices, n=1)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return f"{guess}{what} {', '.join(choices) or 'nothing'}."


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    target = factory.__init__ if inspect.isclass(factory) else factory
    try:
        return typing.get_type_hints(target)
    except (NameError, TypeError):  # annotations that only a type checker can read
        return {}


def _checked(wanted: Any, text: str) -> tuple[Any, ...]:
    values = typing.get_args(wanted)
    if text not in map(str, values):
        raise ValueError(text)
    return values


def _first_that_reads(text: str, kinds: Iterable[Any]) -> Any:
    for kind in kinds:
        try:
            return parse_value(text, kind)
        except ValueError:
            continue
    raise ValueError(text)
