"""From manifests and records to batches.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import re
from pathlib import Path

import numpy as np
import speechbrain as sb
import torch
from speechbrain.dataio.batch import PaddedBatch
from speechbrain.dataio.dataset import DynamicItemDataset
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import SPLITS, resolve_wav
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.sound.audio import load_audio
from speechbrain_relm.utils.text.reading import is_number, read_json
from speechbrain_relm.utils.text.wording import words_of

logger = get_logger(__name__)

# Whisper hears 30 s. What is longer, two utterances
# of IEMOCAP, is cut there, as Whisper's own feature extractor does.
LONGEST_SECONDS = 30
# What a manifest entry must hold, and what it holds besides in a corpus with
# emotions; the dimensions may be null.
FIELDS = ("wav", "duration", "transcript")
LABELS = ("emotion", *DIMENSIONS)


def read_manifest(path, data_folder, emotions):
    """Reads and checks a manifest.

    Arguments
    ---------
    path : str or pathlib.Path
        A JSON manifest.
    data_folder : str
        What `{data_root}` stands for; no wav may lie outside it.
    emotions : list of str or None
        The classes; `None` for a corpus without labels, or whose labels are
        not wanted: its entries then have none.

    Returns
    -------
    dict
        Utterance id to entry, with the wav's real path.

    Raises
    ------
    ValueError
        If a field is missing or has no sense, naming it.
    FileNotFoundError
        If the manifest is missing.

    Example
    -------
    >>> path = getfixture("tmp_path") / "train.json"
    >>> _ = path.write_text('{"a": {"wav": "{data_root}/a.wav"}}')
    >>> read_manifest(path, "data", ["sad"])
    Traceback (most recent call last):
    ...
    ValueError: .../train.json, utterance a: 'duration' is missing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"There is no manifest {path}: run the recipe's first step."
        )
    manifest, entries = read_json(path), {}
    if not isinstance(manifest, dict):
        raise ValueError(f"{path}: no manifest: run the recipe's first step.")
    for utterance, entry in manifest.items():
        problem = _problem(entry, emotions)
        if problem:
            raise ValueError(f"{path}, utterance {utterance}: {problem}")
        wav = resolve_wav({"id": utterance, **entry}, data_folder)
        entries[utterance] = {**entry, "wav": wav}
        if emotions is None:
            entries[utterance].update(dict.fromkeys(LABELS))
    return entries


def read_manifests(settings):
    """Reads and checks the manifests of a run.

    Arguments
    ---------
    settings : dict
        `manifest_folder`, `data_folder` and, if the corpus has them,
        `emotions`.

    Returns
    -------
    dict
        Split to entries; see `read_manifest`.

    Raises
    ------
    ValueError
        If a field is missing or has no sense, naming it.
    FileNotFoundError
        If a manifest is missing.

    Example
    -------
    >>> read_manifests({"manifest_folder": "nowhere", "data_folder": ""})
    Traceback (most recent call last):
    ...
    FileNotFoundError: There is no manifest nowhere/train.json: run the...
    """
    return {
        split: read_manifest(
            Path(settings["manifest_folder"]) / f"{split}.json",
            settings["data_folder"],
            settings.get("emotions"),
        )
        for split in SPLITS
    }


def _problem(entry, emotions):
    """Says what is wrong with a manifest entry, if anything."""
    if not isinstance(entry, dict):
        return f"{entry!r} is no entry."
    for field in FIELDS if emotions is None else (*FIELDS, *LABELS):
        if field not in entry:
            return f"'{field}' is missing."
    for field in ("wav", "transcript", "cluster"):
        if not isinstance(entry.get(field, ""), str):
            return f"{field} {entry[field]!r} is no text."
    if not is_number(entry["duration"]) or entry["duration"] <= 0:
        return f"duration {entry['duration']!r} is no number of seconds."
    if emotions is None:
        return None
    if entry["emotion"] not in emotions:
        return f"emotion '{entry['emotion']}' is none of {', '.join(emotions)}."
    for dimension in DIMENSIONS:
        value = entry[dimension]
        if value is not None and not (is_number(value) and 0 <= value <= 1):
            return f"{dimension} {value!r} is no number from 0 to 1."
    return None


def with_words(entries):
    """Keeps the utterances whose transcript a text LLM could answer to.

    Arguments
    ---------
    entries : dict
        Manifest entries.

    Returns
    -------
    dict
        Those that are more than a sound in brackets, as some of IEMOCAP are.

    Example
    -------
    >>> texts = {"a": "[LAUGHTER] [BREATHING]", "b": "[LAUGHTER] Oh!"}
    >>> list(with_words({i: {"transcript": texts[i]} for i in texts}))
    ['b']
    """
    kept = {
        utterance: entry
        for utterance, entry in entries.items()
        # IEMOCAP writes laughter and the like in brackets.
        if words_of(re.sub(r"\[[^\]]*\]", " ", entry["transcript"]))
    }
    if len(kept) < len(entries):
        first = next(i for i in entries if i not in kept)
        logger.warning(
            "%d utterances say no word, as %s (%s): no response is expected "
            "to them, and none is learned.",
            len(entries) - len(kept),
            first,
            entries[first]["transcript"],
        )
    return kept


def unlabelled(entries):
    """Keeps the utterances whose dimensions nobody has labelled.

    Arguments
    ---------
    entries : dict
        Manifest entries.

    Returns
    -------
    dict
        Those without arousal, dominance or valence.

    Example
    -------
    >>> entries = {"a": {"arousal": None, "dominance": 0.1, "valence": 0.2}}
    >>> list(unlabelled(entries))
    ['a']
    """
    return {
        utterance: entry
        for utterance, entry in entries.items()
        if any(entry[dimension] is None for dimension in DIMENSIONS)
    }


