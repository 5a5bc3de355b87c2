// Streams do at once what they are given, or, while they capture, keep it for a graph.
#pragma once

#include <functional>
#include <vector>

#include "emulated/runtime_api.h"

namespace emulated {

using Work = std::function<cudaError_t()>;

struct Graph {
  std::vector<Work> nodes;
};

}  // namespace emulated

struct CUstream_st {
  unsigned int flags;
  cudaStreamCaptureStatus capture;
  emulated::Graph captured;
};

struct CUevent_st {
  unsigned int flags;
  bool recorded;
  bool captured;       // last recorded by a stream that captured
  double milliseconds; // of the processor
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

// How many streams, events and graphs were not destroyed.
std::size_t living_streams(), living_events(), living_graphs();

}  // namespace emulated
