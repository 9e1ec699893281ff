#!/usr/bin/env python3
"""Commands whose power is cut, beside some that are left alone.

    python benchmarks/power_cuts.py esd epitome emotion corpora --cuts 5

As `kills.py`, but of what a killed command had written only that stays which
it had asked the disk to keep: of a file its bytes at its last fsync (without
one there is a file of 0 bytes), of a folder its names at its last fsync, or
those of the end. Which of these two is drawn for each folder, since a disk
keeps names late, but in their order. Then the same command goes on, and must
end as the unbroken one.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import json
import os
import random
import resource
import shutil
import tempfile
from pathlib import Path

import kills


def names(folder):
    """Lists a folder: name to number of the file or folder."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries}


class Disk:
    """What a disk holds below a folder.

    Arguments
    ---------
    root : pathlib.Path
        The folder; it is there.
    """

    def __init__(self, root):
        self.files, self.folders = {}, {}
        for parent, _, found in os.walk(root):
            self.folders[os.stat(parent).st_ino] = names(parent)
            for path in (Path(parent, name) for name in found):
                self.files[path.lstat().st_ino] = path.read_bytes()

    def keep(self, notes):
        """Adds what was asked to be kept.

        Arguments
        ---------
        notes : pathlib.Path
            Folder of `note_syncs`.
        """
        lines = (notes / "syncs").read_text(encoding="utf-8").splitlines()
        for number, entries in map(json.loads, lines):
            if entries is None:
                self.files[number] = (notes / str(number)).read_bytes()
            else:
                self.folders[number] = entries


def note_syncs(root, notes):
    """Makes this process write down what it asks the disk to keep.

    Arguments
    ---------
    root : pathlib.Path
        Below it.
    notes : pathlib.Path
        Where to; an empty folder elsewhere.
    """
    fsync = os.fsync
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # As long as a file is open, no later one gets its number.
    held = {
        path.lstat().st_ino: os.open(path, os.O_RDONLY)
        for path in root.rglob("*")
    }
    log = open(notes / "syncs", "a", encoding="utf-8")

    def noted(handle):
        """Asks the disk, and writes down what it has now."""
        fsync(handle)
        here = f"/proc/self/fd/{handle}"
        if not Path(os.readlink(here)).is_relative_to(root):
            return
        number, entries = os.fstat(handle).st_ino, None
        if number not in held:
            held[number] = os.dup(handle)
        if os.path.isdir(here):
            entries = names(handle)
        else:
            shutil.copyfile(here, notes / f"{number}.new")
            os.replace(notes / f"{number}.new", notes / str(number))
        log.write(json.dumps([number, entries]) + "\n")
        log.flush()

    os.fsync = noted


def after_cut(number, before, now, target, rng):
    """Makes a folder as it is found after the cut.

    Arguments
    ---------
    number : int
        Of the folder.
    before : Disk
        What was kept.
    now : Disk
        What was written.
    target : pathlib.Path
        The folder to make.
    rng : random.Random
        Draws which names are kept.
    """
    target.mkdir()
    kept = before.folders.get(number, {})
    entries = rng.choice([kept, now.folders.get(number, kept)])
    for name, inner in entries.items():
        if inner in before.folders or inner in now.folders:
            after_cut(inner, before, now, target / name, rng)
        else:
            (target / name).write_bytes(before.files.get(inner, b""))


def cut(seconds, output, log, run, prepared):
    """Starts a command and cuts its power, at its end if that comes before.

    Arguments
    ---------
    seconds : float
        Of work, before the cut.
    output, log, run, prepared
        See `kills.killed`.

    Returns
    -------
    bool
        True.
    """
    before = Disk(output)
    with tempfile.TemporaryDirectory() as name:
        notes = Path(name)
        (notes / "syncs").touch()

        def with_notes(*arguments):
            """Runs, and writes down what is asked of the disk."""
            note_syncs(output, notes)
            run(*arguments)

        kills.killed(seconds, output, log, with_notes, prepared)
        before.keep(notes)
    number, rng = output.stat().st_ino, random.Random(seconds)
    fresh = output.with_name("after")
    after_cut(number, before, Disk(output), fresh, rng)
    shutil.rmtree(output)
    fresh.rename(output)
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="+", choices=list(kills.KINDS))
    parser.add_argument("--cuts", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kills.main(given.kinds, given.cuts, given.seed, "power cuts", cut)
