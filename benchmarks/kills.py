#!/usr/bin/env python3
"""Commands that are killed again and again, beside some that are not.

    python benchmarks/kills.py esd --kills 100
    python benchmarks/kills.py epitome emotion scorer corpora table --kills 24
    python benchmarks/kills.py pairs --kills 20

Each command runs once without a break. Then it is started, killed (SIGKILL)
after a time drawn from how long that took, started again, and so on, and in
the end left alone; what it leaves must be what the unbroken one left, byte by
byte. Times are of the command's own work, not of the clock, so that on a busy
machine the kills come where they would on an idle one. `pairs` starts two runs
at once on one `shared_folder`. Tiny models of random weights; all commands are
forks of this process, which spares each the time of the imports. Prints a row
a command: kills, how many ends differed, and in what.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import functools
import hashlib
import math
import os
import random
import runpy
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch
from tqdm import tqdm

# No thread beside this one, whose locks a fork might inherit for ever.
tqdm.monitor_interval = 0
os.environ["HF_HUB_OFFLINE"] = "1"  # before anything asks for it

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
# What a fork of this process need not import.
import tiny_models  # noqa: E402
from speechbrain.utils import logger  # noqa: E402

import speechbrain_relm.runs.recipe  # noqa: E402
import speechbrain_relm.runs.table_runs  # noqa: E402, F401
from speechbrain_relm.evaluation.runs import SCORES  # noqa: E402
from speechbrain_relm.evaluation.tables.figure import (  # noqa: E402
    draw_scores,
)
from speechbrain_relm.evaluation.tables.measured import Cell  # noqa: E402
from speechbrain_relm.mini import emotion_encoder, epitome  # noqa: E402
from speechbrain_relm.mini.annotations.pairs import write_csvs  # noqa: E402
from speechbrain_relm.mini.esd import make_esd  # noqa: E402
from speechbrain_relm.mini.msp_podcast import make_msp_podcast  # noqa: E402
from speechbrain_relm.runs.settings import checking  # noqa: E402

KILLS_A_RUN = 4
# What a run leaves that another one leaves alike, whatever its folder.
COMPARED = (
    "**/*.jsonl",
    "**/train_log.txt",
    "**/manifests/*.json",
    "**/table.csv",
    "**/figure.pdf",
    "**/test_metrics.json",
    "**/model.ckpt",
    "**/classifiers.ckpt",
    "**/*.safetensors",
    "**/*.wav",
    "**/*.txt",
)
# Of the run and its times, not of what it computes; scratch of the caches.
PASSED_OVER = ("log.txt", "env.log", "INPUTS.json")


def warm():
    """Does once what each command would do when it starts or ends."""
    description = logger.get_environment_description()
    logger.get_environment_description = lambda: description
    checking.validator()
    cells = [Cell(SCORES["ER"], "A", 1.0, 0.5, (0, 2))]
    with tempfile.TemporaryDirectory() as scratch:
        draw_scores(Path(scratch, "any"), cells)


def tiny(folder):
    """Makes the models; gives the overrides that name them."""
    make = tiny_models.SOURCES
    for name in make:
        (folder / name).mkdir(exist_ok=True)
    return {name: save(str(folder / name)) for name, save in make.items()}


def script(path, *arguments, **settings):
    """Runs a recipe's script as its command does."""
    overrides = [f"--{name}={value}" for name, value in settings.items()]
    sys.argv = [str(ROOT / path), *map(str, arguments), *overrides]
    sys.path.insert(0, str((ROOT / path).parent))
    runpy.run_path(sys.argv[0], run_name="__main__")


def prepare_esd(folder, speakers=1):
    """Makes a corpus and models; gives the settings of a short run."""
    make_esd(folder / "ESD", speakers, sentences=6)
    return {
        "data_folder": folder / "ESD",
        **tiny(folder),
        "number_of_epochs": 2,
        "batch_size": 4,
        "ckpt_interval_steps": 2,
        "labelling_batch_size": 8,
        "generation_batch_size": 4,
        "expected_response_settings": "{max_new_tokens: 4}",
        "response_settings": "{max_new_tokens: 4}",
        "recognition_settings": "{max_new_tokens: 2}",
        "speech_examples": "[]",
        "judge": "{target_sentences: 2}",
    }


def run_esd(prepared, output, **settings):
    """The ESD recipe."""
    yaml = ROOT / "recipes/ESD/hparams/re_llm_mini.yaml"
    settings = {**prepared, "output_folder": output, **settings}
    script("recipes/ESD/train.py", yaml, **settings)


