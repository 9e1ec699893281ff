"""The demo's corpus, in ESD's layout: many sentences, and voices kept apart.

> python -m speechbrain_relm.mini.corpora demo FOLDER

ESD's own sentences are said by every speaker. Here each training sentence is
said by one of eight, in four emotions, so that an hour of speech holds many
sentences; the test sentences, of another kind, are said by two further voices.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.mini.esd import ESD_EMOTIONS, EsdTake, speak_esd
from speechbrain_relm.mini.language.grammar import spoken_sentences
from speechbrain_relm.mini.language.sentences import everyday_sentences
from speechbrain_relm.mini.librispeech import VOICES
from speechbrain_relm.utils.files import cache_folder

FIRST_TEST = 301  # number of the first test sentence
# Heard in the alignment's training set, and in nobody's.
LEARNED = ["m1", "m2", "m3", "m8", "f1", "f4", "max", "steph"]
TESTED = VOICES["test-clean"].split()
# Words that fit each emotion, for the page to try.
TO_TRY = ("She called me back this morning.", "He told me about it last night.")


def make_demo(folder, sentences=270, test_sentences=12, seed=1):
    """Makes the corpus.

    Arguments
    ---------
    folder : str or pathlib.Path
        Where it goes: speakers 0011 to 0018 say sentences 1 and following,
        0019 and 0020 sentences 301 and following.
    sentences : int
        How many are for training, 1 to 300, drawn from the grammar.
    test_sentences : int
        How many are for testing, 1 to 50, written by hand.
    seed : int
        Of sentences and deliveries.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    ValueError
        If there are not so many sentences.

    Example
    -------
    >>> folder = make_demo(getfixture("tmp_path") / "ESD", 1, 1)
    >>> sorted(wav.name for wav in folder.glob("*/Sad/*.wav"))
    ['0012_001051.wav', '0020_001351.wav']
    """
    if not (1 <= sentences < FIRST_TEST and 1 <= test_sentences <= 50):
        raise ValueError(
            f"sentences={sentences}, test_sentences={test_sentences}: ask for "
            f"1 to {FIRST_TEST - 1} and 1 to 50."
        )
    # Another seed than the alignment's corpus has.
    learned = spoken_sentences(sentences, f"demo {seed}")
    said = [
        (number, text, number % len(LEARNED))
        for number, text in enumerate(learned, start=1)
    ]
    everyday = everyday_sentences(test_sentences)
    said += [
        (number, text, len(LEARNED) + number % len(TESTED))
        for number, text in enumerate(everyday, start=FIRST_TEST)
    ]
    voices = [f"en-us+{variant}" for variant in [*LEARNED, *TESTED]]
    takes = [
        EsdTake(speaker, voices[speaker], emotion, number, text)
        for number, text, speaker in said
        for emotion in ESD_EMOTIONS
    ]
    return speak_esd(folder, "demo", seed, takes)


def spoken_examples():
    """Makes two sentences in four voices, once, in the cache folder.

    Returns
    -------
    list of tuple
        Words, emotion and path of each, sentence by sentence.

    Example
    -------
    >>> len(spoken_examples())
    8
    """
    speaker = len(LEARNED) + len(TESTED) - 1
    takes = [
        EsdTake(speaker, f"en-us+{TESTED[-1]}", emotion, number, words)
        for number, words in enumerate(TO_TRY, start=FIRST_TEST)
        for emotion in ESD_EMOTIONS
    ]
    folder = cache_folder() / "corpora" / "spoken-examples"
    folder = speak_esd(folder, "to try", 1, takes)
    return [
        (take.text, take.emotion, str(folder / take.path)) for take in takes
    ]
