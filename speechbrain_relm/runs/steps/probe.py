"""Two references beside the category head: same frames, same split.

A linear probe of the mean frame, and EmoBox's small head.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import numpy as np
import torch

from speechbrain_relm.data.datasets import load_batch, speech_dataset
from speechbrain_relm.data.encoder_cache import encoder_mark
from speechbrain_relm.model.linear_probe import STRENGTHS, choose_probe
from speechbrain_relm.runs.emotion.small_head import SETTINGS, fit_small_head
from speechbrain_relm.utils.lengths import masked_mean, valid_mask
from speechbrain_relm.utils.provenance.stamps import content, fingerprint
from speechbrain_relm.utils.records import make_batches, work_through


def probe(frame_cache, splits, emotions, path, batch_size, device, contents):
    """Recognizes the emotion of the test speech by the two references.

    Arguments
    ---------
    frame_cache : speechbrain_relm.data.encoder_cache.EncoderCache
        What a frozen speech encoder hears, each utterance once.
    splits : dict
        "train", "valid" and "test" to manifest entries.
    emotions : list of str
        The classes.
    path : str or pathlib.Path
        Where the records go.
    batch_size : int
        Utterances a batch.
    device : torch.device
        Where the encoder is.
    contents : dict
        Utterance id to the content of its wav.

    Returns
    -------
    dict
        Utterance id to a record with `probe_emotion`, the `strength` of the
        penalty that validation chose, and `small_head_emotion`.
    """

    def _work(ids):
        heard = {
            split: pooled(frame_cache, entries, emotions, batch_size, device)
            for split, entries in splits.items()
        }
        train, valid, test = (heard[s] for s in ("train", "valid", "test"))
        best, strength = choose_probe(
            (train.means, train.labels),
            (valid.means, valid.labels),
            len(emotions),
        )
        probed = best.log_probabilities(test.means).argmax(1)
        small = by_small_head(frame_cache, heard, len(emotions), device)
        records = {
            utterance: {
                "id": utterance,
                "probe_emotion": emotions[one],
                "strength": strength,
                "small_head_emotion": emotions[other],
            }
            for utterance, one, other in zip(test.order, probed, small)
        }
        return [records[i] for i in ids]

    inputs = {
        "encoder": encoder_mark(frame_cache.encoder, frame_cache.precision),
        "emotions": emotions,
        "strengths": STRENGTHS,
        "small_head": SETTINGS,
    }
    for split, entries in splits.items():
        heard = {i: [contents[i], e["emotion"]] for i, e in entries.items()}
        of = f"of {len(entries)} utterances"
        inputs[split] = content(fingerprint(heard), of)
    return work_through(path, [list(splits["test"])], _work, inputs, "probe")


class Pooled(NamedTuple):
    """Utterances of a split as they were heard.

    `means` [N, C] of their frames, `labels` and `order`, their classes and
    ids, and `keys`, by which the cache knows them, all in one order.
    """

    means: np.ndarray
    labels: list
    order: list
    keys: list


@torch.no_grad()
def pooled(frame_cache, entries, emotions, batch_size, device):
    """Averages the frames of utterances.

    Arguments
    ---------
    frame_cache : speechbrain_relm.data.encoder_cache.EncoderCache
        See `probe`.
    entries : dict
        Manifest entries.
    emotions : list of str
        See `probe`.
    batch_size : int
        Utterances a batch.
    device : torch.device
        See `probe`.

    Returns
    -------
    Pooled
        The means, and of which utterances.
    """
    dataset, means, order, keys = speech_dataset(entries), [], [], []
    lengths = [entry["duration"] for entry in entries.values()]
    for ids in make_batches(list(entries), lengths, batch_size):
        batch = load_batch(dataset, ids)
        wavs, lens = batch.sig
        counts = frame_cache.encoder.frame_counts(lens, wavs.shape[1])
        frames = frame_cache(batch.audio_key, wavs.to(device), lens)
        mask = valid_mask(counts, frames.shape[1], device)
        means.append(masked_mean(frames, mask).cpu().numpy())
        order += ids
        keys += batch.audio_key
    labels = [emotions.index(entries[i]["emotion"]) for i in order]
    return Pooled(np.concatenate(means), labels, order, keys)


def by_small_head(frame_cache, heard, classes, device):
    """Recognizes the test speech by EmoBox's small head.

    Arguments
    ---------
    frame_cache : speechbrain_relm.data.encoder_cache.EncoderCache
        See `probe`.
    heard : dict
        "train", "valid" and "test" to what `pooled` gives.
    classes : int
        How many there are.
    device : torch.device
        See `probe`.

    Returns
    -------
    list of int
        Classes, in the order of the test.
    """

    def _batches(split, order=None):
        """Yields batches; training shuffles, others keep their order."""
        keys, labels = heard[split].keys, torch.tensor(heard[split].labels)
        shuffled = torch.arange(len(keys))
        if order is not None:
            shuffled = torch.randperm(len(keys), generator=order)
        for chosen in shuffled.split(SETTINGS["batch_size"]):
            frames, counts = frame_cache.again([keys[i] for i in chosen])
            mask = valid_mask(counts, frames.shape[1], device)
            yield frames.to(device), mask, labels[chosen].to(device)

    head = fit_small_head(
        lambda order: _batches("train", order),
        lambda: _batches("valid"),
        frame_cache.width,
        classes,
        device,
    )
    with torch.no_grad():
        return [
            label
            for frames, mask, _ in _batches("test")
            for label in head(frames, mask).argmax(1).tolist()
        ]
