"""The shell commands that talk with a release: `respond` and `chat`.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

# Wherever a turn of a chat starts with it, a file's path follows.
WAV = "/wav "


def respond(options):
    """Answers recordings, as the words come.

    Arguments
    ---------
    options : argparse.Namespace
        `release`, `recordings`, `emotion`, `sentences` and `device`.
    """
    listener = load(options.release, options.device)
    for path in options.recordings:
        if len(options.recordings) > 1:
            sys.stdout.write(f"{path}: ")
        talk = listener.converse(**changes(options))
        say(talk.stream(file=path))
        if options.emotion:
            sys.stdout.write(describe(listener, talk.turns[-1].speech))


def chat(options):
    """Talks, a line of the standard input a turn.

    Arguments
    ---------
    options : argparse.Namespace
        `release`, `speech`, `sentences` and `device`.
    """
    listener = load(options.release, options.device)
    talk = listener.converse(**changes(options))
    if options.speech:
        say(talk.stream(file=options.speech))
    for line in turns():
        try:
            if line.startswith(WAV):
                say(talk.stream(file=line[len(WAV) :].strip()))
            else:
                say(talk.stream(text=line))
        except (OSError, ValueError) as error:
            # One wrong path must not cost the conversation.
            sys.stderr.write(f"{error}\n")


def turns():
    """Reads the user's turns.

    Yields
    ------
    str
        A line that says something.
    """
    asks = sys.stdin.isatty()
    while True:
        if asks:
            sys.stdout.write("> ")
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def load(release, device="cpu"):
    """Loads a release.

    Arguments
    ---------
    release : str
        Folder or hub id.
    device : str
        Where it runs.

    Returns
    -------
    speechbrain_relm.inference.re_llm.EmpatheticListener
        The listener.

    Raises
    ------
    FileNotFoundError
        If a folder is meant and it is no release.
    RecipeError
        If a base model is not there, or is not whole.
    """
    folder = Path(release)
    looks_local = folder.exists() or release.count("/") != 1
    if looks_local and not (folder / "hyperparams.yaml").is_file():
        raise FileNotFoundError(
            f"{release} is no release: name the folder that the recipe's step "
            "'release' leaves, e.g. results/ESD/re_llm/1986/release."
        )
    # `--help` and typing errors need not wait for these.
    from huggingface_hub.utils import enable_progress_bars
    from transformers.utils import logging

    from speechbrain_relm.inference.re_llm import EmpatheticListener
    from speechbrain_relm.runs.planning.checks import check_release
    from speechbrain_relm.utils.sources.hub import model_folder

    logging.disable_progress_bar()
    enable_progress_bars()  # of downloads
    folder = model_folder(release)
    check_release(folder)
    return EmpatheticListener.from_hparams(folder, run_opts={"device": device})


def changes(options):
    """Collects how answers are asked for.

    Arguments
    ---------
    options : argparse.Namespace
        With `sentences`.

    Returns
    -------
    dict
        For `EmpatheticListener.converse`.

    Example
    -------
    >>> import argparse
    >>> changes(argparse.Namespace(sentences=2))
    {'sentences': 2}
    """
    return {} if options.sentences is None else {"sentences": options.sentences}


def say(pieces):
    """Writes an answer as it comes.

    Arguments
    ---------
    pieces : iterable of str
        Its pieces.

    Example
    -------
    >>> say(["I ", "see."])
    I see.
    """
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")


def describe(listener, speech):
    """Says what emotion was heard.

    Arguments
    ---------
    listener : speechbrain_relm.inference.re_llm.EmpatheticListener
        The listener.
    speech : speechbrain_relm.model.re_llm.Speech
        What it heard.

    Returns
    -------
    str
        Lines with the classes' probabilities, and the dimensions from 0 to 1.
    """
    found = listener.classify(speech)[0]
    lines = []
    for title, values in (
        ("category head", found.head),
        ("likelihood", found.likelihood),
        ("dimensions", found.attributes),
    ):
        if values is not None:
            shown = ", ".join(f"{k} {v:.2f}" for k, v in values.items())
            lines.append(f"  {title}: {shown}\n")
    return "".join(lines)
