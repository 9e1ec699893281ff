"""What a user can mend, and the one way out of every command.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import contextlib
import functools
import logging
import os
import re
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from speechbrain_relm.utils.disk.refusals import advised, of_disk

# Shows where an error comes from.
DEBUG = "--debug"
# Exit statuses: a mistake of the user's, one of the program, Ctrl-C.
MISTAKE, DEFECT, STOPPED = 1, 70, 130
HERE = Path(__file__).resolve().parents[1]
PACKAGE = __name__.partition(".utils.")[0]
# Commands whose errors are to be seen whole; one may call another.
DEBUGGED = []
# Commands that are running: what was typed, and what that called.
RUNNING = []


class RecipeError(Exception):
    """A mistake that the user can mend, told in one line."""


def first_line(error):
    """Tells what an error says, in one line.

    Arguments
    ---------
    error : Exception
        Any.

    Returns
    -------
    str
        Its first line, or its kind if it says nothing.

    Example
    -------
    >>> first_line(OSError("No model.\\nLong advice.")), first_line(OSError())
    ('No model.', 'OSError')
    """
    said = str(error).strip() or type(error).__name__
    return said.splitlines()[0]


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with a command line.

    Example
    -------
    >>> Parser(prog="plan").parse_args(["--such"])
    Traceback (most recent call last):
    ...
    SystemExit: 2
    """

    def __init__(self, *args, **kwargs):
        # An option is what it is called, or unknown.
        super().__init__(*args, **{"allow_abbrev": False, **kwargs})

    def parse_known_args(self, args=None, namespace=None):
        """Refuses empty arguments first: a variable that is not set.

        Arguments
        ---------
        args : list of str, optional
            The command line.
        namespace : argparse.Namespace, optional
            Where it goes.

        Returns
        -------
        tuple
            As argparse has it.
        """
        words = sys.argv[1:] if args is None else list(args)
        for word in words:
            if not word.strip() or re.fullmatch(r"[\w-]+=", word):
                self.error(f"{word or 'an argument'} is empty, so give it")
        return super().parse_known_args(words, namespace)

    def error(self, message):
        """Ends the command.

        Arguments
        ---------
        message : str
            What is wrong.
        """
        said = message.rstrip(".")
        self.exit(2, f"{self.prog}: {said}; {self.prog} --help shows how.\n")


def program(command=""):
    """Says how a command is typed, as the running one was.

    Arguments
    ---------
    command : str
        Of `speechbrain-relm`.

    Returns
    -------
    str
        `python -m` and the module, where that was typed.

    Example
    -------
    >>> program("plan")
    'speechbrain-relm plan'
    """
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    module = getattr(spec, "name", "").removesuffix(".__main__")
    if module.startswith(f"{PACKAGE}."):
        return f"python -m {module}"
    door = f"python -m {module}" if module == PACKAGE else "speechbrain-relm"
    return f"{door} {command}".strip()


def count(text, least=1, most=65536):
    """Reads a whole number of a command line.

    Arguments
    ---------
    text : str
        As typed.
    least, most : int
        The bounds.

    Returns
    -------
    int
        Within them.

    Example
    -------
    >>> count("3")
    3
    >>> count("-1", least=0, most=8)
    Traceback (most recent call last):
    ...
    argparse.ArgumentTypeError: '-1' is not a whole number from 0 to 8
    """
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from {least} to {most}"
        )
    return number


def entry_point(name):
    """Gives the main function of a command the one way out.

    Arguments
    ---------
    name : str
        What its messages begin with.

    Returns
    -------
    callable
        A decorator of a function of the arguments, by default the process's.

    Example
    -------
    >>> @entry_point("count")
    ... def main(arguments):
    ...     print(int(arguments[0]))
    >>> main(["3"])
    3
    >>> main(["three"])
    Traceback (most recent call last):
    ...
    SystemExit: count: invalid literal for int() with base 10: 'three'
    """

    def _decorate(main):
        @functools.wraps(main)
        def _run(arguments=None):
            words = sys.argv[1:] if arguments is None else list(arguments)
            kept = [str(word) for word in words if word != DEBUG]
            with one_way_out(name, len(kept) < len(words)):
                return main(kept)

        return _run

    return _decorate


