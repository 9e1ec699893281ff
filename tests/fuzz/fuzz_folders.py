"""Releases and models' folders: cut, doubled, edited, hostile.

A model's folder is opened by what loads it, a release by the interface. What
is accepted must do what the folder did before it was spoiled, or what its
spoiled setting says.
"""

import json
import os
import shutil
from pathlib import Path

import torch
from fuzzing import OUTSIDE, Area, Case
from safetensors.torch import load_file, save_file

from speechbrain_relm.__main__ import main
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.emotion_encoder import DimensionalEmotionEncoder
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.sentence_encoder import SentenceEncoder
from speechbrain_relm.lobes.speech_llms import (
    qwen2_audio,  # noqa: F401  before the forks
)
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber
from speechbrain_relm.runs.planning import checks  # noqa: F401
from speechbrain_relm.training.initialization import read_start
from tests import tiny_models

YAML = "hyperparams.yaml"
# What a message must hold: a file of the folder, or its setting.
FILES = (YAML, "model.ckpt", "release", "safetensors", "config.json")


def copied(source, target):
    """A copy whose large files are links until they are written anew."""
    target.mkdir(parents=True)
    for file in Path(source).iterdir():
        if file.is_dir():
            copied(file, target / file.name)
        elif file.stat().st_size > 2**16:
            os.link(file, target / file.name)
        else:
            shutil.copy(file, target / file.name)
    return target


def write(path, content):
    """Writes a file of its own."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


# ---------------------------------------------------------------- weights


def cut(path, random):
    """Its end is missing."""
    data = path.read_bytes()
    write(path, data[: random.randrange(len(data))])


def pointer(path, random):
    """Git left a pointer."""
    write(path, b"version https://git-lfs.github.com/spec/v1\nsize 9\n")


def header(path, random):
    """Its header claims another length."""
    data = path.read_bytes()
    claimed = random.choice([0, 1, 2**40, 2**63])
    write(path, claimed.to_bytes(8, "little") + data[8:])


def pickled(path, random):
    """It is torch's own format, with code inside."""
    mark = path.parent / OUTSIDE / "mark"
    mark.parent.mkdir(exist_ok=True)

    class Code:
        def __reduce__(self):
            return os.system, (f"touch {mark}",)

    path.unlink()
    torch.save({"a": Code()}, path)


def gone(path, random):
    """It is not there."""
    path.unlink()


def empty(path, random):
    """Nothing is in it."""
    write(path, b"")


def noise(path, random):
    """Bytes of no kind."""
    write(path, random.randbytes(random.randrange(1, 4000)))


def folder_there(path, random):
    """A folder has its name."""
    path.unlink()
    path.mkdir()


def tensors(change):
    """Makes damage to some tensors."""

    def damage(path, random):
        found = load_file(path)
        change(found, random.choice(sorted(found)), random)
        path.unlink()
        save_file(found, path, {"format": "pt"})

    damage.__doc__ = change.__doc__
    return damage


def integers(found, name, random):
    """One is of integers."""
    name = next(n for n in sorted(found) if n.endswith("weight"))
    found[name] = (found[name] * 127).to(torch.int8)


def not_a_number(found, name, random):
    """One holds NaN."""
    found[name] = found[name].float()
    found[name].view(-1)[0] = random.choice([torch.nan, torch.inf])


def fewer(found, name, random):
    """One is missing."""
    del found[name]


def broadcasts(found, name, random):
    """One has a shape that a copy would repeat."""
    names = [n for n in sorted(found) if found[n].numel() > 1]
    name = random.choice(names)
    found[name] = found[name].flatten()[:1].clone()


def turned(found, name, random):
    """One is turned."""
    names = [n for n in sorted(found) if found[n].dim() > 1]
    names = [n for n in names if found[n].shape[0] != found[n].shape[1]]
    name = random.choice(names)
    found[name] = found[name].transpose(0, 1).contiguous()


