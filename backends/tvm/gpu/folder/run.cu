// How a model is created, run and destroyed. Above are its kernels, and the tables that say of its
// memory: INPUTS, OUTPUTS, BUFFERS, LAUNCHES and the weights' size and checksum.

namespace {

constexpr int OK = 0, FAILED = 1;

// One text for each thread that ever failed: thread_local would be the device's shared memory to
// tools that run this file without one.
const char* tell(const std::string& text, bool is_new) {
  static std::mutex mutex;
  static std::map<std::thread::id, std::string> texts;
  const std::lock_guard<std::mutex> guard(mutex);
  std::string& own = texts[std::this_thread::get_id()];
  if (is_new) own = text;
  return own.c_str();
}

int fail(const std::string& text) {
  tell(text, true);
  return FAILED;
}

std::string counted(int number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

int failed_call(const std::string& call, cudaError_t error) {
  cudaGetLastError();  // or the next call would tell of this one
  return fail(call + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")");
}

#define CHECK(call)                                                                \
  do {                                                                             \
    const cudaError_t error_of_call = (call);                                      \
    if (error_of_call != cudaSuccess) return failed_call(#call, error_of_call);    \
  } while (0)

// The device of the caller comes back when this goes.
class OnDevice {
 public:
  int enter(int device) {
    CHECK(cudaGetDevice(&before_));
    if (before_ != device) {
      CHECK(cudaSetDevice(device));
      changed_ = true;
    }
    return OK;
  }
  ~OnDevice() {
    if (changed_) cudaSetDevice(before_);
  }

 private:
  int before_ = 0;
  bool changed_ = false;
};

uint32_t checksum(const unsigned char* bytes, size_t count) {
  static uint32_t table[256];
  static const bool filled = [] {
    for (uint32_t byte = 0; byte < 256; byte++) {
      uint32_t value = byte;
      for (int bit = 0; bit < 8; bit++) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0u);
      table[byte] = value;
    }
    return true;
  }();
  (void)filled;
  uint32_t sum = 0xFFFFFFFFu;
  for (size_t k = 0; k < count; k++) sum = sum >> 8 ^ table[(sum ^ bytes[k]) & 255];
  return ~sum;
}

struct Header {
  char magic[8];
  uint64_t bytes;
  uint32_t checksum;
  uint32_t reserved;
};

int read_weights(const char* path, std::vector<unsigned char>& weights) {
  const std::string name = std::string("the file '") + path + "'";
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path, "rb"), std::fclose);
  if (!file) return fail(name + " cannot be read: " + std::strerror(errno));
  Header header;
  if (std::fread(&header, sizeof header, 1, file.get()) != 1 ||
      std::memcmp(header.magic, WEIGHTS_MAGIC, sizeof header.magic) != 0)
    return fail(name + " holds no weights");
  if (header.bytes != WEIGHTS_BYTES || header.checksum != WEIGHTS_CHECKSUM)
    return fail(name + " holds the weights of another model");
  weights.resize(WEIGHTS_BYTES + 1);  // one more, to see that the file ends
  if (std::fread(weights.data(), 1, WEIGHTS_BYTES + 1, file.get()) != WEIGHTS_BYTES)
    return fail(name + " is damaged: it has not as many bytes as it says");
  if (checksum(weights.data(), WEIGHTS_BYTES) != WEIGHTS_CHECKSUM)
    return fail(name + " is damaged: its checksum is wrong");
  return OK;
}

}  // namespace

struct model {
  int device = 0;
  unsigned char* weights = nullptr;
  unsigned char* buffers[BUFFER_COUNT + 1] = {};
  cudaStream_t streams[STREAM_COUNT] = {};
  cudaEvent_t over[LAUNCH_COUNT + STREAM_COUNT] = {};
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t frame = nullptr;
  cudaEvent_t done = nullptr;
  std::vector<cudaEvent_t> times;
  std::mutex mutex;
  bool is_gone = false;  // destroyed while another thread waited for it

