"""A linear probe beside the category head: same frames, same split.

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np
import torch

from speechbrain_relm.data.datasets import load_batch, speech_dataset
from speechbrain_relm.data.encoder_cache import encoder_mark
from speechbrain_relm.model.linear_probe import STRENGTHS, choose_probe
from speechbrain_relm.utils.lengths import masked_mean, valid_mask
from speechbrain_relm.utils.provenance.stamps import content, fingerprint
from speechbrain_relm.utils.records import make_batches, work_through


def probe(frame_cache, splits, emotions, path, batch_size, device, contents):
    """Recognizes the emotion of the test speech by a linear probe.

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
        Utterance id to a record with `probe_emotion`, and the `strength` of
        the penalty that validation chose.
    """

    def _work(ids):
        (*train, _), (*valid, _), (features, _, order) = (
            pooled(frame_cache, splits[split], emotions, batch_size, device)
            for split in ("train", "valid", "test")
        )
        best, strength = choose_probe(train, valid, len(emotions))
        found = best.log_probabilities(features).argmax(1)
        heard = dict(zip(order, (emotions[i] for i in found)))
        return [
            {"id": i, "probe_emotion": heard[i], "strength": strength}
            for i in ids
        ]

    inputs = {
        "encoder": encoder_mark(frame_cache.encoder, frame_cache.precision),
        "emotions": emotions,
        "strengths": STRENGTHS,
    }
    for split, entries in splits.items():
        heard = {i: [contents[i], e["emotion"]] for i, e in entries.items()}
        of = f"of {len(entries)} utterances"
        inputs[split] = content(fingerprint(heard), of)
    return work_through(path, [list(splits["test"])], _work, inputs, "probe")


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
    features : numpy.ndarray
        [N, C].
    labels : list of int
        Classes [N].
    order : list of str
        Their utterances' ids.
    """
    dataset, means, order = speech_dataset(entries), [], []
    lengths = [entry["duration"] for entry in entries.values()]
    for ids in make_batches(list(entries), lengths, batch_size):
        batch = load_batch(dataset, ids)
        wavs, lens = batch.sig
        counts = frame_cache.encoder.frame_counts(lens, wavs.shape[1])
        frames = frame_cache(batch.audio_key, wavs.to(device), lens)
        mask = valid_mask(counts, frames.shape[1], device)
        means.append(masked_mean(frames, mask).cpu().numpy())
        order += ids
    labels = [emotions.index(entries[i]["emotion"]) for i in order]
    return np.concatenate(means), labels, order
