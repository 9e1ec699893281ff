"""What Whisper hears in the test speech (system 2 of Table I).

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.data.datasets import load_batch, speech_dataset
from speechbrain_relm.runs.provenance.data_inputs import record_inputs
from speechbrain_relm.utils.records import make_batches, work_through


def transcribe(
    make_transcriber, entries, path, device, batch_size, inputs, heard
):
    """Transcribes utterances.

    Arguments
    ---------
    make_transcriber : callable
        Makes a `WhisperTranscriber`; called only if something is left to
        transcribe.
    entries : dict
        Manifest entries.
    path : str or pathlib.Path
        Where the records go.
    device : torch.device
        Where to work.
    batch_size : int
        Utterances a batch.
    inputs : dict
        What the transcripts depend on: the transcriber.
    heard : dict
        Utterance id to the content of its wav.

    Returns
    -------
    dict
        Utterance id to a record with `heard`, Whisper's words, and the true
        `transcript`.
    """
    dataset, transcriber = speech_dataset(entries), []

    def _work(batch_ids):
        # A whole Whisper, for nothing where all is transcribed already.
        if not transcriber:
            transcriber.append(make_transcriber().to(device).eval())
        batch = load_batch(dataset, batch_ids).to(device)
        return [
            {
                "id": utterance,
                "heard": text,
                "transcript": entries[utterance]["transcript"],
            }
            for utterance, text in zip(
                batch.id, transcriber[0].transcribe(*batch.sig)
            )
        ]

    lengths = [entry["duration"] for entry in entries.values()]
    batches = make_batches(list(entries), lengths, batch_size)
    of = record_inputs("transcribe", entries, heard)
    return work_through(path, batches, _work, inputs, "transcripts", of)
