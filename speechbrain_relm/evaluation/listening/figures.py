"""Does a response follow the voice, and what was said? Two measures.

*Tone fit*: of the corpus's emotions, under which does the text LLM, given
the true transcript, find the response likeliest? *Content fit*: the same
among four sentences of the emotion. From each log-probability its prior is
taken off, the mean over the responses judged (batch calibration, Zhou et al.
2023), so that neither a liking of the judge nor a system that says the same
to everybody earns anything.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import defaultdict

from speechbrain_relm.evaluation.chance.clusters import cluster_of
from speechbrain_relm.evaluation.listening.judge import SENTENCES
from speechbrain_relm.evaluation.listening.quality import FLAWS, flaws_of
from speechbrain_relm.evaluation.statistics import figure_of
from speechbrain_relm.utils.text.wording import normalised


def share_of_best(scores, own):
    """Tells whether one of several scores is the highest.

    Arguments
    ---------
    scores : dict
        Name to score.
    own : str
        The name that should have the highest.

    Returns
    -------
    float
        1 if it has, 0 if not; one in so many if so many share the highest.

    Example
    -------
    >>> share_of_best({"a": 2.0, "b": 2.0, "c": 1.0}, "a")
    0.5
    """
    highest = max(scores.values())
    tied = [name for name, score in scores.items() if score == highest]
    return (own in tied) / len(tied)


def tone_priors(judged, emotions_of):
    """Averages over responses how likely each emotion makes them.

    Arguments
    ---------
    judged : dict
        Utterance id to a record with `tone`.
    emotions_of : dict
        Utterance id to its true emotion; each counts the same, however often
        it comes.

    Returns
    -------
    dict
        Emotion to mean log-probability.

    Example
    -------
    >>> tone = {"sad": -1.0, "happy": -3.0}
    >>> judged = {"a": {"tone": tone}, "b": {"tone": tone}}
    >>> tone_priors(judged, {"a": "sad", "b": "happy"})
    {'sad': -1.0, 'happy': -3.0}
    """
    rows = defaultdict(list)
    for utterance, record in judged.items():
        rows[emotions_of[utterance]].append(record["tone"])
    candidates = next(iter(judged.values()))["tone"]
    return {
        candidate: mean(
            mean(tone[candidate] for tone in tones) for tones in rows.values()
        )
        for candidate in candidates
    }


def content_priors(judged, emotions_of):
    """Averages over responses how likely each sentence makes them.

    Arguments
    ---------
    judged : dict
        Utterance id to a record with `content`.
    emotions_of : dict
        Utterance id to its true emotion.

    Returns
    -------
    dict
        (emotion, normalised transcript) to mean log-probability over the
        responses for which it is a candidate.
    """
    rows = defaultdict(list)
    for utterance, record in judged.items():
        for transcript, score in record["content"].items():
            rows[emotions_of[utterance], normalised(transcript)].append(score)
    return {sentence: mean(scores) for sentence, scores in rows.items()}


def mean(values):
    """Averages numbers.

    Arguments
    ---------
    values : iterable of float
        The numbers.

    Returns
    -------
    float
        Their mean.

    Example
    -------
    >>> mean([1, 2])
    1.5
    """
    values = list(values)
    return sum(values) / len(values)


def tone_gains(tone, priors):
    """Takes the priors off.

    Arguments
    ---------
    tone : dict
        Emotion to log-probability of a response.
    priors : dict
        From `tone_priors`.

    Returns
    -------
    dict
        Emotion to gain.

    Example
    -------
    >>> tone_gains({"sad": -1.0}, {"sad": -3.0})
    {'sad': 2.0}
    """
    return {emotion: tone[emotion] - priors[emotion] for emotion in tone}


def content_fit(content, emotion, priors):
    """Tells whether a response fits its own sentence best.

    Arguments
    ---------
    content : dict
        Transcript to log-probability of the response, its own first.
    emotion : str
        The true emotion.
    priors : dict
        From `content_priors`.

    Returns
    -------
    float or None
        See `share_of_best`; `None` without another sentence.

    Example
    -------
    >>> priors = {("sad", "a"): -2.0, ("sad", "b"): -5.0}
    >>> content_fit({"a": -1.0, "b": -3.0}, "sad", priors)
    0.0
    """
    if len(content) < 2:
        return None
    gains = {
        transcript: score - priors[emotion, normalised(transcript)]
        for transcript, score in content.items()
    }
    return share_of_best(gains, next(iter(content)))


def fits_of(judged, responses):
    """Works out what fits, response by response.

    Arguments
    ---------
    judged : dict
        From `judge_responses`.
    responses : dict
        What was judged.

    Returns
    -------
    dict
        Utterance id to a record: `tone_fit`, `content_fit` (`None` without
        another sentence), `content_chance`, `fitting_emotion` (the
        likeliest) and `flaws`.
    """
    emotions_of = {i: responses[i]["emotion"] for i in judged}
    of_tone = tone_priors(judged, emotions_of)
    of_content = content_priors(judged, emotions_of)
    found = {}
    for utterance, record in judged.items():
        emotion = emotions_of[utterance]
        gains = tone_gains(record["tone"], of_tone)
        fit = content_fit(record["content"], emotion, of_content)
        found[utterance] = {
            "id": utterance,
            "tone_fit": share_of_best(gains, emotion),
            "fitting_emotion": max(gains, key=gains.get),
            "content_fit": fit,
            "content_chance": None
            if fit is None
            else 1 / len(record["content"]),
            "flaws": flaws_of(responses[utterance]),
        }
    return found


def listening_figures(fits, responses, emotions):
    """Sums the measures up over responses.

    Arguments
    ---------
    fits : dict
        From `fits_of`.
    responses : dict
        The records that were judged.
    emotions : list of str
        The corpus's.

    Returns
    -------
    dict
        `tone_fit`, `content_fit`, `flawed_share` and `empty_share`, each with
        `value`, `low`, `high` (95 %, drawn by cluster) and `n`; the share
        of each flaw; `chance` of the fits; and `notes`.
    """
    rows = list(fits.values())
    clusters = [cluster_of(responses[i]) for i in fits]
    chances = [row["content_chance"] for row in rows]
    chances = [chance for chance in chances if chance is not None]
    notes = []
    if len(chances) < len(rows):
        notes.append(
            f"{len(rows) - len(chances)} responses have no content fit: their "
            "emotion has one sentence only."
        )
    if any(round(1 / chance) < SENTENCES for chance in chances):
        notes.append(
            f"Some emotions have fewer than {SENTENCES} sentences, which "
            "makes the content fit easier; see its chance."
        )
    return {
        "tone_fit": figure_of([row["tone_fit"] for row in rows], clusters),
        "content_fit": figure_of([r["content_fit"] for r in rows], clusters),
        "flawed_share": figure_of(
            [bool(set(row["flaws"]) & set(FLAWS)) for row in rows], clusters
        ),
        "empty_share": figure_of(
            ["empty" in row["flaws"] for row in rows], clusters
        ),
        "flaws": {
            flaw: mean(flaw in row["flaws"] for row in rows) for flaw in FLAWS
        },
        "chance": {
            "tone_fit": 1 / len(emotions),
            "content_fit": mean(chances) if chances else None,
        },
        "notes": notes,
    }
