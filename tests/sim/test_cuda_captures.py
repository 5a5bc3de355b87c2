"""Captures of several streams in the emulator: who waits for whom, what a graph does at once."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import byref, c_size_t, c_uint, c_ulonglong, c_void_p

import numpy as np
import pytest
from numpy.typing import NDArray

from sightline.sim.cuda import emulator
from tests.support.emulated import address, fresh

CAPTURE_INVALIDATED, UNMATCHED, UNJOINED, ISOLATION, CAPTURED_EVENT = 901, 903, 904, 905, 907
TO_DEVICE, FROM_DEVICE = 1, 2
FRAMES = 20
"""Of so many in any order, some are in the order that is wrong."""


class Fork:
    """Two streams, three arrays of memory, and events."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self.library = library
        self.first, self.second = self.made("cudaStreamCreate"), self.made("cudaStreamCreate")
        self.begun, self.over = self.made("cudaEventCreate"), self.made("cudaEventCreate")
        self.given, self.between, self.out = (
            self.made("cudaMalloc", c_size_t(4 * 32)) for _ in range(3)
        )
        self.graph, self.frame = c_void_p(), c_void_p()

    def made(self, name: str, *more: object) -> c_void_p:
        handle = c_void_p()
        create = "cudaEventCreateWithFlags" if name == "cudaEventCreate" else name
        flags = (0,) if name == "cudaEventCreate" else more
        assert getattr(self.library, create)(byref(handle), *flags) == 0
        return handle

    def tripled(self, given: c_void_p, out: c_void_p, stream: c_void_p) -> None:
        sizes = (c_uint * 3)(1, 1, 1), (c_uint * 3)(32, 1, 1)
        assert self.library.launch_scaled(given, out, 3, *sizes, 0, stream) == 0

    def forked(self) -> None:
        """A capture of both streams."""
        assert self.library.cudaStreamBeginCapture(self.first, 1) == 0
        assert self.library.cudaEventRecord(self.begun, self.first) == 0
        assert self.library.cudaStreamWaitEvent(self.second, self.begun, 0) == 0

    def joined(self) -> None:
        assert self.library.cudaEventRecord(self.over, self.second) == 0
        assert self.library.cudaStreamWaitEvent(self.first, self.over, 0) == 0

    def ended(self, stream: c_void_p) -> int:
        return int(self.library.cudaStreamEndCapture(stream, byref(self.graph)))

    def frames(self, stream: c_void_p) -> NDArray[np.float32]:
        """What the graph made of ones, each time it was launched."""
        results = np.zeros((FRAMES, 32), np.float32)
        ones, minus = np.ones(32, np.float32), np.full(32, -1, np.float32)
        size = c_size_t(ones.nbytes)
        for result in results:
            assert self.library.cudaMemcpy(self.given, address(ones), size, TO_DEVICE) == 0
            assert self.library.cudaMemcpy(self.between, address(minus), size, TO_DEVICE) == 0
            assert self.library.cudaGraphLaunch(self.frame, stream) == 0
            assert self.library.cudaMemcpy(address(result), self.out, size, FROM_DEVICE) == 0
        return results

    def destroy(self) -> None:
        for name, handle in (
            ("cudaStreamDestroy", self.first),
            ("cudaStreamDestroy", self.second),
            ("cudaEventDestroy", self.begun),
            ("cudaEventDestroy", self.over),
            *(("cudaFree", pointer) for pointer in (self.given, self.between, self.out)),
            *([("cudaGraphDestroy", self.graph)] if self.graph else []),
            *([("cudaGraphExecDestroy", self.frame)] if self.frame else []),
        ):
            assert getattr(self.library, name)(handle) == 0


@pytest.fixture
def fork() -> Iterator[Fork]:
    library = fresh("features", False)
    made = Fork(library)
    yield made
    emulator.forget(library)
    made.destroy()
    assert emulator.left(library) == []


@pytest.mark.parametrize("waits", [True, False])
def test_what_waits_for_nothing_is_done_in_any_order(fork: Fork, waits: bool) -> None:
    fork.forked()
    fork.tripled(fork.given, fork.between, fork.first)
    if waits:
        assert fork.library.cudaEventRecord(fork.begun, fork.first) == 0
        assert fork.library.cudaStreamWaitEvent(fork.second, fork.begun, 0) == 0
    fork.tripled(fork.between, fork.out, fork.second)
    fork.joined()
    assert fork.ended(fork.first) == 0
    assert fork.library.cudaGraphInstantiate(byref(fork.frame), fork.graph, c_ulonglong(0)) == 0
    assert np.unique(fork.frames(fork.first)).tolist() == ([9] if waits else [-3, 9])


def test_a_stream_that_joined_must_be_waited_for(fork: Fork) -> None:
    fork.forked()
    assert fork.ended(fork.second) == UNMATCHED
    fork.tripled(fork.given, fork.between, fork.second)
    assert fork.ended(fork.first) == UNJOINED
    fork.forked()
    fork.tripled(fork.given, fork.between, fork.second)
    fork.joined()
    fork.tripled(fork.given, fork.between, fork.second)
    assert fork.ended(fork.first) == UNJOINED


def test_captures_and_other_work_do_not_wait_for_each_other(fork: Fork) -> None:
    assert fork.library.cudaEventRecord(fork.over, fork.second) == 0
    assert fork.library.cudaStreamBeginCapture(fork.first, 1) == 0
    assert fork.library.cudaStreamWaitEvent(fork.first, fork.over, 0) == ISOLATION
    assert fork.ended(fork.first) == CAPTURE_INVALIDATED
    fork.forked()
    fork.joined()
    assert fork.ended(fork.first) == 0
    assert fork.library.cudaStreamWaitEvent(fork.second, fork.over, 0) == CAPTURED_EVENT
    assert fork.library.cudaEventSynchronize(fork.over) == CAPTURED_EVENT
    assert fork.library.cudaEventRecord(fork.over, fork.second) == 0
    assert fork.library.cudaStreamWaitEvent(fork.second, fork.over, 0) == 0
