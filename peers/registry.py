"""The peers by name. A peer's module is imported when it is asked for, with what it needs."""

from __future__ import annotations

import importlib

from sightline.ir.errors import UserError
from sightline.peers.peer import Peer

_MODULES = {
    "onnxruntime": "sightline.peers.onnx_runtime",
    "torch": "sightline.peers.pytorch",
}

PEERS = tuple(_MODULES)

_NEEDED = {"onnxruntime": "onnx onnxruntime", "torch": "torch"}


def peer(name: str) -> Peer:
    """The peer of that name, or an error that lists them, or that says what to install."""
    if name not in _MODULES:
        raise UserError(f"there is no peer '{name}'", fix=f"Choose from {', '.join(PEERS)}.")
    try:
        module = importlib.import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sightline"):
            raise
        raise UserError(
            f"the peer '{name}' needs the package {error.name}, which is not installed",
            fix=f"Install it with: pip install {_NEEDED[name]}.",
        ) from error
    found: Peer = module.PEER
    return found
