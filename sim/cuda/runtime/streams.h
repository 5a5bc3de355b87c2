// Streams do at once what they are given, or, while they capture, keep it for a graph.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "emulated/runtime_api.h"

namespace emulated {

using Work = std::function<cudaError_t()>;

using Numbers = std::set<std::size_t>;

// Some work, and the nodes, by their numbers, that are over before it begins.
struct Node {
  Work work;
  Numbers after;
};

struct Graph {
  std::vector<Node> nodes;
};

// What a stream captures, and those that wait for its work meanwhile.
struct Capture {
  cudaStream_t origin;
  Graph graph;
};

}  // namespace emulated

struct CUstream_st {
  unsigned int flags;
  cudaStreamCaptureStatus status;
  std::shared_ptr<emulated::Capture> capture;
  emulated::Numbers ends;  // of the capture: what the stream's next work comes after
};

struct CUevent_st {
  unsigned int flags;
  bool recorded;
  double milliseconds;  // of the processor
  std::shared_ptr<emulated::Capture> capture;  // of the stream that recorded it last
  emulated::Numbers ends;                      // and what the stream had been given by then
};

struct CUgraph_st {
  emulated::Graph graph;
};

struct CUgraphExec_st {
  emulated::Graph graph;
};

namespace emulated {

// Whether a handle is one that was given out and not taken back; no stream is the legacy stream.
bool is_stream(cudaStream_t stream);

// Do some work in a stream, or keep it.
cudaError_t enqueue(cudaStream_t stream, Work work);

// Whether all that the streams of a capture were given is over where these nodes are.
bool all_joined(const Capture& capture, const Numbers& ends);

// A capture's streams do again at once what they are given.
void leave(const Capture& capture);

// How many streams, events and graphs were not destroyed.
std::size_t living_streams(), living_events(), living_graphs();

}  // namespace emulated
