"""Programs of this machine that variables of the environment name."""

from __future__ import annotations

import os
import shlex
import shutil

from sightline.ir.errors import UserError


def named_tool(variable: str) -> tuple[str, ...]:
    """The command that a variable names, such as `ccache g++`, with its program's path; or nothing.

    What is named and not there is an error: another program in its place might go unnoticed.
    """
    told = os.environ.get(variable, "").strip()
    if not told:
        return ()
    try:
        program, *arguments = [told] if shutil.which(told) else shlex.split(told)
    except ValueError as error:
        raise UserError(f"the variable {variable} is '{told}', which is no command") from error
    found = shutil.which(program)
    if found is None:
        raise UserError(
            f"the variable {variable} is '{told}', and there is no program '{program}'",
            fix=f"Name one that there is, or unset {variable}.",
        )
    return (found, *arguments)


def host_tool(variable: str, *usual: str) -> tuple[str, ...]:
    """The command that a variable names, or the first usual program that is there; or nothing."""
    there = (shutil.which(name) for name in usual)
    return named_tool(variable) or next(((path,) for path in there if path), ())
