"""Trains a dimensional-emotion encoder on ratings.

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import numpy as np
import speechbrain as sb
import torch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import resolve_wav
from speechbrain_relm.data.datasets import add_audio
from speechbrain_relm.lobes.emotion_encoder import normalize_utterances
from speechbrain_relm.model.concordance import concordance, concordance_loss
from speechbrain_relm.training.emotion_regressor import export_regressor
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.files import whole_folder
from speechbrain_relm.utils.lengths import counts_from_relative, valid_mask
from speechbrain_relm.utils.processes import rank, steps_per_epoch
from speechbrain_relm.utils.windows import WindowBrain

logger = get_logger(__name__)

# Manifest to MSP-Podcast's name of it, in `concordance.json`.
MEASURED = {"valid": "Development", "test": "Test1"}


def emotion_dataset(manifest, data_folder):
    """Makes a dataset of signals and their ratings.

    Arguments
    ---------
    manifest : str or pathlib.Path
        A JSON manifest of a prepare script; entries without all three
        dimensions are passed over.
    data_folder : str
        What `{data_root}` stands for; no wav may lie outside it.

    Returns
    -------
    speechbrain.dataio.dataset.DynamicItemDataset
        With `id`, `sig` [T] at 16 kHz and `attributes` [3], 0 to 1.

    Raises
    ------
    ValueError
        If no entry has all three dimensions.

    Example
    -------
    >>> manifest = getfixture("tmp_path") / "train.json"
    >>> _ = manifest.write_text('{"a": {"wav": "a.wav", "arousal": null}}')
    >>> emotion_dataset(manifest, "data")
    Traceback (most recent call last):
    ...
    ValueError: .../train.json: no utterance has arousal, dominance, valence...
    """
    with open(manifest, encoding="utf-8") as file:
        entries = {
            utterance: {
                **entry,
                "wav": resolve_wav({"id": utterance, **entry}, data_folder),
            }
            for utterance, entry in json.load(file).items()
            if all(entry.get(name) is not None for name in DIMENSIONS)
        }
    if not entries:
        raise ValueError(
            f"{manifest}: no utterance has {', '.join(DIMENSIONS)}; prepare a "
            "corpus with ratings"
        )
    dataset = DynamicItemDataset(entries)

    @sb.utils.data_pipeline.takes(*DIMENSIONS)
    @sb.utils.data_pipeline.provides("attributes")
    def _label_pipeline(*values):
        return torch.tensor(values)

    add_audio(dataset)
    dataset.add_dynamic_item(_label_pipeline)
    dataset.set_output_keys(["id", "sig", "attributes"])
    return dataset


class EmotionBrain(WindowBrain):
    """Trains a regressor by concordance over the batch.

    The best epoch has the highest mean concordance over the whole validation
    set. A resumed run equals an uninterrupted one: batches, learning rate and
    dropout of a step follow from its number alone.

    Arguments
    ---------
    *args
        For `speechbrain.Brain`, whose modules hold `model`, and whose hparams
        `lr`, `seed` and `epoch_counter`, as in
        `recipes/MSP-Podcast/hparams/emotion_encoder.yaml`.
    lr_schedule : callable or None
        Makes SpeechBrain's `LinearWarmupScheduler`; `None` keeps `lr`.
    train_logger : speechbrain.utils.train_logger.TrainLogger
        Receives a line an epoch.
    **kwargs
        For `speechbrain.Brain`.
    """

    def __init__(self, *args, lr_schedule, train_logger, **kwargs):
        super().__init__(*args, train_logger=train_logger, **kwargs)
        self.lr_schedule = lr_schedule
        self.model = self.modules.model  # before DDP wraps it

    def compute_forward(self, batch, stage):
        """Regresses the dimensions of a batch.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `emotion_dataset`.
        stage : speechbrain.Stage
            Training, validation or test.

        Returns
        -------
        torch.Tensor
            Arousal, dominance, valence [B, 3].
        """
        batch = batch.to(self.device)
        wavs, lens = batch.sig
        counts = counts_from_relative(lens, wavs.shape[1])
        mask = valid_mask(counts, wavs.shape[1])
        _, attributes = self.modules.model(
            normalize_utterances(wavs, mask), mask
        )
        return attributes

    def compute_objectives(self, predictions, batch, stage):
        """Computes one minus the concordance over the batch.

        Arguments
        ---------
        predictions : torch.Tensor
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
        predictions = predictions.float()  # under autocast they are bfloat16
        targets = batch.attributes.data.to(self.device)
        if stage != sb.Stage.TRAIN:
            self.kept.append((predictions.cpu(), targets.cpu()))
        # The loss of Wagner et al. (2023).
        return concordance_loss(predictions, targets)

    def fit(self, epoch_counter, train_set, *args, **kwargs):
        """Trains; see `speechbrain.Brain.fit`.

        Arguments
        ---------
        epoch_counter : iterable
            Epoch numbers.
        train_set : DynamicItemDataset
            Training utterances.
        *args
            Passed on.
        **kwargs
            Passed on; `train_loader_kwargs` holds a `batch_sampler`.
        """
        sampler = kwargs["train_loader_kwargs"]["batch_sampler"]
        self.steps = steps_per_epoch(sampler, self.grad_accumulation_factor)
        self.steps *= epoch_counter.limit
        # So that `Brain` tells it the epoch, and each epoch's batches differ.
        self.train_sampler = sampler
        super().fit(epoch_counter, train_set, *args, **kwargs)

    def on_fit_start(self):
        """Prepares the learning-rate schedule."""
        super().on_fit_start()
        self.schedule = self.lr_schedule and self.lr_schedule(
            initial_value=self.hparams.lr,
            # It is 0 at its end, and the last step counts like any other.
            num_training_steps=self.steps + 1,
        )

    def on_fit_batch_start(self, batch, should_step):
        """Sets what a step's number decides: learning rate and chance.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            The batch.
        should_step : bool
            Whether the optimizer steps after it.
        """
        if self.schedule:
            # Not `update_learning_rate`, which would log a line each step.
            for group in self.optimizer.param_groups:
                group["lr"] = self.schedule.calculate_lr(
                    self.optimizer_step + 1
                )
        epoch = self.hparams.epoch_counter.current
        step = (self.hparams.seed, epoch, self.step, rank())
        # numpy takes no larger one, nor a negative one.
        seed = hash(step) % 2**32
        torch.manual_seed(seed)  # dropout
        np.random.seed(seed)  # SpecAugment

    def on_stage_start(self, stage, epoch=None):
        """Starts the stage's predictions.

        Arguments
        ---------
        stage : speechbrain.Stage
            Training, validation or test.
        epoch : int or None
            The epoch.
        """
        self.kept = []

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Measures the concordance, logs a validation, keeps the best epoch.

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
        # Over the whole set: no mean of batches gives it.
        predicted, targets = (torch.cat(part) for part in zip(*self.kept))
        values = concordance(predicted.double(), targets.double()).tolist()
        self.figures = dict(zip(DIMENSIONS, values))
        if stage == sb.Stage.TEST:
            return
        mean = float(sum(values) / len(values))
        self.end_epoch(
            [
                {"epoch": epoch, "lr": self.optimizer.param_groups[0]["lr"]},
                {"loss": self.train_loss},
                {"concordance": mean, **self.figures},
            ],
            {"concordance": mean, "epoch": epoch},
            max_keys=["concordance"],
        )


