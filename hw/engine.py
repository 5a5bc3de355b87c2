"""An engine: a multiplier array with its windows, weights and rounding, and a list of jobs.

streams ─▶ RowWriter ─▶ ┌───────┐        ┌──────────┐   ┌─────────┐   ┌────────────┐
                        │ Fetch │─ taps ▶│ MacArray │──▶│ PoolMax │──▶│ Serializer │
own rows ▶ RowWriter ─▶ └───────┘        └──────────┘   └─────────┘   └────────────┘
                            ▲ one step a cycle                              │ one sum a cycle
JobList ─▶ (rows and room?) ─▶ Sequencer                                    ▼
   streams ◀── FIFO ◀── outlets and rings ◀──────────────────────────── Epilogue
"""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sightline.hw.credits import Credits
from sightline.hw.delay import delay, delay_control
from sightline.hw.epilogue import Epilogue, epilogue_latency
from sightline.hw.fetch import LAST_READ, Fetch, fetch_latency
from sightline.hw.fifo import Fifo
from sightline.hw.job_list import JobList
from sightline.hw.mac_array import MacArray, mac_latency
from sightline.hw.parameters import EngineParameters, require_whole
from sightline.hw.pool_max import PoolMax
from sightline.hw.ring_state import RingState
from sightline.hw.row_writer import RowWriter
from sightline.hw.sequencer import Sequencer
from sightline.hw.serializer import Serializer


def engine_latency(parameters: EngineParameters) -> int:
    """Cycles from the last step of a block to its first map's value, as it leaves the epilogue."""
    mac = mac_latency(
        parameters.weights,
        parameters.data_bits,
        parameters.sum_bits,
        parameters.kind,
        parameters.cascade,
    )
    one_by_one = PoolMax.latency + Serializer.latency
    return fetch_latency(parameters) + mac + one_by_one + epilogue_latency(parameters)


