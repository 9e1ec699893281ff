"""What becomes of a finished run, and of one killed in its fit, if an input
changes: refused, redone or reused, and is it then what a fresh run leaves?

To run it, do the following (tiny random models and made speech; some minutes):
> python benchmarks/changed_inputs.py FOLDER

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import soundfile as sf

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "recipes" / "ESD")]

import kills  # noqa: E402, I001
from train import main  # noqa: E402

from speechbrain_relm.evaluation.tables.table_csv import (  # noqa: E402
    read_csv,
)
from speechbrain_relm.utils.errors import RecipeError  # noqa: E402
from speechbrain_relm.utils.records import read_records  # noqa: E402

YAML = ROOT / "recipes/ESD/hparams/re_llm_mini.yaml"
STEPS = (
    "[prepare, attributes, expected_responses, fit, respond, score, report, "
    "release]"
)
# Setting to its other value, as on the command line.
SETTINGS = {
    "lr": "0.0004",
    "seed": "7",
    "batch_size": "2",
    "weight_decay": "0.1",
    "warmup_steps": "3",
    "max_grad_norm": "0.5",
    "grad_accumulation_factor": "2",
    "precision": "bf16",
    "loss_weights": "{category: 0.5}",
    "rates": "{adapter: 0.5}",
    "best_by": "loss",
    "init_adapter": "widened",
    "emotions": "[sad, neutral, angry, happy]",
    "test_ratio": "0.5",
    "valid_ratio": "0.3",
    "split_seed": "2",
    "test_speakers": "['0012']",
    "test_sentences": "[1, 2]",
    "min_duration": "1.2",
    "max_duration": "2.5",
    "llm": "{adapter_kwargs: {rank: 8}}",
    "adapter": "{bottleneck_size: 64}",
    "chat_llm": "{dtype: bfloat16}",
    "speech_encoder": "{pad_to_30s: True}",
    "emotion_encoder": "null",
    "sampler": "{max_batch_length: 512}",
    "continuation_system": "Be brief.",
    "continuation_from_text": "Continue. ",
    "continuation_from_speech": "Continue. ",
    "continuation_examples": "{sad: []}",
    "speech_examples": "[[Hello., Oh!]]",
    "expected_response_settings": "{max_new_tokens: 5}",
    "expected_response_flaws": "[echo]",
    "number_of_epochs": "1",
    "system": "re_llm_no_dim",
    "response_system": "Be kind.",
    "response_style": " Ask a question.",
    "response_instruction": "Answer. ",
    "response_settings": "{max_new_tokens: 5}",
    "recognition_instruction": "neutral, sad, angry or happy? ",
    "recognition_settings": "{max_new_tokens: 3}",
    "recognition_sentence": "It sounds {emotion}.",
    "eval_precision": "bf16",
    "generation_batch_size": "3",
    "labelling_batch_size": "3",
    "valid_loader": "{batch_size: 2}",
    "train_loader": "{num_workers: 1}",
    "log_interval_steps": "1",
    "ckpt_interval_steps": "3",
}


def other_model(folder, settings, name):
    """A change: a model of the kind with other weights."""
    target = folder / f"models/{name}"
    shutil.copytree(settings[name], target)
    for file in target.rglob("*.safetensors"):
        content = bytearray(file.read_bytes())
        content[-200:] = bytes(b ^ 1 for b in content[-200:])
        file.write_bytes(content)
    return {name: target}


def copied(change):
    """Makes a change of the corpus's copy, which has the same names."""

    def whole(folder, settings, name):
        """Copies and changes."""
        corpus = folder / "ESD"
        shutil.copytree(settings["data_folder"], corpus)
        change(corpus)
        return {"data_folder": corpus}

    return whole