@contextlib.contextmanager
def one_way_out(name, debug=False):
    """Ends a command's errors in one line and an exit status.

    Arguments
    ---------
    name : str
        What a message begins with, unless another command called this one.
    debug : bool
        Whether errors go on, with their tracebacks, and all warnings are
        shown.

    Raises
    ------
    SystemExit
        In place of any error.

    Example
    -------
    >>> with one_way_out("train.py"):
    ...     raise RecipeError("lr: give a number.")
    Traceback (most recent call last):
    ...
    SystemExit: train.py: lr: give a number.
    """
    if debug or DEBUGGED:
        DEBUGGED.append(name)
        try:
            yield
        finally:
            DEBUGGED.pop()
        return
    RUNNING.append(name)
    name = RUNNING[0]
    try:
        with quiet_libraries():
            yield
    except (RecipeError, OSError, ValueError) as error:
        if isinstance(error, BrokenPipeError):  # as of `| head`
            sys.stdout = open(os.devnull, "w", encoding="utf-8")
            sys.exit(MISTAKE)
        sys.exit(f"{name}: {said(error)}")
    except KeyboardInterrupt:
        again = "The same command goes on from here."
        sys.stderr.write(f"\n{name}: interrupted. {again}\n")
        sys.exit(STOPPED)
    except Exception as error:
        refused = of_disk(error)
        if refused is not None:
            sys.exit(f"{name}: {said(refused)}")
        sys.stderr.write(f"{name}: {report(error)}\n")
        sys.exit(DEFECT)
    finally:
        RUNNING.pop()


def said(error):
    """Tells what an expected error says.

    Arguments
    ---------
    error : Exception
        The error.

    Returns
    -------
    str
        Of a `RecipeError` a line a problem; of another one line.

    Example
    -------
    >>> said(RecipeError("a\\nb")), said(FileNotFoundError(2, "No file", "x"))
    ('a\\nb', 'x: No file')
    """
    if isinstance(error, RecipeError):
        return str(error)
    if isinstance(error, OSError) and error.strerror is not None:
        return advised(error)
    return " ".join((str(error).strip() or type(error).__name__).split())


def report(error):
    """Tells of an error that nobody expected, and what to report.

    Arguments
    ---------
    error : Exception
        The error.

    Returns
    -------
    str
        One line, which names the file that has the traceback.
    """
    if type(error).__name__ == "OutOfMemoryError" or isinstance(
        error, MemoryError
    ):
        return "out of memory: give a smaller batch_size, or see docs/speed.md."
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    place = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in place if Path(frame.filename).is_relative_to(HERE)
    ]
    where = ""
    if ours:
        path = Path(ours[-1].filename).relative_to(HERE.parent)
        where = f" in {path}:{ours[-1].lineno}"
    return (
        f"{type(error).__name__}: {first_line(error)}{where}. That is a "
        "mistake of the program, not yours: please report it, with "
        f"{keep(''.join(lines))}."
    )


def keep(text):
    """Writes a traceback where it will be found.

    Arguments
    ---------
    text : str
        The traceback.

    Returns
    -------
    pathlib.Path or str
        The log of the run, else a new file.
    """
    for handler in logging.getLogger().handlers:
        path = getattr(handler, "baseFilename", os.devnull)
        if path != os.devnull:
            with open(path, "a", encoding="utf-8") as log:
                log.write(text)
            return path
    number, path = tempfile.mkstemp(".log", "speechbrain_relm_")
    with open(number, "w", encoding="utf-8") as log:
        log.write(text)
    return path


# Loggers of libraries, and what of theirs tells a user nothing.
_LOGGED = {
    # No command shows a figure by it.
    "speechbrain.utils.train_logger": "torchvision",
    # A font that is not there has another in its place.
    "matplotlib.font_manager": "",
    "speechbrain.utils.parameter_transfer": "Loading pretrained files",
}
# At once: some is logged while a command's modules are imported. These loggers
# set their levels by themselves.
for _name, _part in _LOGGED.items():
    logging.getLogger(_name).addFilter(
        lambda record, part=_part: part not in str(record.msg)
    )


@contextlib.contextmanager
def quiet_libraries():
    """Holds back libraries' warnings that a user can do nothing about.

    Example
    -------
    >>> with quiet_libraries():
    ...     warnings.warn("It will be renamed.", FutureWarning)
    """
    with warnings.catch_warnings():
        for kind in (
            FutureWarning,
            DeprecationWarning,
            PendingDeprecationWarning,
        ):
            warnings.simplefilter("ignore", kind)
        warnings.filterwarnings("ignore", module="matplotlib")
        warnings.filterwarnings("ignore", message=".*torchvision.*")
        yield
