"""Converts released BLSP-Emo and RE-LLM checkpoints to folders of our lobes.

The new folder holds

- `llm/`: the LLM, as stock transformers loads it
- `whisper/`: the Whisper encoder, for `WhisperSpeechEncoder`
- `emotion/`: the emotion encoder (RE-LLM only), for `DimensionalEmotionEncoder`
- `trained/`: adapter, heads and LoRA under the names of `RELLM`, for
  `init_from` of the recipes
- `adapter_without_emotion/`: BLSP-Emo's adapter (RE-LLM only)
- `conversion.json`: sizes, LoRA settings, and the tensors left out

Authors
 * The speechbrain_relm contributors 2026
"""

import json

import torch
from transformers import (
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    WhisperConfig,
    WhisperFeatureExtractor,
)
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from speechbrain_relm.convert.re_llm import LORA_TARGETS, place, trained_name
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_encoder import EmotionRegressor
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.utils.disk.downloads import read_json
from speechbrain_relm.utils.sources.architectures import (
    EMOTION_MODEL,
    architecture,
)
from speechbrain_relm.utils.sources.hub import CONVERSION
from speechbrain_relm.utils.sources.qwen import qwen2_config
from speechbrain_relm.utils.sources.qwen_folder import (
    RANKS,
    llm_outline,
    write_llm_settings,
)
from speechbrain_relm.utils.sources.streamed import Transfer
from speechbrain_relm.utils.sources.weights import Weights

CONFIG_FIELDS = (
    "whisper_config",
    "qwen_config",
    "lora_config",
    "conv_kernel_sizes",
    "adapter_inner_dim",
    "num_emotions",
)


def _read_speech_llm_config(source):
    """Reads and checks the `config.json` of a released checkpoint."""
    path = source / "config.json"
    config = read_json(path)
    missing = [field for field in CONFIG_FIELDS if not config.get(field)]
    if missing:
        raise ValueError(
            f"{path} has no {', '.join(missing)}: it is not the configuration "
            "of a BLSP-Emo or RE-LLM checkpoint."
        )
    if config.get("lora_scope", "audio") != "audio":
        raise ValueError(
            f"{path}, field 'lora_scope': '{config['lora_scope']}' is not "
            "'audio', the LoRA at speech positions only."
        )
    if config.get("adapter_hidden_layers"):
        raise ValueError(
            f"{path}, field 'adapter_hidden_layers': "
            f"{config['adapter_hidden_layers']} is not 0; our adapter has no "
            "transformer layers."
        )
    if len(set(_kernel_sizes(config))) != 1:
        raise ValueError(
            f"{path}, field 'conv_kernel_sizes': "
            f"'{config['conv_kernel_sizes']}' are not all the same."
        )
    return config


def _kernel_sizes(config):
    """Reads "5,5,5"."""
    return [int(size) for size in config["conv_kernel_sizes"].split(",")]


