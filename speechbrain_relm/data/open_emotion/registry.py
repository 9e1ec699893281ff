"""The free corpora by name, and what their labels mean.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.fetching import unpack_once
from speechbrain_relm.data.open_emotion.cameo import CAMEO
from speechbrain_relm.data.open_emotion.crema_d import CREMA_D
from speechbrain_relm.data.open_emotion.emns import EMNS
from speechbrain_relm.data.open_emotion.emo_db import EMO_DB
from speechbrain_relm.data.open_emotion.meld import MELD
from speechbrain_relm.data.open_emotion.nemo import NEMO
from speechbrain_relm.data.open_emotion.ravdess import RAVDESS
from speechbrain_relm.data.open_emotion.savee import SAVEE
from speechbrain_relm.data.open_emotion.tess import TESS

logger = get_logger(__name__)

CORPORA = {
    corpus.title: corpus
    for corpus in (
        RAVDESS,
        CREMA_D,
        TESS,
        EMO_DB,
        SAVEE,
        EMNS,
        NEMO,
        MELD,
        CAMEO,
    )
}


def find(title):
    """Finds a corpus.

    Arguments
    ---------
    title : str
        Its name.

    Returns
    -------
    speechbrain_relm.data.open_emotion.base.Corpus
        What is known of it.

    Raises
    ------
    ValueError
        If there is none of that name.

    Example
    -------
    >>> find("TESS").language
    'English'
    """
    if title not in CORPORA:
        raise ValueError(f"corpus: {title} is none of {', '.join(CORPORA)}.")
    return CORPORA[title]


def fetch_corpus(corpus, data_folder):
    """Fetches a corpus that has a public address, once.

    Arguments
    ---------
    corpus : speechbrain_relm.data.open_emotion.base.Corpus
        Which.
    data_folder : str or pathlib.Path
        Receives it, unpacked; one that has files is left as it is.

    Raises
    ------
    ValueError
        If it has to be fetched by hand, or the folder is the one to work in.
    RecipeError
        If it cannot be fetched, or is not the one that was published.

    Example
    -------
    >>> fetch_corpus(find("SAVEE"), "SAVEE")
    Traceback (most recent call last):
    ...
    ValueError: download: SAVEE has to be fetched by hand: http://kahlan...
    """
    if corpus.archive is None:
        raise ValueError(
            f"download: {corpus.title} has to be fetched by hand: "
            f"{corpus.where}."
        )
    folder = Path(data_folder).resolve()
    if folder == Path.cwd():
        raise ValueError("download: give the corpus a folder of its own.")
    if folder.is_dir() and any(folder.iterdir()):
        logger.info("%s has files: nothing is fetched.", data_folder)
        return
    unpack_once(*corpus.archive, folder)


def licence(title):
    """Tells the terms of a corpus.

    Arguments
    ---------
    title : str
        Its name.

    Returns
    -------
    str
        In a few words.

    Example
    -------
    >>> licence("RAVDESS")
    'CC BY-NC-SA 4.0'
    """
    return find(title).licence


def class_of(label, emotion_names):
    """Finds the class that a corpus's own word means.

    Arguments
    ---------
    label : str
        The word.
    emotion_names : dict
        Class to the words for it, in whatever case.

    Returns
    -------
    str or None
        The class, `None` if no class has the word.

    Raises
    ------
    ValueError
        If several have it.

    Example
    -------
    >>> class_of("joy", {"happy": ["joy", "happiness"], "sad": ["sadness"]})
    'happy'
    """
    found = [
        c
        for c, words in emotion_names.items()
        if label in [word.lower() for word in words]
    ]
    if len(found) > 1:
        raise ValueError(
            f"emotion_names: '{label}' stands under {' and '.join(found)}."
        )
    return found[0] if found else None
