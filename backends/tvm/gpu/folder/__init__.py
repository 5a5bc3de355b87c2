"""Files that go into the folder of the target `cuda` as they are, or around what is generated."""

SOURCE, HEADER, PLAN, WEIGHTS_FILE = "model.cu", "model.h", "plan.json", "weights.bin"
