"""What a simulation found, read from the lines that its bench wrote."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sightline.sim.design import Design, Input, key


@dataclass(frozen=True)
class Mismatch:
    """A value that differs from the reference, and the cycle in which it passed."""

    stream: str
    stage: str
    frame: int
    row: int
    column: int
    channel: int
    got: int
    wanted: int
    cycle: int

    def __str__(self) -> str:
        seen = "" if self.stream == self.stage else f" (seen at {self.stream})"
        return (
            f"frame {self.frame}, stage {self.stage}, channel {self.channel}, row {self.row}, "
            f"column {self.column}: {self.got} instead of {self.wanted} in cycle {self.cycle}{seen}"
        )


@dataclass(frozen=True)
class Checked:
    """How the values of one output or probe compare: all of them are `frames` whole frames."""

    name: str
    frames: int
    values: int
    """Values of the frame that was not whole when the run ended."""
    mismatches: int
    excess: int
    """Values after the last frame."""
    misplaced: int
    """Beats whose tlast was high before the last of a frame, or low in the last."""
    last: tuple[int, ...]
    """The cycle of each frame's last value."""


@dataclass(frozen=True)
class Offered:
    """How one input took its pixels."""

    name: str
    first: tuple[int, ...]
    """The cycle of each frame's first pixel."""
    waited: int
    """Cycles in which a pixel was offered, and tready was low."""


@dataclass(frozen=True)
class Level:
    """How full a buffer was at most, and how deep it is."""

    name: str
    most: int
    depth: int


@dataclass(frozen=True)
class State:
    """A stream as it stood when the run ended."""

    name: str
    valid: bool
    ready: bool
    fill: str

    def __str__(self) -> str:
        return f"{self.name}: valid {self.valid:d}, ready {self.ready:d}, {self.fill}"


@dataclass(frozen=True)
class Measured:
    """All that one run found."""

    frames: int
    cycles: int
    seconds: float
    """Time of the run itself, without the build."""
    inputs: tuple[Offered, ...]
    checked: tuple[Checked, ...]
    """Probes in their order, then outputs."""
    outputs: int
    levels: tuple[Level, ...]
    examples: tuple[Mismatch, ...]
    """The first mismatches of each stream, as they passed."""
    stuck: tuple[State, ...]
    """Every stream, if nothing moved any more; otherwise empty."""

    @property
    def mismatches(self) -> int:
        return sum(each.mismatches for each in self.checked)

    @property
    def ready_dropped(self) -> int:
        """Cycles in which a pixel was offered, and the accelerator did not take it."""
        return sum(each.waited for each in self.inputs)

    @property
    def whole(self) -> bool:
        """Whether all frames passed everywhere, with nothing beside them."""
        rest = [each.values + each.excess + each.misplaced for each in self.checked]
        return not any(rest) and all(each.frames == self.frames for each in self.checked)

    @property
    def bit_exact(self) -> bool:
        return self.whole and not self.mismatches

    def problems(self) -> Iterator[str]:
        """A line for each thing that is wrong, the first mismatches first."""
        yield from map(str, self.examples)
        for each in self.checked:
            if each.mismatches:
                yield f"{each.name}: {each.mismatches} values differ"
            if each.frames < self.frames:
                yield f"{each.name}: {each.frames} of {self.frames} frames are whole"
            if each.excess:
                yield f"{each.name}: {each.excess} values after the last frame"
            if each.misplaced:
                yield f"{each.name}: tlast is wrong in {each.misplaced} beats"
        if self.stuck:
            yield f"stuck in cycle {self.cycles}"
            yield from map(str, self.stuck)

    @property
    def first_pixels(self) -> tuple[int, ...]:
        """The cycle in which each frame's first pixel was taken, at whichever input."""
        return tuple(map(min, zip(*(each.first for each in self.inputs), strict=True)))

    @property
    def last_results(self) -> tuple[int, ...]:
        """The cycle in which each frame's last value left, at whichever output."""
        outputs = self.checked[len(self.checked) - self.outputs :]
        return tuple(map(max, zip(*(each.last for each in outputs), strict=True)))

    @property
    def latency(self) -> int:
        """Cycles from the first pixel of the first frame to its last result, both counted."""
        return self.last_results[0] - self.first_pixels[0] + 1

    @property
    def interval(self) -> float | None:
        """Cycles from a frame's last result to the next one's, on average."""
        ends = self.last_results
        return (ends[-1] - ends[0]) / (len(ends) - 1) if len(ends) > 1 else None

    @property
    def cycles_per_second(self) -> float:
        return self.cycles / max(self.seconds, 1e-9)


