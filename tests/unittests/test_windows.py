"""Gradients added up over batches: every one counts, killed or not."""

import math
from pathlib import Path

import pytest
import torch
from hyperpyyaml import load_hyperpyyaml
from recipe_runs import SCRIPT, prepared_esd
from speechbrain.nnet.schedulers import LinearWarmupScheduler
from speechbrain.utils.checkpoints import Checkpointer
from speechbrain.utils.optimizers import rm_vector_weight_decay

from speechbrain_relm.model.trained import trainable_parameters
from speechbrain_relm.runs.recipe import Recipe
from speechbrain_relm.runs.systems import effective_yaml
from speechbrain_relm.training.brain import RELLMBrain
from speechbrain_relm.training.checkpoints import CompleteCheckpointer
from speechbrain_relm.training.sharded_brain import ShardedBrain
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.windows import WindowBrain

YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"


class Line(WindowBrain):
    """A line through the origin, fitted by least squares."""

    def compute_forward(self, batch, stage):
        """Predicts."""
        return self.modules.line(batch[:, :1])

    def compute_objectives(self, predictions, batch, stage):
        """Squared error."""
        return (predictions - batch[:, 1:]).square().mean()


def fit_line(rows, accumulated, epochs=1, **options):
    """Fits with SGD at a rate of 1; returns the brain."""
    line = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(line.weight)
    brain = Line(
        {"line": line},
        opt_class=lambda parameters: torch.optim.SGD(parameters, 1.0),
        run_opts={
            "grad_accumulation_factor": accumulated,
            "noprogressbar": True,
            "max_grad_norm": math.inf,
            **options,
        },
    )
    brain.fit(
        range(epochs),
        torch.tensor(rows, dtype=torch.float),
        train_loader_kwargs={
            "batch_sampler": [[i] for i in range(len(rows))],
            "collate_fn": torch.stack,
        },
    )
    return brain


def test_the_last_window_steps_by_the_mean_of_its_batches():
    """By hand: the gradient of (w - y)^2 is 2 (w - y)."""
    rows, weight = [(1, 0.5), (1, 1.5), (1, 7.0)], 0.0
    brain = fit_line(rows, accumulated=2, epochs=2)
    for window in (rows[:2], rows[2:]) * 2:
        weight -= sum(2 * (weight - y) for _, y in window) / len(window)
    assert brain.optimizer_step == 4
    assert brain.modules.line.weight.item() == pytest.approx(weight)


def test_a_training_without_a_step_is_an_error():
    """No epoch, or a limit of no step."""
    with pytest.raises(RecipeError, match="no step.*number_of_epochs"):
        fit_line([(1, 1)], accumulated=8, epochs=0)
    with pytest.raises(RecipeError, match="no step"):
        fit_line([(1, 1)], accumulated=8, optimizer_step_limit=0)


