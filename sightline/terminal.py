"""What the command line shows: errors as one paragraph, progress, tables, JSON."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import click

from sightline.ir.errors import UserError
from sightline.ir.progress import Report, silent
from sightline.jsontext import to_json

USERS_MISTAKE = 2
INTERRUPTED = 130
TERMINATED = 143


class Terminated(KeyboardInterrupt):
    """A request to terminate: all that Ctrl-C would clean up is cleaned up."""


def terminate(*_: object) -> NoReturn:
    """What the program does when it is told to end (SIGTERM)."""
    raise Terminated


class Guarded(click.Command):
    """A command whose user's mistakes are one paragraph and exit 2, and its bugs tracebacks."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        kwargs["standalone_mode"] = False
        try:
            status = super().main(*args, **kwargs)
            sys.stdout.flush()
            sys.exit(status if isinstance(status, int) else 0)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
        except click.ClickException as error:
            show_error(_with_help(error))
        except UserError as error:
            show_error(str(error))
        except BrokenPipeError:
            _discard_output()  # nobody reads on
            sys.exit(1)
        except OSError as error:
            if error.errno is None:  # no refusal of the system
                raise
            show_error(_refusal(error))
        except MemoryError:
            show_error("there is not enough memory for this.")
        except click.Abort as error:
            show_error("interrupted.")
            sys.exit(TERMINATED if isinstance(error.__cause__, Terminated) else INTERRUPTED)
        sys.exit(USERS_MISTAKE)


class Commands(Guarded, click.Group):
    """A group of commands, guarded as one.

    Those in `lazy` are named as `MODULE:COMMAND`, and imported when they are asked for.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self.lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, name = self.lazy[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


def _refusal(error: OSError) -> str:
    """What the system refused: a file that it names, or, as our own files are named, stdout."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    _discard_output()
    return f"cannot print: {error.strerror}."


def _discard_output() -> None:
    """Drop what is left in the buffer of stdout, which must not fail again at exit."""
    with contextlib.suppress(io.UnsupportedOperation):  # no file is behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _with_help(error: click.ClickException) -> str:
    message = error.format_message()
    message = message if message.endswith((".", "?", ")")) else f"{message}."
    context = getattr(error, "ctx", None)
    return f"{message} See '{context.command_path} --help'." if context else message


def show_error(message: str) -> None:
    """One paragraph on stderr: wrapped on a terminal, one line elsewhere.

    Names out of a model or a path could hold anything; what is not printable is escaped.
    """
    plain = " ".join(message.split())
    text = "error: " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in plain)
    if sys.stderr.isatty():
        width = min(100, shutil.get_terminal_size().columns)
        text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
    click.echo(text, err=True)


def show_json(value: Any) -> None:
    click.echo(to_json(value))


def width() -> int:
    """Columns on stdout: the terminal's, and plenty where no terminal folds lines."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160


def show_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """A table on stdout: `numbers` to the right, and in one line as the columns in `whole`."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in numbers else "left",
            no_wrap=column in numbers or column in whole,
            overflow="fold",
            min_width=len(column),
        )
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console(file=sys.stdout, width=width(), highlight=False)
    # Numbers are never cut: where they need more room than there is, the terminal folds lines.
    console.width = max(console.width, console.measure(table).minimum)
    console.print(table)


@contextlib.contextmanager
def progress() -> Iterator[Report]:
    """Reports as a bar with the time left, if stderr is a terminal; otherwise nothing."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("reading", total=1)
        yield lambda what, done, total: bar.update(
            task, description=what, completed=done, total=total
        )
