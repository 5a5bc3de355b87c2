"""Parameters from text, by declared types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from sightline.ir.errors import UserError
from sightline.parameters import bind


def declared(
    count: int = 1,
    rate: float = 0.5,
    deep: bool = False,
    label: str = "",
    size: tuple[int, ...] = (),
    limit: int | None = None,
    mode: Literal["fast", "small"] = "fast",
) -> None:
    """A factory that declares everything."""


def undeclared(count=1, rate=0.5, deep=False, free=None, **others):  # type: ignore[no-untyped-def]
    """A factory that declares nothing."""


@pytest.mark.parametrize(
    ("factory", "word", "value"),
    [
        (declared, "count=33", 33),
        (declared, "count = -3", -3),
        (declared, "rate=1e-3", 1e-3),
        (declared, "rate=2", 2.0),
        (declared, "deep=true", True),
        (declared, "deep=No", False),
        (declared, "label=33", "33"),
        (declared, "label=a=b", "a=b"),
        (declared, "size=240x320", (240, 320)),
        (declared, "limit=none", None),
        (declared, "limit=7", 7),
        (declared, "mode=small", "small"),
        (undeclared, "count=3", 3),
        (undeclared, "rate=3", 3.0),
        (undeclared, "deep=yes", True),
        (undeclared, "free=3", 3),
        (undeclared, "free=3.5", 3.5),
        (undeclared, "free=abc", "abc"),
    ],
)
def test_values(factory: Callable[..., Any], word: str, value: object) -> None:
    ((_, found),) = bind(factory, [word], "net").items()
    assert (type(found), found) == (type(value), value)


def needy(classes: int, seed: int = 0) -> None:
    """A factory with a parameter that has no default."""


@pytest.mark.parametrize(
    ("factory", "words", "message"),
    [
        (declared, ["cout=3"], r"^net has no parameter 'cout'\. Did you mean 'count'\? It takes c"),
        (declared, ["x=3"], r"^net has no parameter 'x'\. It takes count, rate, deep, .* mode\.$"),
        (declared, ["count"], r"^'count' is no parameter of net\. Write parameters as name=value"),
        (declared, ["count=a"], r"^the parameter 'count' of net is an integer, but was given 'a'"),
        (declared, ["count=1.5"], r"^the parameter 'count' of net is an integer, but was given '1"),
        (declared, ["rate="], r"^the parameter 'rate' of net is a number, but was given ''\.$"),
        (declared, ["deep=2"], r"^the parameter 'deep' of net is true or false, but was given '2'"),
        (declared, ["size=2by3"], r"^the parameter 'size' of net is numbers as 240x320, but was "),
        (declared, ["mode=big"], r"^the parameter 'mode' of net is one of fast, small, but was "),
        (declared, ["count=1", "count=2"], r"^the parameter 'count' of net is given twice\.$"),
        (undeclared, ["others=1"], r"^net has no parameter 'others'\."),
        (needy, ["seed=1"], r"^net needs a value for its parameter 'classes'\. Append it to the "),
    ],
)
def test_mistakes(factory: Callable[..., Any], words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        bind(factory, words, "net")
