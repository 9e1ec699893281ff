"""Answers to many recordings, in batches, into a file that can be resumed.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

import soundfile

from speechbrain_relm.inference.commands import changes, load
from speechbrain_relm.inference.serving.reader import emotions_of
from speechbrain_relm.utils.provenance.digests import checksums
from speechbrain_relm.utils.provenance.stamps import DIGITS, read_stamp
from speechbrain_relm.utils.records import make_batches, work_through
from speechbrain_relm.utils.sound.audio import inspect_wav, reading_threads
from speechbrain_relm.utils.sources.base_models import source_content

# Longer ones are heard to their 30th second, as elsewhere.
SHORTEST, LONGEST = 0.1, float("inf")
SUFFIXES = {f".{name.lower()}" for name in soundfile.available_formats()}


def answer_all(options):
    """Answers recordings, those that an earlier run left.

    Arguments
    ---------
    options : argparse.Namespace
        `release`, `recordings`, `emotion`, `sentences`, `device`, `output`
        and `batch_size`.

    Raises
    ------
    ValueError
        If there is nothing to answer, or the output is something else.
    """
    output = Path(options.output)
    if output.is_file() and "release" not in (read_stamp(output) or {}):
        raise ValueError(
            f"--output {output} is no file of answers to recordings, and "
            "would be replaced: name another."
        )
    durations, left_out = audible(options.recordings)
    listener = load(options.release, options.device, options.trust_code)
    output.parent.mkdir(parents=True, exist_ok=True)
    batches = make_batches(
        list(durations), list(durations.values()), options.batch_size
    )
    records = work_through(
        output,
        batches,
        worker(listener, options),
        {
            "release": source_content(options.release),
            "emotion": options.emotion,
            **changes(options),
        },
        "recordings",
        {
            path: {"audio": digest[:DIGITS]}
            for path, digest in checksums(durations).items()
        },
    )
    sys.stdout.write(f"{output}: {len(records)} answers, {left_out} left out\n")


def worker(listener, options):
    """Makes what answers a batch.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The release.
    options : argparse.Namespace
        `emotion` and `sentences`.

    Returns
    -------
    callable
        Paths to records.
    """
    ask = listener.asking(**changes(options))

    def _work(paths):
        wavs = [listener.load_audio(path) for path in paths]
        speech = listener.encode_signals(wavs)
        records = [
            {"id": path, "response": answer.text, "finished": answer.finished}
            for path, answer in zip(paths, listener.answer(speech, ask))
        ]
        if options.emotion:
            for record, emotion in zip(records, emotions_of(listener, speech)):
                record["emotion"] = emotion
        return records

    return _work


def audible(given):
    """Finds the recordings that can be heard, and says why others cannot.

    Arguments
    ---------
    given : list of str
        See `find_recordings`.

    Returns
    -------
    durations : dict
        Path to seconds.
    left_out : int
        How many others there are.

    Raises
    ------
    ValueError
        If there are none.

    Example
    -------
    >>> audible([])
    Traceback (most recent call last):
    ...
    ValueError: None of the recordings can be heard.
    """
    durations, left_out = look_at(find_recordings(given))
    for path, reason in left_out.items():
        sys.stderr.write(f"{path}: left out, {reason}\n")
    if not durations:
        raise ValueError("None of the recordings can be heard.")
    return durations, len(left_out)


def find_recordings(given):
    """Finds the files that were meant.

    Arguments
    ---------
    given : list of str
        Audio files, folders of them, and lists: text files with a path a
        line, which starts from the list's folder.

    Returns
    -------
    list of str
        Paths, each once.

    Raises
    ------
    FileNotFoundError
        If one is not there.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "a.wav").write_text(""), (folder / "b.md").write_text("")
    >>> _ = (folder / "list.txt").write_text("a.wav\\n\\nc.wav\\n")
    >>> found = find_recordings([str(folder), str(folder / "list.txt")])
    >>> [Path(path).name for path in found]
    ['a.wav', 'c.wav']
    """
    found = {}
    for path in map(Path, given):
        if path.is_dir():
            inside = sorted(path.rglob("*"))
            files = [p for p in inside if p.suffix.lower() in SUFFIXES]
        elif path.suffix == ".txt":
            lines = path.read_text(encoding="utf-8").splitlines()
            files = [
                path.parent / line.strip() for line in lines if line.strip()
            ]
        else:
            files = [path]
        found.update(dict.fromkeys(map(str, files)))
    return list(found)


def look_at(paths):
    """Measures recordings, and says which cannot be heard.

    Arguments
    ---------
    paths : list of str
        Audio files.

    Returns
    -------
    durations : dict
        Path to seconds.
    left_out : dict
        Path to the reason.

    Example
    -------
    >>> look_at(["missing.wav"])
    ({}, {'missing.wav': 'missing'})
    """
    durations, left_out = {}, {}
    with reading_threads() as pool:
        looked = pool.map(
            lambda path: inspect_wav(path, SHORTEST, LONGEST), paths
        )
        for path, (seconds, reason) in zip(paths, looked):
            if reason is None:
                durations[path] = seconds
            else:
                left_out[path] = reason
    return durations, left_out