def run_table(prepared, output):
    """Table I, of four systems."""
    yaml = ROOT / "recipes/ESD/hparams/re_llm_mini.yaml"
    settings = {**prepared, "output_folder": output, "systems": "1,3,6,8"}
    script("recipes/ESD/table.py", yaml, **{**settings, "number_of_epochs": 1})


def prepare_epitome(folder):
    """Makes annotations and a backbone."""
    write_csvs(folder / "whole")
    (folder / "csvs").mkdir()
    for file in (folder / "whole").iterdir():
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        part = "".join(lines[:80])
        (folder / "csvs" / file.name).write_text(part, encoding="utf-8")
    tiny_models.save_bert(str(folder / "bert"))
    return {"data_folder": folder / "csvs", "backbone": folder / "bert"}


def run_epitome(prepared, output):
    """The EPITOME recipe."""
    script(
        "recipes/EPITOME/train.py",
        ROOT / "recipes/EPITOME/hparams/minilm.yaml",
        **prepared,
        output_folder=output,
        number_of_epochs=2,
        batch_size=8,
        ckpt_interval_minutes=0,
        ckpt_interval_steps=3,
    )


def run_emotion(prepared, output):
    """The small emotion encoder, on a smaller corpus."""
    os.environ["SPEECHBRAIN_RELM_CACHE"] = str(output)
    emotion_encoder.make_msp_podcast = lambda folder: prepared
    emotion_encoder.TRAINING.update(epochs=2, batch_size=8)
    emotion_encoder.folder()


def run_scorer(prepared, output):
    """The small empathy scorers, on a smaller backbone."""
    os.environ["SPEECHBRAIN_RELM_CACHE"] = str(output)
    epitome.models.folder = lambda name: str(prepared["backbone"])
    epitome.MINI_TRAINING.update(epochs=1, batch_size=32)
    epitome.folder()


def run_corpora(prepared, output):
    """A made corpus."""
    sys.argv = ["corpora", "esd", str(output / "ESD")]
    sys.argv += ["--speakers=2", "--sentences=6"]
    runpy.run_module("speechbrain_relm.mini.corpora", run_name="__main__")


KINDS = {
    "esd": (prepare_esd, run_esd),
    "epitome": (prepare_epitome, run_epitome),
    "emotion": (
        lambda folder: make_msp_podcast(folder / "MSP", 80),
        run_emotion,
    ),
    "scorer": (prepare_epitome, run_scorer),
    "corpora": (lambda folder: None, run_corpora),
    "table": (prepare_esd, run_table),
}


def start(log, run, *arguments, **settings):
    """Starts a command in a process of its own; gives its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        torch.set_num_threads(1)
        run(*arguments, **settings)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else bool(end.code)
        print(end.code, flush=True)
    except BaseException:
        traceback.print_exc()
    finally:
        # Nothing at exit, which would remove this process's own folders.
        sys.stdout.flush()
        os._exit(code or 0)


def worked(process):
    """Tells how many seconds the processor has worked for a process."""
    task = Path(f"/proc/{process}/task/{process}/children")
    try:
        # Linux's number of the clock of another process.
        own = time.clock_gettime((~process << 3) | 2)
        return own + sum(worked(int(n)) for n in task.read_text().split())
    except OSError:  # it has ended meanwhile
        return 0.0


def watch(child, seconds=math.inf):
    """Waits for a command's end, or until it has worked for so long.

    Returns
    -------
    tuple
        How it ended, `None` if it did not, and how long it has worked.
    """
    spent = 0.0
    while spent < seconds:
        # More than the time that passes a process seldom works.
        time.sleep(min(max(0.002, 0.8 * (seconds - spent)), 0.05))
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status, spent
        spent = max(spent, worked(child))
    return None, spent


def finish(child, log):
    """Waits for a command's end, which must be a good one; tells its work."""
    status, spent = watch(child)
    if status:
        tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise RuntimeError(f"A command ended with status {status}:\n{tail}")
    return spent


