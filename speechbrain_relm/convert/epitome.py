"""EPITOME checkpoints of the original code, as our empathy scorers.

The original (behavioral-data/Empathy-Mental-Health) trains one model for
each mechanism and saves its state dict.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS, save_scorer
from speechbrain_relm.utils.disk.downloads import check_file
from speechbrain_relm.utils.sources.architectures import architecture
from speechbrain_relm.utils.sources.pretrained import load_tokenizer
from speechbrain_relm.utils.sources.weights import read_shard

# Where the original's truncation and padding are.
MAX_LENGTH = 64
ENDINGS = (".pth", ".pt", ".bin", ".safetensors")
# Saved by the original or by old transformers, never used.
_UNUSED = ("norm.alpha", "norm.bias")
_UNUSED_ENDS = (".position_ids", ".pooler.dense.weight", ".pooler.dense.bias")


def original_names(tensors):
    """Renames an original state dict.

    Arguments
    ---------
    tensors : dict
        Original names to tensors; the encoders' begin with
        `seeker_encoder.roberta.` and `responder_encoder.roberta.`.

    Returns
    -------
    dict
        `EpitomeClassifier`'s names to tensors.

    Example
    -------
    >>> name = "seeker_encoder.roberta.embeddings.LayerNorm.bias"
    >>> list(original_names({name: 0, "norm.alpha": 0}))
    ['seeker_encoder.embeddings.LayerNorm.bias']
    """
    return {
        name.removeprefix("module.").replace(
            "_encoder.roberta.", "_encoder."
        ): t
        for name, t in tensors.items()
        if name.removeprefix("module.") not in _UNUSED
        and not name.endswith(_UNUSED_ENDS)
    }


def _load_original(classifier, path):
    """Loads a checkpoint of the original code."""
    tensors = original_names(dict(read_shard(check_file(path))))
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wanted = {n: tuple(t.shape) for n, t in classifier.state_dict().items()}
    odd = sorted(
        name
        for name in {*found, *wanted}
        if found.get(name) != wanted.get(name)
    )
    if odd:
        raise ValueError(
            f"{path}: {len(odd)} tensors are missing, unknown or of another "
            f"shape than the backbone's (first: {odd[0]}): name the backbone "
            "it was trained with."
        )
    classifier.load_state_dict(tensors)


def convert_epitome(source, target, backbone):
    """Converts the original's checkpoints to a scorer's folder.

    Arguments
    ---------
    source : pathlib.Path
        Folder with a checkpoint each mechanism: `emotional_reactions`,
        `explorations`, `interpretations`, ending in .pth, .pt, .bin or
        .safetensors; some may be missing.
    target : pathlib.Path
        An empty folder.
    backbone : str
        Hub id or folder of the encoder, for its sizes and tokenizer.

    Raises
    ------
    FileNotFoundError
        If the source has no checkpoint.
    ValueError
        If a checkpoint does not fit.
    """
    paths = {
        mechanism: source / f"{mechanism}{ending}"
        for mechanism in MECHANISMS
        for ending in ENDINGS
        if (source / f"{mechanism}{ending}").is_file()
    }
    if not paths:
        raise FileNotFoundError(
            f"{source} has no checkpoint: name them {', '.join(MECHANISMS)}, "
            f"with one of the endings {', '.join(ENDINGS)}."
        )
    config = architecture(backbone)
    classifiers = {}
    for mechanism, path in paths.items():
        # The original pads to 64 tokens and attends to the padding.
        classifiers[mechanism] = EpitomeClassifier(config, pad_to=MAX_LENGTH)
        _load_original(classifiers[mechanism], path)
    with torch.no_grad():
        save_scorer(
            target,
            classifiers,
            load_tokenizer(backbone),
            MAX_LENGTH,
            {},
            "what the original code's checkpoint was trained on",
        )