BYTES = [cut, pointer, header, pickled, gone, empty, noise, folder_there]
TENSORS = [integers, not_a_number, fewer, broadcasts, turned]
DAMAGE = BYTES + [tensors(change) for change in TENSORS]


def doubled(path, random):
    """A part of another download lies beside it."""
    name = "model-00001-of-00002.safetensors"
    os.link(path, path.with_name(name))


def in_parts(path, index, overlap=False):
    """Divides the weights; with or without their index."""
    found = load_file(path)
    names = sorted(found)
    half = len(names) // 2
    first, second = names[: half + overlap], names[half:]
    listed = {}
    for number, part in enumerate((first, second), 1):
        name = f"model-{number:05d}-of-00002.safetensors"
        save_file({n: found[n] for n in part}, path.with_name(name))
        listed.update(dict.fromkeys(part, name))
    path.unlink()
    if index:
        path.with_name("model.safetensors.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": listed})
        )
    return listed


def no_index(path, random):
    """Parts without a list of them."""
    in_parts(path, False)


def no_part(path, random):
    """One of two parts is missing."""
    in_parts(path, True)
    number = random.choice([1, 2])
    path.with_name(f"model-{number:05d}-of-00002.safetensors").unlink()


def twice(path, random):
    """One tensor is in both parts."""
    in_parts(path, True, overlap=True)


def other_index(path, random):
    """The list of parts is of another model."""
    listed = in_parts(path, True)
    name = random.choice(sorted(listed))
    listed[f"{name}.other"] = listed.pop(name)
    path.with_name("model.safetensors.index.json").write_text(
        json.dumps({"weight_map": listed})
    )


def whole_parts(path, random):
    """Two parts, and the right list: nothing is wrong."""
    in_parts(path, True)


PARTS = [doubled, no_index, no_part, twice, other_index]

# --------------------------------------------------------------- settings

ODD = [None, -1, 0, 2**70, 1.5, True, "", "x", "own", [], {}, [1], {"a": 1}]
ODD += ["\u202e", "a" * 5000, float("nan"), "<im_end>", "../../etc/passwd"]


def json_cut(path, random):
    """A settings file is cut."""
    text = path.read_bytes()
    write(path, text[: random.randrange(len(text) - 2)])


def json_other(path, random):
    """It is JSON, and no settings."""
    write(path, random.choice([b"[]", b"1", b"null", b'"x"', b"[[" * 2000]))


def json_bytes(path, random):
    """It is no UTF-8."""
    write(path, path.read_bytes().replace(b'"', b'"\xff', 3))


def own_code(path, random):
    """It names Python code of the folder's."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    mark = path.parent / OUTSIDE / "mark"
    (path.parent / "own.py").write_text(f"open({str(mark)!r}, 'w')\n")
    kinds = ("Config", "Model", "Tokenizer", "ModelForCausalLM")
    settings["auto_map"] = {f"Auto{kind}": "own.Own" for kind in kinds}
    settings["model_type"] = "own"
    settings["tokenizer_class"] = "OwnTokenizer"
    write(path, json.dumps(settings).encode())


def no_tokenizer(folder, random):
    """Files of the tokenizer are missing."""
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)


def cut_tokenizer(folder, random):
    """The tokenizer's file is cut."""
    cut(folder / "tokenizer.json", random)


def empty_tokenizer(folder, random):
    """The tokenizer's file is another JSON."""
    write(
        folder / "tokenizer.json",
        random.choice([b"{}", b"[]", b'{"model": {}}', b'{"version": "1.0"}']),
    )


def no_template(folder, random):
    """The LLM has no chat template."""
    (folder / "chat_template.jinja").unlink()


TOKENIZER = [no_tokenizer, cut_tokenizer, empty_tokenizer]


