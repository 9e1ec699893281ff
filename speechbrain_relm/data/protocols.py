"""Who trains and who tests, by the protocols that others report.

Authors
 * The speechbrain_relm contributors 2026
"""

from collections import Counter
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.corpus import split_groups
from speechbrain_relm.data.open_emotion.base import tail
from speechbrain_relm.utils.text.reading import read_json_lines
from speechbrain_relm.utils.text.wording import normalised

logger = get_logger(__name__)

SPLITS = ("speakers", "emobox", "sentences", "official")
FEWEST_SPEAKERS = 4  # in training; else validation holds out sentences
MOST_FOLDS = 10  # of speakers: with more voices than that a fold has several


def split_takes(takes, corpus, split, fold, ratios, seed, test_speakers=None):
    """Divides takes into training, validation and test.

    Arguments
    ---------
    takes : list of speechbrain_relm.data.open_emotion.base.Take
        Those with a class.
    corpus : speechbrain_relm.data.open_emotion.base.Corpus
        What they are of.
    split : str
        "speakers": the test has voices that training has not, those of
        EmoBox's fold, of one of at most ten folds where EmoBox has none of
        speakers, or `test_speakers`. "sentences": the test has sentences that
        training has not, in the same voices. "official": the corpus's own
        parts. "emobox", or the folder of a clone of EmoBox: its fold, by
        speaker or by the lists of the clone.
    fold : int
        From 1.
    ratios : (float, float)
        Share of the sentences for testing, and of the rest for validation.
    seed : int
        Of what is drawn.
    test_speakers : list of str or None
        For "speakers".

    Returns
    -------
    dict
        "train", "valid" and "test" to lists of takes.

    Raises
    ------
    ValueError
        If the corpus has no such split, or too little for it.
    """
    if test_speakers and split != "speakers":
        raise ValueError(
            f"test_speakers: the split {split} does not ask for any; take the "
            "split speakers."
        )
    if fold != 1 and (test_speakers or split in ("sentences", "official")):
        given = "test_speakers" if test_speakers else f"the split {split}"
        raise ValueError(
            f"fold: with {given} there is one, not {fold}; split_seed draws "
            "other sentences."
        )
    if split == "official":
        parts = {"train": [], "valid": [], "test": []}
        for take in takes:
            if take.part is None:
                raise ValueError(
                    f"split: {corpus.title} has no official parts; take "
                    "speakers or sentences."
                )
            parts[take.part].append(take)
        return parts
    test = set(_tested(takes, corpus, split, fold, ratios, seed, test_speakers))
    rest = [take for take in takes if take.name not in test]
    if not rest:
        raise ValueError("split: all takes are of the test; none is to train.")
    speakers = {take.speaker for take in takes if take.name in test}
    valid = set(_held_out(rest, speakers, ratios[1], seed))
    return {
        "train": [take for take in rest if take.name not in valid],
        "valid": [take for take in rest if take.name in valid],
        "test": [take for take in takes if take.name in test],
    }


def absent_of_fold(takes, corpus, split, fold, test_speakers=None):
    """Lists the speakers that a copy lacks of a fold that others use.

    Arguments
    ---------
    takes : list of Take
        The copy.
    corpus : Corpus
        What it is a copy of.
    split : str
        See `split_takes`.
    fold : int
        From 1.
    test_speakers : list of str or None
        Named speakers are no fold.

    Returns
    -------
    list of str
        Speakers; figures on what is there are not those of the fold.

    Example
    -------
    >>> from speechbrain_relm.data.open_emotion.registry import CORPORA
    >>> absent_of_fold([], CORPORA["RAVDESS"], "speakers", 2)
    ['04', '10', '12', '14']
    """
    wanted = _of_fold(corpus, split, fold, test_speakers)
    return sorted(wanted - {take.speaker for take in takes})


def _of_fold(corpus, split, fold, test_speakers):
    """Names the speakers of a fold; none where the test is another."""
    named = split == "speakers" and test_speakers
    if named or split not in ("speakers", "emobox") or not corpus.folds:
        return set()
    return set(_numbered(corpus.folds, fold, corpus.title))