def train_encoder(brain, datasets, target, sampler, train_loader, valid_loader):
    """Trains, measures and exports an emotion encoder.

    Arguments
    ---------
    brain : EmotionBrain
        Holds the model.
    datasets : dict
        "train", "valid" and "test" to `emotion_dataset`.
    target : str or pathlib.Path
        Folder of the exported encoder, made whole or not at all.
    sampler : callable
        Makes SpeechBrain's `DynamicBatchSampler`; lengths are in seconds.
    train_loader : dict
        Arguments of the training data's loader.
    valid_loader : dict
        Arguments of the loader of validation and test.

    Returns
    -------
    dict
        "Development" and "Test1" to the concordance of each dimension.
    """
    brain.fit(
        brain.hparams.epoch_counter,
        datasets["train"],
        datasets["valid"],
        train_loader_kwargs={
            **train_loader,
            "batch_sampler": sampler(datasets["train"]),
        },
        valid_loader_kwargs=dict(valid_loader),
    )
    figures = {}
    for part, name in MEASURED.items():
        brain.evaluate(
            datasets[part],
            max_key="concordance",
            test_loader_kwargs=dict(valid_loader),
        )
        figures[name] = {d: round(v, 4) for d, v in brain.figures.items()}
    logger.info("Concordance with the ratings: %s", figures)
    run_on_main(_export, args=[brain.model, figures, target])
    return figures


def _export(model, figures, target):
    """Exports a trained model, whole or not at all."""
    with whole_folder(target) as fresh:
        export_regressor(model, figures, fresh)