def test_clipping_takes_the_norm_over_all_groups():
    """As torch clips a plain list of the same parameters."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    brain = WindowBrain(
        {"layer": layer},
        opt_class=lambda p: torch.optim.SGD(p, 1.0, weight_decay=0.0),
        run_opts={"remove_vector_weight_decay": True, "max_grad_norm": 0.1},
    )
    brain.init_optimizers()
    before = [p.detach().clone() for p in layer.parameters()]
    grads = [torch.randn_like(p) for p in before]
    for parameter, grad in zip(layer.parameters(), grads):
        parameter.grad = grad.clone()
    brain.optimizers_step()
    norm = torch.cat([g.flatten() for g in grads]).norm()
    assert brain.gradient_norm.item() == pytest.approx(norm.item())
    for parameter, old, grad in zip(layer.parameters(), before, grads):
        wanted = old - grad * 0.1 / norm
        torch.testing.assert_close(parameter.detach(), wanted)


def test_nan_is_never_the_best(tmp_path):
    """Whichever comes first, and as SpeechBrain's own checkpointer reads."""
    losses = [math.nan, 2.0, math.nan, 3.0, math.nan]
    saver = CompleteCheckpointer(
        tmp_path, recoverables={"layer": torch.nn.Linear(1, 1)}
    )
    for loss in losses:
        saver.save_and_keep_only(meta={"loss": loss}, min_keys=["loss"])
    assert saver.find_checkpoint(min_key="loss").meta["loss"] == 2.0
    assert Checkpointer(tmp_path).find_checkpoint(min_key="loss").meta[
        "loss"
    ] == (2.0)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A corpus of 24, 8 and 16 utterances, and its manifests."""
    folder = tmp_path_factory.mktemp("esd")
    return prepared_esd(folder, speakers=2, sentences=6)


@pytest.fixture(scope="module")
def make_recipe(prepared, tiny_sources):
    """Makes the mini recipe with batches of 2, ready to fit."""

    def make(folder, precision="fp32", **overrides):
        overrides = {
            "data_folder": str(prepared / "ESD"),
            "manifest_folder": str(prepared / "manifests"),
            "output_folder": str(folder),
            "shared_folder": str(prepared / "shared"),
            **tiny_sources,
            "batch_size": 2,
            "number_of_epochs": 2,
            "warmup_steps": 1,
            "lr": 0.01,
            **overrides,
        }
        text = effective_yaml(str(YAML), overrides)
        Path(folder).mkdir(parents=True, exist_ok=True)
        Path(folder, "recipe.yaml").write_text(text, encoding="utf-8")
        hparams = load_hyperpyyaml(text)
        brain = RELLMBrain(
            modules=hparams["modules"],
            opt_class=hparams["opt_class"],
            hparams=hparams,
            run_opts={
                "device": "cpu",
                "noprogressbar": True,
                "precision": precision,
            },
            checkpointer=hparams["checkpointer"],
            instruction=hparams["continuation_from_speech"],
            loss_weights=hparams["loss_weights"],
            lr_schedule=hparams["lr_schedule"],
            train_logger=hparams["train_logger"],
            embedding_folder=hparams["embedding_folder"],
            frame_folder=hparams["frame_folder"],
            log_interval_steps=hparams["log_interval_steps"],
            best_by=hparams["best_by"],
        )
        recipe = Recipe(hparams, brain)
        recipe.label_attributes(8)
        settings = {"max_new_tokens": 6}
        text = hparams["continuation_from_text"]
        recipe.expect_responses("", text, settings)
        return recipe

    return make


def fit(recipe):
    """Trains."""
    hparams = recipe.hparams
    names = ("sampler", "train_loader", "valid_loader")
    training = recipe.training(*(hparams[name] for name in names))
    recipe.brain.fit(hparams["epoch_counter"], **training)
    return recipe


def kill_in_batches(recipe, number):
    """Trains until a batch comes; its gradient is lost."""
    step, seen = recipe.brain.fit_batch, []

    def fit_batch(batch):
        seen.append(batch.id)
        if len(seen) == number:
            raise KeyboardInterrupt
        return step(batch)

    recipe.brain.fit_batch = fit_batch
    with pytest.raises(KeyboardInterrupt):
        fit(recipe)


@pytest.mark.parametrize("accumulated", [1, 4, 8])
def test_killed_inside_windows_equals_unbroken(
    make_recipe, tmp_path, accumulated
):
    """Three kills; the same tensors to the last bit, and the same log."""
    settings = {
        "grad_accumulation_factor": accumulated,
        "ckpt_interval_steps": 1,
    }
    whole = fit(make_recipe(tmp_path / "whole", **settings))
    for number in (3, 8, 7):
        kill_in_batches(make_recipe(tmp_path / "killed", **settings), number)
    killed = fit(make_recipe(tmp_path / "killed", **settings))
    # 12 batches an epoch and process; of 8, the last window has 4.
    steps = 2 * math.ceil(12 / accumulated)
    assert whole.brain.optimizer_step == steps
    assert killed.brain.optimizer_step == steps
    wanted = trainable_parameters(whole.brain.model)
    for name, tensor in trainable_parameters(killed.brain.model).items():
        assert torch.equal(tensor, wanted[name]), name
    logs = [
        (tmp_path / name / "train_log.txt").read_text()
        for name in ("whole", "killed")
    ]
    assert logs[0] == logs[1]


def test_every_step_counts(make_recipe, tmp_path, monkeypatch):
    """No learning rate of 0, and none above the YAML's."""
    recipe, rates = make_recipe(tmp_path), []
    step = recipe.brain.optimizers_step

    def watched():
        rates.append(recipe.brain.optimizer.param_groups[0]["lr"])
        step()

    monkeypatch.setattr(recipe.brain, "optimizers_step", watched)
    fit(recipe)
    assert len(rates) == 24 and min(rates) > 0
    assert max(rates) == rates[0] == 0.01
    schedule = LinearWarmupScheduler(0.01, 1, 25)
    assert rates == [schedule.calculate_lr(i) for i in range(1, 25)]


