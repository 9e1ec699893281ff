"""Trains the classifiers of EPITOME, one mechanism or several together.

Authors
 * The speechbrain_relm contributors 2026
"""

import speechbrain as sb
import torch
from speechbrain.utils.checkpoints import average_checkpoints

from speechbrain_relm.epitome.data import IGNORED, level_weights
from speechbrain_relm.epitome.kept import Kept
from speechbrain_relm.epitome.losses import epitome_loss
from speechbrain_relm.epitome.measures import fit_temperature
from speechbrain_relm.lobes.parts.epitome_text import collate, encode_posts
from speechbrain_relm.utils.lengths import counts_from_relative, valid_mask
from speechbrain_relm.utils.processes import (
    steps_per_epoch,
)
from speechbrain_relm.utils.windows import WindowBrain

# Best epochs whose weights are averaged in the end.
AVERAGED = 3


def load_unshared(path, map_location=None):
    """Loads a state dictionary, each tensor in memory of its own.

    The classifiers share their encoders; a sum in place would count a shared
    tensor once for each of them.

    Arguments
    ---------
    path : str or pathlib.Path
        A checkpoint file.
    map_location : torch.device or None
        Where to.

    Returns
    -------
    dict
        Names to tensors.

    Example
    -------
    >>> path, ones = getfixture("tmp_path") / "a.ckpt", torch.ones(2)
    >>> torch.save({"a": ones, "b": ones}, path)
    >>> state = load_unshared(path)
    >>> state["a"].data_ptr() == state["b"].data_ptr()
    False
    """
    state = torch.load(path, map_location=map_location, weights_only=True)
    return {name: tensor.clone() for name, tensor in state.items()}


