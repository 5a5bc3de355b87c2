"""Every golden file belongs to a test that exists: one that is left behind fails here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.conftest import GOLDEN, golden_path

TESTS = Path(__file__).parent


def orphans(goldens: Path, tests: Path) -> list[str]:
    """Goldens whose test file is gone, or has no such test, or whose test reads no golden."""
    found = []
    for path in sorted(item for item in goldens.rglob("*") if item.is_file()):
        relative = path.relative_to(goldens)
        test_file = tests / f"{relative.parent}.py"
        test = path.stem.partition("[")[0]
        if path.suffix != ".txt" or test not in golden_tests(test_file):
            found.append(str(relative))
    return found


def golden_tests(test_file: Path) -> set[str]:
    """The tests of a file that take the fixture `golden`."""
    if not test_file.is_file():
        return set()
    return {
        node.name
        for node in ast.walk(ast.parse(test_file.read_text()))
        if isinstance(node, ast.FunctionDef) and "golden" in {arg.arg for arg in node.args.args}
    }


def test_no_golden_is_left_behind() -> None:
    found = orphans(GOLDEN, TESTS)
    assert not found, f"delete these, or name them after their tests: {found}"


@pytest.mark.parametrize(
    ("golden", "is_orphan"),
    [
        ("passes/test_fold/test_it.txt", False),
        ("passes/test_fold/test_it[two words-3].txt", False),
        ("passes/test_fold/test_it[a.b].txt", False),
        ("passes/test_fold/test_in_class.txt", False),
        ("passes/test_fold/test_renamed.txt", True),
        ("passes/test_fold/test_without_golden.txt", True),
        ("passes/test_fold/test_it.json", True),
        ("passes/test_gone/test_it.txt", True),
        ("stray.txt", True),
    ],
)
def test_an_orphan_is_found(tmp_path: Path, golden: str, is_orphan: bool) -> None:
    source = tmp_path / "passes/test_fold.py"
    source.parent.mkdir()
    source.write_text(
        "def test_it(golden): ...\n"
        "def test_without_golden(): ...\n"
        "class TestAll:\n    def test_in_class(self, golden): ...\n"
    )
    path = tmp_path / "golden" / golden
    path.parent.mkdir(parents=True)
    path.touch()
    assert orphans(tmp_path / "golden", tmp_path) == ([golden] if is_orphan else [])


def test_goldens_are_named_after_their_test() -> None:
    path = golden_path(TESTS / "passes/test_fold.py", "test_it[3]")
    assert path.relative_to(GOLDEN) == Path("passes/test_fold/test_it[3].txt")
