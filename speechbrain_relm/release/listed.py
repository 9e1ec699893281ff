"""What a release may build.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

# Tag to the classes and functions that it may name.
LISTED = {
    "!new:": {
        "speechbrain_relm.lobes.chat_llm.ChatLLM",
        "speechbrain_relm.lobes.conv_adapter.ConvAdapter",
        "speechbrain_relm.lobes.emotion_encoder.DimensionalEmotionEncoder",
        "speechbrain_relm.lobes.emotion_heads.EmotionHeads",
        "speechbrain_relm.lobes.epitome.EmpathyScorer",
        "speechbrain_relm.lobes.whisper_encoder.WhisperSpeechEncoder",
        "speechbrain_relm.model.re_llm.RELLM",
        "speechbrain_relm.model.RELLM",  # version 0.1.0
        "speechbrain.integrations.huggingface.hubert.HuBERT",
        "speechbrain.integrations.huggingface.wav2vec2.Wav2Vec2",
        "speechbrain.integrations.huggingface.wavlm.WavLM",
        "speechbrain.integrations.huggingface.whisper.Whisper",
        "speechbrain.nnet.adapters.AdaptedModel",
        "speechbrain.utils.parameter_transfer.Pretrainer",
    },
    "!name:": {
        "speechbrain_relm.lobes.partial_lora.PartialLoRA",
        "speechbrain.nnet.adapters.HoulsbyAdapterLinear",
        "speechbrain.nnet.adapters.LoRA",
    },
    "!apply:": {
        "speechbrain_relm.base_models.base_model",  # version 0.1.0
        "speechbrain_relm.initialization.start_from",  # version 0.1.0
        "speechbrain_relm.mini.emotion_encoder.folder",
        "speechbrain_relm.mini.models.folder",
        "speechbrain_relm.model.fused_size",  # version 0.1.0
        "speechbrain_relm.model.re_llm.fused_size",
        "speechbrain_relm.training.initialization.start_from",
        "speechbrain_relm.utils.sources.base_models.base_model",
        "getattr",  # what `!ref <name.attribute>` becomes
        "len",
    },
}
# What may be given to a class that could do more than a release needs.
ARGUMENTS = {"speechbrain.utils.parameter_transfer.Pretrainer": {"loadables"}}
FORBIDDEN = "trust_remote_code"

_KINDS = ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in _KINDS}
_PLAIN |= {"!ref", "!PLACEHOLDER"}
# References and text around them; a name or a place, one attribute at most.
_REFERENCE = re.compile(r"[^<>]*(<\w+(\[\w+\])*(\.[A-Za-z]\w*)?>[^<>]*)+")
# What HyperPyYAML makes a tuple of, by a loader that runs any code.
_TUPLE = re.compile(r"\(.*\)", re.DOTALL)
_FLAT = re.compile(r"\([\w\s.,+-]*\)")


def unlisted(node):
    """Finds the first thing in a YAML that no release needs.

    Arguments
    ---------
    node : ruamel.yaml.Node
        The YAML, composed; nothing is built.

    Returns
    -------
    tuple of ruamel.yaml.Node and str, or None
        The thing, and how to name it.

    Example
    -------
    >>> import ruamel.yaml
    >>> def find(text):
    ...     found = unlisted(ruamel.yaml.YAML(pure=True).compose(text))
    ...     return found and found[1]
    >>> find("a: !new:speechbrain_relm.lobes.conv_adapter.ConvAdapter [1, 2]")
    >>> find("a: !apply:os.system [ls]")
    '!apply:os.system'
    >>> find("a: (!!python/object/apply:os.system [ls])")
    'a tuple of more than numbers and words'
    """
    seen, todo = set(), [node]
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        said = _wrong(node)
        if said:
            return node, said
        parts = node.value if isinstance(node.value, list) else []
        for part in reversed(parts):
            todo += part[::-1] if isinstance(part, tuple) else [part]
    return None


def _wrong(node):
    """Names what is wrong with a node itself."""
    tag = node.tag
    if node.id == "scalar":
        text = node.value.strip()
        if tag == "!tuple" or _TUPLE.fullmatch(text):
            # Quoted, it may lose its quotes when references are filled in.
            return "" if _FLAT.fullmatch(text) else _OF_TUPLES
        if tag == "!ref" and not _REFERENCE.fullmatch(node.value):
            return f"the reference '{node.value[:40]}'"
        if node.value == FORBIDDEN:
            return f"'{FORBIDDEN}'"
    if tag in _PLAIN:
        return ""
    kind, colon, name = tag.partition(":")
    if name not in LISTED.get(kind + colon, ()):
        return tag[:80].replace("tag:yaml.org,2002:", "!!")
    return _wrong_arguments(name, node)


_OF_TUPLES = "a tuple of more than numbers and words"


def _wrong_arguments(name, node):
    """Names what may not be given to a class or function."""
    if name == "getattr":
        wanted = [part.value for part in node.value]
        if len(wanted) != 2 or not re.fullmatch(r"[A-Za-z]\w*", str(wanted[1])):
            return "!apply:getattr"
    if name in ARGUMENTS and node.value:
        given = {str(key.value) for key, _ in node.value if key.id == "scalar"}
        for argument in sorted(given - ARGUMENTS[name]):
            return f"'{argument}' of {name}"
    return ""
