"""A network that does not fit: what is missing, where, and what would fit."""

from __future__ import annotations

from typing import NoReturn

from sightline.backends.fpga.folding import Foldings
from sightline.backends.fpga.network import Network
from sightline.backends.fpga.plan_options import PlanOptions
from sightline.ir.errors import UserError


def refuse_size(network: Network, foldings: Foldings, options: PlanOptions) -> NoReturn:
    raise UserError("TODO")
