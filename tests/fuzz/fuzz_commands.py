"""Command lines of every command, and the small files that they name."""

import json
from pathlib import Path

from fuzzing import Area, Case

from speechbrain_relm.__main__ import main as shell
from speechbrain_relm.convert.__main__ import main as convert
from speechbrain_relm.epitome.report import main as report
from speechbrain_relm.evaluation.__main__ import main as evaluate
from speechbrain_relm.evaluation.listening.four_voices import main as voices
from speechbrain_relm.mini.__main__ import main as mini
from speechbrain_relm.mini.corpora import main as corpora
from speechbrain_relm.mini.epitome import main as mini_epitome
from speechbrain_relm.runs.planning.command import main as plan

ROOT = Path(__file__).resolve().parents[2]
ESD = str(ROOT / "recipes/ESD/hparams/re_llm.yaml")
MISSING = ["no/such", "nowhere.csv", "", "ä ö", "a" * 300, "x\ny", "~", "..."]
NO_COUNTS = ["0", "-1", "1.5", "many", "", "nan", "1e9", "99999999999999999999"]
# Command to a right line of its arguments, PATH for what is missing.
LINES = [
    (shell, ["respond", "PATH", "speech.wav"]),
    (shell, ["chat", "PATH"]),
    (shell, ["score", "PATH", "out"]),
    (shell, ["table", "PATH"]),
    (shell, ["table", "A=PATH", "--baseline", "A"]),
    (shell, ["convert", "qwen", "PATH", "out"]),
    (shell, ["plan", "PATH"]),
    (evaluate, ["score", "PATH", "out"]),
    (evaluate, ["table", "B=PATH"]),
    (evaluate, ["join", "ESD=PATH"]),
    (evaluate, ["questions", "PATH"]),
    (convert, ["blsp-emo", "PATH", "out"]),
    (convert, ["re-llm", "PATH", "out"]),
    (convert, ["epitome", "PATH", "out"]),
    (plan, ["PATH"]),
    (report, ["PATH"]),
    (voices, ["PATH"]),
    (shell, ["same_words", "PATH", "corpus", "out"]),
]
# Commands with an option and values that it cannot have.
OPTIONS = [
    (plan, [ESD], "--seconds", [*NO_COUNTS[:2], "many", "nan", "inf", "1e9"]),
    (plan, [ESD], "--gpus", NO_COUNTS),
    (plan, [ESD], "--prompt-tokens", NO_COUNTS),
    (plan, [ESD], "--response-tokens", NO_COUNTS),
    (corpora, ["esd", "made"], "--speakers", [*NO_COUNTS, "11"]),
    (corpora, ["esd", "made"], "--sentences", NO_COUNTS),
    (corpora, ["esd", "made"], "--sentences_from", ["no/such", ""]),
    (corpora, ["esd", "made"], "--seed", ["x", "1.5", ""]),
    (corpora, ["librispeech", "made"], "--utterances", NO_COUNTS),
    (corpora, ["msp-podcast", "made"], "--utterances", NO_COUNTS),
    (corpora, ["iemocap", "made"], "--utterances_per_dialog", NO_COUNTS),
    (corpora, ["demo", "made"], "--sentences", NO_COUNTS),
    (corpora, ["demo", "made"], "--test_sentences", NO_COUNTS),
    (shell, ["same_words", "a", "b", "c"], "--batch_size", NO_COUNTS),
    (shell, ["respond", "a", "b"], "--sentences", NO_COUNTS),
    (shell, ["chat", "a"], "--sentences", NO_COUNTS),
    (shell, ["respond", "a", "b"], "--device", ["gpu", "cuda:99", "", "cpu:x"]),
    (mini_epitome, [], "--data_folder", ["no/such", ""]),
]
# What a JSON of test figures must not be.
CONTENTS = ["", "[]", "{}", "null", "3", "{", '{"a": 1}', "[1]", '"text"']
CONTENTS += ['{"overall": []}', "\ufeff{}", '{"accuracy": NaN}', "[[[[[["]


def missing(random, folder):
    """A file or folder that is not there."""
    main, words = random.choice(LINES)
    path = random.choice(MISSING)
    words = [word.replace("PATH", path) for word in words]
    names = (path, repr(path)[1:-1], " ".join(path.split()), *words[-2:])
    names = tuple(name for name in (*names, "empty") if name)
    return Case(f"{main.__module__} {words}", names, lambda: main(words))


def bad_option(random, folder):
    """An option with a value that it cannot have."""
    main, words, option, values = random.choice(OPTIONS)
    value = random.choice(values)
    words = [*words, f"{option}={value}"]
    return Case(
        f"{main.__module__} {words}",
        (option, option.lstrip("-"), value if "/" in value else option),
        lambda: main(words),
    )


def malformed(random, folder):
    """Arguments that are missing, too many, unknown, shortened or doubled."""
    main, words = random.choice([*LINES, (mini, [])])
    words = [word.replace("PATH", "no/such") for word in words]
    kind = random.randrange(4)
    if kind == 0:
        words, names = words[:-1], ("required", "Give", "no/such", "expected")
    elif kind == 1:
        words, names = [*words, "--no_such_option"], ("--no_such_option",)
    elif kind == 2:
        words, names = ["--no_such=3", *words], ("--no_such", "no/such")
    else:
        # Of two mistakes, either is told.
        words = [*words, "--sent", "3"]
        names = ("--sent", "sent", "no/such")
    if kind == 0 and main is mini:
        words, names = ["extra"], ("extra",)
    return Case(f"{main.__module__} {words}", names, lambda: main(words))


def no_figures(random, folder):
    """A file of another content than was meant."""
    path = folder / "figures.json"
    text = random.choice(CONTENTS)
    if random.random() < 0.3:
        text = json.dumps({text: text})
    path.write_text(text, encoding="utf-8")
    if random.random() < 0.2:
        path.write_bytes(b"\xff\xfe\x00" + text.encode())
    main = random.choice([report, voices, evaluate, plan])
    words = {
        report: [str(path)],
        voices: [str(path)],
        evaluate: ["score", str(path), "out"],
        plan: [str(path)],
    }[main]
    names = ("figures.json",)
    return Case(f"{main.__module__} {text!r}", names, lambda: main(words))


def make(random, folder, shared):
    """An input of some kind."""
    kind = random.choice([missing, bad_option, malformed, no_figures])
    return kind(random, folder)


AREAS = [Area("commands", make, weight=1)]
