"""Settings: values, keys and command lines of the recipes' YAMLs.

What is bad is said here by hand, not read off the schema that is tested.
"""

import string
from pathlib import Path

from fuzzing import Area, Case
from hyperpyyaml import load_hyperpyyaml

from speechbrain_relm.runs.experiment import start
from speechbrain_relm.runs.needs import needed_yaml
from speechbrain_relm.utils.plain_yaml import settings_of

ROOT = Path(__file__).resolve().parents[2]
YAMLS = sorted(ROOT.glob("recipes/*/hparams/*.yaml"))
NO_NUMBERS = [".nan", "true", "null", "many", "[1]", "{a: 1}", "", "1,5", "--"]
NO_NUMBERS += ["nan", "inf", ".inf", "-.inf", "1e999", "0.1.2", "'1'", "1 2"]
NO_COUNTS = [*NO_NUMBERS, "0", "-1", "1.5", "99999999999", "1e-9", "2.0"]
NO_RATES = [*NO_NUMBERS, "0", "-0.1", "0.0", "1e9", "-1e-5"]
NO_WEIGHTS = [*NO_NUMBERS, "-0.1", "-1", "1e99"]
NO_SHARES = [*NO_NUMBERS, "0", "1", "-0.1", "1.5", "30"]
NO_SWITCHES = ["yes", "1", "0", "null", "maybe", "[]", "Flase", "''"]
NO_SEEDS = [*NO_NUMBERS, "-1", "1.5", "4294967296"]
NO_LISTS = ["sad", "3", "null", "{a: 1}", "[", "[1, 2]", "[[]]", "[null]"]
NO_MAPPINGS = ["3", "on", "[1]", "{", "{a}", "[a, b]"]
# Settings to values that none of them may have.
BAD = {
    "batch_size": NO_COUNTS,
    "generation_batch_size": NO_COUNTS,
    "labelling_batch_size": NO_COUNTS,
    "number_of_epochs": NO_COUNTS,
    "grad_accumulation_factor": NO_COUNTS,
    "patience": NO_COUNTS,
    "folds": [*NO_COUNTS, "1"],
    "max_length": NO_COUNTS,
    "layers": NO_COUNTS,
    "train_size": [*NO_NUMBERS, "0", "-1", "1.5"],
    "test_size": [*NO_NUMBERS, "0", "-1", "1.5"],
    "test_session": [*NO_COUNTS, "6"],
    "warmup_steps": [*NO_NUMBERS, "-1", "1.5"],
    "log_interval_steps": [*NO_NUMBERS, "-1", "1.5"],
    "ckpt_interval_steps": [*NO_NUMBERS, "-1", "1.5"],
    "ckpt_interval_minutes": NO_WEIGHTS,
    "test_fold": [*NO_NUMBERS, "-1", "5", "1.5"],
    "lr": NO_RATES,
    "max_grad_norm": [*NO_NUMBERS, "0", "-1"],
    "weight_decay": NO_WEIGHTS,
    "rationale_weight": NO_WEIGHTS,
    "ordinal_weight": NO_WEIGHTS,
    "valid_ratio": NO_SHARES,
    "test_ratio": NO_SHARES,
    "min_duration": [*NO_WEIGHTS, "1e5", "40"],
    "max_duration": [*NO_WEIGHTS, "1e5", "0.01"],
    "seed": NO_SEEDS,
    "split_seed": NO_SEEDS,
    "fsdp": NO_SWITCHES,
    "emotion_first": NO_SWITCHES,
    "train_embeddings": NO_SWITCHES,
    "remove_vector_weight_decay": NO_SWITCHES,
    "precision": ["fp99", "bf-16", "null", "16", "[]", "float32"],
    "best_by": ["ua", "accuracy", "null", "1", "[UA]", "'loss '"],
    "init_adapter": ["new", "null", "1", "FRESH"],
    "emotions": [*NO_LISTS, "[sad, sad]", "[sad, sda]", "[]", "['']"],
    "steps": [*NO_LISTS, "[fti]", "[prepare, atributes]", "[fit, fit]", "[]"],
    "test_speakers": ["0019", "[19]", "['19']", "[null]", "['0019', '0019']"],
    "test_sentences": ["301", "[301]", "[350, 301]", "[a, b]", "[0, 1]"],
    "train_sets": [*NO_LISTS, "[]", "[a, a]", "['']"],
    "trainings": ["[]", "[[]]", "emotional_reactions", "[[empathy]]"]
    + ["[[explorations], [explorations]]", "[explorations]"],
    "expected_response_flaws": ["letter", "[lettre]", "[cut, cut]", "null"],
    "loss_weights": NO_MAPPINGS,
    "rates": NO_MAPPINGS,
    "judge": NO_MAPPINGS,
    "train_loader": NO_MAPPINGS,
    "response_settings": NO_MAPPINGS,
    "measure_on": [*NO_MAPPINGS, "{ESD: 1}", "{ESD: {manifset: a}}"],
    "chat_llm": ["5", "gpt", "[1]", "true"],
    "adapter": ["5", "linear", "[1]"],
    "listener": ["{text: hello}", "5", "me"],
    "continuation_from_text": ["{emotoin}: ", "{", "}", "{}", "{0}"]
    + ["{emotion.x}", "{emotion[0}", "{emotion!z}", "{emotion:d}"],
    "recognition_sentence": ["It is sad.", "", "{emotions}", "{ emotion }"],
    "recognition_lexicon": ["missing.yaml", "/", "mine.yaml"],
    "baseline": ["missing", "/", ".", "a run"],
    "continuation_examples": ["[]", "3", "{sda: []}", "{sad: 3}"]
    + ["{sad: [[a]]}", "{sad: [[a, b, c]]}", "{sad: [[1, 2]]}"],
    "speech_examples": ["3", "[a]", "[[a]]", "[[a, 2]]", "{a: b}"],
    "report_remarks": ["a", "3", "[3]", "{a: b}"],
    "system": ["0", "9", "10", "re_lm", "missing.yaml", "[1]", "-1", "1.5"],
    "output_folder": ["", " "],
    "data_folder": ["", " "],
    "shared_folder": ["", " "],
    "experiment_name": [""],
    "llm_source": ["", "!ref <nothing>", "!ref <llm_source>"],
}
# Arguments inside of mappings and objects, to the same.
INSIDE = {
    "loss_weights": {
        "response_nll": NO_WEIGHTS,
        "words": NO_WEIGHTS,
        "categry": ["1.0"],
        "worsd": ["1.0"],
    },
    "rates": {"adapter": NO_WEIGHTS, "adpater": ["0.1"], "lm": ["0.1"]},
    "judge": {"batch_size": NO_COUNTS, "sede": ["1"], "dtype": ["float"]},
    "train_loader": {"num_workers": ["-1", "many"], "num_worker": ["2"]},
    "valid_loader": {"batch_size": NO_COUNTS, "batchsize": ["2"]},
    "response_settings": {
        "max_new_tokens": NO_COUNTS,
        "max_new_token": ["5"],
        "sentences": ["0", "-1", "two", "1.5", ".inf"],
        "temperature": ["0", "-1", ".nan", "hot"],
        "do_sample": NO_SWITCHES,
        "top_p": ["0", "1.1", "-1", ".nan"],
    },
    "expected_response_settings": {"max_new_tokens": NO_COUNTS},
    "recognition_settings": {"max_new_tokens": NO_COUNTS, "sede": ["1"]},
    "chat_llm": {
        "bits": ["3", "true", "'4'", "16", "0", "[4]"],
        "dtype": ["float", "int8", "null", "32"],
        "bist": ["4"],
        "freeze": NO_SWITCHES,
    },
    "speech_encoder": {"pad_to_30s": NO_SWITCHES, "pad_to_30": ["True"]},
    "emotion_model": {"normalise": ["True"], "normalize": NO_SWITCHES},
    "llm": {
        "target_layers": ["3", "[]", "[1]", "['']", "'*_proj'", "null"],
        "target_layer": ["['*_proj']"],
        "adapter_kwargs": ["3", "{rank: 0}", "{rank: -4}", "{rnk: 16}"]
        + ["{rank: 1.5}", "{alpha: .nan}", "{dropout: 1.0}", "{dropout: -1}"],
        "manual_adapter_insertion": ["True"],
    },
    "adapter": {"bottleneck_size": NO_COUNTS, "bottleneck": ["512"]},
    "heads": {"categories": [*NO_COUNTS, "3", "5"], "category": ["4"]},
    "classifier": {"dropout": ["1", "-1", ".nan", "no"], "drop": ["0.1"]},
    "opt_class": {"fusde": ["True"], "weight_decay": NO_WEIGHTS},
    "sampler": {
        "max_batch_length": ["0", "-1", ".nan", ".inf", "long"],
        "bucket_boundaries": ["[]", "[3, 2]", "[a]", "[-1, 2]", "5", "[.inf]"],
        "max_batch_len": ["10"],
        "shuffle": NO_SWITCHES,
    },
    "epoch_counter": {"limit": NO_COUNTS, "limits": ["3"]},
    "lr_schedule": {"num_warmup_steps": ["-1", ".nan", "many"]},
}
# Words that YAML would make something else of; file names that cut it.
TEXTS = ["123", "null", "1e-3", "a: b", "/x/ESD #2", "true", "0019", "~", "a=b"]
TEXTS += ["[1]", "{a}", "- a", "'a'", '"a"', "yes", "1:30", "2024-01-01", "%a"]
TEXTS += [
    "a\\b",
    "café ☕",
    "a\tb",
    "*a",
    "&a",
    "!a",
    "@a",
    "`a`",
    "| a",
    "> a",
]
TEXTS += ["a, b", "——", "it's", "x" * 500, "0x1F", ".5", "#"]
# Text settings that no other refers to, and those that a run must not leave.
TEXT_SETTINGS = ["data_folder", "response_instruction", "corpus_licence"]
TEXT_SETTINGS += ["recognition_system", "whisper_source", "init_from", "source"]
RUN_OPTIONS = {
    "device": ["gpu", "cuda:99", "cpu:x", "", "tpu:0"],
    "precision": ["fp99", "half"],
    "eval_precision": ["fp99", "8"],
    "max_grad_norm": ["nan", "-1", "much"],
    "grad_accumulation_factor": ["0", "-1", "two"],
    "ckpt_interval_steps": ["-1", "x"],
    "nonfinite_patience": ["-1", "x", "1.5"],
    "debug_batches": ["0", "many"],
    "data_parallel_count": ["x", "1.5"],
    "optimizer_step_limit": ["0", "-5", "x"],
}


