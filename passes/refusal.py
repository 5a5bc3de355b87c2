"""What a pass says to the user, where all other errors of a pass are bugs of ours."""

from __future__ import annotations

from sightline.ir.errors import UserError


class Refusal(UserError):
    """A pass cannot take this model: why, at which node, and what to do instead."""
