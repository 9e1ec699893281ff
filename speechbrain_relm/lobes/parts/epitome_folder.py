"""The folder of an EPITOME empathy scorer.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import ModuleDict
from transformers import AutoConfig

from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.lobes.parts.epitome_topic import TopicCheck
from speechbrain_relm.utils.disk.downloads import read_json
from speechbrain_relm.utils.disk.refusals import naming
from speechbrain_relm.utils.errors import first_line
from speechbrain_relm.utils.sources.checks.folder import read_tensors

# Section II-C reports the first two: "Emotional Reaction", "Exploration".
MECHANISMS = ("emotional_reactions", "explorations", "interpretations")

ENCODERS = ("seeker_encoder", "responder_encoder")

# Of config.json.
FIELDS = {
    "mechanisms": list,
    "backbone": dict,
    "max_length": int,
    "pad_to": (int, type(None)),
    "shared": list,
    "metrics": dict,
}

# For `speechbrain_relm.inference.epitome.EmpathyScoring.from_hparams`.
HPARAMS = """\
source: !PLACEHOLDER  # this folder
scorer: !new:speechbrain_relm.lobes.epitome.EmpathyScorer
    source: !ref <source>
modules:
    scorer: !ref <scorer>
# The scorer loads its own files.
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
"""


def save_scorer(
    folder,
    classifiers,
    tokenizer,
    max_length,
    metrics,
    data=None,
    topic=None,
):
    """Saves classifiers as the folder that `EmpathyScorer` loads.

    Encoders that they share are stored once.

    Arguments
    ---------
    folder : str or pathlib.Path
        An existing folder.
    classifiers : dict of str to EpitomeClassifier
        One for each mechanism, with the same kind of backbone.
    tokenizer : transformers.PreTrainedTokenizerFast
        Their tokenizer.
    max_length : int
        Most tokens of a post or a response, special ones included.
    metrics : dict
        Held-out figures of each mechanism, to be shown beside scores.
    data : str, optional
        What they learned from, to be shown beside scores too.
    topic : TopicCheck, optional
        Finds responses about something else, which then have level 0.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> folder = getfixture("tmp_path")
    >>> save_scorer(folder, scorer.classifiers, scorer.tokenizer, 64, {})
    >>> list(EmpathyScorer(folder).classifiers)
    ['emotional_reactions', 'explorations']
    """
    folder = Path(folder)
    states = {
        name: classifier.state_dict()
        for name, classifier in classifiers.items()
    }
    shared = [name for name in ENCODERS if _is_shared(states, name)]
    for name, state in states.items():
        kept = {k: v for k, v in state.items() if k.split(".")[0] not in shared}
        _write(kept, folder / f"{name}.safetensors")
    for encoder in shared:
        state = next(iter(states.values()))
        _write(_part(state, encoder), folder / f"{encoder}.safetensors")
    tokenizer.save_pretrained(folder / "tokenizer")
    first = next(iter(classifiers.values()))
    settings = {
        "mechanisms": list(classifiers),
        "backbone": first.responder_encoder.config.to_dict(),
        "max_length": max_length,
        "pad_to": first.pad_to,
        "shared": shared,
        "metrics": metrics,
        "data": data,
        "topic": topic is not None,
    }
    if topic is not None:
        _write(topic.state_dict(), folder / "topic.safetensors")
    with open(folder / "config.json", "w", encoding="utf-8") as stream:
        json.dump(settings, stream, indent=2)
    (folder / "hyperparams.yaml").write_text(HPARAMS, encoding="utf-8")


def _part(state, encoder):
    """Picks one encoder's tensors out of a classifier's state."""
    return {k: v for k, v in state.items() if k.startswith(f"{encoder}.")}


def _is_shared(states, encoder):
    """Tells whether an encoder is the same in all states."""
    first, *others = (_part(state, encoder) for state in states.values())
    return all(
        torch.equal(value, other[key])
        for other in others
        for key, value in first.items()
    )


def _write(state, path):
    """Writes tensors; others may read them, as the cache may be shared."""
    state = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    with naming(path):
        save_file(state, path)
    path.chmod(0o644)


def load_scorer(folder):
    """Loads what `save_scorer` saved, after checking it.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder.

    Returns
    -------
    settings : dict
        Its `config.json`.
    classifiers : torch.nn.ModuleDict
        One for each mechanism; they share the encoders that they shared.
    topic : TopicCheck or None
        As it was saved.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged or does not fit the others.

    Example
    -------
    >>> settings, classifiers, topic = load_scorer(getfixture("scorer_folder"))
    >>> settings["max_length"], topic
    (64, None)
    """
    folder = Path(folder)
    settings = _settings(folder / "config.json")
    backbone = _backbone(settings, folder / "config.json")
    classifiers, common = ModuleDict(), {}
    for encoder in settings["shared"]:
        common.update(_read(folder / f"{encoder}.safetensors"))
    for name in settings["mechanisms"]:
        path = folder / f"{name}.safetensors"
        classifier = EpitomeClassifier(backbone, pad_to=settings["pad_to"])
        _fill(classifier, {**common, **_read(path)}, path)
        classifiers[name] = classifier
        first = next(iter(classifiers.values()))
        for encoder in settings["shared"]:
            setattr(classifier, encoder, getattr(first, encoder))
    topic = None
    if settings.get("topic"):
        topic = TopicCheck(backbone.hidden_size)
        path = folder / "topic.safetensors"
        _fill(topic, _read(path), path)
    return settings, classifiers, topic


def _settings(path):
    """Reads and checks config.json."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: name the folder of an empathy scorer, as "
            "`python -m speechbrain_relm.mini.epitome` makes it."
        )
    settings = read_json(path)
    for field, kinds in FIELDS.items():
        if not isinstance(settings.get(field, ...), kinds):
            raise ValueError(
                f"{path} has no field '{field}' as save_scorer writes it, "
                "so it is not the configuration of an empathy scorer; "
                "name another folder."
            )
    for field, known in (("mechanisms", MECHANISMS), ("shared", ENCODERS)):
        for name in settings[field]:
            if name not in known:
                raise ValueError(
                    f"{path}, field '{field}': '{name}' is none of "
                    f"{', '.join(known)}."
                )
    return settings


def _backbone(settings, path):
    """Makes the encoders' configuration."""
    try:
        return AutoConfig.for_model(**settings["backbone"])
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path}, field 'backbone': {first_line(error)}: make or copy "
            "the scorer's folder again."
        )


def _read(path):
    """Reads tensors, with an error that says what to do."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing, so {path.parent} is no whole empathy scorer. "
            "Train it again (`python -m speechbrain_relm.mini.epitome`) or "
            "copy the folder whole."
        )
    return read_tensors(path)


def _fill(classifier, state, path):
    """Loads a classifier's state after checking every key and shape."""
    expected = {k: v.shape for k, v in classifier.state_dict().items()}
    found = {key: value.shape for key, value in state.items()}
    if found != expected:
        keys = [k for k in expected if found.get(k) != expected[k]]
        keys += [k for k in found if k not in expected]
        raise ValueError(
            f"{path} does not fit the `backbone` of its config.json: missing, "
            f"unexpected or of another shape are {', '.join(keys[:5])}"
            f"{' and more' if len(keys) > 5 else ''}. Use the files of one and "
            "the same training."
        )
    classifier.load_state_dict(state)
