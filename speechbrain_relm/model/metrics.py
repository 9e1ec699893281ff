"""Measures: UA of emotion recognition, word error rate.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain.utils.edit_distance import wer_details_for_batch, wer_summary

from speechbrain_relm.utils.text.wording import spoken_words


def unweighted_accuracy(predictions, labels):
    """Averages the recall of the classes (UA), however rare each is.

    Arguments
    ---------
    predictions : list
        Predicted classes; `None` where nothing was recognized, which counts
        as wrong.
    labels : list
        True classes.

    Returns
    -------
    float
        Mean recall over the classes that occur in `labels`, 0..1.

    Raises
    ------
    ValueError
        If there are no labels, or not as many as predictions.

    Example
    -------
    >>> unweighted_accuracy(["sad", "sad", None], ["sad", "sad", "angry"])
    0.5
    """
    if not labels or len(labels) != len(predictions):
        raise ValueError(
            f"UA needs as many predictions as labels, and at least one: got "
            f"{len(predictions)} and {len(labels)}."
        )
    recalls = []
    for category in sorted(set(labels)):
        hits = [
            p == category for p, t in zip(predictions, labels) if t == category
        ]
        recalls.append(sum(hits) / len(hits))
    return sum(recalls) / len(recalls)


def word_error_rate(heard, transcripts):
    """Compares transcripts by what is spoken; see `spoken_words`.

    Arguments
    ---------
    heard : list of str
        What was recognized.
    transcripts : list of str
        What was said.

    Returns
    -------
    float
        Word errors a word said, 0 or more.

    Example
    -------
    >>> word_error_rate(["so, i fell"], ["I fell."])
    0.5
    >>> word_error_rate(["it's 10"], ["It’s ten. [LAUGHTER]"])
    0.0
    """
    said, recognized = (
        [spoken_words(text) for text in texts] for texts in (transcripts, heard)
    )
    ids = list(range(len(said)))
    details = wer_details_for_batch(ids, said, recognized)
    return wer_summary(details)["WER"] / 100
