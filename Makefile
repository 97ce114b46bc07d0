# Two commands do the main things: `make demo` and `make test`. Each sets up what it needs; running it again does
# no work twice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: setup models demo app test test-fast check bench bench-tasks screenshots demo-run learn-data

setup: $(READY) models

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet -c constraints.txt -e ".[dev]"
	touch $(READY)

models: $(READY)
	@$(BIN)/ragft models fetch >/dev/null

demo: setup
	@$(BIN)/ragft index hiring-handbook
	@$(BIN)/ragft train hiring-handbook --prompts mixed --epochs 1 --holdout 0 --if-needed
	@$(BIN)/ragft compare hiring-handbook --limit 144

# Beside the task: what a first visit of the page shows.
demo-run: demo
	@$(BIN)/python -m benchmarks.demo_run

app: setup
	@$(BIN)/ragft serve

test: setup
	@tests/install_browser.sh
	HF_HUB_OFFLINE=1 $(BIN)/pytest

test-fast: $(READY)
	HF_HUB_OFFLINE=1 $(BIN)/pytest -m "not slow and not e2e"

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	@$(BIN)/python -m benchmarks.time_to_verdict

bench-tasks: setup
	@$(BIN)/python -m benchmarks.task_table

# Hours with the bundled model on two cores; `make learn-data QUICK=--quick` takes a tiny one and minutes.
learn-data: setup
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.learn_data $(QUICK)

screenshots: setup
	@$(BIN)/python -m benchmarks.screenshots
