# Each target sets up what it needs: a virtual environment in .venv.
PYTHON := .venv/bin/python
INSTALLED := .venv/.installed
DEMO := results/demo

.PHONY: demo test lint docs coverage clean

# The main job on the embedded default: a made corpus, small real models.
demo: $(INSTALLED)
	$(PYTHON) -m speechbrain_relm.mini
	$(PYTHON) -m speechbrain_relm.mini.corpora esd $(DEMO)/ESD \
		--speakers 6 --sentences 8
	$(PYTHON) recipes/ESD/train.py hparams/re_llm_mini.yaml \
		--data_folder $(DEMO)/ESD --output_folder $(DEMO)/re_llm_mini \
		--number_of_epochs 3

# A page to talk with what the demo trained.
web: demo
	$(PYTHON) -m speechbrain_relm.demo $(DEMO)/re_llm_mini/release

# Each core takes a test file at a time.
test: $(INSTALLED)
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q -n auto --maxprocesses 4 --dist loadfile

# The page in headless Chromium (Debian: chromium, chromium-driver).
test-browser: $(INSTALLED)
	$(PYTHON) -m pytest -q tests/browser

lint: $(INSTALLED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/yamllint recipes .yamllint.yaml
	.venv/bin/codespell speechbrain_relm recipes tests benchmarks docs tools README.md

# Of the modules that need more packages than SpeechBrain does; with Chromium.
coverage: $(INSTALLED)
	$(PYTHON) tools/coverage_of_extras.py

# The documents and a page for each module, in build/docs; a warning fails.
docs: $(INSTALLED)
	$(PYTHON) -m pip install --quiet --editable ".[docs]"
	$(PYTHON) -m sphinx -q -n -W --keep-going -c docs -d build/doctrees . build/docs

$(INSTALLED): setup.py
	python3 -m venv .venv
	$(PYTHON) -m pip install --quiet --editable ".[mini,demo,dev]"
	touch $@

clean:
	rm -rf .venv build results
