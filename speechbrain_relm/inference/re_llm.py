"""RE-LLM in the manner of SpeechBrain's pretrained models.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.datasets import LONGEST_SECONDS
from speechbrain_relm.inference.arguments import (
    check_batch,
    check_settings,
    check_text,
)
from speechbrain_relm.inference.conversation import Conversation
from speechbrain_relm.inference.emotion import RecognizesEmotion
from speechbrain_relm.inference.released import Released
from speechbrain_relm.model import prompting
from speechbrain_relm.runs.steps.respond import Ask
from speechbrain_relm.utils.lengths import counts_from_relative
from speechbrain_relm.utils.sound.audio import load_recording
from speechbrain_relm.utils.sound.voice import silence, voiceless

logger = get_logger(__name__)

# Of the settings that are no texts.
KINDS = {"emotions": list, "response_settings": dict}
NAMES = {str: "text", list: "list", dict: "mapping"}


class EmpatheticListener(RecognizesEmotion, Released):
    """Listens to speech and answers it.

    All that a method is given beyond the utterance changes how it is asked:
    `system`, `style` (a wish for the manner of the answers, added to the
    system message), `instruction` (what stands before the user's words), or a
    generation setting, e.g. `sentences` (at most; the answer ends with one),
    `max_new_tokens`, `do_sample`.

    Arguments
    ---------
    *args
        See `speechbrain.inference.interfaces.Pretrained`.
    **kwargs
        The same.

    Raises
    ------
    ValueError
        If a module that is needed is missing.

    Example
    -------
    >>> listener = EmpatheticListener.from_hparams(getfixture("release_folder"))
    >>> wavs, wav_lens = torch.randn(2, 32000), torch.tensor([1.0, 0.5])
    >>> len(listener.respond_batch(wavs, wav_lens, max_new_tokens=4))
    2
    >>> emotion = listener.classify_batch(wavs, wav_lens)[0]
    >>> list(emotion.head)
    ['neutral', 'sad', 'angry', 'happy']
    >>> list(emotion.attributes)
    ['arousal', 'dominance', 'valence']
    """

    MODULES_NEEDED = ["model", "emotion_encoder"]
    HPARAMS_NEEDED = [
        "emotions",
        "response_system",
        "response_style",
        "response_instruction",
        "response_settings",
        "recognition_system",
        "recognition_instruction",
    ]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.speech_filter = "steady"  # see `utils.sound.voice.FILTERS`
        missing = [m for m in self.MODULES_NEEDED if m not in self.mods]
        if missing:
            raise ValueError(
                f"modules: {', '.join(missing)} is missing in the YAML. A "
                "system without an emotion encoder says emotion_encoder: null."
            )
        for name in self.HPARAMS_NEEDED:
            value, kind = getattr(self.hparams, name), KINDS.get(name, str)
            if not isinstance(value, kind):
                raise ValueError(
                    f"{name}: {value!r} is no {NAMES[kind]}: make the release "
                    "again, or give it by `overrides`."
                )

    def load_audio(self, path, savedir=None):
        """Loads a file of any sampling rate and number of channels.

        Arguments
        ---------
        path : str or pathlib.Path
            Any file that libsndfile reads.
        savedir : str or None
            Ignored.

        Returns
        -------
        torch.Tensor
            Mono signal [T] at 16 kHz; of a longer recording, the first 30 s,
            which is what Whisper hears.

        Raises
        ------
        ValueError
            If the file cannot be read, or nothing is to be heard in it.
        """
        found = load_recording(str(path), seconds=LONGEST_SECONDS)
        quiet = silence(found.wav)
        if quiet:
            raise ValueError(
                f"{path}: {quiet}; record it again, louder, or another file"
            )
        if found.cut:
            logger.warning("%s is cut off: %s.", path, found.cut)
        if found.seconds > LONGEST_SECONDS:
            logger.warning(
                "%s lasts %.1f s: only its first 30 s are heard.",
                path,
                found.seconds,
            )
        return found.wav.to(self.device)

    @torch.no_grad()
    def encode_batch(self, wavs, wav_lens):
        """Encodes utterances.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].

        Returns
        -------
        speechbrain_relm.model.re_llm.Speech
            What the LLM and the heads get.

        Raises
        ------
        ValueError
            If these are no such signals and lengths.
        """
        wavs, wav_lens = check_batch(wavs, wav_lens)
        self._say_if_voiceless(wavs, wav_lens)
        wavs, wav_lens = wavs.to(self.device), wav_lens.to(self.device)
        embedding = None
        with self.inference_ctx:
            if self.mods.emotion_encoder is not None:
                embedding, _ = self.mods.emotion_encoder(wavs, wav_lens)
            return self.mods.model.encode_speech(wavs, wav_lens, embedding)

    def encode_signals(self, wavs):
        """Encodes utterances of any lengths in one batch.

        Arguments
        ---------
        wavs : list of torch.Tensor
            16 kHz signals [T].

        Returns
        -------
        speechbrain_relm.model.re_llm.Speech
            See `encode_batch`.
        """
        lengths = torch.tensor([len(wav) for wav in wavs])
        batch = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
        return self.encode_batch(batch, lengths / batch.shape[1])

    def _say_if_voiceless(self, wavs, wav_lens):
        """Warns of utterances in which nobody speaks."""
        counts = counts_from_relative(wav_lens, wavs.shape[1]).tolist()
        for row, (wav, count) in enumerate(zip(wavs, counts)):
            wav = wav[:count]
            reason = silence(wav) or voiceless(wav, 16000, self.speech_filter)
            if reason:
                logger.warning(
                    "Utterance %d of %d is answered, but what is heard in it "
                    "means nothing: %s.",
                    row + 1,
                    len(wavs),
                    reason,
                )

    def asking(self, system=None, style=None, instruction=None, **settings):
        """Works out how a response is asked for.

        Arguments
        ---------
        system : str or None
            System message; `None`, here and below, is the YAML's.
        style : str or None
            Added to it.
        instruction : str or None
            What stands before the user's words.
        **settings
            Generation settings; those of the YAML stay unless named.

        Returns
        -------
        speechbrain_relm.runs.steps.respond.Ask
            System message, instruction and settings.

        Raises
        ------
        ValueError
            If a setting is unknown or out of its bounds.
        """
        given = {
            "system": system,
            "style": style,
            "instruction": instruction,
        }
        texts = {
            name: getattr(self.hparams, f"response_{name}")
            if text is None
            else text
            for name, text in given.items()
        }
        texts = {n: check_text(t, n, empty=True) for n, t in texts.items()}
        check_settings(settings)
        settings = {**self.hparams.response_settings, **settings}
        return Ask(
            prompting.with_style(texts["system"], texts["style"]),
            texts["instruction"],
            settings,
        ).plain()

    def respond_batch(self, wavs, wav_lens, **changes):
        """Answers utterances; each as it would be alone.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].
        **changes
            See the class.

        Returns
        -------
        list of str
            One an utterance.
        """
        ask = self.asking(**changes)
        answers = self.answer(self.encode_batch(wavs, wav_lens), ask)
        return [answer.text for answer in answers]

    def answer(self, speech, ask):
        """Answers what was heard.

        Arguments
        ---------
        speech : speechbrain_relm.model.re_llm.Speech
            From `encode_batch`.
        ask : speechbrain_relm.runs.steps.respond.Ask
            From `asking`.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One an utterance.
        """
        model, (examples, settings) = self.mods.model, ask.apart()
        prompt = model.llm.split_prompt(ask.system, ask.instruction, examples)
        with self.inference_ctx:
            return model.answer(speech, prompt, **settings)

    def respond_file(self, path, **changes):
        """Answers the speech in a file.

        Arguments
        ---------
        path : str or pathlib.Path
            An audio file.
        **changes
            See the class.

        Returns
        -------
        str
            The response.
        """
        return self.converse(**changes).respond(file=path)

    def respond_text(self, text, **changes):
        """Answers what the user wrote.

        Arguments
        ---------
        text : str
            The user's words.
        **changes
            See the class.

        Returns
        -------
        str
            The response.
        """
        return self.converse(**changes).respond(text=text)

    def stream(self, wav, **changes):
        """Answers an utterance piece by piece, from the first token on.

        Arguments
        ---------
        wav : torch.Tensor
            A 16 kHz signal [T]; see `load_audio`.
        **changes
            See the class.

        Returns
        -------
        iterator of str
            Pieces of the response.
        """
        return self.converse(**changes).stream(wav=wav)

    def converse(self, history_turns=None, **changes):
        """Starts a conversation of several turns, spoken or written.

        Arguments
        ---------
        history_turns : int or None
            Turns before the last one that are read with it; `None` is all.
        **changes
            See the class.

        Returns
        -------
        speechbrain_relm.inference.conversation.Conversation
            The conversation.
        """
        return Conversation(self, self.asking(**changes), history_turns)

    def forward(self, wavs, wav_lens):
        """Answers utterances; see `respond_batch`.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].

        Returns
        -------
        list of str
            One an utterance.
        """
        return self.respond_batch(wavs, wav_lens)
