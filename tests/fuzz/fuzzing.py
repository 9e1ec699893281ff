"""Opens bad input of many kinds and judges what comes of each.

An area makes inputs from a seed and says how each is opened. Every input is
opened in a process of its own, forked after all imports, with bounds on time
and memory, and ends as one of:

named    a message with the input's name and what is expected, within 2 s
handled  a right result
unnamed  an error without such a message
late     such a message or result after more than 2 s (of processor time)
silent   accepted, with a wrong result
hang     more than 10 s, or more than 1 GB
unsafe   something was run, written, asked or sent that should not be
"""

import io
import json
import multiprocessing
import os
import random
import reprlib
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from multiprocessing.connection import wait
from typing import Callable, NamedTuple

from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import cache_folder

OUTCOMES = "named handled unnamed late silent hang unsafe".split()
GOOD = OUTCOMES[:2]
SOON, LONG = 2, 10  # seconds of processor time
MOST = 2**30  # bytes beyond what the imports took
# Seconds of a clock, on a machine with other work; those in which this process
# was stopped, and that one with it, are not counted.
PATIENCE = 300
# What a message must say besides the name.
WORDS = 3
# Nothing below a folder of this name may be read or written.
OUTSIDE = "outside"


class Case(NamedTuple):
    """One input.

    Arguments
    ---------
    what : str
        The input in words, for the list of failures.
    names : tuple of str
        Of which a message must hold one: the setting, the file, the argument.
    open : callable
        Opens it; no arguments.
    right : callable or None
        Whether what `open` returned is right, where the input is acceptable;
        `None` where it must be refused.
    """

    what: str
    names: tuple
    open: Callable
    right: Callable = None


class Area(NamedTuple):
    """A kind of input.

    Arguments
    ---------
    name : str
        E.g. "settings".
    make : callable
        Takes a `random.Random`, an empty folder of this input's own and what
        `ready` gave, and makes a `Case`.
    ready : callable
        Takes a folder; makes whatever the inputs share, once.
    weight : int
        How many of a run's inputs are of this area, beside the others: those
        that cost little are many.
    """

    name: str
    make: Callable
    ready: Callable = lambda folder: None
    weight: int = 4


class Judged(NamedTuple):
    """What came of an input."""

    area: str
    index: int
    what: str
    outcome: str
    message: str


def says(message, names):
    """Tells whether a message names the input and says more than the name."""
    for name in names:
        if name and name in message:
            return len(message.replace(name, " ").split()) >= WORDS
    return False


def judge(case, printed):
    """Opens an input; gives the outcome, bounds aside, and what was said."""
    try:
        value = case.open()
    except (RecipeError, ValueError, OSError) as error:
        message = str(error)
    except SystemExit as error:
        if error.code in (None, 0):
            return "silent", "ended as if nothing were wrong"
        message = error.code if isinstance(error.code, str) else printed()
    except MemoryError:
        return "hang", "out of memory"
    except BaseException:
        return "unnamed", traceback.format_exc()
    else:
        if case.right is None:
            return "silent", f"accepted: {reprlib.repr(value)}"
        good = case.right(value)
        return "handled" if good else "silent", reprlib.repr(value)
    if "Traceback (most" in message + printed():
        return "unnamed", message
    return "named" if says(message, case.names) else "unnamed", message


def watched(folder, caught):
    """Makes an audit hook that notes what no input may cause."""
    checksums = cache_folder() / "checksums"  # what is known of files
    allowed = (
        f"{folder}{os.sep}",
        f"{checksums}{os.sep}",
        "/dev/",
        "/proc/self/",
    )
    changing = {"os.remove", "os.rename", "os.rmdir", "shutil.rmtree"}
    running = {"os.system", "os.exec", "os.posix_spawn", "subprocess.Popen"}
    running |= {"builtins.input", "urllib.Request", "os.startfile"}

    def hook(event, args):
        """Sees every event of this process."""
        if event in running:
            caught.append(f"{event} {args[:1]!r:.200}")
        elif event == "socket.connect" and isinstance(args[1], tuple):
            caught.append(f"{event} {args[1]}")
        elif event == "open" and isinstance(args[0], (str, bytes)):
            path = os.path.abspath(os.fsdecode(args[0]))
            written = args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            if f"{os.sep}{OUTSIDE}{os.sep}" in path or (
                written and not path.startswith(allowed)
            ):
                caught.append(f"open {path}")
        elif event in changing and isinstance(args[0], (str, bytes)):
            path = os.path.abspath(os.fsdecode(args[0]))
            if not path.startswith(allowed):
                caught.append(f"{event} {path}")

    return hook


def memory():
    """Bytes that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def spent():
    """Seconds of processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bound():
    """Keeps this process from taking the machine."""
    resource.setrlimit(resource.RLIMIT_CPU, (LONG + 2, LONG + 4))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open("/proc/self/status", encoding="ascii") as lines:
        held = next(line for line in lines if line.startswith("VmData"))
    data = int(held.split()[1]) * 1024 + 3 * MOST // 2
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))