def begin(yaml, folder, words):
    """What a recipe does before its work."""
    base = [f"--output_folder={folder}/run", f"--data_folder={folder}/data"]
    given = {word.partition("=")[0] for word in words}
    base = [word for word in base if word.partition("=")[0] not in given]
    return start([str(yaml), *base, *words], yaml.parents[1], {})


def loaded(yaml, folder, words):
    """The same, and what HyperPyYAML makes of it, without any model."""
    path, _, settings = begin(yaml, folder, words)
    text = Path(path).read_text(encoding="utf-8")
    if "steps" not in settings:  # its models are always built
        return settings, settings
    return settings, load_hyperpyyaml(needed_yaml(text, ["prepare"]))


def keys(yaml):
    """Settings of a YAML, to their lines."""
    return settings_of(yaml.read_text(encoding="utf-8"))


def bad_value(random, folder, yaml):
    """A setting with a value that it cannot have."""
    name = random.choice([k for k in BAD if k in keys(yaml)])
    value = random.choice(BAD[name])
    return Case(
        f"{yaml.name} --{name}={value}",
        (name,) if name != "llm_source" else ("llm_source", "nothing"),
        lambda: begin(yaml, folder, [f"--{name}={value}"]),
    )


def bad_inside(random, folder, yaml):
    """A mapping or object with such a value or an unknown key."""
    there = keys(yaml)
    name = random.choice(
        [k for k in INSIDE if k in there and ": null" not in there[k]]
    )
    key = random.choice([*INSIDE[name]])
    value = random.choice(INSIDE[name][key])
    word = f"--{name}={{{key}: {value}}}"
    return Case(
        f"{yaml.name} {word}",
        (key, name, "YAML"),
        lambda: begin(yaml, folder, [word]),
        (lambda _: True) if harmless(there, name, key) else None,
    )