class Engine(wiring.Component):
    """Computes the rows of its job list, again for each frame.

    A stream `i_NAME` comes in for each outside ring, and one `o_NAME` goes out for each outlet;
    elements of all come in the order row, column, channel. A job starts when the rows that it needs
    are in window memory and all its results have room, and then runs without a stall, one step a
    cycle; jobs of at least `JobList.latency + 1` cycles follow each other without a gap.
    Backpressure at an outlet holds back the next job that writes there, and so in the end the
    streams that come in. After reset the engine is at the first job of a frame, with empty rings
    and FIFOs.

    `result`, with `result_valid`, is each value as it leaves the epilogue, for who watches. The
    first map of a block follows `latency` cycles after its last step: the job that is taken in
    cycle 0 has it `latency + n` cycles later, if that was its n-th step.
    """

    def __init__(self, parameters: EngineParameters) -> None:
        require_whole(parameters)
        self.parameters = parameters
        self.fetch = Fetch(parameters)
        self.mac = MacArray(
            parameters.weights,
            parameters.data_bits,
            parameters.sum_bits,
            parameters.kind,
            parameters.cascade,
            parameters.in_luts,
        )
        self.pool = PoolMax(parameters.sum_bits, parameters.lanes)
        self.sequencer = Sequencer(parameters)
        step = self.sequencer.layout.members
        self.tag = data.StructLayout({"destination": step["job"].members["destination"]})
        self.block = data.StructLayout(
            {
                "maps": step["maps"],
                "first_block": 1,
                "first_map": step["job"].members["first_map"],
                "tag": self.tag,
            }
        )
        self.serializer = Serializer(parameters.sum_bits, parameters.lanes, self.block)
        self.epilogue = Epilogue(parameters, self.tag)
        self.latency = engine_latency(parameters)
        inward = {
            f"i_{ring.name}": In(stream.Signature(signed(parameters.data_bits)))
            for ring in parameters.outside.rings
        }
        outward = {
            f"o_{outlet.name}": Out(stream.Signature(signed(outlet.bits)))
            for outlet in parameters.outlets
        }
        watched = {"result": Out(signed(parameters.bits)), "result_valid": Out(1)}
        super().__init__({**inward, **outward, **watched})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self.connect_rings(m)
        self.connect_outlets(m)
        self.connect_jobs(m)
        self.connect_data(m)
        self.connect_results(m)
        return m

    def connect_rings(self, m: Module) -> None:
        """Window memories' writers, and the counts of their rows."""
        outside, inside = self.parameters.outside, self.parameters.inside
        m.submodules.fetch = self.fetch
        m.submodules.outside_rows = self.outside_rows = RowWriter(outside)
        m.d.comb += self.fetch.outside.eq(self.outside_rows.write)
        self.rings: list[RingState] = []
        self.count_rows(m, self.outside_rows)
        for index, ring in enumerate(outside.rings):
            arriving = getattr(self, f"i_{ring.name}")
            wiring.connect(m, wiring.flipped(arriving), self.outside_rows.i[index])
            state = self.rings[index]
            m.d.comb += [
                self.outside_rows.may_begin[index].eq(state.free != 0),
                state.begin.eq(self.outside_rows.begin[index]),
            ]
        if inside.rings:
            m.submodules.inside_rows = self.inside_rows = RowWriter(inside)
            m.d.comb += self.fetch.inside.eq(self.inside_rows.write)
            self.count_rows(m, self.inside_rows)

    def count_rows(self, m: Module, writer: RowWriter) -> None:
        for index, ring in enumerate(writer.shape.rings):
            state = RingState(self.parameters.slots)
            m.submodules[f"ring_{ring.name}"] = state
            m.d.comb += state.arrived.eq(writer.arrived[index])
            self.rings.append(state)

    def connect_outlets(self, m: Module) -> None:
        """A FIFO for each outlet, and a count of its free places."""
        self.fifos: list[Fifo] = []
        self.credits: list[Credits] = []
        for index, outlet in enumerate(self.parameters.outlets):
            rows = [t.row_values for t in self.parameters.tasks if t.destination == index]
            fifo, credits = (
                Fifo(signed(outlet.bits), outlet.depth),
                Credits(outlet.depth, max(rows)),
            )
            m.submodules[f"fifo_{outlet.name}"] = fifo
            m.submodules[f"credits_{outlet.name}"] = credits
            wiring.connect(m, fifo.o, wiring.flipped(getattr(self, f"o_{outlet.name}")))
            m.d.comb += credits.give.eq(fifo.o.valid & fifo.o.ready)
            self.fifos.append(fifo)
            self.credits.append(credits)

    def connect_jobs(self, m: Module) -> None:
        """Offer a job to the sequencer when its rows and the room for its results are there."""
        m.submodules.jobs = jobs = JobList(self.parameters)
        m.submodules.sequencer = sequencer = self.sequencer
        job, outlets = jobs.o.payload, len(self.credits)
        takes, rows_there, ring_free = Signal(), Signal(), Signal()
        m.d.comb += [
            sequencer.jobs.payload.eq(job),
            takes.eq(sequencer.jobs.valid & sequencer.jobs.ready),
            jobs.o.ready.eq(takes),
            sequencer.slot.eq(Array([ring.slot for ring in self.rings])[job.ring]),
        ]
        asks = jobs.o.valid & ~takes
        rows = Array([ring.rows for ring in self.rings])[job.ring]
        m.d.sync += rows_there.eq(asks & (rows >= job.need))
        enough: list[Value] = [credits.enough for credits in self.credits]
        for index, credits in enumerate(self.credits):
            mine = job.destination == index
            m.d.comb += [
                credits.amount.eq(job.cost),
                credits.ask.eq(jobs.o.valid & mine),
                credits.take.eq(takes & mine),
            ]
        own = self.rings[len(self.parameters.outside.rings) :]
        for index, ring in enumerate(own):
            enough.append(ring_free)
            m.d.comb += ring.begin.eq(takes & (job.destination == outlets + index))
        if own:
            free = Array([Const(0)] * outlets + [ring.free for ring in own])[job.destination]
            m.d.sync += ring_free.eq(asks & (free != 0))
        room = Array(enough)[job.destination]
        m.d.comb += sequencer.jobs.valid.eq(jobs.o.valid & rows_there & room)
        for index, ring in enumerate(self.rings):
            ended = sequencer.ended & (sequencer.ended_ring == index)
            freed = Mux(ended, sequencer.ended_release, 0)
            m.d.comb += [
                ring.take.eq(takes & (job.ring == index)),
                ring.release.eq(job.release),
                ring.freed.eq(delay_control(m, freed, LAST_READ, f"freed_{index}")),
            ]

    def connect_data(self, m: Module) -> None:
        """Steps to pixels, to sums, to the largest of a pool window."""
        m.submodules.mac = mac = self.mac
        m.submodules.pool = pool = self.pool
        fetch, issue, valid = self.fetch, self.sequencer.issue, self.sequencer.valid
        taps_at, sums_at = fetch.latency, fetch.latency + mac.latency
        m.d.comb += [
            fetch.issue.eq(issue),
            mac.data.eq(fetch.taps),
            mac.address.eq(delay(m, issue.step, taps_at - mac.weight_lead, "step")),
            mac.first.eq(delay(m, issue.first_step, taps_at, "first_step")),
            mac.last.eq(delay_control(m, valid & issue.last_step, taps_at, "last_step")),
            pool.sums.eq(mac.sums),
            pool.valid.eq(mac.done),
            pool.first.eq(delay(m, issue.first_sum, sums_at, "first_sum")),
            pool.last.eq(delay(m, issue.last_sum, sums_at, "last_sum")),
        ]
        block = Signal(self.block, name="block")
        m.d.comb += [
            block.maps.eq(issue.maps),
            block.first_block.eq(issue.first_block),
            block.first_map.eq(issue.job.first_map),
            block.tag.destination.eq(issue.job.destination),
        ]
        late = data.View(self.block, delay(m, block, sums_at + PoolMax.latency, "block"))
        m.submodules.serializer = serializer = self.serializer
        m.d.comb += [
            serializer.sums.eq(pool.largest),
            serializer.load.eq(pool.done),
            serializer.block.eq(late),
        ]

    def connect_results(self, m: Module) -> None:
        """Sums one by one through the epilogue, and to where they belong."""
        m.submodules.epilogue = epilogue = self.epilogue
        serializer = self.serializer
        m.d.comb += [
            epilogue.value.eq(serializer.value),
            epilogue.valid.eq(serializer.valid),
            epilogue.pixel_start.eq(serializer.pixel_start),
            epilogue.first_map.eq(serializer.of.first_map),
            epilogue.tag.eq(serializer.of.tag),
            self.result.eq(epilogue.y),
            self.result_valid.eq(epilogue.y_valid),
        ]
        for index, fifo in enumerate(self.fifos):
            m.d.comb += [
                fifo.i.payload.eq(epilogue.y),
                fifo.i.valid.eq(epilogue.y_valid & (epilogue.y_tag.destination == index)),
            ]
        for index in range(len(self.parameters.inside.rings)):
            mine = epilogue.y_tag.destination == len(self.fifos) + index
            m.d.comb += [
                self.inside_rows.i[index].payload.eq(epilogue.y),
                self.inside_rows.i[index].valid.eq(epilogue.y_valid & mine),
                self.inside_rows.may_begin[index].eq(1),
            ]