class EpitomeBrain(WindowBrain):
    """Trains classifiers; the best epochs have the highest mean macro-F1.

    Expects in its modules: `classifiers`, a `ModuleDict` of mechanisms to
    `EpitomeClassifier`s that share their encoders; in its hparams:
    `tokenizer`, `max_length` (of posts), `rationale_weight`,
    `ordinal_weight`, `train_embeddings`, `lr`, `seed` and
    `epoch_counter`, as in `recipes/EPITOME/hparams/roberta_base.yaml`.

    A resumed run equals an uninterrupted one: the learning rate and the
    dropout of a step follow from its number alone.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.classifiers = self.modules.classifiers
        self.first = next(iter(self.classifiers.values()))
        # Half the parameters, of which small data hold few.
        embeddings = self.first.responder_encoder.get_input_embeddings()
        embeddings.requires_grad_(self.hparams.train_embeddings)
        self.posts = {}

    def encode_posts(self, posts):
        """Encodes posts that are new; the seeker encoder is frozen.

        Arguments
        ---------
        posts : iterable of str
            Posts.
        """
        new = sorted(set(posts) - self.posts.keys())
        self.posts.update(
            encode_posts(
                self.first,
                self.hparams.tokenizer,
                new,
                self.hparams.max_length,
            )
        )

    def compute_forward(self, batch, stage):
        """Classifies the responses of a batch.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `epitome_dataset`.
        stage : speechbrain.Stage
            Training, validation or test.

        Returns
        -------
        dict
            Mechanism to logits of the levels [B, 3] and of each token
            [B, R, 2].
        """
        batch = batch.to(self.device)
        self.encode_posts(batch.seeker)
        seekers, attended = collate([self.posts[post] for post in batch.seeker])
        ids, lens = batch.ids
        mask = valid_mask(
            counts_from_relative(lens, ids.shape[1]), ids.shape[1]
        )
        states = self.first.encode_responses(ids, mask.long())
        return {
            mechanism: classifier.classify(seekers, attended.bool(), states)
            for mechanism, classifier in self.classifiers.items()
        }

    def compute_objectives(self, predictions, batch, stage):
        """Sums the losses of levels and rationales over the mechanisms.

        Arguments
        ---------
        predictions : dict
            From `compute_forward`.
        batch : speechbrain.dataio.batch.PaddedBatch
            The same batch.
        stage : speechbrain.Stage
            Training, validation or test.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        targets = batch.targets.data
        labels, lens = batch.words
        real = valid_mask(
            counts_from_relative(lens, labels.shape[1]), labels.shape[1]
        )
        labels = labels.masked_fill(~real.unsqueeze(-1), IGNORED)
        loss = 0.0
        for i, (mechanism, (levels, words)) in enumerate(predictions.items()):
            weights = None
            if stage == sb.Stage.TRAIN:
                weights = self.weights[mechanism]
            else:
                self.kept[mechanism].add(
                    batch.id, levels, words, targets[:, i], labels[..., i]
                )
            loss = loss + epitome_loss(
                levels.float(),
                words.float(),
                targets[:, i],
                labels[..., i],
                weights,
                self.hparams.rationale_weight,
                self.hparams.ordinal_weight,
            )
        return loss

    def fit(self, epoch_counter, train_set, *args, **kwargs):
        """Trains; see `speechbrain.Brain.fit`.

        Arguments
        ---------
        epoch_counter : iterable
            Epoch numbers.
        train_set : DynamicItemDataset
            Training pairs.
        *args
            Passed on.
        **kwargs
            Passed on.
        """
        entries = train_set.data.values()
        # All at once: a post's states differ in the last digits with the
        # posts beside it, and a resumed run begins with another batch.
        self.encode_posts(entry["seeker"] for entry in entries)
        self.weights = {
            mechanism: level_weights(
                [
                    e["levels"][mechanism]
                    for e in entries
                    if mechanism in e["levels"]
                ]
            ).to(self.device)
            for mechanism in self.classifiers
        }
        self.steps = epoch_counter.limit * steps_per_epoch(
            kwargs["train_loader_kwargs"]["batch_sampler"],
            self.grad_accumulation_factor,
        )
        super().fit(epoch_counter, train_set, *args, **kwargs)

    def calibrate(self, valid_set, loader_kwargs):
        """Averages the best epochs and sets their temperatures.

        Levels stay as they are; probabilities become those with which the
        levels of the validation part are right.

        Arguments
        ---------
        valid_set : DynamicItemDataset
            Validation pairs.
        loader_kwargs : dict
            Of their loader.
        """
        self.evaluate(
            valid_set,
            max_key="macro_f1",
            # A copy: SpeechBrain writes into it.
            test_loader_kwargs=dict(loader_kwargs),
        )
        self.temperatures = {}
        for mechanism, kept in self.kept.items():
            temperature = fit_temperature(*kept.judged())
            self.classifiers[mechanism].empathy_classifier.soften(temperature)
            self.temperatures[mechanism] = temperature

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Averages the weights of the best epochs.

        A rare level has a handful of pairs in the validation part, so the
        best epoch alone would be a matter of luck.

        Arguments
        ---------
        max_key : str or None
            What the epochs are ranked by; without it the weights stay.
        min_key : str or None
            Ignored.
        """
        best = max_key and self.checkpointer.find_checkpoints(
            max_key=max_key, max_num_checkpoints=AVERAGED
        )
        if best:
            average = average_checkpoints(
                best, "classifiers", parameter_loader=load_unshared
            )
            self.classifiers.load_state_dict(average)

    def on_fit_batch_start(self, batch, should_step):
        """Sets what a step's number decides: learning rate and dropout.

        The rate decays to nothing.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            The batch.
        should_step : bool
            Whether the optimizer steps after it.
        """
        # Linear, without warm-up, as in the released code.
        left = max(1 - self.optimizer_step / self.steps, 0.0)
        for group in self.optimizer.param_groups:
            group["lr"] = self.hparams.lr * left
        self.seed_batch()

    def on_stage_start(self, stage, epoch=None):
        """Starts the stage's figures.

        Arguments
        ---------
        stage : speechbrain.Stage
            Training, validation or test.
        epoch : int or None
            The epoch.
        """
        self.kept = {mechanism: Kept() for mechanism in self.classifiers}

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs a validation, keeps the best epoch, stops early.

        Arguments
        ---------
        stage : speechbrain.Stage
            Training, validation or test.
        stage_loss : float
            Mean loss.
        epoch : int or None
            The epoch.
        """
        if stage == sb.Stage.TRAIN:
            self.train_loss = stage_loss
            return
        self.figures = {m: kept.measure() for m, kept in self.kept.items()}
        if stage == sb.Stage.TEST:
            return
        f1 = {m: figures["macro_f1"] for m, figures in self.figures.items()}
        mean = sum(f1.values()) / len(f1)
        # Before the checkpoint, which remembers it.
        self.hparams.epoch_counter.update_metric(float(mean))
        self.end_epoch(
            [
                {"epoch": epoch},
                {"loss": self.train_loss},
                {"loss": stage_loss, "macro_f1": mean, **f1},
            ],
            {"macro_f1": float(mean), "epoch": epoch},
            num_to_keep=AVERAGED,
            max_keys=["macro_f1"],
        )
