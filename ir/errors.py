"""The one error that a user's mistake raises, and the paragraph it prints."""

from __future__ import annotations


class UserError(Exception):
    """A mistake in a model, a picture or a command line: what, where, and what to do instead.

    `problem` gives both values (what was there, what was needed); `fix` says what to do. Whoever
    knows the node and its place in the user's model adds them with `at`.
    """

    def __init__(self, problem: str, *, fix: str = "", node: str = "", where: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix
        self.node = node
        self.where = where

    def at(self, node: str = "", where: str = "") -> UserError:
        """The same error with its place, unless an inner call has named one already."""
        return UserError(
            self.problem,
            fix=self.fix,
            node=self.node or node,
            where=self.where or where,
        )

    def __str__(self) -> str:
        place = f"node '{self.node}'" if self.node else ""
        if self.where:
            named = not self.node or f"'{self.node}'" in self.where
            place = self.where if named else f"{place} ({self.where})"
        text = f"{place}: {self.problem}" if place else self.problem
        text = text if text.endswith((".", "!", "?")) else text + "."
        return f"{text} {self.fix}".rstrip()
