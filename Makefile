# Each target sets up what it needs: a virtual environment in .venv.
PYTHON := .venv/bin/python
# Python compiles what is imported, once; to compile all takes pip a minute more.
# Where compiled files are forbidden, every process would do it anew, for ten seconds.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(PYTHON) -m pip install -qq --no-compile --disable-pip-version-check
INSTALLED := .venv/.installed
SMALL := .venv/.installed_small
DEMO := results/demo
SEED := 1
# More of both takes longer and is better: see the README.
UTTERANCES := 5000
SENTENCES := 150
# The adapter is aligned already, so it moves slower than the fresh LoRA; the
# test has voices and sentences of its own.
TUNING := --number_of_epochs 1 --lr 0.001 --rates "{adapter: 0.1}" \
	--expected_response_flaws "[letter, looping, cut, echo]" \
	--generation_batch_size 128 \
	--valid_ratio 0.05 --test_speakers "['0019', '0020']" \
	--test_sentences "[301, 350]" --steps "[prepare, attributes, \
	expected_responses, fit, probe, respond, score, listen, same_words, \
	report, release]"

.PHONY: demo models corpora web test fuzz test-browser lint docs coverage clean

# The main job on the embedded default: made corpora, small real models. Words
# and emotions first, without the LLM; then the paper's Steps 1 and 2.
demo: $(SMALL)
	@echo "Making speech, training and testing a small system:" \
		"half an hour on two cores; what is done is not done again."
	@$(MAKE) --no-print-directory --jobs 2 models corpora
	$(PYTHON) recipes/LibriSpeech/train_words.py hparams/words_mini.yaml \
		--data_folder $(DEMO)/LibriSpeech --output_folder $(DEMO)/words \
		--seed $(SEED)
	$(PYTHON) recipes/ESD/train.py hparams/re_llm_mini.yaml \
		--data_folder $(DEMO)/ESD --output_folder $(DEMO)/re_llm_mini \
		--init_from $(DEMO)/words/aligned $(TUNING) --seed $(SEED)
	$(PYTHON) -m speechbrain_relm.evaluation.listening.four_voices $(DEMO)/re_llm_mini
	@echo "Next: make web, or"
	@echo "  .venv/bin/speechbrain-relm respond $(DEMO)/re_llm_mini/release" \
		"$$(ls $(DEMO)/ESD/0019/Sad/*.wav | head -n 1) --emotion"

models: $(SMALL)
	$(PYTHON) -m speechbrain_relm.mini

corpora: $(SMALL)
	$(PYTHON) -m speechbrain_relm.mini.corpora librispeech \
		$(DEMO)/LibriSpeech --utterances $(UTTERANCES) --seed $(SEED)
	$(PYTHON) -m speechbrain_relm.mini.corpora demo $(DEMO)/ESD \
		--sentences $(SENTENCES) --seed $(SEED)

# A page to talk with what the demo trained.
web: $(INSTALLED) demo
	$(PYTHON) -m speechbrain_relm.demo $(DEMO)/re_llm_mini/release --history_turns 0

# Each core takes a test file at a time, the long ones first.
test: $(INSTALLED)
	@echo "Running the tests: about 15 minutes on two cores."
	OMP_NUM_THREADS=1 $(PYTHON) -m pytest -q -n auto --maxprocesses 4 --dist loadfile \
		--no-loadscope-reorder

# Bad input of every kind; FUZZ="--count 20000" opens more of it.
fuzz: $(INSTALLED)
	OMP_NUM_THREADS=1 $(PYTHON) tests/fuzz/fuzz_all.py --output build/fuzz.json $(FUZZ)

# The page in headless Chromium (Debian: chromium, chromium-driver).
test-browser: $(INSTALLED)
	$(PYTHON) -m pytest -q tests/browser

lint: $(INSTALLED)
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/yamllint recipes speechbrain_relm .yamllint.yaml
	.venv/bin/lint-imports --no-cache
	.venv/bin/codespell speechbrain_relm recipes tests benchmarks docs tools README.md

# Of the modules that need more packages than SpeechBrain does; with Chromium.
coverage: $(INSTALLED)
	$(PYTHON) tools/coverage_of_extras.py

# The documents and a page for each module, in build/docs; a warning fails.
docs: $(INSTALLED)
	@echo "Building the documents: two minutes the first time."
	@$(PIP) --editable ".[docs]"
	$(PYTHON) -m sphinx -q -n -W --keep-going -c docs -d build/doctrees . build/docs

# The demo needs less than the tests.
$(SMALL): setup.py
	@echo "Installing into .venv, once: PyTorch, SpeechBrain and what they" \
		"need, 6 GB on the disk, about 3 minutes."
	@python3 -m venv .venv
	@$(PIP) --editable ".[mini]"
	@touch $@

$(INSTALLED): setup.py
	@echo "Installing into .venv, once: PyTorch, SpeechBrain, the page and" \
		"the tests' packages, 6 GB on the disk, about 4 minutes."
	@python3 -m venv .venv
	@$(PIP) --editable ".[mini,demo,dev]"
	@touch $@

clean:
	rm -rf .venv build results