class SpeechLLMFolder:
    """A released folder, checked whole and ready to be written anew.

    Arguments
    ---------
    source : pathlib.Path
        Released folder: `config.json` and weights; `qwen.tiktoken` and
        `generation_config.json` are taken along if they are there.
    with_emotion : bool
        RE-LLM, or BLSP-Emo.
    with_llm : bool
        Whether to write the LLM.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, a tensor missing, unknown or of another shape.
    """

    def __init__(self, source, with_emotion, with_llm=True):
        self.source = source
        self.with_llm = with_llm
        self.with_emotion = with_emotion
        self.config = _read_speech_llm_config(source)
        self.whisper = WhisperConfig(**_plain(self.config["whisper_config"]))
        self.qwen = qwen2_config(self.config["qwen_config"])
        self.emotion = None
        if with_emotion:
            given = self.config.get("w2v2_config")
            # The authors' configuration leaves out what never varies.
            self.emotion = (
                Wav2Vec2Config(**_plain(given))
                if given
                else architecture(EMOTION_MODEL)
            )
        self.transfer = Transfer(Weights(source), self._place)
        self.check()

    def _place(self, name, tensor):
        """Sorts a released tensor into one of the new folders."""
        placed = []
        for lobe, new_name, new in place(name, tensor):
            if lobe == "adapter_without_emotion" and not self.with_emotion:
                lobe = "adapter"
            new_name = trained_name(lobe, new_name)
            if lobe in ("adapter", "heads", "lora"):
                lobe = "trained"
            placed.append((lobe, new_name, new))
        return placed

    def check(self):
        """Compares the checkpoint's tensors with what the lobes need.

        Raises
        ------
        ValueError
            If one is missing, unknown or of another shape.
        """
        found = self.transfer.outlines
        if "emotion_encoder" in found and not self.with_emotion:
            raise ValueError(
                f"{self.source} has an emotion encoder, so it is a RE-LLM "
                "checkpoint: convert it with `re-llm`."
            )
        if "emotion_encoder" not in found and self.with_emotion:
            raise ValueError(
                f"{self.source} has no emotion encoder, so it is a BLSP-Emo "
                "checkpoint: convert it with `blsp-emo`."
            )
        with torch.device("meta"):
            whisper = WhisperEncoder(self.whisper).state_dict()
        self.transfer.expect("speech_encoder", whisper)
        self.transfer.expect("llm", llm_outline(self.qwen))
        self.transfer.expect("trained", self._trained_outline())
        if self.with_emotion:
            with torch.device("meta"):
                emotion = EmotionRegressor(self.emotion).state_dict()
            self.transfer.expect("emotion_encoder", emotion)
            if "adapter_without_emotion" in found:
                self.transfer.expect(
                    "adapter_without_emotion",
                    self._adapter_outline(self.whisper.d_model),
                )

    def _adapter_outline(self, channels):
        """Lists an adapter's tensors."""
        with torch.device("meta"):
            return ConvAdapter(
                channels,
                self.qwen.hidden_size,
                self.config["adapter_inner_dim"],
                layers=len(_kernel_sizes(self.config)),
                kernel_size=_kernel_sizes(self.config)[0],
            ).state_dict()

    def _trained_outline(self):
        """Lists adapter, heads and LoRA."""
        size, channels = self.qwen.hidden_size, self.whisper.d_model
        if self.with_emotion:
            channels += self.emotion.hidden_size
        with torch.device("meta"):
            heads = EmotionHeads(size, self.config["num_emotions"]).state_dict()
        if not self.with_emotion:
            del heads["dimension.weight"]
        outline = {f"heads.{n}": t for n, t in heads.items()}
        for name, tensor in self._adapter_outline(channels).items():
            outline[f"adapter.{name}"] = tensor
        rank = self.config["lora_config"]["r"]
        ends = tuple(self.config["lora_config"]["target_modules"])
        adapted = {end for e in ends for end in LORA_TARGETS[e]}
        for name, tensor in llm_outline(self.qwen).items():
            module, _, kind = name.rpartition(".")
            if kind != "weight" or module.rpartition(".")[2] not in adapted:
                continue
            out, into = tensor.shape
            for side, shape in (("A", (rank, into)), ("B", (out, rank))):
                key = trained_name("lora", f"{module}.lora_{side}.weight")
                outline[key] = torch.empty(shape, device="meta")
        return outline

    def folders(self, target):
        """Names the folder of each lobe.

        Arguments
        ---------
        target : pathlib.Path
            The new folder.

        Returns
        -------
        dict
            Lobes of the transfer to folders.
        """
        names = {"llm": "llm", "speech_encoder": "whisper"}
        names |= {"emotion_encoder": "emotion", "trained": "trained"}
        names["adapter_without_emotion"] = "adapter_without_emotion"
        return {
            lobe: target / name
            for lobe, name in names.items()
            if lobe in self.transfer.outlines
            and (lobe != "llm" or self.with_llm)
        }

    def write(self, target):
        """Writes the new folder.

        Arguments
        ---------
        target : pathlib.Path
            An empty folder.
        """
        folders = self.folders(target)
        self.transfer.write(folders, target, "converting")
        if self.with_llm:
            dtype = self.transfer.outline("llm")["lm_head.weight"].dtype
            write_llm_settings(self.source, folders["llm"], self.qwen, dtype)
        self.whisper.save_pretrained(folders["speech_encoder"])
        WhisperFeatureExtractor(self.whisper.num_mel_bins).save_pretrained(
            folders["speech_encoder"]
        )
        if self.with_emotion:
            self.emotion.architectures = ["EmotionRegressor"]
            self.emotion.save_pretrained(folders["emotion_encoder"])
            Wav2Vec2FeatureExtractor().save_pretrained(
                folders["emotion_encoder"]
            )
        (target / CONVERSION).write_text(
            json.dumps(self.report(), indent=2), encoding="utf-8"
        )

    def report(self):
        """Says what the YAML must agree with, and what was left out.

        Returns
        -------
        dict
            `lora`, `adapter` and `emotions` as the YAML's; `unused` tensors;
            whether there is a `tokenizer`.
        """
        lora = self.config["lora_config"]
        targets = [t for e in lora["target_modules"] for t in LORA_TARGETS[e]]
        return {
            "system": "RE-LLM" if self.with_emotion else "BLSP-Emo",
            "lora": {
                "target_layers": [f"*.{target}" for target in targets],
                "rank": lora["r"],
                "alpha": lora["lora_alpha"],
                "dropout": lora.get("lora_dropout", 0.0),
            },
            "adapter": {
                "bottleneck_size": self.config["adapter_inner_dim"],
                "layers": len(_kernel_sizes(self.config)),
                "kernel_size": _kernel_sizes(self.config)[0],
            },
            "emotions": self.config["num_emotions"],
            "tokenizer": (self.source / RANKS).is_file(),
            "unused": sorted(self.transfer.outline("unused")),
        }


def _plain(config):
    """Leaves out of a nested configuration what names its own class."""
    return {
        k: v
        for k, v in config.items()
        if k not in ("model_type", "architectures", "transformers_version")
    }