def test_norms_and_biases_do_not_decay(make_recipe, tmp_path):
    """And Whisper's fixed positions are not trained at all."""
    recipe = fit(make_recipe(tmp_path))
    groups = recipe.brain.optimizer.param_groups
    decays = {id(p): g["weight_decay"] for g in groups for p in g["params"]}
    learned = trainable_parameters(recipe.brain.model)
    assert len(decays) == len(learned)
    for name, parameter in learned.items():
        spared = name.endswith("bias") or "norm" in name
        assert decays[id(parameter)] == (0.0 if spared else 0.05), name
    assert "speech_encoder.encoder.embed_positions.weight" not in learned
    assert rm_vector_weight_decay(recipe.brain.modules)[0]["params"]


def test_a_checkpoint_of_nan_does_not_answer(make_recipe, tmp_path):
    """The epoch before it does."""
    recipe = make_recipe(tmp_path)
    objectives = recipe.brain.compute_objectives

    def broken(predictions, batch, stage):
        loss = objectives(predictions, batch, stage)
        if recipe.hparams["epoch_counter"].current == 2:
            return recipe.brain.means.add({"loss": loss * math.nan}, 1) or loss
        return loss

    recipe.brain.compute_objectives = broken
    fit(recipe)
    best = recipe.recover()["checkpoint"]["of"]
    saved = recipe.brain.checkpointer.list_checkpoints()
    metas = {c.path.name: c.meta for c in saved}
    assert "loss" in metas[best]
    assert sum("loss" in meta for meta in metas.values()) == 1
    assert len(metas) >= 2


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_heads_and_losses_are_float32_under_autocast(
    make_recipe, tmp_path, precision
):
    """And what frozen encoders heard is the same, whatever is around."""
    recipe = make_recipe(tmp_path, precision=precision)
    brain, seen = recipe.brain, []
    objectives, embed = brain.compute_objectives, brain.embed_emotion

    def watched(predictions, batch, stage):
        loss = objectives(predictions, batch, stage)
        speech = predictions.speech
        seen.append(
            [x.dtype for x in (loss, speech.category_logits, speech.attributes)]
        )
        seen.append([embed(batch.audio_key, *batch.sig).dtype])
        return loss

    brain.compute_objectives = watched
    fit(recipe)
    assert {t for dtypes in seen for t in dtypes} == {torch.float32}


def test_parts_have_rates_of_their_own(tmp_path):
    """Each is the schedule's rate times the part's, biases and norms too."""
    model = torch.nn.ModuleDict(
        {
            "adapter": torch.nn.Linear(2, 2),
            "heads": torch.nn.Linear(2, 2),
        }
    )

    class Brain(RELLMBrain):
        """Makes the optimizer only."""

        def __init__(self, rates):
            ShardedBrain.__init__(
                self,
                {"model": model},
                opt_class=lambda params: torch.optim.AdamW(params, lr=1.0),
                run_opts={"remove_vector_weight_decay": True},
            )
            self.model, self.rates = model, rates

    brain = Brain({"adapter": 0.1})
    brain.init_optimizers()
    found = {
        id(parameter): (group["relative_rate"], group["weight_decay"] > 0)
        for group in brain.optimizer.param_groups
        for parameter in group["params"]
    }
    assert found == {
        id(parameter): (0.1 if name[0] == "a" else 1.0, name[-1] == "t")
        for name, parameter in model.named_parameters()
    }
    with pytest.raises(RecipeError, match="'adaptor' is no part of the model"):
        Brain({"adaptor": 0.1}).init_optimizers()
