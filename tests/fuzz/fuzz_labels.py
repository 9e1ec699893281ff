"""Label files: tables and transcripts of the corpora, damaged or otherwise."""

import csv
import importlib.util
import io
import json
import logging
from pathlib import Path

import soundfile as sf
from fuzz_wavs import spoken
from fuzzing import Area, Case

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
EMOTIONS = ("neutral", "sad", "angry", "happy")
SPLITS = ("train", "valid", "test")
WORDS = "I you we they see hear know miss it him her the train today again"


def recipe(corpus, name):
    """Loads a prepare script."""
    spec = importlib.util.spec_from_file_location(
        name, RECIPES / corpus / f"{name}.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


esd = recipe("ESD", "esd_prepare").prepare_esd
iemocap = recipe("IEMOCAP", "iemocap_prepare").prepare_iemocap
msp = recipe("MSP-Podcast", "msp_podcast_prepare").prepare_msp_podcast
libri = recipe("LibriSpeech", "librispeech_prepare").prepare_librispeech


def ready(folder):
    """One wav and one flac, of which all copies are made."""
    sounds = {}
    for ending in ("wav", "flac"):
        path = folder / f"a.{ending}"
        sf.write(path, spoken(8000, 1.1), 8000)
        sounds[ending] = path.read_bytes()
    return sounds


def sentence(random):
    """A few words."""
    words = random.choices(WORDS.split(), k=random.randint(3, 6))
    return f"{' '.join(words).capitalize()}."


def place(path, content):
    """Writes a file and the folders that it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def make_esd(random, root, sounds):
    """A copy of one speaker; gives the file of labels and the truth."""
    lines, truth = [], {}
    for block, emotion in enumerate(("Neutral", "Angry", "Happy", "Sad")):
        for number in range(1, 5):
            utterance = f"0011_{350 * block + number:06d}"
            said = sentence(random)
            lines.append(f"{utterance}\t{said}\t{emotion}")
            truth[utterance] = said
            place(root / "0011" / emotion / f"{utterance}.wav", sounds["wav"])
    text = "\n".join(lines) + "\n"
    return place(root / "0011" / "0011.txt", text.encode()), truth


def make_iemocap(random, root, sounds):
    """A copy of five sessions; damages the first one's transcriptions."""
    truth = {}
    for number in range(1, 6):
        session = root / f"Session{number}"
        for dialog in (f"Ses0{number}F_impro01", f"Ses0{number}M_impro02"):
            rated, said = [], []
            for turn, label in enumerate(("neu", "sad", "ang", "exc")):
                utterance = f"{dialog}_F{turn:03d}"
                truth[utterance] = sentence(random)
                rated.append(
                    f"[1.0 - 2.0]\t{utterance}\t{label}\t[2.5, 3.0, 3.5]"
                )
                said.append(f"{utterance} [1.0-2.0]: {truth[utterance]}")
                wav = session / "sentences" / "wav" / dialog
                place(wav / f"{utterance}.wav", sounds["wav"])
            for folder, lines in (
                ("EmoEvaluation", rated),
                ("transcriptions", said),
            ):
                text = "\n".join(lines) + "\n"
                path = session / "dialog" / folder / f"{dialog}.txt"
                place(path, text.encode())
    folder = random.choice(["EmoEvaluation", "transcriptions"])
    name = "Ses01F_impro01.txt"
    return root / "Session1" / "dialog" / folder / name, truth


def make_msp(random, root, sounds):
    """A copy of 24 utterances."""
    columns = "FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"
    lines, truth = [columns], {}
    for number in range(24):
        utterance = f"MSP-PODCAST_0001_{number:04d}"
        split = ("Train", "Development", "Test1")[number % 3]
        letter = "NASH"[number // 3 % 4]
        lines.append(
            f"{utterance}.wav,{letter},4.0,2.5,6.0,{number % 5},Female,{split}"
        )
        truth[utterance] = sentence(random)
        place(root / "Audios" / f"{utterance}.wav", sounds["wav"])
        text = truth[utterance].encode()
        place(root / "Transcripts" / f"{utterance}.txt", text)
    text = "\n".join(lines) + "\n"
    return place(root / "Labels" / "labels_consensus.csv", text.encode()), truth


def make_libri(random, root, sounds):
    """A copy of three sets with one chapter each."""
    truth, path = {}, None
    for number, name in enumerate(
        ("train-clean-100", "dev-clean", "test-clean")
    ):
        chapter = root / name / f"{number}" / "7"
        lines = []
        for turn in range(3):
            utterance = f"{number}-7-{turn:04d}"
            said = sentence(random)[:-1].replace(" i ", " I ")
            truth[utterance] = said
            lines.append(f"{utterance} {said.upper()}")
            place(chapter / f"{utterance}.flac", sounds["flac"])
        text = "\n".join(lines) + "\n"
        path = path or chapter / f"{number}-7.trans.txt"
        place(chapter / f"{number}-7.trans.txt", text.encode())
    return path, truth


def encoded(random, raw):
    """The same in an encoding or with line ends that it may come in."""
    text = raw.decode()
    codec = random.choice(["utf-8-sig", "utf-16", "utf-16-le", "gbk"])
    ends = random.choice(["\n", "\r\n", "\r"])
    return f"{codec}, {ends!r}", text.replace("\n", ends).encode(codec)


def respaced(random, raw):
    """Spaces for tabs, blank lines, no last line end."""
    how = random.choice(["tabs", "blank", "last", "tail"])
    text = raw.decode()
    changed = {
        "tabs": text.replace("\t", "  "),
        "blank": text.replace("\n", "\n\n"),
        "last": text.rstrip("\n"),
        "tail": text.replace("\n", " \n"),
    }
    return f"white space: {how}", changed[how].encode()


def lines_changed(random, raw):
    """A line less, twice, cut, or with a comma or quote too many."""
    lines = raw.splitlines(keepends=True)
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    how = random.choice(["less", "twice", "cut", "comma", "quote", "mixed"])
    if how == "less":
        del lines[at]
    elif how == "twice":
        lines.insert(other, lines[at])
    elif how == "cut":
        lines[at] = lines[at][: random.randrange(len(lines[at]))] + b"\n"
    elif how == "comma":
        lines[at] = lines[at].rstrip(b"\n") + b",\n"
    elif how == "quote":
        lines[at] = b'"' + lines[at]
    else:
        lines[at] = lines[at].replace(b"e", "é".encode("latin-1"))
    return f"line {at + 1}: {how}", b"".join(lines)


def bytes_changed(random, raw):
    """Other bytes anywhere, or a cut."""
    raw = bytearray(raw)
    if random.random() < 0.3:
        size = random.randrange(len(raw))
        return f"cut to {size} bytes", bytes(raw[:size])
    for _ in range(random.choice([1, 4, 40])):
        raw[random.randrange(len(raw))] = random.randrange(256)
    return "other bytes", bytes(raw)


def columns_changed(random, raw):
    """The columns of a table in another way; other text as it was."""
    rows = list(csv.reader(io.StringIO(raw.decode())))
    if rows[0][0] != "FileName":
        return "as it was", raw
    how = random.choice(["order", "more", "twice", "less", "semicolon", "nan"])
    if how == "order":
        rows = [row[::-1] for row in rows]
    elif how == "more":
        rows = [[*row, f"c{bool(i)}"] for i, row in enumerate(rows)]
    elif how == "twice":
        rows = [[*row, row[1]] for row in rows]
    elif how == "less":
        rows = [row[:-1] for row in rows]
    elif how == "nan":
        rows[1][2] = random.choice(["nan", "inf", "-1", "9", "high", ""])
    mark = ";" if how == "semicolon" else ","
    text = "\n".join(mark.join(row) for row in rows) + "\n"
    return f"columns: {how}", text.encode()


CORPORA = {
    "ESD": (make_esd, esd, {}),
    "IEMOCAP": (make_iemocap, iemocap, {}),
    "MSP-Podcast": (make_msp, msp, {"valid_ratio": 1.0}),
    "LibriSpeech": (make_libri, libri, {"train_sets": ["train-clean-100"]}),
}
CHANGES = (encoded, respaced, lines_changed, bytes_changed, columns_changed)


def make(random, folder, shared):
    """A copy of a corpus with one file changed."""
    corpus = random.choice([*CORPORA])
    copy, prepare, settings = CORPORA[corpus]
    root = folder / random.choice(["copy", "copy/inner", "copy/a b/inner"])
    path, truth = copy(random, root, shared)
    what, raw = random.choice(CHANGES)(random, path.read_bytes())
    path.write_bytes(raw)
    table = corpus == "MSP-Podcast"
    limits = {} if corpus == "LibriSpeech" else {"emotions": EMOTIONS}

    def opened():
        """Prepares it; gives what was left out, entries and warnings."""
        said = io.StringIO()
        logging.getLogger().addHandler(logging.StreamHandler(said))
        found = folder / "copy", folder / "manifests"
        prepare(*map(str, found), min_duration=0.5, **limits, **settings)
        read = {
            name: json.loads((found[1] / f"{name}.json").read_text("utf-8"))
            for name in (*SPLITS, "left_out")
        }
        left_out, entries = read.pop("left_out"), {}
        for split in read.values():
            entries.update(split)
        return left_out, entries, said.getvalue()

    def right(value):
        """Whether each utterance is there as it is, or left out by name."""
        left_out, entries, said = value
        gone = {Path(wav).stem for wav in left_out}
        if table:  # a line may be of another set, class or rating
            return all(entries[i]["transcript"] == truth[i] for i in entries)
        plain = not what.startswith(("other bytes", "cut", "line"))
        gone |= {i for i in truth if i in said}
        return set(truth) <= set(entries) | gone and all(
            entries[i]["transcript"].lower() == truth[i].lower()
            for i in entries
            if plain
        )

    names = (path.name, str(root), corpus, "split")
    return Case(f"{corpus} {what}", names, opened, right)


AREAS = [Area("label files", make, ready)]
