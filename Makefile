# Each target is a line or two that a newcomer could type; README.md gives them for systems without make.
#   make course PYTHON=python3.12
#   make lab LAB_FLAGS=--allow-root     (JupyterLab refuses to run as root without it)
#   make site SITE_FLAGS="--address https://… --repository https://…"
#   make lab TORCH_INDEX=https://…      (torch from another index than install.py chooses)
PYTHON ?= python3
LAB_FLAGS ?=
SITE_FLAGS ?=
BIN = .venv/bin
INSTALLED = .venv/.installed

.PHONY: lab course site test render bench

lab: $(INSTALLED)  ## open the lessons in JupyterLab
	cd notebooks && ../$(BIN)/jupyter lab $(LAB_FLAGS)

course: $(INSTALLED)  ## run every lesson; the last line names the page that shows what came of it
	@$(BIN)/course run || failed=1; $(BIN)/course report build/runs/class && exit $$failed

site: $(INSTALLED)  ## build the course's public pages from the committed notebooks: build/site/index.html
	$(BIN)/python -m course_utils.maintain site $(SITE_FLAGS)

test: export OMP_NUM_THREADS = 1# small trainings gain nothing from threads, and on busy cores wait for them
test: $(INSTALLED)  ## style, tests, and the lessons in small under nbval and papermill
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	rm -rf build/nbval && $(BIN)/python -m course_utils.maintain prepare --profile smoke --out build/nbval
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-cell-timeout 1800 tests build/nbval

render: $(INSTALLED)  ## run the whole recipes on MNIST, and write networks, outputs and results into the repository
	$(BIN)/python -m course_utils.networks
	$(BIN)/python -m course_utils.maintain render

bench: $(INSTALLED)  ## where the seconds go: a table and a figure in build/bench (up to 40 minutes)
	$(BIN)/python -m benchmarks

$(INSTALLED): requirements.txt pyproject.toml install.py
	$(PYTHON) install.py