  void* at(Place place) const {
    return (place.buffer < 0 ? weights : buffers[place.buffer]) + place.offset;
  }
  int load(const std::vector<unsigned char>& host);
  int capture();
  int launch_branches() const;
  int launch(int number, cudaStream_t where) const;
  int enter(OnDevice& device, const model_input* inputs, int input_count,
            const model_output* outputs, int output_count) const;
  int copy_in(const model_input* inputs, cudaStream_t where, bool* on_host) const;
  int copy_out(const model_output* outputs, cudaStream_t where, bool* on_host) const;
  int enqueue(const model_input* inputs, const model_output* outputs, cudaStream_t where,
              bool* on_host) const;
  int run(const model_input* inputs, const model_output* outputs, cudaStream_t where);
  int launch_timed(const model_input* inputs, const model_output* outputs);
  int profile(const model_input* inputs, const model_output* outputs, float* milliseconds);
  int release();
};

template <class... Parameters>
static int launch_kernel(void (*kernel)(Parameters...), dim3 grid, dim3 block, cudaStream_t stream,
                         std::initializer_list<void*> addresses) {
  void* values[sizeof...(Parameters)];
  void* arguments[sizeof...(Parameters)];
  size_t k = 0;
  for (void* address : addresses) {
    values[k] = address;
    arguments[k] = &values[k];
    k++;
  }
  CHECK(cudaLaunchKernel(kernel, grid, block, arguments, 0, stream));
  return OK;
}

// In the generated part below: whether the library has code for the device that is current.
static cudaError_t find_code();

static int check_code(int device) {
  const cudaError_t found = find_code();
  if (found == cudaSuccess) return OK;
  if (found != cudaErrorNoKernelImageForDevice && found != cudaErrorInvalidDeviceFunction)
    return failed_call("cudaFuncGetAttributes", found);
  cudaGetLastError();
  int major = 0, minor = 0;
  CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device));
  CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device));
  const int there = 10 * major + minor;
  const std::string sm = "sm_" + std::to_string(there);
  const std::string way =
      there < LEAST_ARCHITECTURE
          ? "compile the network for " + sm
          : "build it with " + std::to_string(there) + " among MODEL_ARCHITECTURES";
  return fail("the library has no code for the device " + std::to_string(device) + ", which is " +
              sm + ": " + way);
}

// The models that were created and not destroyed, so that what is used later is told. Who runs one
// holds it until the end, whoever destroys it meanwhile.
static std::mutex living_mutex;
static std::map<const model*, std::shared_ptr<model>> living;

static std::shared_ptr<model> find_living(const model* self) {
  const std::lock_guard<std::mutex> guard(living_mutex);
  const auto found = living.find(self);
  return found == living.end() ? nullptr : found->second;
}

static int no_such(const model* self) {
  return fail(self ? "there is no such model: it was destroyed, or never created"
                   : "the model is NULL");
}

int model::load(const std::vector<unsigned char>& host) {
  for (cudaStream_t& each : streams)
    CHECK(cudaStreamCreateWithFlags(&each, cudaStreamNonBlocking));
  CHECK(cudaMalloc(&weights, WEIGHTS_BYTES));
  // A copy without a stream may return before the weights are there.
  CHECK(cudaMemcpyAsync(weights, host.data(), WEIGHTS_BYTES, cudaMemcpyHostToDevice, streams[0]));
  CHECK(cudaStreamSynchronize(streams[0]));
  for (int k = 0; k < BUFFER_COUNT; k++) CHECK(cudaMalloc(&buffers[k], BUFFERS[k]));
  for (cudaEvent_t& each : over) CHECK(cudaEventCreateWithFlags(&each, cudaEventDisableTiming));
  CHECK(cudaEventCreateWithFlags(&done, cudaEventDisableTiming));
  return capture();
}

int model::capture() {
  CHECK(cudaStreamBeginCapture(streams[0], cudaStreamCaptureModeThreadLocal));
  const int outcome = launch_branches();
  const cudaError_t ended = cudaStreamEndCapture(streams[0], &graph);
  if (outcome != OK) return outcome;
  if (ended != cudaSuccess) return failed_call("cudaStreamEndCapture(streams[0], &graph)", ended);
  CHECK(cudaGraphInstantiate(&frame, graph, 0));
  CHECK(cudaGraphUpload(frame, streams[0]));
  return OK;
}