def harmless(there, name, key):
    """Whether a value that is bad elsewhere is right here."""
    heads = (name, key) == ("heads", "categories")
    return heads and "EmotionHeads" not in there[name]


def text_as_typed(random, folder, yaml):
    """Text that YAML would read otherwise arrives as it was typed."""
    name = random.choice([k for k in TEXT_SETTINGS if k in keys(yaml)])
    value = random.choice(TEXTS)
    if random.random() < 0.5:
        letters = string.ascii_letters + string.punctuation + " äß漢🙂"
        value = "".join(random.choices(letters, k=random.randint(1, 30)))
    nullable = name in ("init_from", "whisper_source")
    wanted = None if nullable and value == "null" else value
    split = random.random() < 0.5 and not value.startswith("-")
    words = [f"--{name}", value] if split else [f"--{name}={value}"]

    def right(found):
        """The same text, to us and to HyperPyYAML."""
        settings, hparams = found
        return settings[name] == wanted and (
            hparams[name] == wanted or name in ("whisper_source", "source")
        )

    return Case(
        f"{yaml.name} {words}",
        (name,),
        lambda: loaded(yaml, folder, words),
        right,
    )


def good_value(random, folder, yaml):
    """A value that is right is taken as it is."""
    name, value, wanted = random.choice(
        [
            ("batch_size", "3", 3),
            ("lr", "1e-3", 1e-3),
            ("lr", "0.5", 0.5),
            ("seed", "0", 0),
            ("seed", "4294967295", 4294967295),
            ("number_of_epochs", "0x10", 16),
            ("batch_size", "!ref <seed>", None),
        ]
    )
    if wanted is None:
        words, wanted = ["--seed=7", f"--{name}={value}"], 7
    else:
        words = [f"--{name}", value]
    return Case(
        f"{yaml.name} {words}",
        (name,),
        lambda: begin(yaml, folder, words),
        lambda found: found[2][name] == wanted,
    )