def measured(design: Design, frames: int, lines: Iterable[str], seconds: float) -> Measured:
    """The lines of `results.txt`, put together."""
    found = _Lines([line.split() for line in lines])
    if short := found.all("SHORT"):
        raise ValueError(f"the bench read {short} bytes: too few for a frame")
    states = _states(design, found) if found.all("STUCK") else ()
    return Measured(
        frames=frames,
        cycles=int(found.all("CYCLES")[0][0]),
        seconds=seconds,
        inputs=tuple(_offered(each.name, found) for each in design.inputs),
        checked=tuple(_checked(each.name, found) for each in design.checked),
        outputs=len(design.outputs),
        levels=tuple(
            Level(each.name, int(found.of("LEVEL", each.name)[0][0]), each.depth)
            for each in design.gauges
        ),
        examples=tuple(_mismatches(design, found)),
        stuck=states,
    )


class _Lines:
    """The lines by what they tell and of whom: `KIND NAME FIELDS`."""

    def __init__(self, lines: list[list[str]]) -> None:
        self.lines = lines

    def all(self, kind: str) -> list[list[str]]:
        return [line[1:] for line in self.lines if line[0] == kind]

    def of(self, kind: str, name: str) -> list[list[str]]:
        return [fields[1:] for fields in self.all(kind) if fields[0] == key(name)]


def _offered(name: str, found: _Lines) -> Offered:
    first = tuple(int(cycle) for _, cycle in found.of("FIRST", name))
    return Offered(name, first, int(found.of("WAITED", name)[0][0]))


def _checked(name: str, found: _Lines) -> Checked:
    different, excess = map(int, found.of("CHECKED", name)[0])
    frames, values = map(int, found.of("STATE", name)[0][2:])
    misplaced = sum(int(fields[0]) for fields in found.of("MISPLACED", name))
    last = tuple(int(cycle) for _, cycle in found.of("LAST", name))
    return Checked(name, frames, values, different, excess, misplaced, last)


def _mismatches(design: Design, found: _Lines) -> Iterable[Mismatch]:
    for stream in design.checked:
        for frame, index, cycle, got, wanted in found.of("DIFFERENT", stream.name):
            place = stream.order.place(int(index))
            yield Mismatch(
                stream=stream.name,
                stage=place.stage,
                frame=int(frame),
                row=place.row,
                column=place.column,
                channel=place.channel,
                got=signed(int(got, 16), stream.bits),
                wanted=signed(int(wanted, 16), stream.bits),
                cycle=int(cycle),
            )


def signed(word: int, bits: int) -> int:
    """What a word of so many bits means in two's complement."""
    return word - (word >> (bits - 1) << bits)


def _states(design: Design, found: _Lines) -> tuple[State, ...]:
    """Every stream and buffer, as it stands."""
    sizes: Mapping[str, tuple[str, int]] = {
        each.name: ("pixel", each.beats)
        if isinstance(each, Input)
        else ("value", each.order.values)
        for each in (*design.inputs, *design.checked)
    }
    states = []
    for name, (what, size) in sizes.items():
        valid, ready, frame, index = map(int, found.of("STATE", name)[0])
        fill = f"frame {frame}, {what} {index} of {size}"
        states.append(State(name, bool(valid), bool(ready), fill))
    for gauge in design.gauges:
        _, level, valid, ready = map(int, found.of("LEVEL", gauge.name)[0])
        fill = f"holds {level} of {gauge.depth}"
        states.append(State(gauge.name, bool(valid), bool(ready), fill))
    return tuple(states)