// Launches that need nothing of each other are in different streams. All streams join the capture
// when they wait for the first, and leave it when the first waits for them.
int model::launch_branches() const {
  const cudaEvent_t* ends = over + LAUNCH_COUNT;
  CHECK(cudaEventRecord(ends[0], streams[0]));
  for (int k = 1; k < STREAM_COUNT; k++) CHECK(cudaStreamWaitEvent(streams[k], ends[0], 0));
  for (int k = 0, wait = 0; k < LAUNCH_COUNT; k++) {
    cudaStream_t where = streams[LAUNCHES[k].stream];
    for (; wait < WAIT_COUNT && WAITS[wait].launch == k; wait++)
      CHECK(cudaStreamWaitEvent(where, over[WAITS[wait].before], 0));
    if (launch(k, where) != OK) return FAILED;
    CHECK(cudaEventRecord(over[k], where));
  }
  for (int k = 1; k < STREAM_COUNT; k++) {
    CHECK(cudaEventRecord(ends[k], streams[k]));
    CHECK(cudaStreamWaitEvent(streams[0], ends[k], 0));
  }
  return OK;
}

int model::enter(OnDevice& there, const model_input* inputs, int input_count,
                 const model_output* outputs, int output_count) const {
  if (input_count != INPUT_COUNT)
    return fail("the model takes " + counted(INPUT_COUNT, "input") + ", and was given " +
                std::to_string(input_count));
  if (output_count != OUTPUT_COUNT)
    return fail("the model has " + counted(OUTPUT_COUNT, "output") + ", and was given room "
                "for " + std::to_string(output_count));
  if (!inputs || !outputs) return fail("the inputs or the outputs are NULL");
  for (int k = 0; k < INPUT_COUNT; k++) {
    const std::string name = std::string("the input '") + INPUTS[k].name + "'";
    if (!inputs[k].data) return fail(name + " is NULL");
    if (inputs[k].bytes != INPUTS[k].bytes)
      return fail(name + " has " + std::to_string(INPUTS[k].bytes) + " bytes, and was given " +
                  std::to_string(inputs[k].bytes));
  }
  for (int k = 0; k < OUTPUT_COUNT; k++) {
    const std::string name = std::string("the output '") + OUTPUTS[k].name + "'";
    if (!outputs[k].data) return fail(name + " is NULL");
    if (outputs[k].bytes != OUTPUTS[k].bytes)
      return fail(name + " has " + std::to_string(OUTPUTS[k].bytes) + " bytes, and was given "
                  "room for " + std::to_string(outputs[k].bytes));
  }
  return there.enter(device);
}

// To or from the caller's memory, which may be the host's.
static int copy(void* to, const void* from, const Port& port, const char* kind, const void* given,
                cudaStream_t where, bool* on_host) {
  cudaPointerAttributes attributes;
  cudaError_t outcome = cudaPointerGetAttributes(&attributes, given);
  if (outcome == cudaSuccess) {
    if (attributes.type < cudaMemoryTypeDevice) *on_host = true;
    outcome = cudaMemcpyAsync(to, from, port.bytes, cudaMemcpyDefault, where);
  }
  if (outcome == cudaSuccess) return OK;
  return failed_call(std::string("the copy of the ") + kind + " '" + port.name + "'", outcome);
}

int model::copy_in(const model_input* inputs, cudaStream_t where, bool* on_host) const {
  for (int k = 0; k < INPUT_COUNT; k++) {
    const void* given = inputs[k].data;
    if (copy(at(INPUTS[k].place), given, INPUTS[k], "input", given, where, on_host) != OK)
      return FAILED;
  }
  return OK;
}

int model::copy_out(const model_output* outputs, cudaStream_t where, bool* on_host) const {
  for (int k = 0; k < OUTPUT_COUNT; k++) {
    void* given = outputs[k].data;
    if (copy(given, at(OUTPUTS[k].place), OUTPUTS[k], "output", given, where, on_host) != OK)
      return FAILED;
  }
  return OK;
}

