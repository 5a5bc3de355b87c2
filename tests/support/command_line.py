"""Running the command line in tests, and holding its failures to one clear paragraph."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from sightline.cli import cli


def invoke(*arguments: str | Path) -> Result:
    """The outcome of `sightline ARGUMENTS`."""
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def succeeds(*arguments: str | Path) -> str:
    """What a command prints that ends well, with nothing on stderr."""
    result = invoke(*arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def succeeds_with_json(*arguments: str | Path) -> Any:
    """The value that `--json` prints, and nothing else beside it."""
    return json.loads(succeeds(*arguments, "--json"))


def fails(*arguments: str | Path) -> str:
    """The message of a command that fails by its user's mistake.

    It is one paragraph on stderr, the exit status is 2, and the current folder is left as it was.
    """
    before = snapshot(Path.cwd())
    result = invoke(*arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.fullmatch(r"error: [^\n]+[.!?]\n", result.stderr), result.stderr
    assert snapshot(Path.cwd()) == before
    return result.stderr.removeprefix("error: ").rstrip("\n")


def snapshot(folder: Path) -> dict[str, str]:
    """All that lies under a folder, files by their contents; Python's own caches left out."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        )
        for path in sorted(folder.rglob("*"))
        if "__pycache__" not in path.parts
    }


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
