/* Runs one frame: example WEIGHTS [INPUT...] [-o OUTPUT...]
 *
 * Inputs and outputs are files of plain numbers, in the order of plan.json; an input that is not
 * named is zeros. It prints the first numbers of each output's bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static int fail(const char* text) {
  fprintf(stderr, "%s\n", text);
  return 1;
}

/* The bytes of a file, or zeros if it has no name; NULL if it has not as many. */
static void* read_bytes(const char* path, size_t bytes) {
  void* data = calloc(bytes + 1, 1);
  FILE* file;
  size_t found;
  if (!data || !path) return data;
  file = fopen(path, "rb");
  found = file ? fread(data, 1, bytes + 1, file) : 0;
  if (file) fclose(file);
  if (found == bytes) return data;
  free(data);
  return NULL;
}

static int write_bytes(const char* path, const void* data, size_t bytes) {
  FILE* file = fopen(path, "wb");
  size_t written = file ? fwrite(data, 1, bytes, file) : 0;
  if (file && fclose(file) != 0) written = 0;
  return written == bytes ? 0 : 1;
}

/* The place of the first output's name, behind -o; 0, and a word why, if too many are named. */
static int find_outputs(int argc, char** argv) {
  const int input_count = model_input_count(), output_count = model_output_count();
  int end = 2;
  while (end < argc && strcmp(argv[end], "-o") != 0) end++;
  if (end - 2 > input_count)
    fprintf(stderr, "the model takes %d input%s, and was given %d; outputs are named behind -o\n",
            input_count, input_count == 1 ? "" : "s", end - 2);
  else if (argc - end - 1 > output_count)
    fprintf(stderr, "the model has %d output%s, and %d are named\n", output_count,
            output_count == 1 ? "" : "s", argc - end - 1);
  else
    return end < argc ? end + 1 : end;
  return 0;
}

static int run(model* network, int argc, char** argv, int named) {
  const int input_count = model_input_count(), output_count = model_output_count();
  model_input* inputs = calloc((size_t)input_count + 1, sizeof *inputs);
  model_output* outputs = calloc((size_t)output_count + 1, sizeof *outputs);
  int status = 0, next = 2, k;
  if (!inputs || !outputs) status = fail("no memory");
  for (k = 0; !status && k < input_count; k++) {
    const char* path = next < argc && strcmp(argv[next], "-o") != 0 ? argv[next++] : NULL;
    inputs[k].bytes = model_input_bytes(k);
    inputs[k].data = read_bytes(path, inputs[k].bytes);
    if (!inputs[k].data) {
      fprintf(stderr, "the input '%s' is a file of %lu bytes, and '%s' is none\n",
              model_input_name(k), (unsigned long)inputs[k].bytes, path ? path : "");
      status = 1;
    }
  }
  for (k = 0; !status && k < output_count; k++) {
    outputs[k].bytes = model_output_bytes(k);
    outputs[k].data = calloc(outputs[k].bytes + 1, 1);
    if (!outputs[k].data) status = fail("no memory");
  }
  if (!status && model_run(network, inputs, input_count, outputs, output_count, NULL))
    status = fail(model_error());
  for (k = 0; !status && k < output_count; k++) {
    printf("%s: %lu bytes\n", model_output_name(k), (unsigned long)outputs[k].bytes);
    if (named + k < argc && write_bytes(argv[named + k], outputs[k].data, outputs[k].bytes))
      status = fail("an output cannot be written");
  }
  for (k = 0; inputs && k < input_count; k++) free((void*)inputs[k].data);
  for (k = 0; outputs && k < output_count; k++) free(outputs[k].data);
  free(inputs);
  free(outputs);
  return status;
}

int main(int argc, char** argv) {
  model* network;
  int status, named;
  if (argc < 2) return fail("usage: example WEIGHTS [INPUT...] [-o OUTPUT...]");
  named = find_outputs(argc, argv);
  if (!named) return 1;
  if (model_create(0, argv[1], &network)) return fail(model_error());
  status = run(network, argc, argv, named);
  if (model_destroy(network) && !status) status = fail(model_error());
  return status;
}