def run_option(random, folder, yaml):
    """An option of SpeechBrain's with a value that it cannot have."""
    there = keys(yaml)
    names = [k for k in RUN_OPTIONS if k not in there]
    name = random.choice(names)
    value = random.choice(RUN_OPTIONS[name])
    return Case(
        f"{yaml.name} --{name} {value!r}",
        (name,),
        lambda: begin(yaml, folder, [f"--{name}={value}"]),
    )


def misspelled(random, name):
    """A name with one letter more, less, or two exchanged."""
    i = random.randrange(1, len(name) - 1)
    return random.choice(
        [
            name[:i] + name[i + 1 :],
            name[:i] + random.choice("aeiou") + name[i:],
            name[:i] + name[i + 1] + name[i] + name[i + 2 :],
        ]
    )


def command_line(random, folder, yaml):
    """Options that are none, without a value, doubled."""
    there = [*keys(yaml)]
    name = random.choice([k for k in there if len(k) > 3 and k[0] != "_"])
    typo = misspelled(random, name)
    words, names = random.choice(
        [
            ([f"--{typo}=1"], (typo,)),
            ([f"--{name}"], (name,)),
            ([f"--{name}", "--seed=1"], (name,)),
            (["--seed=1", "--seed", "2"], ("seed",)),
            ([f"--{name}=1", f"--{name}=1"], (name,)),
            ([f"-{name}", "1"], (f"-{name}",)),
            (["other.yaml"], ("other.yaml",)),
            (["--debug=True"], ("debug",)),
            (["--debug", "True"], ("True",)),
            ([f"--{name}", "1", "2"], ("2",)),
            (["--", "x"], ("--",)),
            (["--=3"], ("--=3", "--")),
            (["--a b=3"], ("a b",)),
            (["---seed=3"], ("---seed",)),
            (["--data\udcff=3"], ("udcff",)),
            (["--data_folder=/x/\udcff"], ("udcff",)),
        ]
    )
    if typo in there:
        words, names = ["--sede=1"], ("sede",)
    return Case(
        f"{yaml.name} {words!r}", names, lambda: begin(yaml, folder, words)
    )


