"""The systems that the benchmarks run: true architectures, random weights.

Nothing is downloaded: folders of configurations, with a tokenizer made on
the spot, stand for pretrained models. Untrained LLMs hardly ever end an
answer, so both sides generate as many tokens as they may.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import json
from pathlib import Path

import soundfile as sf
import torch
from speechbrain.nnet.adapters import AdaptedModel
from speechbrain.nnet.schedulers import LinearWarmupScheduler
from speechbrain.utils.epoch_loop import EpochCounter
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    RobertaConfig,
    Wav2Vec2Config,
    WhisperConfig,
)

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.lobes.partial_lora import PartialLoRA
from speechbrain_relm.lobes.whisper_encoder import WhisperSpeechEncoder
from speechbrain_relm.mini.language.sentences import MOST, everyday_sentences
from speechbrain_relm.model.re_llm import RELLM, fused_size
from speechbrain_relm.training.brain import RELLMBrain
from speechbrain_relm.utils.sources.architectures import (
    EMOTION_MODEL,
    WHISPER_LARGE_V2,
    architecture,
)
from speechbrain_relm.utils.sources.pretrained import without_weights
from speechbrain_relm.utils.sources.qwen import CHATML_TEMPLATE

SAMPLE_RATE = 16000
EMOTIONS = ["neutral", "sad", "angry", "happy"]
SYSTEM = "You are a helpful assistant."
FROM_TEXT = (
    "Continue the following sentence that reflects a {emotion} emotion tone "
    "in a coherent style: "
)
FROM_SPEECH = (
    "Continue the following sentence that reflects a tone in a coherent style: "
)
EMPATHETIC = (
    "You are a helpful assistant. Your response should fulfill requests with "
    "empathy toward user's emotion tone."
)
RECOGNITION = (
    "Please identify the emotion tone of the sentence provided below. Select "
    "from the following options: neutral, sad, angry, happy, or surprise."
    "\n\nSentence: "
)


def whisper(width, layers, heads):
    """Makes a configuration of Whisper."""
    return WhisperConfig(
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
    )


def wav2vec2(width, layers, heads, **more):
    """Makes a configuration of the emotion encoder."""
    return Wav2Vec2Config(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        conv_bias=True,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        **more,
    )


def qwen2(vocabulary, width, inner, layers, heads):
    """Makes a configuration of the LLM."""
    return Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        initializer_range=0.1 if width < 64 else 0.02,
    )


def bert(width, layers, heads):
    """Makes a configuration of a text encoder."""
    return BertConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
    )


# "mini" is what the authors' step was timed at; "paper" is the paper's.
SIZES = {
    "tiny": lambda: {
        "whisper": whisper(16, 2, 2),
        "emotion": wav2vec2(
            16,
            1,
            2,
            conv_dim=[8] * 7,
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=2,
        ),
        "llm": qwen2(4096, 32, 48, 2, 4),
        "scorer": bert(16, 1, 2),
    },
    "mini": lambda: {
        "whisper": whisper(384, 4, 6),
        "emotion": wav2vec2(256, 4, 4),
        "llm": qwen2(49152, 576, 1536, 12, 9),
        "scorer": bert(384, 6, 12),
    },
    "paper": lambda: {
        "whisper": WhisperConfig(**WHISPER_LARGE_V2),
        "emotion": architecture(EMOTION_MODEL),
        "llm": architecture("Qwen/Qwen-7B-Chat"),
        "scorer": RobertaConfig(max_position_embeddings=514),
    },
}


def make_tokenizer():
    """Learns a tokenizer of ChatML from the project's own sentences.

    Returns
    -------
    transformers.PreTrainedTokenizerFast
        The tokenizer: about a token a word.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [
            *everyday_sentences(MOST),
            *(SYSTEM, FROM_TEXT, FROM_SPEECH, EMPATHETIC, RECOGNITION),
        ],
        trainers.BpeTrainer(
            vocab_size=1024,
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
        chat_template=CHATML_TEMPLATE,
    )


def write_configs(size, folder):
    """Writes the folders that stand for pretrained models.

    Arguments
    ---------
    size : str
        One of `SIZES`.
    folder : pathlib.Path
        Where.

    Returns
    -------
    dict
        Name of the part to its folder.
    """
    folders = {}
    for name, config in SIZES[size]().items():
        folders[name] = str(folder / name)
        config.save_pretrained(folders[name])
    make_tokenizer().save_pretrained(folders["llm"])
    return folders