def made(area, seed, index, folder, shared):
    """Makes the input of a number, in an empty folder of its own."""
    folder.mkdir(parents=True)
    os.chdir(folder)
    source = random.Random(f"{seed} {area.name} {index}")
    return area.make(source, folder, shared)


def opened(area, seed, index, folder, shared, results):
    """Opens one input, in a process of its own."""
    log = os.memfd_create("said")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1), os.dup2(log, 2)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    # What pytest or an earlier import put there may write elsewhere.
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)

    def printed():
        """What was printed."""
        sys.stdout.flush(), sys.stderr.flush()
        size = os.fstat(log).st_size
        return os.pread(log, size, 0).decode("utf-8", "replace")

    tempfile.tempdir = str(folder)
    try:
        case = made(area, seed, index, folder, shared)
    except Exception:
        results.send(("", "", traceback.format_exc()))
        os._exit(1)
    results.send((case.what, "hang", f"longer than {LONG} s"))
    caught = []
    sys.addaudithook(watched(folder, caught))
    bound()
    began, held = spent(), memory()
    outcome, message = judge(case, printed)
    took, more = spent() - began, memory() - held
    if caught:
        outcome, message = "unsafe", "; ".join(caught)
    elif more > MOST:
        outcome, message = "hang", f"{more / MOST:.1f} GB: {message}"
    elif took > LONG:
        outcome, message = "hang", f"{took:.1f} s: {message}"
    elif took > SOON and outcome in GOOD:
        outcome, message = "late", f"{took:.1f} s: {message}"
    results.send((case.what, outcome, message))
    results.close()
    os._exit(0)


def run_area(area, count, seed, folder, workers=2, first=0):
    """Opens many inputs of an area.

    Arguments
    ---------
    area : Area
        The area.
    count : int
        How many.
    seed : int
        Of the inputs: each depends on it, the area's name and its number.
    folder : pathlib.Path
        Where inputs are made.
    workers : int
        Processes at a time.
    first : int
        Number of the first one.

    Returns
    -------
    list of Judged
        In order.
    """
    context = multiprocessing.get_context("fork")
    base = folder / area.name
    (base / "shared").mkdir(parents=True)
    shared = area.ready(base / "shared")
    waiting, running, done = list(range(first, first + count)), {}, []
    last = time.monotonic()
    while waiting or running:
        while waiting and len(running) < workers:
            index = waiting.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            target = base / str(index)
            process = context.Process(
                target=opened,
                args=[area, seed, index, target, shared, theirs],
            )
            process.start()
            theirs.close()
            running[ours] = [process, index, 0.0, []]
        for ours in wait(list(running), timeout=1):
            process, index, _, said = running[ours]
            try:
                said.append(ours.recv())
            except EOFError:
                process.join()
                done.append(verdict(area, *running.pop(ours)[:2], said))
        step, last = min(time.monotonic() - last, 2), time.monotonic()
        for one in running.values():
            one[2] += step
            if one[2] > PATIENCE:
                os.kill(one[0].pid, signal.SIGKILL)
    return sorted(done, key=lambda judged: judged.index)


def verdict(area, process, index, said):
    """Makes what a process sent, or did not, an outcome."""
    what, outcome, message = said[-1] if said else ("", "", "")
    if not outcome:
        raise RuntimeError(f"{area.name} {index} was not made: {message}")
    if len(said) == 1 and process.exitcode not in (
        -signal.SIGXCPU,
        -signal.SIGKILL,
    ):
        outcome, message = "unnamed", f"died with status {process.exitcode}"
    return Judged(area.name, index, what, outcome, message)


def table(judged):
    """Counts outcomes by area.

    Arguments
    ---------
    judged : list of Judged
        What came of the inputs.

    Returns
    -------
    dict
        Area to outcome to number.
    """
    counts = {}
    for one in judged:
        counts.setdefault(one.area, Counter())[one.outcome] += 1
    return {
        area: {outcome: found[outcome] for outcome in OUTCOMES}
        for area, found in counts.items()
    }


def render(counts):
    """Shows a table of outcomes in Markdown."""
    lines = [f"| area | {' | '.join(OUTCOMES)} |"]
    lines.append("| --- |" + " ---: |" * len(OUTCOMES))
    total = {o: sum(found[o] for found in counts.values()) for o in OUTCOMES}
    for area, found in {**counts, "all": total}.items():
        cells = " | ".join(str(found[outcome]) for outcome in OUTCOMES)
        lines.append(f"| {area} | {cells} |")
    return "\n".join(lines)


def as_record(judged, seed):
    """Makes the JSON that a run leaves."""
    bad = [one for one in judged if one.outcome not in GOOD]
    record = {
        "seed": seed,
        "inputs": len(judged),
        "areas": table(judged),
        "failures": [one._asdict() for one in bad],
    }
    return json.dumps(record, indent=2, ensure_ascii=False), bad
