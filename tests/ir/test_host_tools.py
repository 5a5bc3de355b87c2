"""Programs that variables name: found with their arguments, or told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sightline.ir.errors import UserError
from sightline.ir.host_tools import named_tool


@pytest.mark.parametrize("told", [None, "", "  "])
def test_a_variable_that_names_nothing(told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    if told is not None:
        monkeypatch.setenv("CXX", told)
    assert named_tool("CXX") == ()


def test_a_command_is_split_as_a_shell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", f"{sys.executable} -D 'a b'")
    assert named_tool("CXX") == (sys.executable, "-D", "a b")


def test_a_path_may_have_spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "my compiler"
    program.touch(0o755)
    monkeypatch.setenv("CXX", str(program))
    assert named_tool("CXX") == (str(program),)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("nosuch", r"^the variable CXX is 'nosuch', and there is no program 'nosuch'\. Name one"),
        ("nosuch g++", r"CXX is 'nosuch g\+\+', and there is no program 'nosuch'\."),
        ("'g++", r"CXX is ''g\+\+', which is no command\.$"),
        ("''", r"there is no program ''\."),
    ],
)
def test_what_is_not_there_is_named(
    told: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", told)
    with pytest.raises(UserError, match=message):
        named_tool("CXX")
