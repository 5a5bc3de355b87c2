/* A network that runs on a CUDA device.
 *
 * Every function that returns an int returns 0, or another number after a failure; model_error then
 * tells what went wrong. Nothing that a caller passes ends the program, but for pointers that point
 * to less memory than is said.
 *
 * A model may be used by several threads and streams: its runs wait for each other, and those that
 * come after model_destroy are told that there is no such model.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define MODEL_API __declspec(dllexport)
#else
#define MODEL_API __attribute__((visibility("default")))
#endif

typedef struct model model;

/* An input: the array as bytes, in memory of the host or of the device. */
typedef struct {
  const void* data;
  size_t bytes;
} model_input;

/* Where an output goes: room for exactly its bytes, in memory of the host or of the device. */
typedef struct {
  void* data;
  size_t bytes;
} model_output;

/* Loads weights.bin onto a device (0 is the first), and captures the launches of a frame. */
MODEL_API int model_create(int device, const char* weights_path, model** created);

/* Runs one frame. Inputs and outputs are in the order in which plan.json lists them; `stream` is a
 * cudaStream_t of the device, or NULL for its default stream; one that captures a graph is refused.
 *
 * If all inputs and outputs are memory of the device, the frame is only enqueued, and the caller
 * waits for the stream; else the outputs are there when this returns. */
MODEL_API int model_run(model* self, const model_input* inputs, int input_count,
                        const model_output* outputs, int output_count, void* stream);

/* The same frame launch by launch, and how many milliseconds each took: `count` is to be
 * model_launches(). */
MODEL_API int model_profile(model* self, const model_input* inputs, int input_count,
                            const model_output* outputs, int output_count, float* milliseconds,
                            int count);

/* The inputs and outputs by number: how many there are, their names, and their bytes. Names are NULL
 * and bytes 0 where there is none of that number. */
MODEL_API int model_input_count(void);
MODEL_API const char* model_input_name(int number);
MODEL_API size_t model_input_bytes(int number);
MODEL_API int model_output_count(void);
MODEL_API const char* model_output_name(int number);
MODEL_API size_t model_output_bytes(int number);

/* How many kernels a frame launches, and what the numbered one does (NULL if there is none). */
MODEL_API int model_launches(void);
MODEL_API const char* model_launch_name(int number);

/* Gives back all memory; NULL is allowed. The model is gone even if the device tells of a failure. */
MODEL_API int model_destroy(model* self);

/* What the last failure of the calling thread was; the text is good until its next failure. */
MODEL_API const char* model_error(void);

#ifdef __cplusplus
}
#endif

#endif
