"""Every test has a current folder of its own, and golden files named after it.

One flag refreshes the goldens, and an orphan fails.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"

Golden = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the goldens anew")


def golden_path(item_path: Path, name: str) -> Path:
    """`tests/passes/test_simplify.py::test_dead_nodes` -> `golden/passes/test_simplify/…txt`."""
    folder = item_path.relative_to(Path(__file__).parent).with_suffix("")
    return GOLDEN / folder / f"{name}.txt"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`fails` watches over the current folder, and other tests write beside this one."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the golden file of this test."""
    path = golden_path(request.path, request.node.name)

    def check(text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if not path.exists():
            pytest.fail(f"no golden {path}: run pytest --update-golden, then read it")
        assert text == path.read_text()

    return check
