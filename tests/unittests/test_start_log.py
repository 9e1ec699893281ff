"""The head of a training's log, and what it says of its steps."""

import logging

import pytest
import torch
from transformers import AutoModelForCausalLM

from speechbrain_relm.training.diagnostics import operations, step_operations
from speechbrain_relm.training.start_log import origin
from tests.tiny_models import TOKENS
from tests.unittests import test_windows

prepared, make_recipe = test_windows.prepared, test_windows.make_recipe


class Recorder:
    """A train logger that remembers."""

    def __init__(self):
        self.lines = []

    def log_stats(self, meta, train_stats):
        """Remembers a line."""
        self.lines.append({**meta, **train_stats})


def test_a_reviewer_finds_what_was_run(
    make_recipe, tmp_path, caplog, qwen_folder
):
    """Sources with digests, versions, precision; then the steps' figures."""
    caplog.set_level(logging.INFO)
    recipe = make_recipe(tmp_path, log_interval_steps=4)
    recorder = recipe.brain.step_logger = Recorder()
    test_windows.fit(recipe)
    text = caplog.text
    assert "No GPU: expected responses, training" in text
    assert f"torch {torch.__version__}" in text
    assert "training fp32, evaluation fp32" in text
    assert f"llm_source: {qwen_folder}, model.safetensors SHA-256" in text
    assert "init_from: nothing" in text
    learned = sum(
        p.numel()
        for p in recipe.brain.model.llm.parameters()
        if p.requires_grad
    )
    assert f"llm: {learned} of " in text
    assert [line["step"] for line in recorder.lines] == [4, 8, 12, 16, 20, 24]
    for line in recorder.lines:
        assert 0 <= line["padding"] < 1
        assert line["tokens_per_second"] > 0
        assert 0 < line["share_of_matrix_rate"] < 1
        assert line["gradient_norm"] > 0
        assert line["memory_GB"] > 0.1


def test_a_source_that_is_not_there_stops_nothing():
    """It is named as it was given."""
    assert origin("/nowhere/at/all").startswith("/nowhere/at/all (")


def test_operations_are_those_that_torch_counts(qwen_folder):
    """Of an LLM's products, forward and backward, all layers frozen."""
    from torch.utils.flop_counter import FlopCounterMode

    llm = AutoModelForCausalLM.from_pretrained(qwen_folder)
    llm.requires_grad_(False)
    embeddings = torch.randn(2, 9, 32, requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        llm(inputs_embeds=embeddings, use_cache=False).logits.sum().backward()
    counts = counter.get_flop_counts()["Global"]
    products = sum(n for op, n in counts.items() if "attention" not in str(op))
    table = llm.get_input_embeddings().weight
    ours = operations([p for p in llm.parameters() if p is not table], 18)
    if llm.config.tie_word_embeddings:
        ours += operations([table], 18)
    assert ours == pytest.approx(products, rel=0.01)


def test_a_step_counts_the_output_layer_for_responses_alone(
    make_recipe, tmp_path
):
    """Ten targets more cost ten rows of it, forward and back."""
    model = make_recipe(tmp_path).brain.model
    few, more = (step_operations(model, 0, 100, n) for n in (5, 15))
    assert more - few == pytest.approx(10 * 4 * TOKENS * 32)