def edited(random, folder, yaml):
    """A YAML in which something was broken by hand."""
    text = yaml.read_text(encoding="utf-8")
    path = folder / "mine.yaml"
    lines = text.splitlines()
    tops = [
        i
        for i, line in enumerate(lines)
        if line[:1].isalpha() and not line.startswith("tokenizer")
    ]
    line = random.choice(tops)
    name = lines[line].partition(":")[0]
    needed = "seed output_folder data_folder lr number_of_epochs sampler"
    kind = random.randrange(10)
    names = ("mine.yaml",)
    if kind == 0:
        lines[line] = lines[line].replace(":", " ", 1)
    elif kind == 1:
        lines.append(f"{name}: twice")
        names = (name, "mine.yaml")
    elif kind == 2:
        name = random.choice(needed.split())
        lines = drop(lines, name)
        names = (name,)
    elif kind == 3:
        name = random.choice(["lr", "batch_size", "number_of_epochs"])
        typo = misspelled(random, name) if name != "lr" else "lrr"
        lines = [
            f"{typo}:{row[len(name) + 1 :]}"
            if row.startswith(f"{name}:")
            else row
            for row in lines
        ]
        names = (typo, name)
    elif kind == 4:
        lines[line] += "\n   bad indent: [1"
    elif kind == 5:
        lines = random.choice([[], ["- a", "- b"], ["text"], ["null"]])
    elif kind == 6:
        lines.append("more: !ref <nothing_like_this>")
        names = ("nothing_like_this",)
    elif kind == 7:
        lines += ["one_: !ref <two_>", "two_: !ref <one_>"]
        names = ("one_", "two_")
    elif kind == 8:
        lines = [
            row.replace("torch.optim.Adam", "torch.optim.Adamm")
            for row in lines
        ]
        names = ("Adamm",)
    else:
        lines = [row.replace("!new:", "!nwe:", 1) for row in lines]
        lines = [row.replace("!name:", "!nmae:", 1) for row in lines]
        names = ("!nwe", "!nmae")
    content = "\n".join(lines).encode()
    if kind == 4 and random.random() < 0.3:
        content = b"\xff\xfe" + content
    path.write_bytes(content)

    def opened():
        """With the recipe's folder."""
        words = [f"--output_folder={folder}/run", f"--data_folder={folder}"]
        return start([str(path), *words], yaml.parents[1], {})

    return Case(f"{yaml.name}, kind {kind}, {name}", names, opened)


def drop(lines, name):
    """Leaves a setting out."""
    kept, inside = [], False
    for row in lines:
        if row[:1].isalpha() or row.startswith("__"):
            inside = row.startswith(f"{name}:")
        if not inside:
            kept.append(row)
    return kept


def own_system(random, folder, yaml):
    """A system's YAML with a mistake."""
    path = folder / "mine.yaml"
    text, names = random.choice(
        [
            ("based_on: re_llm\nsytem_title: A\n", ("sytem_title",)),
            ("based_on: nothing\n", ("nothing",)),
            (f"based_on: {path}\n", ("mine.yaml",)),
            ("- a\n", ("mine.yaml",)),
            ("", ("mine.yaml",)),
            ("a: [1\n", ("mine.yaml",)),
            ("based_on: re_llm\nlr: -1\n", ("lr",)),
            ("based_on: [1]\n", ("[1]",)),
            ("steps: [prepare, fti]\n", ("fti",)),
            ("loss_weights: {categry: 1}\n", ("categry",)),
            ("listener: !new:no.such.Class {}\n", ("no.such.Class",)),
            ("heads: {categories: 9}\n", ("categories",)),
        ]
    )
    path.write_text(text, encoding="utf-8")
    yaml = ROOT / "recipes" / "ESD" / "hparams" / "re_llm_mini.yaml"
    return Case(
        f"system {text!r}",
        names,
        lambda: begin(yaml, folder, [f"--system={path}"]),
    )


KINDS = {
    bad_value: 8,
    bad_inside: 6,
    text_as_typed: 4,
    good_value: 1,
    run_option: 1,
    command_line: 2,
    edited: 2,
    own_system: 1,
}


def make(random, folder, shared):
    """An input of some kind."""
    yaml = random.choice(YAMLS)
    (kind,) = random.choices([*KINDS], [*KINDS.values()])
    return kind(random, folder, yaml)


def ready(folder):
    """Imports what any of the YAMLs names, once."""
    for yaml in YAMLS:
        begin(yaml, folder / yaml.parts[-3] / yaml.stem, [])


AREAS = [Area("settings", make, ready, weight=2)]