class System:
    """A RE-LLM with what trains it and answers with it.

    Arguments
    ---------
    given : argparse.Namespace
        `size`, `device`, `dtype`.
    folder : pathlib.Path
        A folder of its own.
    freeze_whisper : bool
        Whether Whisper stays as it is.
    pad_to_30s : bool
        Whether Whisper sees 30 s.
    dropout : float
        Of the LoRA.
    """

    def __init__(
        self,
        given,
        folder,
        freeze_whisper=True,
        pad_to_30s=False,
        dropout=0.05,
    ):
        self.given, self.folder = given, Path(folder)
        self.device = torch.device(given.device)
        folders = write_configs(given.size, self.folder)
        torch.manual_seed(0)
        with without_weights(given.device):
            self.emotion_encoder = DimensionalEmotionEncoder(folders["emotion"])
            speech_encoder = WhisperSpeechEncoder(
                folders["whisper"], pad_to_30s, freeze_whisper
            )
            self.chat_llm = ChatLLM(folders["llm"], dtype=given.dtype)
            llm = AdaptedModel(
                self.chat_llm,
                PartialLoRA,
                target_layers=["*_proj"],
                adapter_kwargs={"rank": 16, "alpha": 16, "dropout": dropout},
            )
            width = self.chat_llm.embedding_size
            adapter = ConvAdapter(
                fused_size(speech_encoder, self.emotion_encoder), width
            )
            heads = EmotionHeads(width, len(EMOTIONS))
        self.model = RELLM(speech_encoder, adapter, heads, llm)
        # An update of zeros, as LoRA starts, would hide differences.
        for name, parameter in self.model.named_parameters():
            if "adapter_up_proj" in name:
                torch.nn.init.normal_(parameter, std=0.02)
        self.model.to(self.device)

    def brain(self, frame_folder=None):
        """Makes a brain that is ready for `fit_batch`, with no history.

        Arguments
        ---------
        frame_folder : pathlib.Path or None
            Where a frozen Whisper's frames are kept, if they are.

        Returns
        -------
        speechbrain_relm.training.brain.RELLMBrain
            The brain.
        """
        brain = self.new_brain(frame_folder=frame_folder)
        brain.all_batches, brain.steps_per_epoch = range(1000), 1000
        brain.on_fit_start()
        return brain

    def new_brain(self, warmup_steps=200, run_opts=None, **more):
        """Makes a brain.

        Arguments
        ---------
        warmup_steps : int
            Steps until the learning rate is reached.
        run_opts : dict or None
            SpeechBrain's run options besides device and precision.
        **more
            For `RELLMBrain`.

        Returns
        -------
        speechbrain_relm.training.brain.RELLMBrain
            The brain.
        """
        precision = {"float32": "fp32", "bfloat16": "bf16"}[self.given.dtype]
        return RELLMBrain(
            modules={"model": self.model},
            opt_class=new_optimizer,
            hparams={
                "emotion_encoder": self.emotion_encoder,
                "continuation_system": SYSTEM,
                "lr": 2e-5,
                "epoch_counter": EpochCounter(3),
                "seed": 1,
            },
            run_opts={
                "device": str(self.device),
                "precision": precision,
                "max_grad_norm": 1.0,
                **(run_opts or {}),
            },
            instruction=FROM_SPEECH,
            loss_weights={
                "response_nll": 1.0,
                "response_kl": 0.0,
                "category": 1.0,
                "dimension": 1.0,
            },
            lr_schedule=lambda **sizes: LinearWarmupScheduler(
                num_warmup_steps=warmup_steps, **sizes
            ),
            **{"train_logger": None, **more},
        )


def new_optimizer(parameters):
    """Makes the optimizer that both sides use, that of the YAMLs."""
    trained = [p for p in parameters if p.requires_grad]
    return torch.optim.AdamW(trained, lr=2e-5, weight_decay=0.05, fused=True)


def autocast(given):
    """Computes in half precision on both sides if asked to."""
    if given.dtype == "float32":
        return contextlib.nullcontext()
    return torch.autocast(torch.device(given.device).type, torch.bfloat16)


def made_speech(seconds, seed=0):
    """Makes noise whose loudness comes and goes.

    Arguments
    ---------
    seconds : list of float
        Lengths.
    seed : int
        Of the noise.

    Returns
    -------
    list of torch.Tensor
        16 kHz signals.
    """
    generator = torch.Generator().manual_seed(seed)
    wavs = []
    for length in seconds:
        time = torch.arange(int(length * SAMPLE_RATE)) / SAMPLE_RATE
        noise = torch.randn(len(time), generator=generator)
        wavs.append(0.1 * noise * (3 * time).sin())
    return wavs


def made_corpus(folder, seconds, sentences, seed=0):
    """Writes a corpus: one wav for each length, labels in turn.

    Arguments
    ---------
    folder : pathlib.Path
        Where its wavs go.
    seconds : list of float
        Lengths of the utterances.
    sentences : int
        Distinct sentences; further utterances repeat them.
    seed : int
        Of the signals.

    Returns
    -------
    dict
        Utterance id to manifest entry.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts, entries = everyday_sentences(sentences), {}
    for i, wav in enumerate(made_speech(seconds, seed)):
        path = folder / f"{i:05}.wav"
        sf.write(path, wav.numpy(), SAMPLE_RATE)
        entries[f"u{i:05}"] = {
            "wav": str(path),
            "duration": len(wav) / SAMPLE_RATE,
            "transcript": texts[i % sentences],
            # Each sentence in one emotion, as a repeated prompt has it.
            "emotion": EMOTIONS[i % sentences % len(EMOTIONS)],
            "arousal": 0.5,
            "dominance": 0.5,
            "valence": 0.5,
        }
    return entries


def write_manifest(path, entries):
    """Writes a manifest.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    entries : dict
        Utterance id to entry.
    """
    path.write_text(json.dumps(entries), encoding="utf-8")
