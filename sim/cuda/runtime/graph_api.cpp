// Calls about graphs: what a stream captured, done again at every launch.

#include "calls.h"
#include "handles.h"
#include "streams.h"

namespace emulated {

namespace {

Handles<CUgraph_st> graphs;
Handles<CUgraphExec_st> executables;

cudaError_t replay(const Graph& graph) {
  for (const Work& node : graph.nodes)
    if (const cudaError_t outcome = node(); outcome != cudaSuccess) return outcome;
  return cudaSuccess;
}

cudaError_t end_capture(cudaStream_t stream, cudaGraph_t* graph) {
  if (!stream || !is_stream(stream) || !graph) return cudaErrorInvalidValue;
  const cudaStreamCaptureStatus status = stream->capture;
  Graph captured;
  std::swap(captured, stream->captured);
  stream->capture = cudaStreamCaptureStatusNone;
  *graph = nullptr;
  if (status == cudaStreamCaptureStatusNone) return cudaErrorInvalidValue;
  if (status == cudaStreamCaptureStatusInvalidated) return cudaErrorStreamCaptureInvalidated;
  *graph = graphs.add({std::move(captured)});
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
    if (stream->capture != cudaStreamCaptureStatusNone) return cudaErrorInvalidValue;
    stream->capture = cudaStreamCaptureStatusActive;
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
    *status = stream ? stream->capture : cudaStreamCaptureStatusNone;
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
