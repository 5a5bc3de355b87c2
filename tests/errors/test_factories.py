"""Mistakes in the user's own Python: told with their file and line, never with our traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.command_line import fails, invoke

MODULE = """
from sightline.frontend import nn
import numpy as np

def helper():
    return [][3]

def crashes():
    return helper()

def deep():
    return np.zeros(3).reshape(2, 2)

def leaves():
    raise SystemExit("no weights found")

def gives_a_list():
    return [1, 2]

def needs(classes: int):
    return None

class Net(nn.Network):
    inputs = {"image": (1, 1, 8, 8)}

    def __init__(self, kernel: int = 3):
        self.bank = nn.Conv2d(1, 2, kernel)

    def forward(self, image):
        y = self.bank(image)
        if y > 0:
            return y

class Typo(Net):
    def forward(self, image):
        return self.bnak(image)

number = 3
ready = Typo()

class Rude(BaseException):
    pass

def rude():
    raise Rude("go away")

def evaluates():
    return eval("(")

from sys import exit as exiting

class Quits(Net):
    def forward(self, image):
        exiting(0)
"""

PRINTS = """
from sightline.frontend import nn

print("imported")

class Net(nn.Network):
    inputs = {"image": (1, 1, 8, 8)}

    def __init__(self):
        print("made")
        self.bank = nn.Conv2d(1, 2, 3)

    def forward(self, image):
        print("traced")
        return self.bank(image)
"""


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "crashes",
            r"NAME\.py:6: 'NAME:crashes' failed with IndexError: list index out of range\.$",
        ),
        (
            "deep",
            r"NAME\.py:12: 'NAME:deep' failed with ValueError: cannot reshape array of size 3",
        ),
        ("leaves", r"NAME\.py:15: 'NAME:leaves' failed with SystemExit: no weights found\.$"),
        (
            "gives_a_list",
            r"'NAME:gives_a_list' gave list, which is neither a Model nor a module of",
        ),
        ("number", r"'NAME:number' gave int, which is neither a Model nor a module of sightline\."),
        (
            "needs",
            r"NAME:needs needs a value for its parameter 'classes'\. Append it to the name, ",
        ),
        ("needs,classes=3", r"'NAME:needs' gave NoneType, which is neither a Model nor a module "),
        ("ready,a=1", r"'NAME:ready' is no function or class, and takes no parameters\.$"),
        (
            "crashse",
            r"the Python module 'NAME' has no 'crashse'\. Did you mean 'crashes'\? It has ",
        ),
        ("Net", r"NAME\.py:31: a Python branch, .* Decide by shapes or by the module's own"),
        (
            "Net,kernel=9",
            r"node 'bank' \(NAME\.py:27\): the window 9x9 covers 9x9, more than its p",
        ),
        ("rude", r"NAME\.py:45: 'NAME:rude' failed with Rude: go away\.$"),
        (
            "evaluates",
            r"NAME\.py:48: 'NAME:evaluates' failed with SyntaxError: '\(' was never clos",
        ),
        ("exiting", r"'NAME:exiting' failed with SystemExit\.$"),
        ("Quits", r"NAME\.py:54: 'NAME:Quits' failed with SystemExit: 0\.$"),
        ("Typo", r"NAME\.py:36: 'NAME:Typo' failed with AttributeError: 'Typo' object has no attr"),
    ],
)
def test_message(source: str, message: str, request: pytest.FixtureRequest) -> None:
    name = "mistakes_" + re.sub(r"\W", "_", source)
    Path(f"{name}.py").write_text(MODULE)
    found = fails("inspect", f"{name}:{source}")
    assert re.match(message.replace("NAME", name), found), found


@pytest.mark.parametrize("name", ["sys:exit", "builtins:quit"])
def test_factories_in_which_no_line_is_the_users(name: str) -> None:
    assert fails("inspect", name).startswith(f"'{name}' failed with ")


def test_what_users_code_prints_stays_out_of_the_output() -> None:
    Path("prints.py").write_text(PRINTS)
    result = invoke("inspect", "prints:Net", "--json")
    assert json.loads(result.stdout)["outputs"] == {"output": "f32[1,2,6,6]"}
    assert result.stderr == "imported\nmade\ntraced\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def broken(:\n", r"NAME\.py:1: 'NAME:net' cannot be imported: invalid syntax\.$"),
        (
            "import nothing_like_it\n",
            r"NAME\.py:1: 'NAME:net' failed with ModuleNotFoundError: No m",
        ),
        (
            "\n\n1 / 0\n",
            r"NAME\.py:3: 'NAME:net' failed with ZeroDivisionError: division by zero\.$",
        ),
    ],
)
def test_modules_that_cannot_be_imported(text: str, message: str) -> None:
    name = f"broken_{abs(hash(text))}"
    Path(f"{name}.py").write_text(text)
    found = fails("inspect", f"{name}:net")
    assert re.match(message.replace("NAME", name), found), found


def test_modules_that_are_not_there() -> None:
    message = "there is no Python module '{}'. Modules are looked for in the current folder, and "
    assert fails("inspect", "no_such:net").startswith(message.format("no_such"))
    assert fails("inspect", "no_such.module:net").startswith(message.format("no_such"))
    assert fails("inspect", "json.no_such:net").startswith(message.format("json.no_such"))