def louder(pattern):
    """Makes a change: other samples in the wavs of some sentences."""

    def change(corpus):
        """Halves them."""
        for file in corpus.rglob(pattern):
            samples, rate = sf.read(file, dtype="int16")
            sf.write(file, samples // 2, rate)

    return change


def reworded(sentence):
    """Makes a change: a corrected transcript."""

    def change(corpus):
        """Of every speaker and emotion."""
        for file in corpus.glob("*/*.txt"):
            text = file.read_text(encoding="utf-8")
            file.write_text(
                text.replace(sentence, f"{sentence[:-1]} today."),
                encoding="utf-8",
            )

    return change


def without_speaker(corpus):
    """Fewer speakers than before."""
    shutil.rmtree(corpus / "0012")


def untouched(corpus):
    """The same corpus at another place."""


def cases(sentences):
    """Lists the changes: a name to overrides, or to what makes them."""
    found = {name: {name: value} for name, value in SETTINGS.items()}
    for name in kills.tiny_models.SOURCES:
        found[f"{name}, other weights"] = other_model
    found["audio of the test"] = copied(louder(f"*{sentences['test'][1]}.wav"))
    found["audio of training"] = copied(louder(f"*{sentences['train'][1]}.wav"))
    found["transcript of the test"] = copied(reworded(sentences["test"][0]))
    found["transcript of training"] = copied(reworded(sentences["train"][0]))
    found["a speaker is gone"] = copied(without_speaker)
    found["data_folder moved"] = copied(untouched)
    found["number_of_epochs grows"] = {"number_of_epochs": "3"}
    return found


def arguments(output, settings):
    """Builds a command line."""
    given = {**settings, "output_folder": output}
    return [str(YAML), *(f"--{name}={value}" for name, value in given.items())]


def run(output, settings):
    """Runs the recipe here; returns the line of a refusal, or none."""
    printed, sys.stdout = sys.stdout, open(os.devnull, "w", encoding="utf-8")
    try:
        main(arguments(output, settings))
    except RecipeError as error:
        return str(error)
    finally:
        sys.stdout = printed
    return None


def left(folder):
    """Reads what a run leaves: its text, and its numbers."""
    records = {
        name: {
            i: {k: v for k, v in record.items() if k != "from"}
            for i, record in read_records(folder / f"{name}.jsonl").items()
        }
        for name in ("expected_responses", "responses", "scores")
    }
    cells = read_csv(folder / "table.csv")
    text = json.dumps([records, [(c.metric, c.value) for c in cells]])
    number = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
    return number.sub("", text), [float(n) for n in number.findall(text)]


def equal(one, two):
    """Compares what two runs leave; other batches round the last digits."""
    (text, numbers), (other_text, others) = left(one), left(two)
    return text == other_text and np.allclose(numbers, others, 0, 1e-5)


def worked(before, folder):
    """Counts the records of each step that are not those of before."""
    found = []
    for path in sorted(folder.glob("*s.jsonl")):
        old = before / path.name
        if ".old" in path.name or not old.is_file():
            continue
        known, now = read_records(old), read_records(path)
        new = [i for i, r in now.items() if known.get(i) != r]
        if new:
            found.append(f"{path.stem} {len(new)} of {len(now)}")
    return "; ".join(found)


def show(name, state, verdict, start):
    """Prints a row."""
    sys.stdout.write(
        f"| {name} | {state} | {verdict} | {time.time() - start:.1f} |\n"
    )
    sys.stdout.flush()


def one_case(name, change, bases, settings, folder):
    """Changes one thing, for each state that a run may be in."""
    folder.mkdir(parents=True)
    changed = change
    if callable(change):
        changed = change(folder, settings, name.partition(",")[0])
    settings, fresh = {**settings, **changed}, None
    for state, base in bases.items():
        start, output = time.time(), folder / state
        shutil.copytree(base, output)
        line = run(output, settings)
        if line is not None:
            said = re.sub(r"\S+/(?=[\w.]+ (was|has))|\S*/(?=\S+ \()", "", line)
            show(name, state, f"refused: {said.partition(' Give ')[0]}", start)
            continue
        if fresh is None:
            fresh = folder / "fresh"
            run(fresh, settings)
        same = "equal" if equal(output, fresh) else "DIFFERS"
        what = worked(base, output) or "all records reused"
        if not (base / "responses.jsonl").is_file():
            what += "; the fit goes on"
        show(name, state, f"{what} ({same} to a fresh run)", start)
    shutil.rmtree(folder)


def killed_in_fit(output, settings):
    """Leaves a run as kill -9 in the middle of its second epoch does."""

    def happened():
        """Tells whether a checkpoint of the second epoch is there."""
        log = output / "train_log.txt"
        return log.is_file() and len(list(output.glob("save/*/COMPLETE"))) > 1

    child = kills.start(output.with_name("killed.log"), run, output, settings)
    while not happened():
        assert not os.waitpid(child, os.WNOHANG)[0], "it ended before"
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def parse(argv=None):
    """Takes the command line apart."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path, help="for runs; made")
    parser.add_argument("--cases", nargs="*", help="names; by default all")
    return parser.parse_args(argv)


def study(given):
    """Prints the table."""
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    kills.warm()
    settings = {**kills.prepare_esd(folder, speakers=2), "steps": STEPS}
    settings["ckpt_interval_steps"] = 1
    bases = {"finished": folder / "finished", "killed": folder / "killed"}
    if not bases["killed"].is_dir():  # before this process trains itself
        killed_in_fit(bases["killed"], settings)
    run(bases["finished"], settings)
    entries = {
        split: json.loads(
            (bases["finished"] / f"manifests/{split}.json").read_text()
        )
        for split in ("train", "test")
    }
    sentences = {
        split: (next(iter(found.values()))["transcript"], next(iter(found)))
        for split, found in entries.items()
    }
    sys.stdout.write(
        "| changed | run | then | s |\n| --- | --- | --- | ---: |\n"
    )
    for number, (name, change) in enumerate(cases(sentences).items()):
        if not given.cases or name in given.cases:
            work = folder / "cases" / str(number)
            shutil.rmtree(work, ignore_errors=True)
            one_case(name, change, bases, settings, work)


if __name__ == "__main__":
    study(parse())
