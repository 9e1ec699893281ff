"""What the steps of a run need of its YAML; the rest is not built.

A YAML's objects load models as soon as they are built. Before it is, the
objects that none of the run's steps reads are made null in its text, as a
system that has no such part has them.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

from speechbrain_relm.release.needed import NEEDED
from speechbrain_relm.utils.plain_yaml import (
    is_source,
    literal,
    name_sources,
    referred_to,
    settings_of,
)

_TRAINED = ("modules", "model", "__start", "emotion_encoder", "checkpointer")
# Step to the objects that it reads; what they refer to comes along.
NEEDS = {
    "prepare": (),
    "attributes": ("emotion_model",),
    "expected_responses": ("chat_llm", "judge"),
    "fit": (*_TRAINED, "epoch_counter", "train_logger"),
    "transcribe": ("transcriber",),
    "respond": (*_TRAINED, "listener"),
    "probe": _TRAINED,
    "score": ("empathy_scorer",),
    "listen": ("chat_llm", "judge"),
    "same_words": (*_TRAINED, "listener", "chat_llm", "judge"),
    "report": ("sentence_encoder",),
    "release": (*NEEDED, "checkpointer", "init_from"),
    # Of the alignment.
    "measure_before": _TRAINED,
    "export": _TRAINED,
    "measure_after": _TRAINED,
}
# They look at a model's outline only, whose weights a checkpoint has.
_WITHOUT_WEIGHTS = {"prepare", "report", "release"}


def needed_settings(text, steps=None):
    """Lists the settings that some steps read, with all they refer to.

    Arguments
    ---------
    text : str
        The run's YAML.
    steps : list of str or None
        Its steps; `None`, or one that is not known here, needs everything.

    Returns
    -------
    set of str
        Names of settings.

    Example
    -------
    >>> text = "a: x\\nchat_llm: !new:A\\n    source: !ref <a>\\nb: 1"
    >>> sorted(needed_settings(text, ["expected_responses"]))
    ['a', 'chat_llm']
    """
    blocks = settings_of(text)
    if steps is None or not set(steps) <= set(NEEDS):
        return set(blocks)
    roots = [name for step in steps for name in NEEDS[step]]
    return referred_to([name for name in roots if name in blocks], blocks)


def needed_yaml(text, steps=None):
    """Makes the objects null that no step reads.

    Arguments
    ---------
    text : str
        The run's YAML.
    steps : list of str or None
        Its steps.

    Returns
    -------
    str
        The YAML to build.

    Example
    -------
    >>> text = "chat_llm: !new:A\\nempathy_scorer: !new:B\\nsteps: [score]\\n"
    >>> print(needed_yaml(text, ["score"]), end="")
    chat_llm: null
    empathy_scorer: !new:B
    steps: [score]
    """
    blocks = settings_of(text)
    kept = needed_settings(text, steps)
    known = needed_settings(text, list(NEEDS))
    built = {n for n in blocks if re.search("!(new|apply):", blocks[n])}
    # `modules` is a mapping of built ones.
    nulled = {n for n in known - kept if referred_to([n], blocks) & built}
    # Whatever holds one of them goes too: `modules`, or a checkpointer.
    holders = True
    while holders:
        holders = {
            name
            for name, block in blocks.items()
            if name not in nulled | kept
            and any(f"!ref <{gone}" in block for gone in nulled)
        }
        nulled |= holders
    return "".join(
        f"{name}: null\n" if name in nulled else block
        for name, block in blocks.items()
    )


def loads_weights(steps):
    """Tells whether some steps need more of a model than its outline.

    Arguments
    ---------
    steps : list of str or None
        The run's steps.

    Returns
    -------
    bool
        Whether weights must be loaded.

    Example
    -------
    >>> loads_weights(["report", "release"]), loads_weights(["score"])
    (False, True)
    """
    return steps is None or not set(steps) <= _WITHOUT_WEIGHTS


def needed_sources(text, settings, steps=None):
    """Lists the models that some steps load.

    Arguments
    ---------
    text : str
        The run's YAML.
    settings : dict
        Its plain values.
    steps : list of str or None
        The run's steps.

    Returns
    -------
    dict
        Setting to hub id, folder or file; models that are made on the spot
        are left out.

    Example
    -------
    >>> text = "a: !new:A\\n    source: x/y\\nllm_source: !apply:make []\\n"
    >>> needed_sources(text, {})
    {'a_source': 'x/y'}
    """
    blocks = name_sources(settings_of(text))
    found = {}
    for name in needed_settings(text, steps):
        names = re.findall(r"^\s+source: !ref <(\w+)>", blocks[name], re.M)
        for source in [*names, *([name] if is_source(name) else [])]:
            value = settings.get(source)
            if source not in settings and source in blocks:
                value = literal(blocks[source])
            if isinstance(value, str):
                found[source] = value
    return dict(sorted(found.items()))
