"""The shell commands that talk with a release: `respond` and `chat`.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import sys
from functools import partial
from pathlib import Path

from speechbrain_relm.runs.settings.devices import device
from speechbrain_relm.utils import limits
from speechbrain_relm.utils.disk.run_folders import find_release
from speechbrain_relm.utils.errors import count, first_line

# Of the argument that names one.
RELEASE = "folder or hub id of a release, or its run's output folder"
# Wherever a turn of a chat starts with it, a file's path follows.
WAV = "/wav "
AGAIN, HELP, QUIT = "/again", "/help", "/quit"
# Of a chat, a line each.
SHOWN = f"""\
{WAV}PATH  a recording as your turn
{AGAIN}     another answer to your last turn
{HELP}      these lines
{QUIT}      the end, as Ctrl-D
"""
# The most likely answer would be the same again.
OTHERWISE = {"do_sample": True, "temperature": 0.8, "top_p": 0.95}


def respond(options):
    """Answers recordings, as the words come.

    Arguments
    ---------
    options : argparse.Namespace
        `release`, `recordings`, `emotion`, `sentences`, `device` and
        `trust_code`.

    Raises
    ------
    IsADirectoryError
        If a folder is given.
    """
    folders = [path for path in options.recordings if Path(path).is_dir()]
    if folders:
        raise IsADirectoryError(
            f"{folders[0]} is a folder: give --output, e.g. answers.jsonl, "
            "for the answers to its recordings."
        )
    refuse_unreadable(options.recordings)
    listener = load(options.release, options.device, options.trust_code)
    for path in options.recordings:
        if len(options.recordings) > 1:
            sys.stdout.write(f"{path}: ")
        talk = listener.converse(**changes(options))
        say(talk.stream(file=path))
        if options.emotion:
            sys.stdout.write(describe(listener, talk.turns[-1].speech))


def refuse_unreadable(recordings):
    """Opens recordings before a release is loaded, which takes longer.

    Arguments
    ---------
    recordings : list of str
        Audio files.

    Raises
    ------
    ValueError
        If one cannot be read.

    Example
    -------
    >>> refuse_unreadable(["no_such_file.wav"])
    Traceback (most recent call last):
    ...
    ValueError: no_such_file.wav: missing...
    """
    # `--help` need not wait for it.
    from speechbrain_relm.utils.sound.audio import load_recording

    for path in recordings:
        load_recording(path, seconds=1)


def chat(options):
    """Talks, a line of the standard input a turn.

    Arguments
    ---------
    options : argparse.Namespace
        `release`, `speech`, `history_turns`, `sentences`, `device` and
        `trust_code`.
    """
    refuse_unreadable([options.speech] if options.speech else [])
    listener = load(options.release, options.device, options.trust_code)
    talk = listener.converse(options.history_turns, **changes(options))
    if options.speech:
        say(talk.stream(file=options.speech))
    for line in turns():
        if line == QUIT:
            return
        if line == HELP:
            sys.stdout.write(SHOWN)
            continue
        try:
            say(reply(talk, line))
        except Exception as error:
            # Neither a wrong path nor a lack of memory for a long turn may
            # cost the conversation, which goes on from before this turn.
            kind = type(error).__name__
            known = isinstance(error, (OSError, ValueError))
            said = str(error) if known else f"{kind}: {first_line(error)}"
            sys.stderr.write(f"This turn failed. {said}\n")


def reply(talk, line):
    """Answers a line of a chat.

    Arguments
    ---------
    talk : speechbrain_relm.inference.conversation.Conversation
        The chat.
    line : str
        As typed.

    Returns
    -------
    iterator of str
        The answer's pieces.

    Raises
    ------
    ValueError
        If it looks like a command and is none.

    Example
    -------
    >>> reply(None, "/wave a.wav")
    Traceback (most recent call last):
    ...
    ValueError: /wave is no command: /help lists them.
    """
    if line.startswith(WAV):
        return talk.stream(file=line[len(WAV) :].strip())
    if line == AGAIN:
        return talk.again(**OTHERWISE)
    if line.startswith("/"):
        raise ValueError(f"{line.split()[0]} is no command: {HELP} lists them.")
    return talk.stream(text=line)


def turns():
    """Reads the user's turns.

    Yields
    ------
    str
        A line that says something.
    """
    asks = sys.stdin.isatty()
    if asks:
        sys.stdout.write(f"Type what you say; {HELP} lists what else.\n")
    if hasattr(sys.stdin, "reconfigure"):  # a terminal's or a pipe's
        sys.stdin.reconfigure(errors="replace")
    while True:
        if asks:
            sys.stdout.write("> ")
            sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def load(release, device="cpu", trust_code=False):
    """Loads a release.

    Arguments
    ---------
    release : str
        See `RELEASE`.
    device : str
        Where it runs.
    trust_code : bool
        Whether its YAML may call any Python.

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
    ValueError
        If its YAML wants more than a release needs.
    """
    release = find_release(release)
    # `--help` and typing errors need not wait for these.
    from huggingface_hub.utils import enable_progress_bars
    from transformers.utils import logging

    from speechbrain_relm.inference.re_llm import EmpatheticListener
    from speechbrain_relm.runs.planning.checks import check_release
    from speechbrain_relm.utils.sources.hub import model_folder

    logging.disable_progress_bar()
    enable_progress_bars()  # of downloads
    folder = model_folder(release)
    check_release(folder, trust_code)
    return EmpatheticListener.from_hparams(
        folder, run_opts={"device": device}, trust_code=trust_code
    )


def add_device(parser):
    """Adds the option to say where a release runs.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        Of a command that opens a release.
    """
    parser.add_argument(
        "--device",
        type=device,
        default="cpu",
        help="e.g. cuda; by default cpu",
    )


def add_trust(parser):
    """Adds the option to open a release that may call any Python.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        Of a command that opens a release.
    """
    parser.add_argument(
        "--trust_code",
        action="store_true",
        help="run any code that the release's hyperparams.yaml names, with "
        "your rights: only where you trust who made it",
    )


def add_history(parser):
    """Adds the option of how much of a conversation is read again.

    Arguments
    ---------
    parser : speechbrain_relm.utils.errors.Parser
        Of a command that talks.

    Example
    -------
    >>> import argparse
    >>> parser = argparse.ArgumentParser()
    >>> add_history(parser)
    >>> parser.parse_args(["--history_turns", "0"]).history_turns
    0
    """
    parser.add_argument(
        "--history_turns",
        # Here, or a page would start and then answer nobody.
        type=partial(count, least=0, most=limits.ANSWER_TOKENS),
        help="earlier turns that are read with each turn, by default all; 0 "
        "for a small LLM, which else repeats what it answered before",
    )


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
    pieces : generator of str
        Its pieces.

    Example
    -------
    >>> say(piece for piece in ("I ", "see."))
    I see.
    """
    # Where nothing can be written the answer ends: a thread that still
    # generates as the process ends would abort it.
    with contextlib.closing(pieces):
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
