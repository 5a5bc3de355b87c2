"""The documents keep their word: their commands run, and their tables are what the tools print."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.copies import ROOT

README = (ROOT / "README.md").read_text()
OPS = ROOT / "docs" / "OPS.md"


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    assert found, f"README shows no {language}"
    return found


def run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for line in blocks("sh")[0].splitlines():
        if line and not line.startswith("#"):
            program, *arguments = shlex.split(line)
            assert program == "sightline"
            run([sys.executable, "-m", "sightline", *arguments], tmp_path)
    assert (tmp_path / "labels.png").is_file()
    assert (tmp_path / "scores.npy").is_file()


def test_the_program_of_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(blocks("python")[0])
    run([sys.executable, "program.py"], tmp_path)
    assert (tmp_path / "net" / "manifest.json").is_file()


def test_every_folder_and_document_of_the_readme_is_there() -> None:
    named = [*re.findall(r"\]\((docs/[^)]*)\)", README), *re.findall(r"^\| `(\w+/)`", README, re.M)]
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_table_of_ops_is_what_the_command_prints(request: pytest.FixtureRequest) -> None:
    command = [sys.executable, "-m", "sightline", "ops", "--json"]
    rows = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    targets = list(rows[0]["support"])
    lines = [
        f"| op | {' | '.join(targets)} | meaning |",
        "|---" * (len(targets) + 2) + "|",
        *(
            f"| `{row['op']}` | {' | '.join(row['support'][t] for t in targets)} | "
            f"{row['meaning'].replace('|', chr(92) + '|')} |"
            for row in rows
        ),
    ]
    head, mark = OPS.read_text().split("<!-- table -->\n")[0], "<!-- table -->\n"
    text = head + mark + "\n".join(lines) + "\n"
    if request.config.getoption("--update-golden"):
        OPS.write_text(text)
    assert OPS.read_text() == text, "run pytest --update-golden, then read docs/OPS.md"


def test_no_document_is_half_written() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("models/**/*.md")]
    assert len(documents) > 8
    unfinished = re.compile(r"@@[A-Z]+@@|TODO|TBD")
    assert [path.name for path in documents if unfinished.search(path.read_text())] == []
