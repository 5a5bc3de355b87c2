// Calls about graphs: what streams captured, done again at every launch.

#include <random>

#include "calls.h"
#include "handles.h"
#include "streams.h"

namespace emulated {

namespace {

Handles<CUgraph_st> graphs;
Handles<CUgraphExec_st> executables;

// Nodes that do not wait for each other are done in another order each time: what a device does at
// once must not depend on it.
cudaError_t replay(const Graph& graph) {
  static std::minstd_rand chance;
  Numbers ready;
  std::vector<std::size_t> awaited(graph.nodes.size());
  const auto is_over = [&](std::size_t done) {
    for (std::size_t number = done + 1; number < graph.nodes.size(); number++)
      if (graph.nodes[number].after.count(done) && --awaited[number] == 0) ready.insert(number);
  };
  for (std::size_t number = 0; number < graph.nodes.size(); number++)
    if (!(awaited[number] = graph.nodes[number].after.size())) ready.insert(number);
  while (!ready.empty()) {
    const auto next = std::next(ready.begin(), chance() % ready.size());
    const std::size_t number = *next;
    ready.erase(next);
    const cudaError_t outcome = graph.nodes[number].work();
    if (outcome != cudaSuccess) return outcome;
    is_over(number);
  }
  return cudaSuccess;
}

cudaError_t end_capture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!stream || !is_stream(stream) || !graph) return cudaErrorInvalidValue;
  *graph = nullptr;
  const cudaStreamCaptureStatus status = stream->status;
  if (status == cudaStreamCaptureStatusNone) return cudaErrorInvalidValue;
  const std::shared_ptr<Capture> capture = stream->capture;
  if (capture->origin != stream) return cudaErrorStreamCaptureUnmatched;
  const bool joined = all_joined(*capture, stream->ends);
  leave(*capture);
  if (status == cudaStreamCaptureStatusInvalidated) return cudaErrorStreamCaptureInvalidated;
  if (!joined) return cudaErrorStreamCaptureUnjoined;
  *graph = graphs.add({std::move(capture->graph)});
  return cudaSuccess;
}

}  // namespace

std::size_t living_graphs() { return graphs.size() + executables.size(); }

}  // namespace emulated

using namespace emulated;

extern "C" {

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return call(During::CAPTURE, [&] {
    if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
    if (!stream) return cudaErrorStreamCaptureUnsupported;
    if (is_capturing()) return cudaErrorNotSupported;
    if (stream->status != cudaStreamCaptureStatusNone) return cudaErrorInvalidValue;
    stream->status = cudaStreamCaptureStatusActive;
    stream->capture = std::make_shared<Capture>(Capture{stream, {}});
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  return call(During::CAPTURE, [&] { return end_capture(stream, graph); });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return call(During::CAPTURE, [&] {
    if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
    if (!status) return cudaErrorInvalidValue;
    *status = stream ? stream->status : cudaStreamCaptureStatusNone;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return call(During::CAPTURE,
              [&] { return graphs.remove(graph) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  return call(During::CAPTURE,
              [&] { return executables.remove(graph) ? cudaSuccess : cudaErrorInvalidValue; });
}

cudaError_t cudaGraphUpload(cudaGraphExec_t graph, cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    if (!is_stream(stream)) return cudaErrorInvalidResourceHandle;
    return executables.has(graph) ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  return call(During::CAPTURE, [&] {
    if (!executables.has(graph)) return cudaErrorInvalidValue;
    return enqueue(stream, [graph] {
      return executables.has(graph) ? replay(graph->graph) : cudaErrorInvalidValue;
    });
  });
}

}  // extern "C"

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph,
                                 unsigned long long) {
  return call(During::CAPTURE, [&] {
    if (!executable || !graphs.has(graph)) return cudaErrorInvalidValue;
    *executable = executables.add({graph->graph});
    return cudaSuccess;
  });
}
