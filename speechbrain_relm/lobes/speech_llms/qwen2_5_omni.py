"""Qwen2.5-Omni's thinker as a listener.

Authors
 * The speechbrain_relm contributors 2026
"""

from transformers import (
    AutoFeatureExtractor,
    AutoTokenizer,
    BatchFeature,
    Qwen2_5OmniProcessor,
    Qwen2_5OmniThinkerForConditionalGeneration,
)

from speechbrain_relm.lobes.speech_llms.generating import GeneratingListener


class Qwen25OmniListener(GeneratingListener):
    """Answers speech with Qwen2.5-Omni, in words; see `GeneratingListener`.

    What speaks its words aloud, the talker, is not loaded.

    Arguments
    ---------
    source : str
        Hub id or folder, e.g. "Qwen/Qwen2.5-Omni-7B".
    dtype : str
        Of the weights, e.g. "bfloat16".

    Example
    -------
    >>> source = "Qwen/Qwen2.5-Omni-7B"
    >>> listener = Qwen25OmniListener(source)  # doctest: +SKIP
    """

    model_class = Qwen2_5OmniThinkerForConditionalGeneration
    kinds = ("qwen2_5_omni",)  # the thinker is a part of it

    def make_processor(self, folder):
        """Makes what turns texts and signals into the model's input.

        Arguments
        ---------
        folder : pathlib.Path
            Of the model.

        Returns
        -------
        HearingProcessor
            The part of its processor that hears.
        """
        return HearingProcessor(folder, self.model)


class HearingProcessor:
    """Texts and signals for Qwen2.5-Omni.

    Its own processor sees pictures as well, and wants torchvision for them.

    Arguments
    ---------
    folder : pathlib.Path
        Of the model.
    model : transformers.Qwen2_5OmniThinkerForConditionalGeneration
        Says how long what it hears becomes.
    """

    def __init__(self, folder, model):
        self.tokenizer = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False
        )
        self.extractor = AutoFeatureExtractor.from_pretrained(
            folder, trust_remote_code=False
        )
        whole, _ = Qwen2_5OmniProcessor.get_processor_dict(folder)
        self.template = whole.get("chat_template")
        audio = model.config.audio_token_id
        self.audio = self.tokenizer.convert_ids_to_tokens(audio)
        self.lengths = model.model.audio_tower._get_feat_extract_output_lengths

    def apply_chat_template(self, messages, **settings):
        """Renders a conversation; see transformers.

        Arguments
        ---------
        messages : list of dict
            With parts of the types "text" and "audio".
        **settings
            E.g. `add_generation_prompt`.

        Returns
        -------
        str
            The text.
        """
        return self.tokenizer.apply_chat_template(
            messages, chat_template=self.template, **settings
        )

    def __call__(self, text, audio, sampling_rate, return_tensors, padding):
        """Gives one signal a place in each text.

        Arguments
        ---------
        text : list of str
            Rendered conversations.
        audio : list of numpy.ndarray
            As many signals.
        sampling_rate : int
            Of the signals.
        return_tensors : str
            "pt".
        padding : bool
            Of the texts; signals are padded to what the extractor says.

        Returns
        -------
        transformers.BatchFeature
            The model's input.
        """
        heard = self.extractor(
            audio,
            sampling_rate=sampling_rate,
            padding="max_length",
            return_attention_mask=True,
            return_tensors=return_tensors,
        )
        mask = heard["attention_mask"]
        _, counts = self.lengths(mask.sum(-1))
        rows = [
            one.replace(self.audio, self.audio * count)
            for one, count in zip(text, counts.tolist())
        ]
        written = self.tokenizer(
            rows,
            add_special_tokens=False,
            padding=padding,
            return_tensors=return_tensors,
        )
        return BatchFeature(
            {
                "input_ids": written["input_ids"],
                "attention_mask": written["attention_mask"],
                "input_features": heard["input_features"],
                "feature_attention_mask": mask,
            }
        )