def ready_models(folder):
    """Tiny models, and what each says before it is spoiled."""
    made = {
        "llm": tiny_models.save_qwen(str(folder / "llm")),
        "whisper": tiny_models.save_whisper(str(folder / "whisper")),
        "emotion": tiny_models.save_emotion_encoder(str(folder / "emotion")),
        "sentences": tiny_models.save_bert(str(folder / "sentences")),
    }
    (folder / "scorer").mkdir()
    made["scorer"] = tiny_models.save_empathy_scorer(str(folder / "scorer"))
    before = {name: OPENED[name](made[name]) for name in made}
    return made, before


def read_llm(folder):
    """What an LLM makes of a prompt."""
    llm = ChatLLM(str(folder))
    prompt = llm.split_prompt("Be kind.", "Hello.")
    with torch.no_grad():
        logits = llm(llm.embed(torch.tensor([prompt.before + prompt.after])))
    return logits[0, -1].tolist()


def read_whisper(folder):
    """What Whisper writes down."""
    whisper = WhisperTranscriber(str(folder), max_new_tokens=4)
    return whisper.transcribe(torch.ones(1, 8000).cumsum(1).sin())


def read_emotion(folder):
    """What an emotion encoder hears."""
    encoder = DimensionalEmotionEncoder(str(folder))
    return encoder(torch.ones(1, 8000).cumsum(1).sin())[1].tolist()


def read_sentences(folder):
    """Where a sentence is."""
    return SentenceEncoder(str(folder))(["Oh no."])[0].tolist()


def read_scorer(folder):
    """What a scorer says."""
    judged = EmpathyScorer(folder).judge(["I fell."], ["Oh no!"])
    return [found.probabilities.tolist() for found in judged.values()]


OPENED = {
    "llm": read_llm,
    "whisper": read_whisper,
    "emotion": read_emotion,
    "sentences": read_sentences,
    "scorer": read_scorer,
}


def like(before):
    """Tells whether what a model says is what it said before."""

    def same(found):
        # Numbers depend on where tensors lie in memory, in their last digits.
        if isinstance(found[0], str):
            return found == before
        return torch.allclose(torch.tensor(found), torch.tensor(before), 1e-3)

    return same


def make_model(random, folder, shared):
    """Spoils a model's folder."""
    made, before = shared
    name = random.choice(sorted(OPENED))
    target = copied(made[name], folder / "model")
    weights = random.choice(sorted(target.glob("*.safetensors")))
    texts = sorted(target.glob("*.json"))
    open_it, right = OPENED[name], None
    kind = random.random()
    names = ("model", *(path.name for path in target.rglob("*")))
    if kind < 0.35:
        damage, of = random.choice(DAMAGE), weights
    elif kind < 0.5 and name != "scorer":
        damage, of = random.choice(PARTS), weights
    elif kind < 0.55 and name != "scorer":
        damage, of, right = whole_parts, weights, like(before[name])
    elif kind < 0.65:
        other = random.choice([n for n in sorted(made) if n != name])
        return Case(
            f"{name}: the folder of {other}",
            (str(folder), other),
            lambda: open_it(made[other]),
        )
    elif kind < 0.8 and name not in ("emotion", "scorer"):
        damage, of = random.choice(TOKENIZER), target
        if name == "llm" and random.random() < 0.25:
            damage = no_template
        # Whisper's settings know its special tokens alone.
    else:
        damage, of = own_or_odd(random, target, texts)
        right = like(before[name])
        if damage in (json_cut, json_other, json_bytes):
            right = right if of.name != "config.json" else None
    before_it = damage.__doc__.splitlines()[0]
    damage(of, random)
    return Case(
        f"{name}, {of.name}: {before_it}",
        (str(folder), *names),
        lambda: open_it(target),
        right,
    )


def own_or_odd(random, target, texts):
    """Chooses damage to a settings file."""
    needed = target / "config.json"
    path = needed if random.random() < 0.6 else random.choice(texts)
    if path.stat().st_size > 2**16:
        path = needed
    return random.choice([json_cut, json_other, json_bytes, own_code]), path


# --------------------------------------------------------------- releases