def add_attributes(entries, attributes):
    """Fills in pseudo labels where a corpus has no dimensions.

    Arguments
    ---------
    entries : dict
        Manifest entries; changed in place.
    attributes : dict
        Records with arousal, dominance and valence.

    Example
    -------
    >>> entries = {"a": {"arousal": None, "dominance": 0.1, "valence": 0.2}}
    >>> add_attributes(entries, {"a": {"arousal": 0.9, "dominance": 0.8}})
    >>> entries["a"]["arousal"], entries["a"]["dominance"]
    (0.9, 0.1)
    """
    for utterance, entry in entries.items():
        for dimension in DIMENSIONS:
            if entry[dimension] is None and utterance in attributes:
                entry[dimension] = attributes[utterance].get(dimension)


def speech_dataset(
    entries,
    llm=None,
    emotions=None,
    responses=None,
    instruction="",
    limit=256,
    shown=None,
):
    """Makes a dataset of utterances, with what training needs if given.

    Arguments
    ---------
    entries : dict
        Manifest entries.
    llm : torch.nn.Module or None
        A `ChatLLM`, whose tokenizer the responses need.
    emotions : list of str or None
        The classes, in the order of the category head; `None` for a corpus
        without labels.
    responses : dict or None
        Expected responses, for training.
    instruction : str
        What the text LLM was told, with "{emotion}"; the transcript follows.
    limit : int
        Tokens at most of a response or text (the released code's 256).
    shown : dict or None
        Emotion to the token ids of the example turns that the text LLM was
        shown before the text; see `shown_before`.

    Returns
    -------
    speechbrain.dataio.dataset.DynamicItemDataset
        With `id`, `sig` and its `audio_key`; for training also `response_ids`
        and `text_ids`, what the text LLM answered to, and, of a corpus with
        labels, `category` and `attributes`.
    """
    dataset = DynamicItemDataset(entries)
    add_audio(dataset)
    keys = ["id", "sig", "audio_key"]
    if responses is not None:

        @sb.utils.data_pipeline.takes("id", "emotion", "transcript")
        @sb.utils.data_pipeline.provides("response_ids", "text_ids")
        def _text_pipeline(utterance, emotion, transcript):
            record = responses[utterance]
            # Longer ones are cut; the released code leaves them out.
            yield torch.tensor(
                llm.encode_answer(record["response"], record["finished"])
            )[:limit]
            text = instruction.format(emotion=emotion) + transcript
            turns = shown.get(emotion, []) if shown else []
            yield torch.tensor(turns + llm.encode(text)[:limit])

        dataset.add_dynamic_item(_text_pipeline)
        keys += ["response_ids", "text_ids"]
    if responses is not None and emotions is not None:
        add_labels(dataset, emotions)
        keys += ["category", "attributes"]
    dataset.set_output_keys(keys)
    return dataset


def shown_before(llm, system, turns):
    """Encodes the example turns that stand before a user's text.

    Arguments
    ---------
    llm : torch.nn.Module
        A `ChatLLM`, bare or adapted.
    system : str
        System message.
    turns : sequence of (str, str)
        What the user and the assistant say.

    Returns
    -------
    list of int
        Token ids from the system message's end to the user's next text.

    Raises
    ------
    RecipeError
        If the chat template has them before the system message.
    """
    plain = llm.split_prompt(system, "").before
    shown = llm.split_prompt(system, "", turns).before
    if shown[: len(plain)] != plain:
        raise RecipeError(
            "response_kl with continuation_examples: this LLM's chat template "
            "has examples before the system message. Give the one or the other."
        )
    return shown[len(plain) :]


def add_audio(dataset):
    """Adds the signal `sig` of an utterance and its `audio_key`.

    Arguments
    ---------
    dataset : DynamicItemDataset
        With `wav`; changed in place.
    """

    @sb.utils.data_pipeline.takes("wav")
    @sb.utils.data_pipeline.provides("sig", "audio_key")
    def _audio_pipeline(wav):
        signal = load_audio(wav, seconds=LONGEST_SECONDS)
        yield signal
        yield audio_key(signal)

    dataset.add_dynamic_item(_audio_pipeline)


def add_labels(dataset, emotions):
    """Adds what the heads learn: `category`, and `attributes` (NaN if unknown).

    Arguments
    ---------
    dataset : DynamicItemDataset
        With `emotion` and the dimensions; changed in place.
    emotions : list of str
        The classes, in the order of the category head.
    """

    @sb.utils.data_pipeline.takes("emotion", *DIMENSIONS)
    @sb.utils.data_pipeline.provides("category", "attributes")
    def _label_pipeline(emotion, *dimensions):
        yield emotions.index(emotion)
        yield torch.tensor(
            [float("nan") if d is None else d for d in dimensions]
        )

    dataset.add_dynamic_item(_label_pipeline)


def load_batch(dataset, ids):
    """Loads chosen utterances as one padded batch.

    Arguments
    ---------
    dataset : DynamicItemDataset
        From `speech_dataset`.
    ids : list of str
        Utterance ids.

    Returns
    -------
    speechbrain.dataio.batch.PaddedBatch
        The batch, in the order of the ids.
    """
    compute = dataset.pipeline.compute_outputs
    return PaddedBatch([compute({"id": i, **dataset.data[i]}) for i in ids])


def audio_key(signal):
    """Identifies a signal by its samples.

    Arguments
    ---------
    signal : torch.Tensor
        Samples [T].

    Returns
    -------
    str
        32 hexadecimal digits.

    Example
    -------
    >>> audio_key(torch.zeros(3)) == audio_key(torch.zeros(4))
    False
    """
    content = np.ascontiguousarray(signal.numpy()).data
    return hashlib.sha256(content).hexdigest()[:32]