int model::enqueue(const model_input* inputs, const model_output* outputs, cudaStream_t where,
                   bool* on_host) const {
  if (copy_in(inputs, where, on_host) != OK) return FAILED;
  if (LAUNCH_COUNT > 0) CHECK(cudaGraphLaunch(frame, where));
  return copy_out(outputs, where, on_host);
}

int model::run(const model_input* inputs, const model_output* outputs, cudaStream_t where) {
  cudaStreamCaptureStatus capturing;
  CHECK(cudaStreamIsCapturing(where, &capturing));
  if (capturing != cudaStreamCaptureStatusNone)
    return fail("the stream captures a graph, of which a frame cannot be a part, since it waits for "
                "the frame before: run it outside of the capture");
  // The frame before, which another stream may have been given, uses the same memory.
  CHECK(cudaStreamWaitEvent(where, done, 0));
  bool on_host = false;
  const int outcome = enqueue(inputs, outputs, where, &on_host);
  // The next frame waits for this one even if a part of it failed.
  const cudaError_t recorded = cudaEventRecord(done, where);
  if (outcome != OK) return outcome;
  if (recorded != cudaSuccess) return failed_call("cudaEventRecord(done, where)", recorded);
  if (on_host) CHECK(cudaStreamSynchronize(where));
  return OK;
}

int model::launch_timed(const model_input* inputs, const model_output* outputs) {
  bool on_host = false;
  while (times.size() < LAUNCH_COUNT + 1) {
    cudaEvent_t event;
    CHECK(cudaEventCreateWithFlags(&event, cudaEventDefault));
    times.push_back(event);
  }
  CHECK(cudaStreamWaitEvent(streams[0], done, 0));
  if (copy_in(inputs, streams[0], &on_host) != OK) return FAILED;
  CHECK(cudaEventRecord(times[0], streams[0]));
  for (int k = 0; k < LAUNCH_COUNT; k++) {
    if (launch(k, streams[0]) != OK) return FAILED;
    CHECK(cudaEventRecord(times[k + 1], streams[0]));
  }
  return copy_out(outputs, streams[0], &on_host);
}

int model::profile(const model_input* inputs, const model_output* outputs, float* milliseconds) {
  const int outcome = launch_timed(inputs, outputs);
  const cudaError_t ended = cudaStreamSynchronize(streams[0]);
  if (outcome != OK) return outcome;
  if (ended != cudaSuccess) return failed_call("cudaStreamSynchronize(streams[0])", ended);
  for (int k = 0; k < LAUNCH_COUNT; k++)
    CHECK(cudaEventElapsedTime(&milliseconds[k], times[k], times[k + 1]));
  return OK;
}

// All is given back whatever fails; the first failure is told.
int model::release() {
  cudaError_t first = cudaSuccess;
  const auto note = [&first](cudaError_t error) {
    if (first == cudaSuccess) first = error;
  };
  if (done) note(cudaEventSynchronize(done));
  for (cudaStream_t each : streams)
    if (each) note(cudaStreamSynchronize(each));
  for (cudaEvent_t event : times) note(cudaEventDestroy(event));
  if (frame) note(cudaGraphExecDestroy(frame));
  if (graph) note(cudaGraphDestroy(graph));
  if (done) note(cudaEventDestroy(done));
  for (cudaEvent_t event : over)
    if (event) note(cudaEventDestroy(event));
  for (cudaStream_t each : streams)
    if (each) note(cudaStreamDestroy(each));
  for (unsigned char* buffer : buffers)
    if (buffer) note(cudaFree(buffer));
  if (weights) note(cudaFree(weights));
  return first == cudaSuccess ? OK : failed_call("giving back the memory of a model", first);
}

// What C++ itself may throw, such as a lack of memory, is an error as any other.
template <class Function>
static int guarded(Function function) {
  try {
    return function();
  } catch (const std::exception& error) {
    return fail(std::string("the host failed: ") + error.what());
  }
}

