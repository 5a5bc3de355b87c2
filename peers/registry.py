"""The peers by name. A peer's module is imported when it is asked for, with what it needs."""

from __future__ import annotations

from sightline.ir.by_name import module_by_name
from sightline.peers.peer import Peer

_MODULES = {
    "onnxruntime": "sightline.peers.onnx_runtime",
    "torch": "sightline.peers.pytorch",
}

PEERS = tuple(_MODULES)

_NEEDED = {"onnxruntime": "onnx onnxruntime", "torch": "torch"}


def peer(name: str) -> Peer:
    """The peer of that name, or an error that lists them, or that says what to install."""
    found: Peer = module_by_name("peer", _MODULES, name, _NEEDED.get(name, "")).PEER
    return found
