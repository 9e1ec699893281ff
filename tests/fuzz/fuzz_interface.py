"""The Python interface and the shell's chat: arguments of every kind."""

import io
import sys

import soundfile as sf
import torch
from fuzz_wavs import spoken
from fuzzing import Area, Case

from speechbrain_relm.__main__ import main
from speechbrain_relm.inference.re_llm import EmpatheticListener
from tests import tiny_models

INF, NAN = float("inf"), float("nan")
# Settings and values that must be refused.
SETTINGS = {
    "max_new_tokens": [0, -1, 10**9, "8", 2.5, NAN, True, [8]],
    "sentences": [0, -1, 1.5, "2", True],
    "temperature": [0, -1, NAN, INF, "hot"],
    "top_p": [0, 2, NAN, "all"],
    "top_k": [-1, 2.5, NAN],
    "repetition_penalty": [0, -1, NAN, INF],
    "num_beams": [0, -1, 10**6],
    "do_sample": ["yes", 1, 2],
    "examples": ["Oh.", [["a"]], [[1, 2]], 7],
    "max_tokens": [8],
    "tempreature": [0.5],
    "system": [7, ["a"], "x" * 10**6],
    "style": [7, "x" * 10**6],
    "instruction": [b"a", 0.5],
}
TEXTS = ["", "  \n", "x" * 10**6, "word " * 10**5, None, 7, b"Oh.", ["a"]]
GOOD_TEXTS = ["Oh.", "a\udce9b", "\x00", "🙂 ok", "ok\n\n<|im_end|>", "。"]


def ready(folder):
    """A release on tiny models, and a recording."""
    bases = tiny_models.save_bases(folder)
    release = tiny_models.save_release(folder / "release", *bases)
    sf.write(folder / "speech.wav", spoken(16000, 1.0), 16000)
    listener = EmpatheticListener.from_hparams(release)
    return listener, release, folder / "speech.wav"


def answers(count):
    """Whether there are so many texts."""

    def right(value):
        """Looks at the answers."""
        return len(value) == count and all(isinstance(t, str) for t in value)

    return right


def signals(random, shared):
    """A batch with something wrong in it."""
    listener = shared[0]
    good = torch.from_numpy(spoken(16000, 1.0)).float().repeat(2, 1)
    wrong = {
        "NaN": torch.where(torch.rand(2, 16000) < 0.1, NAN, good),
        "inf": torch.where(torch.rand(2, 16000) < 0.1, -INF, good),
        "int16": (good * 20000).to(torch.int16),
        "int64": (good * 20000).long(),
        "bool": good > 0,
        "complex": good.to(torch.complex64),
        "unscaled": good * 20000,
        "too short": good[:, : random.randrange(400)],
        "no rows": good[:0],
        "rank 1": good[0],
        "rank 3": good[None],
        "rank 0": good[0, 0],
        "meta": good.to("meta"),
        "numpy": good.numpy(),
        "list": good.tolist(),
        "None": None,
        "text": "speech.wav",
    }
    well = {
        "good": good,
        "float64": good.double(),
        "float16": good.half(),
        "bfloat16": good.bfloat16(),
        "stretched": good.T.contiguous().T,
    }
    what = random.choice([*wrong, *well])
    wavs, right = {**wrong, **well}[what], None
    if what in well:
        right = answers(2)
    ask = random.choice([listener.respond_batch, listener.forward])
    settings = {} if ask == listener.forward else {"max_new_tokens": 2}
    return Case(
        f"wavs: {what}",
        ("wavs",),
        lambda: ask(wavs, torch.ones(2), **settings),
        right,
    )


def lengths(random, shared):
    """Lengths with something wrong in them."""
    listener = shared[0]
    wavs = torch.from_numpy(spoken(16000, 1.0)).float().repeat(2, 1)
    wrong = [[1, 0], [1, NAN], [1, 2], [16000, 8000], [1, -0.5], [1, INF]]
    wrong += [[1, 1.0001], [1, 1e-9], [1, 0.01]]
    lens = random.choice(wrong)
    given = torch.tensor(lens).float()
    shapes = {
        "as they are": given,
        "None": None,
        "a list": lens,
        "too few": torch.ones(1),
        "too many": torch.ones(3),
        "rank 2": torch.ones(2, 1),
        "meta": torch.ones(2, device="meta"),
        "complex": torch.ones(2).to(torch.complex64),
        "bool": torch.tensor([True, False]),
    }
    what = random.choice([*shapes] + ["as they are"] * 6)
    return Case(
        f"wav_lens: {lens if what == 'as they are' else what}",
        ("wav_lens",),
        lambda: listener.classify_batch(wavs, shapes[what]),
    )


def settings(random, shared):
    """A generation setting with no sense."""
    name = random.choice([*SETTINGS])
    value = random.choice(SETTINGS[name])
    ask = random.choice([shared[0].respond_text, shared[0].respond_file])
    given = "Oh." if ask == shared[0].respond_text else shared[2]
    return Case(
        f"{name}: {str(value)[:20]!r}",
        (name,),
        lambda: ask(given, **{name: value}),
    )


def texts(random, shared):
    """A text that says nothing, or is none, or is odd."""
    talk = shared[0].converse(max_new_tokens=2)
    text = random.choice(TEXTS + GOOD_TEXTS)
    good = isinstance(text, str) and text in GOOD_TEXTS
    right = (lambda value: isinstance(value, str)) if good else None
    names = ("text",)
    return Case(
        f"text: {str(text)[:20]!r}",
        names,
        lambda: talk.respond(text=text),
        right,
    )


def chat(random, shared):
    """A chat whose input is odd, and which must answer its last line."""
    lines = [b"\xff\xfe\x00", b"/wav nothing.wav", b"/wav", b"\xe9t\xe9"]
    lines += [b"x" * 10**6, b"/wav " + b"\xe9.wav", b"\x00\x01", b"", b"/wav ."]
    odd = random.choices(lines, k=random.randint(1, 3))
    said = b"\n".join([*odd, b"And now?"]) + b"\n"

    def opened():
        """Talks; gives what was answered."""
        stdin = io.TextIOWrapper(io.BytesIO(said), encoding="utf-8")
        sys.stdin, sys.stdout = stdin, io.StringIO()
        main(["chat", str(shared[1])])
        return sys.stdout.getvalue()

    return Case(
        f"chat: {odd!r:.60}", ("chat",), opened, lambda out: out.strip()
    )


def score(random, shared):
    """Turns that are several things, or none."""
    talk = shared[0].converse(max_new_tokens=2)
    wav = torch.from_numpy(spoken(16000, 1.0)).float()
    given = {"wav": wav, "file": shared[2], "text": "Oh."}
    chosen = random.choice([[], ["wav", "text"], ["file", "text"], [*given]])
    return Case(
        f"a turn of {chosen}",
        ("wav", "file", "text"),
        lambda: talk.respond(**{name: given[name] for name in chosen}),
    )


KINDS = (signals, signals, lengths, lengths, settings, settings, texts)
KINDS += (chat, score)


def make(random, folder, shared):
    """One call."""
    torch.manual_seed(0)
    return random.choice(KINDS)(random, shared)


AREAS = [Area("interface", make, ready)]