extern "C" {

int model_create(int device, const char* weights_path, model** created) {
  return guarded([&]() -> int {
    if (!created) return fail("there is no place for the model: 'created' is NULL");
    *created = nullptr;
    if (!weights_path) return fail("the path of the weights is NULL");
    int count = 0;
    const cudaError_t asked = cudaGetDeviceCount(&count);
    if (asked == cudaErrorInsufficientDriver)
      return failed_call("there is no CUDA device, or its driver is older than the CUDA runtime in "
                         "this library: update the driver, or build with an older toolkit", asked);
    if (asked != cudaSuccess) return failed_call("there is no CUDA device", asked);
    if (device < 0 || device >= count)
      return fail("there is no CUDA device " + std::to_string(device) + ", and " +
                  std::to_string(count) + " in all, numbered from 0");
    OnDevice there;
    if (there.enter(device) != OK || check_code(device) != OK) return FAILED;
    std::vector<unsigned char> weights;
    if (read_weights(weights_path, weights) != OK) return FAILED;
    const auto made = std::make_shared<model>();
    made->device = device;
    if (made->load(weights) != OK) {
      const std::string reason = model_error();
      made->release();
      return fail(reason);
    }
    const std::lock_guard<std::mutex> guard(living_mutex);
    living[made.get()] = made;
    *created = made.get();
    return OK;
  });
}

int model_run(model* self, const model_input* inputs, int input_count, const model_output* outputs,
              int output_count, void* stream) {
  return guarded([&]() -> int {
    const std::shared_ptr<model> own = find_living(self);
    if (!own) return no_such(self);
    const std::lock_guard<std::mutex> guard(own->mutex);
    if (own->is_gone) return no_such(self);
    OnDevice there;
    if (own->enter(there, inputs, input_count, outputs, output_count) != OK) return FAILED;
    return own->run(inputs, outputs, static_cast<cudaStream_t>(stream));
  });
}

int model_profile(model* self, const model_input* inputs, int input_count,
                  const model_output* outputs, int output_count, float* milliseconds, int count) {
  return guarded([&]() -> int {
    const std::shared_ptr<model> own = find_living(self);
    if (!own) return no_such(self);
    if (count != LAUNCH_COUNT || !milliseconds)
      return fail("the model has " + std::to_string(LAUNCH_COUNT) + " launches, and was given room "
                  "for the times of " + std::to_string(milliseconds ? count : 0));
    const std::lock_guard<std::mutex> guard(own->mutex);
    if (own->is_gone) return no_such(self);
    OnDevice there;
    if (own->enter(there, inputs, input_count, outputs, output_count) != OK) return FAILED;
    return own->profile(inputs, outputs, milliseconds);
  });
}

static bool is_input(int number) { return number >= 0 && number < INPUT_COUNT; }
static bool is_output(int number) { return number >= 0 && number < OUTPUT_COUNT; }

int model_input_count(void) { return INPUT_COUNT; }
const char* model_input_name(int number) { return is_input(number) ? INPUTS[number].name : nullptr; }
size_t model_input_bytes(int number) { return is_input(number) ? INPUTS[number].bytes : 0; }

int model_output_count(void) { return OUTPUT_COUNT; }
const char* model_output_name(int number) {
  return is_output(number) ? OUTPUTS[number].name : nullptr;
}
size_t model_output_bytes(int number) { return is_output(number) ? OUTPUTS[number].bytes : 0; }

int model_launches(void) { return LAUNCH_COUNT; }

const char* model_launch_name(int number) {
  return number >= 0 && number < LAUNCH_COUNT ? LAUNCHES[number].does : nullptr;
}

int model_destroy(model* self) {
  return guarded([&]() -> int {
    if (!self) return OK;
    const std::shared_ptr<model> own = find_living(self);
    if (!own) return no_such(self);
    const std::lock_guard<std::mutex> guard(own->mutex);
    if (own->is_gone) return no_such(self);
    {
      const std::lock_guard<std::mutex> others(living_mutex);
      living.erase(self);
    }
    own->is_gone = true;
    OnDevice there;
    const int entered = there.enter(own->device);
    const int released = own->release();
    return entered != OK ? entered : released;
  });
}

const char* model_error(void) { return tell("", false); }

}  // extern "C"
