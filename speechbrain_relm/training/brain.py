"""Step 2 of the paper: training RE-LLM (Section II-B.2).

Authors
 * The speechbrain_relm contributors 2026
"""

import time

import speechbrain as sb
import torch
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.encoder_cache import EncoderCache
from speechbrain_relm.model import losses
from speechbrain_relm.model.metrics import unweighted_accuracy
from speechbrain_relm.model.trained import trainable_parameters
from speechbrain_relm.training.diagnostics import (
    Arriving,
    StepDiagnostics,
    frames_of,
    step_operations,
)
from speechbrain_relm.training.rates import groups_by_rate
from speechbrain_relm.training.running_means import RunningMeans
from speechbrain_relm.training.sharded_brain import ShardedBrain
from speechbrain_relm.training.start_log import (
    log_start,
    named,
    warn_if_unlike,
    warn_without_gpu,
)
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.lengths import counts_from_relative
from speechbrain_relm.utils.processes import (
    gather,
    steps_per_epoch,
)

logger = get_logger(__name__)

# Validation figures by which a checkpoint can be chosen, and which is better.
BETTER = {
    "loss": "min",
    "response_nll": "min",
    "response_kl": "min",
    "UA": "max",
    "WER": "min",
}
BEST_BY = "loss"


class RELLMBrain(ShardedBrain):
    """Trains RE-LLM on expected responses and two auxiliary tasks (Eq. 10).

    A resumed run equals an uninterrupted one: the learning rate and the
    dropout of a step follow from its number alone.

    Arguments
    ---------
    *args
        For `speechbrain.Brain`, whose hparams must hold `emotion_encoder`
        (or null), `continuation_system`, `lr`, `epoch_counter` and `seed`, as
        in `recipes/ESD/hparams/re_llm.yaml`; and whose modules hold `model`,
        a `speechbrain_relm.model.re_llm.RELLM`.
    instruction : str
        What stands before the speech.
    loss_weights : dict
        Of `response_nll`, `response_kl`, `category` and `dimension`.
    lr_schedule : callable
        Makes SpeechBrain's `LinearWarmupScheduler`.
    train_logger : speechbrain.utils.train_logger.TrainLogger
        Receives a line an epoch.
    embedding_folder : str or None
        Where emotion embeddings are kept; `None` keeps them in memory.
    frame_folder : str or None
        Where the frames of a frozen speech encoder are kept; `None` keeps
        none, and they are computed again each time.
    examples : sequence of (str, str)
        Example turns that stand before the speech.
    rates : dict or None
        Part of the model, e.g. "adapter", to its learning rate relative to
        `lr`; parts that are not named have 1.
    best_by : str
        Which validation figure chooses the checkpoint, of `BETTER`.
    log_interval_steps : int
        Optimizer steps between two lines of diagnostics; 0 for none.
    step_logger : speechbrain.utils.train_logger.TrainLogger or None
        Receives the same figures.
    **kwargs
        For `speechbrain_relm.training.sharded_brain.ShardedBrain`, e.g. `fsdp`.
    """

    def __init__(
        self,
        *args,
        instruction,
        loss_weights,
        lr_schedule,
        train_logger,
        embedding_folder=None,
        frame_folder=None,
        examples=(),
        rates=None,
        best_by=BEST_BY,
        log_interval_steps=0,
        step_logger=None,
        **kwargs,
    ):
        super().__init__(*args, train_logger=train_logger, **kwargs)
        self.instruction, self.examples = instruction, examples
        self.rates, self.best_by = dict(rates or {}), best_by
        if best_by not in BETTER:
            raise RecipeError(
                f"best_by: '{best_by}' is none of {', '.join(BETTER)}."
            )
        self.loss_weights = loss_weights
        self.lr_schedule = lr_schedule
        # A system that does not learn has no modules.
        self.model = getattr(self.modules, "model", None)
        # What frozen encoders hear stays what it was.
        self.emotion_cache, self.frame_cache = None, None
        if self.model is not None:
            self._prepare_emotion_encoder(embedding_folder)
            self._prepare_encoder(self.model.speech_encoder, frame_folder)
        self.steps_per_epoch = None
        self.arriving = None  # the loss of the batch before
        self.seconds = 0.0  # that `fit` took
        self.diagnostics = StepDiagnostics(
            log_interval_steps, self.device, self.precision
        )
        self.step_logger = step_logger
        warn_without_gpu(self)
        self.train_means = RunningMeans()
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable("train_means", self.train_means)

    def _prepare_emotion_encoder(self, embedding_folder):
        """Keeps its embeddings, if the system has one."""
        if self.hparams.emotion_encoder is not None:
            self.emotion_cache = EncoderCache(
                self.hparams.emotion_encoder.to(self.device),
                embedding_folder,
                self.eval_precision,
            )

    def _prepare_encoder(self, encoder, frame_folder):
        """Keeps the frames of a frozen one that hears alike in any batch."""
        # Ours does. Of another the recipe says at the start if it does not.
        if not hasattr(encoder, "frame_counts"):
            warn_if_unlike(encoder, self.device)
        elif frame_folder is not None and not trainable_parameters(encoder):
            self.frame_cache = EncoderCache(
                encoder, frame_folder, self.eval_precision
            )

    def embed_emotion(self, keys, wavs, wav_lens):
        """Embeds the emotion of utterances, each heard once (Eq. 1).

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].

        Returns
        -------
        torch.Tensor or None
            Embeddings [B, E]; `None` without an emotion encoder.
        """
        if self.emotion_cache is None:
            return None
        return self.emotion_cache(keys, wavs, wav_lens)[0]

    def cached_frames(self, keys, wavs, wav_lens):
        """Gives the speech frames that need not be computed again (Eq. 2).

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].

        Returns
        -------
        torch.Tensor or None
            Frames [B, T', C]; `None` where the model must hear by itself.
        """
        if self.frame_cache is None:
            return None
        return self.frame_cache(keys, wavs, wav_lens)

    def compute_forward(self, batch, stage):
        """Runs the model on a batch.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `speechbrain_relm.data.datasets.speech_dataset`.
        stage : speechbrain.Stage
            Training or validation.

        Returns
        -------
        speechbrain_relm.model.re_llm.Predictions
            What the losses need.
        """
        # What is counted stays on the host: nobody waits for a GPU.
        wav_lens, responses = batch.sig.lengths, batch.response_ids
        texts = batch.text_ids if self.loss_weights["response_kl"] else None
        batch = batch.to(self.device, non_blocking=True)
        wavs = batch.sig.data
        # In validation processes have no need to wait for each other.
        training = stage == sb.Stage.TRAIN
        model = self.modules.model if training else self.model
        self.response_counts = counts_from_relative(
            responses.lengths, responses.data.shape[1]
        )
        teacher = {}
        if texts is not None:
            teacher = {
                "teacher_prompt": self.teacher_prompt,
                "texts": texts.data,
                "text_lens": texts.lengths,
            }
        # Who learns the emotions alone has no use for the LLM.
        asks = self.loss_weights["response_nll"] or texts is not None
        return model(
            wavs,
            wav_lens,
            self.embed_emotion(batch.audio_key, wavs, wav_lens),
            self.prompt,
            *(responses if asks else (None, None)),
            feats=self.cached_frames(batch.audio_key, wavs, wav_lens),
            **teacher,
        )

    def compute_objectives(self, predictions, batch, stage):
        """Sums the weighted losses (Eq. 10).

        Arguments
        ---------
        predictions : speechbrain_relm.model.re_llm.Predictions
            From `compute_forward`.
        batch : speechbrain.dataio.batch.PaddedBatch
            The same batch.
        stage : speechbrain.Stage
            Training or validation.

        Returns
        -------
        torch.Tensor
            The loss.
        """
        speech, parts = predictions.speech, {}
        # Left out, not multiplied by 0: over a vocabulary it is not cheap.
        if self.loss_weights["response_nll"]:
            parts["response_nll"] = losses.response_nll(
                predictions.logits, predictions.targets
            )
        parts.update(self.emotion_losses(speech, batch))
        if stage != sb.Stage.TRAIN and "category" in parts:
            predicted = speech.category_logits.argmax(-1)
            self.recognized += zip(predicted.tolist(), batch.category.tolist())
        if predictions.teacher_logits is not None:
            parts["response_kl"] = losses.response_kl(
                predictions.logits, predictions.teacher_logits
            )
        weights = self.loss_weights
        loss = sum(weights[name] * part for name, part in parts.items())
        self.means.add({"loss": loss, **parts}, len(batch.id))
        return loss

    def emotion_losses(self, speech, batch):
        """Computes the losses of the auxiliary tasks (Eq. 9).

        Arguments
        ---------
        speech : speechbrain_relm.model.re_llm.Speech
            What was heard.
        batch : speechbrain.dataio.batch.PaddedBatch
            The same batch.

        Returns
        -------
        dict
            `category` and `dimension`; empty without heads.
        """
        if speech.category_logits is None:
            return {}
        categories = batch.category.to(self.device, non_blocking=True)
        attributes = batch.attributes.data.to(self.device, non_blocking=True)
        return {
            "category": losses.category_loss(
                speech.category_logits, categories
            ),
            "dimension": losses.dimension_loss(speech.attributes, attributes),
        }

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
        self.steps_per_epoch = steps_per_epoch(
            sampler, self.grad_accumulation_factor
        )
        # So that `Brain` tells it the epoch, and each epoch's batches differ.
        self.train_sampler = sampler
        # It shuffles by itself. Shuffled once more, N processes would add up
        # other batches than one process that accumulates N.
        self.hparams.sorting = "by the sampler"
        start = time.time()
        super().fit(epoch_counter, train_set, *args, **kwargs)
        self.seconds = round(time.time() - start, 1)

    def on_fit_start(self):
        """Prepares the prompts and the learning-rate schedule."""
        log_start(self, vars(self.hparams))
        super().on_fit_start()
        self.diagnostics.clear()
        self.prepare_prompts()
        self.rate = 0.0
        self.schedule = self.lr_schedule(
            initial_value=self.hparams.lr,
            # It is 0 at its end, and the last step counts like any other.
            num_training_steps=self.steps_per_epoch
            * self.hparams.epoch_counter.limit
            + 1,
        )

    def prepare_prompts(self):
        """Renders what stands around the speech, and around transcripts."""
        system, llm = self.hparams.continuation_system, self.model.llm
        self.prompt = llm.split_prompt(system, self.instruction, self.examples)
        # Its instruction, that of Step 1, comes with the transcripts.
        self.teacher_prompt = llm.split_prompt(system, "")

    def on_fit_batch_start(self, batch, should_step):
        """Sets what a step's number decides: learning rate and dropout.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            The batch.
        should_step : bool
            Whether the optimizer steps after it.
        """
        # Not `update_learning_rate`, which would log a line each step.
        self.rate = self.schedule.calculate_lr(self.optimizer_step + 1)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group["relative_rate"]
        self.seed_batch()

    def read_loss(self, loss):
        """Reads the loss of the batch before: a GPU has that one ready.

        Arguments
        ---------
        loss : torch.Tensor
            On the device.

        Returns
        -------
        torch.Tensor
            On the host.
        """
        before, self.arriving = self.arriving, Arriving(loss)
        return super().read_loss(torch.tensor((before or self.arriving).read()))

    def on_fit_batch_end(self, batch, outputs, loss, should_step):
        """Reports what the steps do.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            The batch.
        outputs : speechbrain_relm.model.re_llm.Predictions
            Of the batch.
        loss : torch.Tensor
            Of the batch.
        should_step : bool
            Whether the optimizer stepped after it.
        """
        if not self.diagnostics.interval or outputs.targets is None:
            return  # its figures are of the LLM's positions
        frames = 0
        if self.frame_cache is None:
            samples = batch.sig.data.shape[1]
            frames = frames_of(self.model.speech_encoder, samples)
            frames *= len(batch.id)
        rows = outputs.speech.counts + self.response_counts
        rows = rows + len(self.prompt.after)
        padded = len(rows) * int(rows.max())
        self.diagnostics.add(
            int(rows.sum()),
            padded,
            step_operations(self.model, frames, padded, len(outputs.targets)),
        )
        found = should_step and self.diagnostics.report(
            self.optimizer_step, self.gradient_norm
        )
        if found:
            logger.info("Step %d: %s.", self.optimizer_step, named(found))
            if self.step_logger is not None:
                self.step_logger.log_stats({"step": self.optimizer_step}, found)

    def on_stage_start(self, stage, epoch=None):
        """Starts the stage's averages.

        Arguments
        ---------
        stage : speechbrain.Stage
            Training or validation.
        epoch : int or None
            The epoch.
        """
        self.recognized = []  # predicted and true categories
        # Recovered in the middle of an epoch, the training means go on.
        self.means = (
            self.train_means if stage == sb.Stage.TRAIN else RunningMeans()
        )

    def on_stage_end(self, stage, stage_loss, epoch=None):
        """Logs the stage, and saves the model after validation.

        Arguments
        ---------
        stage : speechbrain.Stage
            Training or validation.
        stage_loss : float
            SpeechBrain's average of the loss.
        epoch : int or None
            The epoch.
        """
        if stage == sb.Stage.TRAIN:
            self.train_stats = self.means.averages()
            self.train_means.clear()
            return
        stats = self.means.averages()
        recognized = sum(gather(self.recognized), [])
        if recognized:  # only a system with emotion heads has them
            stats.update(self.recognition(recognized))
        # Plain floats: SpeechBrain saves others as well, but its safe YAML loader
        # then fails on the checkpoint (ConstructorError).
        self.end_epoch(
            [{"epoch": epoch, "lr": self.rate}, self.train_stats, stats],
            {k: float(stats[k]) for k in BETTER if k in stats},
            **self.choosing(stats, "keys"),
        )

    def recognition(self, recognized):
        """Measures what was recognized in validation.

        Arguments
        ---------
        recognized : list of tuple
            Predicted and true category of each utterance.

        Returns
        -------
        dict
            `UA`, 0..1.
        """
        return {"UA": unweighted_accuracy(*zip(*recognized))}

    def choosing(self, stats=None, ending="key"):
        """Says by what the best checkpoint is known.

        Arguments
        ---------
        stats : dict or None
            Validation figures; `None` to look at the last checkpoint's.
        ending : str
            "key" or "keys", as SpeechBrain's `Checkpointer` wants it.

        Returns
        -------
        dict
            `min_key(s)` or `max_key(s)`: that of `best_by`, or the loss where
            a system has no such figure (UA without heads).
        """
        if stats is None:
            newest = self.checkpointer.find_checkpoint(
                # One from within an epoch has no validation figures.
                ckpt_predicate=lambda found: "loss" in found.meta
            )
            stats = {} if newest is None else newest.meta
        name = self.best_by if self.best_by in stats else "loss"
        return {
            f"{BETTER[name]}_{ending}": [name] if ending == "keys" else name
        }

    def init_optimizers(self):
        """Makes the optimizer, with a relative rate for each part."""
        super().init_optimizers()
        # SpeechBrain would clip the first group only; `WindowBrain` clips all.
        self.optimizer.param_groups[:] = groups_by_rate(
            self.optimizer.param_groups, self.model, self.rates
        )

    def _save_intra_epoch_ckpt(self):
        """Saves in the middle of an epoch, with all processes' averages."""
        self.train_means.pool()
        super()._save_intra_epoch_ckpt()
