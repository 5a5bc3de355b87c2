"""The file of the weights, as `folder/run.cu` reads it.

8 bytes      "SIGHTLNW"
8 bytes      how many bytes follow the header, little-endian
4 bytes      their CRC-32
4 bytes      zero
the weights
"""

from __future__ import annotations

import struct
import zlib

MAGIC = b"SIGHTLNW"


def weights_file(weights: bytes) -> bytes:
    return struct.pack("<8sQII", MAGIC, len(weights), zlib.crc32(weights), 0) + weights
