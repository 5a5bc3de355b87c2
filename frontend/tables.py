"""Connection tables in the manner of Torch7's `nn.tables`, made in blocks.

All maps of a block see the same inputs, so that hardware reads a window once for the whole block.
"""

from __future__ import annotations

import math

import numpy as np

from sightline.frontend.checks import whole
from sightline.frontend.place import placed
from sightline.ir.errors import UserError
from sightline.ir.table import Table


@placed()
def dense(channels: int, maps: int) -> Table:
    """Every map sees every input."""
    return Table.dense(whole(channels, "the number of inputs"), whole(maps, "the number of maps"))


@placed()
def one_to_one(channels: int) -> Table:
    """Map c sees input c alone: a depthwise filter bank."""
    channels = whole(channels, "the number of inputs")
    return Table.grouped(channels, channels, channels)


@placed()
def random(channels: int, maps: int, fan_in: int, *, block: int = 1, seed: int = 0) -> Table:
    """Each block of `block` maps sees `fan_in` inputs, dealt from shuffled decks of all inputs.

    Dealing uses every input equally often (counts over blocks differ by one at most), as Torch7's
    `tables.random` does.
    """
    channels = whole(channels, "the number of inputs")
    maps = whole(maps, "the number of maps")
    block = whole(block, "the size of a block")
    fan_in = whole(fan_in, "the fan-in of a map")
    if fan_in > channels:
        raise UserError(f"a map sees 1 to {channels} inputs, but the fan-in is {fan_in}")
    rng = np.random.default_rng(whole(seed, "a seed", 0))
    deck: list[int] = []
    rows = []
    for _ in range(-(-maps // block)):
        hand = deck[:fan_in]
        deck = deck[fan_in:]
        if len(hand) < fan_in:
            # The new deck gives what the hand lacks first, so that no input is dealt twice.
            fresh = rng.permutation(channels).tolist()
            dealt = [card for card in fresh if card not in hand][: fan_in - len(hand)]
            deck = [card for card in fresh if card not in dealt]
            hand = hand + dealt
        rows.append(tuple(sorted(hand)))
    return Table(channels, maps, block, tuple(rows))


@placed()
def parts(channels: int, *parts: tuple[tuple[int, ...], int]) -> Table:
    """Runs of maps that see their own inputs: `parts(3, ((0,), 10), ((1, 2), 6))` sends Y to 10
    maps, and U and V to 6. The block is the largest that divides every run."""
    runs = [(inputs, whole(maps, "the number of maps of a part")) for inputs, maps in parts]
    block = math.gcd(*(maps for _, maps in runs))
    rows = [inputs for inputs, maps in runs for _ in range(maps // block)]
    return Table(channels, sum(maps for _, maps in runs), block, tuple(rows))


def lenet_c3() -> Table:
    """The table of LeNet-5's layer C3: 6 inputs, 16 maps, 60 kernels (LeCun et al. 1998, table I).

    Maps 0-5 see three neighbours, 6-11 four neighbours, 12-14 four spread ones, and 15 sees all.
    """

    def neighbours(first: int, count: int) -> tuple[int, ...]:
        return tuple(sorted((first + step) % 6 for step in range(count)))

    spread = [tuple(sorted((f + step) % 6 for step in (0, 1, 3, 4))) for f in range(3)]
    rows = [neighbours(f, 3) for f in range(6)] + [neighbours(f, 4) for f in range(6)]
    return Table(6, 16, 1, (*rows, *spread, tuple(range(6))))
