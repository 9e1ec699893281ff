"""Pseudo labels of arousal, dominance and valence (Section III-B).

Where a corpus has no dimensional labels (ESD), the pretrained dimensional
emotion encoder gives them.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

from speechbrain_relm.data.datasets import (
    load_batch,
    speech_dataset,
    unlabelled,
)
from speechbrain_relm.runs.provenance.data_inputs import record_inputs
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.records import make_batches, work_through


def label_attributes(emotion_cache, entries, path, batch_size, inputs, heard):
    """Predicts the dimensions of utterances that lack them.

    Arguments
    ---------
    emotion_cache : speechbrain_relm.data.encoder_cache.EncoderCache
        Asks the pretrained encoder, and keeps its embeddings for training.
    entries : dict
        Manifest entries.
    path : str or pathlib.Path
        Where the records go.
    batch_size : int
        Utterances a batch.
    inputs : dict
        What the labels depend on: the encoder.
    heard : dict
        Utterance id to the content of its wav.

    Returns
    -------
    dict
        Utterance id to a record with arousal, dominance and valence.
    """
    asked = unlabelled(entries)
    # A corpus with labels leaves nothing to do.
    dataset = speech_dataset(asked) if asked else None
    device = next(emotion_cache.encoder.parameters()).device

    def _work(batch_ids):
        batch = load_batch(dataset, batch_ids).to(device)
        _, attributes = emotion_cache(batch.audio_key, *batch.sig)
        # A regression may leave the scale of its labels by a little.
        attributes = attributes.clamp(0, 1)
        return [
            {"id": utterance, **dict(zip(DIMENSIONS, row))}
            for utterance, row in zip(batch.id, attributes.tolist())
        ]

    lengths = [entry["duration"] for entry in asked.values()]
    batches = make_batches(list(asked), lengths, batch_size)
    with torch.no_grad():
        return work_through(
            path,
            batches,
            _work,
            inputs,
            "attributes",
            record_inputs("attributes", asked, heard),
        )