CALLS = ["os.system", "subprocess.run", "builtins.exec", "shutil.rmtree"]
CALLS += ["speechbrain_relm.utils.files.os.remove", "torch.hub.load"]
CALLS += ["speechbrain.inference.interfaces.foreign_class", "os.execvp"]
TAGS = ["!apply:{c} [{a}]", "!new:{c} [{a}]", "!name:{c} [{a}]", "!name:{c}"]
TAGS += ["!applyref:{c} [{a}]", "!!python/object/apply:{c} [{a}]"]
TAGS += ["!!python/name:{c} ''", "!module:os", "!include:{p}"]
TAGS += ["(!!python/object/apply:{c} [{a}])", "!<!apply:{c}> [{a}]"]
TAGS += ["'(!!python/object/apply:{c} [\"{p}\"])'", "!copy <emotions>"]
TAGS += ["!new:speechbrain_relm.lobes.chat_llm.ChatLLM {{source: {c}, x: 1}}"]
TAGS += ["!ref <model.__init__>", "!apply:getattr [!ref <model>, __dict__]"]
BOMBS = [
    "x: &a [1, 1]\ny: &b [*a, *a]\nz: [*b, *b]",
    "x: " + "[" * 3000 + "]" * 3000,
    "x: " + "{a: " * 2000,
    "n: 9\nx: !ref <n> ** 9 ** 9 ** 9",
    "n: '9'\nx: !ref <n> * 99999999999",
    "\n".join(f"a{i}: !ref <a{i + 1}><a{i + 1}><a{i + 1}>" for i in range(40))
    + "\na40: xxxxxxxxxx",
    "x: !ref <y>/a\ny: !ref <x>/b",
    "x: !ref <nobody>",
    "x: " + "9" * 50000,
    "x: |\n  " + "y" * 200000,
    "x: !!binary " + "A" * 100,
    "%YAML 9.9\n---\nx: 1",
    "x: 1\n---\ny: 2",
    "x: 1\nx: 2",
    "? [a, b]\n: 1",
    "x: \x00",
    "\t- x",
    "x: !!timestamp 99999-99-99",
    "x: 2001-99-99",
]
VALUES = ["null", "-1", "0", ".nan", ".inf", "1e999", "''", "[]", "{}", "(1,"]
VALUES += ["!PLACEHOLDER", "!ref <model>", "[[[]]]", "'\\'", '"\\x"', "@", "`"]
VALUES += ["True", "nobody/nothing", "/no/such/folder", "&a b", "*a", "x: y"]


def ready_release(folder):
    """A tiny release and what it answers."""
    bases = tiny_models.save_bases(folder)
    release = tiny_models.save_release(folder / "release", *bases)
    scorer = folder / "scorer"
    scorer.mkdir()
    tiny_models.save_empathy_scorer(str(scorer))
    return release, heard(release), (scorer, judged(scorer))


def judged(folder):
    """What a scorer says, opened as the interface does."""
    scoring = EmpathyScoring.from_hparams(folder)
    found = scoring.judge(["I fell."], ["Oh no!"])
    return [part.probabilities.tolist() for part in found.values()]


def heard(release, **how):
    """What a release answers to a tone, and its emotions."""
    listener = EmpatheticListener.from_hparams(release, **how)
    wavs = torch.ones(1, 8000).cumsum(1).sin()
    answers = listener.respond_batch(wavs, torch.ones(1), max_new_tokens=3)
    emotion = listener.classify_batch(wavs, torch.ones(1))[0]
    return answers, emotion.head, emotion.attributes


def hostile(random, folder):
    """A line that would run code, or take all there is."""
    if random.random() < 0.4:
        return random.choice(BOMBS)
    outside = folder / OUTSIDE
    outside.mkdir()
    other = outside / "other.yaml"
    other.write_text("y: 1\n")
    mark = f"'touch {outside / 'mark'}'"
    value = random.choice(TAGS).format(c=random.choice(CALLS), a=mark, p=other)
    place = random.choice(["x: {v}", "x: [1, {v}]", "x: {{y: {v}}}"])
    return place.format(v=value)