def killed(seconds, output, log, run, prepared):
    """Starts a command and kills it, unless it ends before.

    Returns
    -------
    bool
        Whether it was killed.
    """
    child = start(log, run, prepared, output)
    if watch(child, seconds)[0] is not None:
        return False
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def left_by(folder):
    """Lists what a run left: name to checksum, without what is its own."""
    found = {}
    for pattern in COMPARED:
        for path in folder.glob(pattern):
            name = path.relative_to(folder)
            if path.name in PASSED_OVER or "damaged" in str(name):
                continue
            # A checkpoint's name is its time: their order stands for it.
            if name.parts[-2:-1] and name.parts[-2].startswith("CKPT"):
                order = sorted(path.parents[1].glob("CKPT*"))
                number = str(order.index(path.parent))
                name = name.parents[1] / number / name.name
            content = path.read_bytes().replace(bytes(folder), b"")
            found[str(name)] = hashlib.sha256(content).hexdigest()
    return found


def differences(found, expected):
    """Names what differs between two runs."""
    return sorted(
        name
        for name in found.keys() | expected.keys()
        if found.get(name) != expected.get(name)
    )


def left_overs(folder):
    """Lists what killed processes left and the last one did not remove."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob(".*")
        if path.name != ".lock" and not path.name.endswith(".gitignore")
    ]


def unbroken(folder, kind, prepared):
    """Runs a command once; gives what it left, and how long it worked."""
    output, log = folder / "unbroken", folder / "unbroken.log"
    output.mkdir()
    spent = finish(start(log, KINDS[kind][1], prepared, output), log)
    return left_by(output), spent


def campaign(kind, count, seed, folder, broken=killed):
    """Breaks a command off in some runs; gives a row of the table.

    Arguments
    ---------
    kind : str
        Of `KINDS`.
    count : int
        How often, at least.
    seed : int
        Of when.
    folder : pathlib.Path
        An empty one.
    broken : callable
        Starts a command and breaks it off, as `killed`.

    Returns
    -------
    tuple
        Kind, how often, runs, what differs, what was left over.
    """
    rng, done, ends, different, left = random.Random(seed), 0, 0, [], []
    prepare, run = KINDS[kind]
    prepared = prepare(folder)
    expected, seconds = unbroken(folder, kind, prepared)
    print(f"  {kind}: {seconds:.1f} s of work", flush=True)
    while done < count:
        output, log = folder / f"run{ends}", folder / f"run{ends}.log"
        output.mkdir()
        for _ in range(KILLS_A_RUN):
            when = rng.uniform(0, seconds)
            done += broken(when, output, log, run, prepared)
        finish(start(log, run, prepared, output), log)
        different += differences(left_by(output), expected)
        left += left_overs(output)
        ends += 1
        print(f"  {kind}: {done} of {count}, differ: {different}", flush=True)
        shutil.rmtree(output)
    return kind, done, ends, different, sorted(set(left))


def pairs(count, seed, folder):
    """Starts two runs on one shared folder; gives a row of the table."""
    rng, different, left = random.Random(seed), [], []
    prepared = prepare_esd(folder)
    expected, seconds = unbroken(folder, "esd", prepared)
    for number in range(count):
        both, children = folder / f"pair{number}", []
        for name in ("one", "two"):
            (both / name).mkdir(parents=True)
            log = both / f"{name}.log"
            run = functools.partial(
                run_esd, prepared, both / name, shared_folder=both / "shared"
            )
            children.append((start(log, run), log))
            time.sleep(rng.uniform(0, seconds / 2))
        for child, log in children:
            finish(child, log)
        for name in ("one", "two"):
            found = {**left_by(both / "shared"), **left_by(both / name)}
            different += differences(found, expected)
        left += left_overs(both)
        print(f"  pairs: {number + 1}, differ: {different}", flush=True)
        shutil.rmtree(both)
    return "pairs", count, count, different, sorted(set(left))


def main(kinds, count, seed=1, what="kills", broken=killed):
    """Prints the table.

    Arguments
    ---------
    kinds : list of str
        Of `KINDS`, or "pairs".
    count : int
        Of each kind, at least; for "pairs" the pairs.
    seed : int
        Of when commands are broken off.
    what : str
        How they are.
    broken : callable
        See `campaign`.
    """
    warm()
    rows = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name:
            if kind == "pairs":
                rows.append(pairs(count, seed, Path(name)))
            else:
                rows.append(campaign(kind, count, seed, Path(name), broken))
    print(f"| command | {what} | ends | that differ | left over |")
    print("| --- | ---: | ---: | --- | --- |")
    for kind, done, ends, different, left in rows:
        print(
            f"| {kind} | {done} | {ends} | {', '.join(different) or 0} | "
            f"{', '.join(left) or 0} |"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kinds", nargs="+", choices=[*KINDS, "pairs"])
    parser.add_argument("--kills", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    main(given.kinds, given.kills, given.seed)
