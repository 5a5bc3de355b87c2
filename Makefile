# Everything sets itself up: a fresh clone needs Python 3.11, g++, make and perl.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready

.PHONY: test demo check unit nightly figures scenes quantization quantized bench-fpga bench-cpu bench-cuda clean

test: check unit

$(READY): pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict -p sightline
	$(BIN)/mypy --strict --explicit-package-bases tests benchmarks

unit: $(READY)
	$(BIN)/pytest -n 2 --cov --cov-report=term

demo: $(READY)
	$(BIN)/python -m sightline.demo

# Searches longer than `make test` does: ten times the examples of every property.
nightly: $(READY)
	SIGHTLINE_EXAMPLES=10 $(BIN)/pytest -n 2

# The figures in docs/FIGURES.md, measured anew.
figures: $(READY)
	$(BIN)/python -m benchmarks.figures
	$(BIN)/python benchmarks/passes.py

# How well the trained networks label scenes: the figures in docs/SCENES.md.
scenes: $(READY)
	$(BIN)/python -m benchmarks.scenes

# What integers cost the trained networks, and what each choice of quantization brings.
quantization: $(READY)
	$(BIN)/python -m benchmarks.quantization
	$(BIN)/python -m benchmarks.choices

# Whether integers of models that onnxruntime quantized are its own.
quantized: $(READY)
	$(BIN)/python -m benchmarks.quantized

# The accelerator: cycles, depths, resources. It takes most of an hour; a part of it takes minutes:
# make bench-fpga SECTIONS=peers (or chains, depths, scene, int16, synth).
bench-fpga: $(READY)
	$(BIN)/python -m benchmarks.fpga $(SECTIONS)

# Time per frame on the CPU, beside onnxruntime: minutes, on a machine that does nothing else; a part
# of it: make bench-cpu SECTIONS=float (or int8, compile, repeat).
bench-cpu: $(READY)
	$(BIN)/python -m benchmarks.cpu $(SECTIONS)

# Time per frame on a GPU, beside PyTorch; where there is none, what nvcc and the roofline tell, and
# what is skipped. A part of it: make bench-cuda SECTIONS=kernels (or frames).
bench-cuda: $(READY)
	$(BIN)/python -m benchmarks.cuda $(SECTIONS)

clean:
	rm -rf .venv build dist .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
