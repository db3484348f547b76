# Everything that people need here: `make help` lists it. The work itself is in tools/.
#   PYTHON=...   the Python to use, where the newest suitable one on the path is not wanted
#   PORT=...     the port of `make serve`

.DEFAULT_GOAL := help
PYTHON ?=
READY := .venv/.ready
VENDOR := _build/vendor/.ready
RUN := .venv/bin/python -m

# One compilation cache for builds and tests alike; it keeps everything, however small or quick to compile.
export JAX_COMPILATION_CACHE_DIR := $(CURDIR)/_build/jax_cache
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS := 0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES := -1
# The same numbers on a machine that has a GPU too.
export JAX_PLATFORMS ?= cpu
# Notebooks run in this environment's Python, whatever kernels the user has installed.
export JUPYTER_PREFER_ENV_PATH := 1
# Small matrices on two busy cores: threads that wait for each other cost more than they bring.
export OPENBLAS_NUM_THREADS := 1
export PORT

.PHONY: help book serve test lab notebooks picture bench clean distclean lock

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: $(READY) $(VENDOR)  ## build the site, executing the notebooks
	@$(RUN) tools.book

serve: book  ## build the site and serve it to this machine
	@$(RUN) tools.serve

test: $(READY) $(VENDOR)  ## check everything that CI checks
	@$(RUN) tools.stages

lab: $(READY)  ## open the notebooks in JupyterLab
	@.venv/bin/jupyter lab notebooks

notebooks: $(READY)  ## execute the notebooks again and store their text outputs
	@$(RUN) tools.notebooks $(NOTEBOOKS)

picture: book  ## for maintainers: renew the picture of the README
	@$(RUN) tools.picture

bench: $(READY)  ## time the closed forms and kernels against other ways to get them
	@$(RUN) benchmarks.deep_linear
	@$(RUN) benchmarks.ntk
	@$(RUN) benchmarks.superposition
	@$(RUN) benchmarks.softmax_collapse
	@$(RUN) benchmarks.best_of_k

clean:  ## remove what was built
	rm -rf _build .pytest_cache .ruff_cache .hypothesis

distclean: clean  ## remove what was built and what was installed
	rm -rf .venv node_modules

lock: $(READY)  ## for maintainers: choose the newest versions that fit, and pin them
	@$(RUN) tools.lock

# A named Python, or an environment whose Python no longer runs, is looked at every time.
ifneq ($(PYTHON)$(shell .venv/bin/python -c "" 2>/dev/null || echo broken),)
.PHONY: $(READY)
endif

$(READY): requirements.txt requirements-dev.txt pyproject.toml tools/environment.py
	@python=$$(sh tools/find_python.sh $(PYTHON)) && "$$python" -m tools.environment $(PYTHON)

$(VENDOR): $(READY) package.json package-lock.json requirements-node.txt tools/node.py
	@$(RUN) tools.node