def edited(random, lines):
    """Lines with one of them dropped, doubled, cut or given another value."""
    kept = [i for i, x in enumerate(lines) if ": " in x and x[0] not in " #-"]
    number = random.choice(kept)
    line, how = lines[number], random.randrange(5)
    lines = list(lines)
    if how == 0:
        lines[number] = line.partition(": ")[0] + ": " + random.choice(VALUES)
    elif how == 1:
        del lines[number]
    elif how == 2:
        lines.insert(number, line)
    elif how == 3:
        lines = [*lines[:number], line[: random.randrange(len(line))]]
    else:
        lines[number] = line.replace(": ", random.choice([":", " : [", ": - "]))
    return lines, f"{line[:40]!r}, edit {how} -> {lines[number : number + 1]}"


def make_release(random, folder, shared):
    """Spoils a release."""
    release, before, scorer = shared
    target = copied(release, folder / "release")
    path, names = target / YAML, (str(target), *FILES)
    text, kind = path.read_text(encoding="utf-8"), random.random()
    if kind < 0.3:
        lines = hostile(random, folder)
        write(path, f"{text}\n{lines}\n".encode())
        what = lines[:80]
    elif kind < 0.5:
        damage = random.choice(DAMAGE)
        damage(target / "model.ckpt", random)
        what = f"model.ckpt: {damage.__doc__.splitlines()[0]}"
    elif kind < 0.6:
        data = bytearray(text.encode())
        data[random.randrange(len(data))] = random.choice(b"\x00\xff\x80\x1b")
        write(path, bytes(data))
        what = "a byte of the YAML"
    elif kind < 0.7:
        shutil.rmtree(target)
        return make_scorer(random, folder, scorer)
    elif kind < 0.73:
        return make_start(random, target)
    elif kind < 0.78:
        return make_command(random, folder, target, names)
    else:
        lines, what = edited(random, text.splitlines())
        write(path, "\n".join(lines).encode())
        changed = path.read_text(encoding="utf-8")
        known = {line.partition(":")[0] for line in text.splitlines()}
        return Case(
            what,
            (*names, *filter(None, known)),
            lambda: heard(target),
            # As it was, or as a release of other settings.
            lambda found: (
                found == before or (changed != text and len(found[0]) == 1)
            ),
        )
    # A comment may be what is hit.
    return Case(what, names, lambda: heard(target), before.__eq__)


def make_scorer(random, folder, scorer):
    """Spoils an empathy scorer as the interface opens it."""
    source, before = scorer
    target = copied(source, folder / "release")
    path = target / YAML
    text = path.read_text(encoding="utf-8")
    lines = hostile(random, folder)
    write(path, f"{text}\n{lines}\n".encode())
    # What no setting of a scorer's reads is never built.
    return Case(
        f"scorer: {lines[:80]}",
        (str(target), *FILES),
        lambda: judged(target),
        like(before),
    )


def make_command(random, folder, target, names):
    """Opens a hostile release from a shell."""
    path = target / YAML
    text = path.read_text(encoding="utf-8")
    lines = hostile(random, folder)
    write(path, f"{text}\n{lines}\n".encode())
    wav = str(folder / "a.wav")
    command = random.choice(
        [
            ["respond", str(target), wav],
            ["chat", str(target)],
            ["same_words", str(target), str(folder), str(folder / "out")],
        ]
    )
    return Case(f"{command[0]}: {lines[:80]}", names, lambda: main(command))


def make_start(random, target):
    """Spoils tensors that a training starts from."""
    # Shapes are compared with the model's, later.
    damage = random.choice([*BYTES, *map(tensors, TENSORS[:2])])
    damage(target / "model.ckpt", random)
    return Case(
        f"init_from: {damage.__doc__.splitlines()[0]}",
        ("init_from", "model.ckpt", str(target)),
        lambda: read_start(str(target)),
    )


AREAS = [
    Area("models", make_model, ready_models, weight=1),
    Area("releases", make_release, ready_release, weight=1),
]