def _tested(takes, corpus, split, fold, ratios, seed, test_speakers):
    """Lists the names of the test's takes."""
    if split == "sentences":
        return _draw(takes, _said, ratios[0], seed)
    if split not in ("speakers", "emobox"):  # a folder
        return _listed(takes, corpus, split, fold)
    wanted = _of_fold(corpus, split, fold, test_speakers)
    if split == "speakers" and test_speakers:
        wanted = {str(speaker) for speaker in test_speakers}
        absent = wanted - {take.speaker for take in takes}
        if absent:
            raise ValueError(
                f"test_speakers: {corpus.title} has no "
                f"{', '.join(sorted(absent))}."
            )
    elif not wanted and split == "emobox":
        raise ValueError(
            f"split: EmoBox's folds of {corpus.title} are lists of recordings; "
            "name the folder of a clone of https://github.com/emo-box/EmoBox."
        )
    elif not wanted and split == "speakers":
        speakers = sorted({take.speaker for take in takes})
        if takes and takes[0].part is not None:
            raise ValueError(
                f"split: {corpus.title} has official parts; take official, or "
                "name test_speakers."
            )
        if len(speakers) < 2:
            raise ValueError(
                f"split: {corpus.title} has one speaker; take sentences."
            )
        number = min(len(speakers), MOST_FOLDS)
        folds = [speakers[first::number] for first in range(number)]
        wanted = set(_numbered(folds, fold, corpus.title))
    return [take.name for take in takes if take.speaker in wanted]


def _numbered(folds, fold, title):
    """Takes a fold by its number."""
    if not 1 <= fold <= len(folds):
        raise ValueError(f"fold: {title} has 1 to {len(folds)}, not {fold}.")
    return folds[fold - 1]


def _listed(takes, corpus, folder, fold):
    """Reads EmoBox's list of a fold's test set, in a clone of it."""
    name = corpus.title.replace("-", "").lower()
    lists = Path(folder, "data", name)
    if not lists.is_dir():
        raise ValueError(
            f"split: {folder} is none of {', '.join(SPLITS)}, nor a clone of "
            f"https://github.com/emo-box/EmoBox with {lists}."
        )
    path = lists / f"fold_{fold}" / f"{name}_test_fold_{fold}.jsonl"
    if not path.is_file():
        raise ValueError(f"fold: {folder} has no {fold} of it: {path}.")
    listed = _read_list(path)
    wanted = {tail(wav, depth) for wav in listed for depth in (1, 2)}
    stems = Counter(Path(take.wav).stem for take in takes)
    # MELD's parts use the same names: there the folder counts, too. SAVEE's
    # archive has folders where the list has longer names.
    recurs = max(stems.values(), default=1) > 1
    found = [
        take.name
        for take in takes
        if (take.name,) in wanted
        or tail(take.wav, 2 if recurs else 1) in wanted
    ]
    if not found:
        raise ValueError(f"{path} lists no recording of this copy.")
    logger.info(
        "%s: of %d recordings %d are here, of these classes.",
        path.name,
        len(listed),
        len(found),
    )
    return found


def _read_list(path):
    """Reads the recordings of one of EmoBox's lists."""
    listed = []
    for number, row in read_json_lines(path, "take EmoBox's own list"):
        wav = row.get("wav") if isinstance(row, dict) else None
        if not isinstance(wav, str) or not Path(wav).name:
            raise ValueError(f"{path}, line {number}: no path as wav.")
        listed.append(wav)
    return listed


def _held_out(rest, test_speakers, ratio, seed):
    """Lists the names of the validation's takes, held out as the test is."""
    speakers = {take.speaker for take in rest}
    if len(speakers) >= FEWEST_SPEAKERS and not speakers & test_speakers:
        return _draw(rest, lambda take: take.speaker, ratio, seed)
    if len({_said(take) for take in rest}) > 1:
        return _draw(rest, _said, ratio, seed)
    return _draw(rest, lambda take: take.name, ratio, seed)


def _said(take):
    """What groups the takes of one sentence."""
    return normalised(take.transcript or take.name)


def _draw(takes, group_of, ratio, seed):
    """Draws whole groups, and lists the names of their takes."""
    labels = {}
    for take in takes:
        labels.setdefault(group_of(take), set()).add(take.label)
    drawn = set(split_groups(labels, ratio, seed)[0])
    return [take.name for take in takes if group_of(take) in drawn]
