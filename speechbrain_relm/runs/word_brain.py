"""Trains an adapter to spell, and reads what speech spells.

Authors
 * The speechbrain_relm contributors 2026
"""

import speechbrain as sb

from speechbrain_relm.model.metrics import unweighted_accuracy, word_error_rate
from speechbrain_relm.training.brain import RELLMBrain
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.lengths import counts_from_relative


class WordBrain(RELLMBrain):
    """Trains the adapter to spell.

    Arguments
    ---------
    *args
        For `RELLMBrain`; the module `model` is a `WordModel`.
    llm : torch.nn.Module
        A `ChatLLM`, for its tokenizer.
    emotions : list of str or None
        The classes.
    **kwargs
        For `RELLMBrain`; `loss_weights` of `words`, `category` and
        `dimension`.

    Raises
    ------
    RecipeError
        If figures of the LLM's positions are wanted.
    """

    def __init__(self, *args, llm, emotions, **kwargs):
        super().__init__(*args, instruction="", **kwargs)
        if getattr(self.hparams, "log_interval_steps", 0):
            raise RecipeError(
                "log_interval_steps: its figures count the LLM's positions, "
                "and the alignment by words runs no LLM: leave it out."
            )
        self.tokenizer, self.emotions = llm.tokenizer, emotions or []

    def prepare_prompts(self):
        """Prepares nothing: the LLM is not asked."""

    def compute_forward(self, batch, stage):
        """Runs the model on a batch.

        Arguments
        ---------
        batch : speechbrain.dataio.batch.PaddedBatch
            From `word_dataset`.
        stage : speechbrain.Stage
            Training or validation.

        Returns
        -------
        Spelled
            What the losses need.
        """
        words = _words_in(batch)  # while they are on the host
        batch = batch.to(self.device, non_blocking=True)
        batch.words = words
        wavs, wav_lens = batch.sig
        training = stage == sb.Stage.TRAIN
        model = self.modules.model if training else self.model
        return model(
            wavs,
            wav_lens,
            self.embed_emotion(batch.audio_key, wavs, wav_lens),
            self.cached_frames(batch.audio_key, wavs, wav_lens),
        )

    def compute_objectives(self, predictions, batch, stage):
        """Sums the weighted losses.

        Arguments
        ---------
        predictions : Spelled
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
        speech, ctc = predictions.speech, self.model.ctc
        parts = {
            "words": ctc.loss(
                predictions.log_probs, speech.counts, batch.words
            ),
            **self.emotion_losses(speech, batch),
        }
        if stage != sb.Stage.TRAIN:
            self.recognized += self.read(predictions, batch)
        loss = sum(self.loss_weights[name] * parts[name] for name in parts)
        self.means.add({"loss": loss, **parts}, len(batch.id))
        return loss

    def read(self, predictions, batch):
        """Reads what utterances spell and which emotion was heard.

        Arguments
        ---------
        predictions : Spelled
            From `compute_forward`.
        batch : speechbrain.dataio.batch.PaddedBatch
            The same batch.

        Returns
        -------
        list of tuple
            (spelled, said, heard category, true category) an utterance; the
            categories are `None` without heads.
        """
        speech = predictions.speech
        spelled = self.model.ctc.spell(predictions.log_probs, speech.counts)
        heard = labels = [None] * len(spelled)
        if speech.category_logits is not None:
            heard = speech.category_logits.argmax(-1).tolist()
            labels = batch.category.tolist()
        texts = (
            [self._without_emotion(self.tokenizer.decode(ids)) for ids in rows]
            for rows in (spelled, batch.words)
        )
        return list(zip(*texts, heard, labels))

    def _without_emotion(self, text):
        """Takes the emotion off the beginning of what was spelled."""
        first, _, rest = text.strip().partition(" ")
        return rest if first in self.emotions else text.strip()

    def recognition(self, recognized):
        """Measures what was spelled and recognized.

        Arguments
        ---------
        recognized : list of tuple
            From `read`.

        Returns
        -------
        dict
            `WER`, word errors a word said; `UA` with heads.
        """
        spelled, said, heard, labels = zip(*recognized)
        figures = {"WER": word_error_rate(spelled, said)}
        if None not in labels:
            figures["UA"] = unweighted_accuracy(heard, labels)
        return figures


def _words_in(batch):
    """Takes the padding off the tokens of a batch."""
    ids, lens = batch.word_ids
    counts = counts_from_relative(lens, ids.shape[1]).tolist()
    return [row[:count] for row, count in zip(ids.tolist(), counts)]
