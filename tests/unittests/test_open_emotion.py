"""Tests of the free corpora: layouts, oddities, protocols, manifests.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import json
import logging
import math
import os
import shutil
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from free_corpora import write_all, write_noise
from recipe_runs import ROOT

from speechbrain_relm.data.manifests import COPY, describe_copy
from speechbrain_relm.data.open_emotion import savee
from speechbrain_relm.data.open_emotion.base import Take
from speechbrain_relm.data.open_emotion.cameo import write_out
from speechbrain_relm.data.open_emotion.registry import CORPORA, class_of
from speechbrain_relm.data.protocols import split_takes
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.provenance.stamps import write_stamp
from speechbrain_relm.utils.sound.audio import mean_seconds

RECIPE = ROOT / "recipes" / "OpenEmotion"
FOUR = ("neutral", "sad", "angry", "happy")


@pytest.fixture
def prepare(monkeypatch):
    """The recipe's prepare function."""
    monkeypatch.syspath_prepend(str(RECIPE))
    monkeypatch.delitem(sys.modules, "open_emotion_prepare", raising=False)
    from open_emotion_prepare import prepare_open_emotion

    return prepare_open_emotion


def read(title, folder):
    """Reads a copy: id to take, and what is left out."""
    takes, left_out = CORPORA[title].read(folder)
    return {take.name: take for take in takes}, left_out


def test_ravdess(tmp_path):
    """Zip and Kaggle layouts; songs and second copies are left out."""
    speech, song = "03-01-06-01-02-01-12.wav", "03-02-06-01-02-01-12.wav"
    folder = write_all(
        tmp_path,
        [
            f"Actor_12/{speech}",
            f"audio_speech_actors_01-24/Actor_12/{speech}",
            f"Actor_12/{song}",
            "Actor_12/01-01-06-01-02-01-12.wav",  # a video's sound
            "Actor_12/03-01-06-01-02-01-25.wav",
            "Actor_12/._03-01-06-01-02-01-13.wav",
        ],
    )
    takes, left_out = read("RAVDESS", folder)
    assert list(takes) == [speech[:-4]]
    take = takes[speech[:-4]]
    assert (take.speaker, take.label) == ("12", "fearful")
    assert take.transcript == "Dogs are sitting by the door."
    assert take.wav == f"Actor_12/{speech}"
    reasons = sorted(reason.split(":")[0] for reason in left_out.values())
    assert reasons == ["duplicate", "of a video", "song", "unexpected name"]


def test_crema_d(tmp_path):
    """Actor, sentence, emotion; an unknown code is named."""
    folder = write_all(
        tmp_path,
        ["AudioWAV/1001_IEO_ANG_HI.wav", "AudioWAV/1001_ZZZ_ANG_HI.wav"],
    )
    takes, left_out = read("CREMA-D", folder)
    take = takes["1001_IEO_ANG_HI"]
    assert take[2:5] == ("1001", "anger", "It's eleven o'clock.")
    assert list(left_out) == ["AudioWAV/1001_ZZZ_ANG_HI.wav"]


def test_what_only_looks_like_a_name_is_named(tmp_path):
    """Copies, changed ones and actors that there are not."""
    odd = ["1001_IEO_ANG_XX_noisy.wav", "9999_IEO_ANG_XX.wav"]
    folder = write_all(tmp_path, [*odd, "1040_ITH_SAD_X.wav"])
    takes, left_out = read("CREMA-D", folder)
    assert list(takes) == ["1040_ITH_SAD_X"]
    assert sorted(left_out) == sorted(odd)
    assert all("unexpected name" in reason for reason in left_out.values())
    folder = write_all(tmp_path / "r", ["03-01-03-99-01-77-01.wav"])
    with pytest.raises(ValueError, match="holds no audio file like"):
        read("RAVDESS", folder)


def test_a_wav_goes_before_an_mp3_of_its_name(tmp_path):
    """The repository has both, the MP3s first by name."""
    mp3, wav = (f"Audio{n}/1001_IEO_ANG_HI.{n.lower()}" for n in ("MP3", "WAV"))
    folder = write_all(tmp_path, [wav])
    (folder / "AudioMP3").mkdir()
    (folder / mp3).write_bytes(b"version https://git-lfs.github.com/spec/v1")
    takes, left_out = read("CREMA-D", folder)
    assert takes["1001_IEO_ANG_HI"].wav == wav
    assert left_out == {mp3: f"duplicate: of {wav}"}


def test_tess(tmp_path):
    """The release's one odd name, capital letters, and Kaggle's second copy."""
    inner = "TESS Toronto emotional speech set data"
    folder = write_all(
        tmp_path,
        [
            "OAF_neutral/OA_bite_neutral.wav",
            "YAF_Pleasant_surprised/YAF_home_ps.wav",
            f"{inner}/YAF_Pleasant_surprised/YAF_home_ps.wav",
        ],
    )
    takes, left_out = read("TESS", folder)
    assert takes["OAF_bite_neutral"].speaker == "OAF"
    assert takes["YAF_home_ps"].transcript == "Say the word home."
    assert len(takes) == 2
    assert list(left_out.values()) == [
        "duplicate: of YAF_Pleasant_surprised/YAF_home_ps.wav"
    ]


def test_emo_db(tmp_path):
    """The German letter of the emotion."""
    takes, _ = read("Emo-DB", write_all(tmp_path, ["wav/03a01Fa.wav"]))
    assert takes["03a01Fa"][2:5] == (
        "03",
        "happiness",
        "Der Lappen liegt auf dem Eisschrank.",
    )


def test_savee(tmp_path):
    """Both layouts; what is said comes from a file of one's own."""
    folder = write_all(tmp_path, ["AudioData/DC/sa01.wav", "ALL/KL_n30.wav"])
    takes, _ = read("SAVEE", folder)
    assert {t.label for t in takes.values()} == {"sadness", "neutral"}
    assert {t.transcript for t in takes.values()} == {None}
    text = "id,transcript\nDC_sa01,It was raining.\n"
    (folder / savee.TRANSCRIPTS).write_text(text)
    takes, _ = read("SAVEE", folder)
    assert takes["DC_sa01"].transcript == "It was raining."


def test_emns(tmp_path):
    """A table with bars; a recording that is not there is named."""
    (tmp_path / "metadata.csv").write_text(
        "id|utterance|description|audio_recording|emotion\n"
        "1|Good morning.|a greeting|wavs/recorded_a.webm|Happy\n"
        "2|Good night.|another|wavs/recorded_b.webm|Sad\n"
    )
    write_noise(tmp_path / "cleaned" / "recorded_a.wav")
    takes, left_out = read("EMNS", tmp_path)
    assert takes["recorded_a"][3:5] == ("happy", "Good morning.")
    assert list(left_out) == ["wavs/recorded_b.webm"]


def test_rows_and_recordings_are_one_to_one(tmp_path):
    """A second row or recording, and one without a row, are named."""
    row = "1|Good morning.|a greeting|wavs/a.webm|Happy\n"
    (tmp_path / "metadata.csv").write_text(
        "id|utterance|description|audio_recording|emotion\n" + 2 * row
    )
    write_all(tmp_path, ["cleaned/a.wav", "raw/a.wav", "raw/b.wav"])
    takes, left_out = read("EMNS", tmp_path)
    assert takes["a"].wav == "cleaned/a.wav"
    assert left_out == {
        "raw/a.wav": "duplicate: of cleaned/a.wav",
        "raw/b.wav": "in no row of metadata.csv",
        "metadata.csv: wavs/a.webm": "second row of it",
    }
    (tmp_path / "metadata.csv").write_text(
        "id|utterance|description|audio_recording|emotion\n"
        "1|Good morning.|a greeting|raw/a.webm|Sad\n"
    )
    takes, left_out = read("EMNS", tmp_path)
    assert takes["a"].wav == "raw/a.wav"  # the row names the folder
    assert "cleaned/a.wav" in left_out
    (tmp_path / "raw" / "metadata.csv").write_text("id\n")
    with pytest.raises(ValueError, match="differ: name the folder of one"):
        read("EMNS", tmp_path)


def test_nemo(tmp_path):
    """White space around the speakers of the table is dropped."""
    (tmp_path / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\n"
        "EB0_anger_1.wav\tanger\tInteresuje mnie.\tx\t        EB0\n",
        encoding="utf-8",
    )
    write_noise(tmp_path / "samples" / "EB0_anger_1.wav", rate=24000)
    takes, _ = read("nEMO", tmp_path)
    assert takes["EB0_anger_1"].speaker == "EB0"


def test_meld(tmp_path):
    """Names recur in the three parts; the folders tell them apart."""
    header = "Sr No.,Utterance,Speaker,Emotion,Dialogue_ID,Utterance_ID\n"
    for part in ("train", "dev", "test"):
        text = f'1,"It{chr(0x92)}s {part}, Joey.",Monica,joy,0,1\n'
        (tmp_path / f"{part}_sent_emo.csv").write_text(
            header + text, encoding="utf-8"
        )
    write_all(
        tmp_path,
        [
            "train_splits/dia0_utt1.wav",
            "output_repeated_splits_test/dia0_utt1.wav",
            "output_repeated_splits_test/final_videos_testdia0_utt1.wav",
        ],
    )
    takes, left_out = read("MELD", tmp_path)
    assert takes["train_dia0_utt1"].transcript == "It's train, Joey."
    assert takes["test_dia0_utt1"].part == "test"
    assert left_out == {
        "dev/dia0_utt1": "missing: as wav, not as MP4",
        "output_repeated_splits_test/final_videos_testdia0_utt1.wav": (
            "unexpected name: train_splits/dia0_utt0.wav"
        ),
    }
    # Archives unpacked into each other; a clip twice, and one of no row.
    table = tmp_path / "dev_sent_emo.csv"
    table.write_text(header + 2 * '1,"It is.",Monica,joy,0,1\n')
    folder = "train_splits/dev_splits_complete"
    write_all(tmp_path, [f"{folder}/dia0_utt1.wav", f"{folder}/dia7_utt0.wav"])
    takes, left_out = read("MELD", tmp_path)
    assert takes["dev_dia0_utt1"].wav == f"{folder}/dia0_utt1.wav"
    assert takes["train_dia0_utt1"].wav == "train_splits/dia0_utt1.wav"
    assert left_out["dev_sent_emo.csv: dia0_utt1"] == "second row of it"
    reason = left_out[f"{folder}/dia7_utt0.wav"]
    assert reason == "in no row of dev_sent_emo.csv"


def test_cameo(tmp_path):
    """Recordings come out of the Parquet file byte for byte."""
    write_noise(tmp_path / "one.wav")
    audio = (tmp_path / "one.wav").read_bytes()
    row = {
        "file_id": "a.wav",
        "audio": {"bytes": audio, "path": None},
        "emotion": "Anger",
        "transcription": "Tak.\rNie.",
        "speaker_id": "p1",
        "language": "Polish",
    }
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    out = tmp_path / "out"
    assert write_out([tmp_path / "x.parquet"], out) == 1
    assert (out / "a.wav").read_bytes() == audio
    takes, _ = read("CAMEO", out)
    assert takes["a"][2:5] == ("p1", "anger", "Tak.\rNie.")

    with pytest.raises(ValueError, match="a folder of its own"):
        write_out([tmp_path / "x.parquet"], out)
    row["speaker_id"] = None
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    write_out([tmp_path / "x.parquet"], tmp_path / "nobody")
    assert read("CAMEO", tmp_path / "nobody")[0]["a"].speaker == "unknown"


def test_a_table_that_is_none_of_cameos(tmp_path):
    """A name twice, no sound, no column: none is written over another."""
    row = dict.fromkeys(["emotion", "transcription", "speaker_id"], "x")
    row |= {"file_id": "a.wav", "audio": {"bytes": b"x"}, "language": "Polish"}
    path, victim = tmp_path / "y.parquet", tmp_path / "victim"
    for rows, words in (
        ([row, row], "a.wav is there twice"),
        ([{**row, "audio": {"bytes": None}}], "a.wav has no sound"),
        ([{**row, "audio": b"x"}], "a.wav has no sound"),
        ([{**row, "audio": {"bytes": "x"}}], "a.wav has no sound"),
        ([{**row, "file_id": 3}], "'3' is no name of a recording"),
        ([{"file_id": "a.wav"}], "has no column audio, emotion"),
    ):
        pq.write_table(pa.Table.from_pylist(rows), path)
        with pytest.raises(ValueError, match=words):
            write_out([path], tmp_path / "out")
    path.write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ValueError, match="y.parquet is a Git LFS pointer"):
        write_out([path], tmp_path / "out")
    path.write_text("PAR1, and no more")
    with pytest.raises(ValueError, match="y.parquet: Parquet magic bytes"):
        write_out([path], tmp_path / "out")
    victim.write_text("whole")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "a.wav").symlink_to(victim)
    pq.write_table(pa.Table.from_pylist([row]), path)
    write_out([path], tmp_path / "linked")
    assert victim.read_text() == "whole"


@pytest.mark.parametrize("name", ["../a.wav", "..", "", "a", ".a.wav"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    """Names come from a file that anyone may have made."""
    row = dict.fromkeys(["emotion", "transcription", "speaker_id"], "x")
    row |= {"file_id": name, "audio": {"bytes": b"x"}, "language": "Polish"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "y.parquet")
    with pytest.raises(ValueError, match="is no name of a recording"):
        write_out([tmp_path / "y.parquet"], tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_a_name_that_no_manifest_can_hold(tmp_path):
    """It is told, whichever corpus is read."""
    write_noise(tmp_path / "a.wav")
    (tmp_path / "a.wav").rename(tmp_path / os.fsdecode(b"b\xe9.wav"))
    with pytest.raises(ValueError, match="has a name that is no UTF-8: rename"):
        read("TESS", tmp_path)


@pytest.mark.parametrize("title", CORPORA)
def test_another_folder_is_named(title, tmp_path):
    """A folder of something else is said in one line."""
    write_noise(tmp_path / "other.wav")
    with pytest.raises(ValueError, match=str(tmp_path)):
        CORPORA[title].read(tmp_path)


def takes_of(speakers, sentences):
    """Takes of each speaker, sentence and class."""
    return [
        Take(f"{s}-{t}-{e}", f"{s}-{t}-{e}.wav", s, e, f"Sentence {t}.")
        for s in speakers
        for t in range(sentences)
        for e in FOUR
    ]


def speakers_of(takes):
    """The voices of some takes."""
    return {take.speaker for take in takes}


def test_folds_test_each_actor_once():
    """RAVDESS: EmoBox's six folds, no voice in two parts."""
    corpus = CORPORA["RAVDESS"]
    takes = takes_of([f"{n:02d}" for n in range(1, 25)], 2)
    tested = []
    for fold in range(1, 7):
        parts = split_takes(takes, corpus, "emobox", fold, (0.3, 0.1), 1)
        voices = [speakers_of(parts[p]) for p in ("train", "valid", "test")]
        assert sum(len(v) for v in voices) == len(set.union(*voices)) == 24
        tested += sorted(voices[2])
    assert sorted(tested) == sorted(speakers_of(takes))


@pytest.mark.parametrize(
    "title, speakers, sizes", [("Emo-DB", 10, {1}), ("CREMA-D", 91, {9, 10})]
)
def test_folds_of_speakers(title, speakers, sizes):
    """Each voice is tested once, in one of ten folds at most."""
    takes, tested = takes_of([f"{n:03d}" for n in range(speakers)], 1), []
    for fold in range(1, 11):
        parts = split_takes(
            takes, CORPORA[title], "speakers", fold, (0.3, 0.1), 1
        )
        voices = speakers_of(parts["test"])
        assert len(voices) in sizes
        assert not voices & speakers_of(parts["train"])
        tested += voices
    assert sorted(tested) == sorted(speakers_of(takes))
    with pytest.raises(ValueError, match="has 1 to 10, not 11"):
        split_takes(takes, CORPORA[title], "speakers", 11, (0.3, 0.1), 1)


def test_speakers_of_ones_own():
    """Some actors test; an unknown one is named."""
    corpus, takes = CORPORA["RAVDESS"], takes_of(list("abcdef"), 2)
    given = ("speakers", 1, (0.3, 0.1), 1)
    parts = split_takes(takes, corpus, *given, ["a", "b"])
    assert speakers_of(parts["test"]) == {"a", "b"}
    with pytest.raises(ValueError, match="has no z"):
        split_takes(takes, corpus, *given, ["z"])


@pytest.mark.parametrize("speakers", ["ab", "abcdef"])
def test_sentences_are_on_one_side(speakers):
    """With the split by sentence no text is in two parts."""
    takes = takes_of(list(speakers), 10)
    parts = split_takes(takes, CORPORA["TESS"], "sentences", 1, (0.3, 0.1), 1)
    texts = [{t.transcript for t in part} for part in parts.values()]
    assert sum(map(len, texts)) == len(set.union(*texts)) == 10
    assert len({t.transcript for t in parts["test"]}) == 3


def test_lists_of_a_clone(tmp_path):
    """EmoBox's lists are read from a clone; another folder is refused."""
    fold = tmp_path / "data" / "emodb" / "fold_2"
    fold.mkdir(parents=True)
    takes, corpus = takes_of(["03", "08"], 3), CORPORA["Emo-DB"]
    rows = [{"wav": f"downloads/emodb/wav/{t.wav}"} for t in takes[:4]]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (fold / "emodb_test_fold_2.jsonl").write_text(lines)
    given = (2, (0.3, 0.2), 1)
    parts = split_takes(takes, corpus, str(tmp_path), *given)
    assert parts["test"] == takes[:4]
    with pytest.raises(ValueError, match="nor a clone of"):
        split_takes(takes, corpus, str(tmp_path / "data"), *given)
    with pytest.raises(ValueError, match="name the folder of a clone"):
        split_takes(takes, corpus, "emobox", *given)
    for line in (
        '{"a": 1}',
        "[1]",
        '{"wav": 3}',
        '{"wav": ""}',
        "{",
        "[" * 9999,
    ):
        (fold / "emodb_test_fold_2.jsonl").write_text(lines + line)
        with pytest.raises(ValueError, match="jsonl, line 5: no (path|JSON)"):
            split_takes(takes, corpus, str(tmp_path), *given)
    with pytest.raises(ValueError, match=r"fold: .* has no 3 of it"):
        split_takes(takes, corpus, str(tmp_path), 3, (0.3, 0.2), 1)


def test_lists_of_longer_names(tmp_path):
    """SAVEE's archive has DC/a01.wav where EmoBox lists DC_a01.wav."""
    fold = tmp_path / "data" / "savee" / "fold_1"
    fold.mkdir(parents=True)
    takes = [
        Take(f"{who}_{e}01", f"{who}/{e}01.wav", who, e, "What?")
        for who in ("DC", "JE")
        for e in ("a", "h", "n", "sa")
    ]
    row = {"wav": "downloads/savee/JE_n01.wav"}
    (fold / "savee_test_fold_1.jsonl").write_text(json.dumps(row) + "\n")
    given = (CORPORA["SAVEE"], str(tmp_path), 1, (0.3, 0.2), 1)
    assert [t.name for t in split_takes(takes, *given)["test"]] == ["JE_n01"]


def test_lists_of_names_that_recur(tmp_path):
    """MELD's parts use the same names: the folder tells which is listed."""
    fold = tmp_path / "data" / "meld" / "fold_1"
    fold.mkdir(parents=True)
    folders = ["train_splits", "dev_splits", "output_repeated_splits_test"]
    takes = [
        Take(f"{f}_{n}", f"{f}/dia{n}_utt0.wav", "Joey", e, "Hey.", "train")
        for f in folders
        for n, e in enumerate(FOUR)
    ]
    row = {"wav": f"downloads/meld/{folders[2]}/dia0_utt0.mp4"}
    (fold / "meld_test_fold_1.jsonl").write_text(json.dumps(row) + "\n")
    given = (CORPORA["MELD"], str(tmp_path), 1, (0.3, 0.2), 1)
    parts = split_takes(takes, *given)
    assert [t.name for t in parts["test"]] == [f"{folders[2]}_0"]


def test_a_setting_of_another_split():
    """What would be ignored is refused; MELD's voices are no folds."""
    takes, corpus = takes_of(["a", "b"], 3), CORPORA["MELD"]
    with pytest.raises(ValueError, match="sentences does not ask for any"):
        split_takes(takes, corpus, "sentences", 1, (0.3, 0.1), 1, ["a"])
    for split, given in (("sentences", None), ("speakers", ["a"])):
        with pytest.raises(ValueError, match="there is one, not 2"):
            split_takes(takes, corpus, split, 2, (0.3, 0.1), 1, given)
    with pytest.raises(ValueError, match="none is to train"):
        split_takes(takes, corpus, "speakers", 1, (0.3, 0.1), 1, ["a", "b"])
    official = [take._replace(part="train") for take in takes]
    with pytest.raises(ValueError, match="MELD has official parts"):
        split_takes(official, corpus, "speakers", 1, (0.3, 0.1), 1)


def test_official_parts():
    """A corpus without parts says so."""
    takes = takes_of(["a"], 3)
    with pytest.raises(ValueError, match="no official parts"):
        split_takes(takes, CORPORA["EMNS"], "official", 1, (0.3, 0.1), 1)
    marked = [
        take._replace(part=part)
        for take, part in zip(takes, ("train", "valid", "test") * 4)
    ]
    parts = split_takes(marked, CORPORA["MELD"], "official", 1, (0.3, 0.1), 1)
    assert [len(parts[p]) for p in ("train", "valid", "test")] == [4, 4, 4]


def test_a_word_has_one_class():
    """A word under two classes is refused."""
    assert class_of("joy", {"happy": ["Joy"]}) == "happy"
    names = {"happy": ["joy"], "angry": ["joy"]}
    with pytest.raises(ValueError, match="'joy' stands under"):
        class_of("joy", names)


def test_manifests(prepare, tmp_path, caplog):
    """Classes mapped, others counted, numbers compared, nothing done twice."""
    data, manifests = tmp_path / "data", tmp_path / "manifests"
    write_all(
        data,
        [
            f"Actor_{actor:02d}/03-01-{emotion:02d}-01-{statement:02d}-01-"
            f"{actor:02d}.wav"
            for actor in range(1, 7)
            for emotion in (1, 2, 3, 4, 5)
            for statement in (1, 2)
        ],
    )
    with caplog.at_level(logging.WARNING):
        prepare("RAVDESS", str(data), str(manifests), fold=2)
    told = describe_copy(manifests)
    assert told == [
        "6 speakers are in this copy, 24 in the release.",
        "This copy has, with the release's number in brackets, 12 recordings "
        "of angry (192), 12 recordings of calm (192), 0 recordings of disgust "
        "(192), 0 recordings of fearful (192), 12 recordings of happy (192), "
        "12 recordings of neutral (96), 12 recordings of sad (192), 0 "
        "recordings of surprised (192).",
        "Of the speakers of fold 2 this copy has no 10, 12, 14: figures on it "
        "are not those of the fold.",
    ]
    assert [line for line in told if line not in caplog.text] == []
    assert "12 unmapped emotion" in caplog.text
    test = json.loads((manifests / "test.json").read_text())
    # Of EmoBox's second fold (04, 10, 12, 14) one actor is there.
    assert {entry["speaker"] for entry in test.values()} == {"04"}
    assert {entry["cluster"] for entry in test.values()} == {"speaker 04"}
    assert len(test) == 8
    before = (manifests / "test.json").stat().st_mtime_ns
    prepare("RAVDESS", str(data), str(manifests), fold=2)
    assert (manifests / "test.json").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="fold: RAVDESS has 1 to 6, not 7"):
        prepare("RAVDESS", str(data), str(manifests), fold=7)


def test_other_lengths(prepare, tmp_path, monkeypatch, caplog):
    """A whole copy that was cut or padded is told; a part of one is not."""
    names = [
        f"{who}/{label}{n:02d}.wav"
        for who in ("DC", "JE", "JK", "KL")
        for label in ("a", "h", "n", "sa")
        for n in (1, 2)
    ]
    data, manifests = write_all(tmp_path / "data", names), tmp_path / "m"
    said = [f"{n[:2]}_{n[3:-4]},Words of {n[3:-4]}." for n in names]
    (data / "transcripts.csv").write_text("\n".join(["id,transcript", *said]))
    real = CORPORA["SAVEE"]
    labels = ("anger", "happiness", "neutral", "sadness")

    def told(each, seconds):
        counts = dict.fromkeys(labels, each)
        changed = real._replace(counts=counts, seconds=seconds)
        monkeypatch.setitem(CORPORA, "SAVEE", changed)
        shutil.rmtree(manifests, ignore_errors=True)
        prepare("SAVEE", str(data), str(manifests))
        return describe_copy(manifests)

    length = soundfile.info(data / names[0]).duration
    assert told(8, 32 * length) == []
    assert told(8, 32 * length * 1.009) == []
    (sentence,) = told(8, 32 * length * 1.02)
    assert sentence == (
        f"A recording of this copy has {length:.3f} s on average, one of the "
        f"release {1.02 * length:.3f} s: they were cut or padded, and results "
        "are none of the release."
    )
    assert "cut or padded" in told(8, 32 * length * 0.98)[0]
    # Of more recordings, or fewer, a mean tells nothing.
    for each in (9, 7):
        (sentence,) = told(each, 4 * each * 2 * length)
        assert f"8 recordings of anger ({each})" in sentence
    assert told(8, None) == []
    # A recording that nothing can be read of.
    (data / names[0]).write_bytes(b"")
    (sentence,) = told(8, 32 * length)
    assert sentence.startswith("1 of the 32 recordings of the classes cannot")
    assert names[0] in sentence
    # Whoever changes a manifest has data of another copy.
    (manifests / "test.json").write_text("{}")
    assert describe_copy(manifests) == []
    caplog.clear()
    for name in names:  # of a copy that Git LFS has not filled
        (data / name).write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ValueError, match="no usable audio file"):
        told(8, 64 * length)
    assert "cut or padded" not in caplog.text


@pytest.mark.parametrize("copy", ["a text", None, 5, {"a": 1}, [None], ["a"]])
def test_damaged_remarks_on_a_copy(copy, tmp_path, caplog):
    """Anything but sentences is none, and is told."""
    write_stamp(tmp_path, {COPY: copy})
    with caplog.at_level(logging.WARNING):
        assert describe_copy(tmp_path) == []
    assert ("copy is damaged" in caplog.text) == (copy != ["a"])
    write_stamp(tmp_path, {"seed": 1})  # as others leave it
    assert describe_copy(tmp_path) == []


def test_lengths_that_headers_tell(tmp_path):
    """An MP3's header guesses, a pipe is not read, a stream has no length."""
    for name in ("a.wav", "b.mp3", "c.wav"):
        write_noise(tmp_path / name, seconds=2.0)
    stream = bytearray((tmp_path / "c.wav").read_bytes())
    place = stream.index(b"data") + 4
    stream[place : place + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "c.wav").write_bytes(stream)
    os.mkfifo(tmp_path / "d.wav")
    assert mean_seconds([tmp_path / "b.mp3"]) is math.nan
    assert mean_seconds(sorted(tmp_path.iterdir())) == 2.0


def test_parts_that_a_list_changes(prepare, tmp_path):
    """Another list of EmoBox makes other manifests; a dry run sees it."""
    names = [
        f"{w}_{e}{n:02d}.wav"
        for w in ("DC", "JE", "KL")
        for e in ("a", "h", "n", "sa")
        for n in (1, 2)
    ]
    data, manifests = write_all(tmp_path / "data", names), tmp_path / "m"
    said = "".join(f"{name[:-4]},Sentence {name[2:-4]}\n" for name in names)
    (data / "AudioData").mkdir()
    (data / "AudioData" / "transcripts.csv").write_text(
        "id,transcript\n" + said
    )
    fold = tmp_path / "clone" / "data" / "savee" / "fold_1"
    fold.mkdir(parents=True)

    def test_of(who):
        rows = [json.dumps({"wav": name}) for name in names if who in name]
        (fold / "savee_test_fold_1.jsonl").write_text("\n".join(rows))
        given = ("SAVEE", str(data), str(manifests))
        clone = str(tmp_path / "clone")
        seen = prepare(*given, split=clone, dry_run=True)
        prepare(*given, split=clone)
        entries = json.loads((manifests / "test.json").read_text())
        return seen, {entry["speaker"] for entry in entries.values()}

    assert test_of("DC") == ("done", {"DC"})
    assert test_of("DC") == ("reused", {"DC"})
    seen, speakers = test_of("KL")
    assert seen.startswith("done again: parts") and speakers == {"KL"}
    with pytest.raises(ValueError, match="fold: SAVEE has 1 to 4"):
        prepare("SAVEE", str(data), str(manifests), fold=9, dry_run=True)
    fetched = prepare(
        "RAVDESS", str(tmp_path / "n"), "m", download=True, dry_run=True
    )
    assert fetched == "RAVDESS would be fetched first"


def test_what_is_no_file_or_elsewhere(tmp_path):
    """A pipe in a table's place, a folder that is a link."""
    write_noise(tmp_path / "nemo" / "a.wav")
    os.mkfifo(tmp_path / "nemo" / "data.tsv")
    with pytest.raises(ValueError, match="data.tsv is no file"):
        read("nEMO", tmp_path / "nemo")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "DC").symlink_to(tmp_path / "nemo")
    with pytest.raises(ValueError, match="DC is a link to a folder"):
        read("SAVEE", tmp_path / "linked")


def test_ids_of_no_recording(tmp_path, caplog):
    """Transcripts with another id are told; spaces around one are none."""
    write_all(tmp_path, ["DC/a01.wav"])
    (tmp_path / "transcripts.csv").write_text(
        "id,transcript\nDC_a01 , Who?\nDC_a1,What?\n"
    )
    takes, _ = read("SAVEE", tmp_path)
    assert takes["DC_a01"].transcript == "Who?"
    assert "1 ids of no recording, such as 'DC_a1'" in caplog.text


def test_no_transcript(prepare, tmp_path):
    """Recordings of which nobody tells what is said are left out, named."""
    data = write_all(tmp_path / "data", ["DC_a01.wav", "JE_n01.wav"])
    with pytest.raises(ValueError, match="2 no transcript"):
        prepare("SAVEE", str(data), str(tmp_path / "manifests"))


def test_another_corpus_is_told_where_to_get(prepare, tmp_path):
    """The message for a wrong folder has the address."""
    with pytest.raises(FileNotFoundError, match="TESS.*https://doi.org"):
        prepare("TESS", str(tmp_path / "no"), str(tmp_path / "manifests"))


def test_of_few_sentences_speakers_are_drawn(prepare, tmp_path):
    """As of RAVDESS in CAMEO's format, which does not say what it is."""
    data, rows = tmp_path / "data", []
    for speaker in "abcdef":
        for label in ("neutral", "sadness", "anger", "joy"):
            for number in (1, 2):
                name = f"{speaker}{label}{number}.wav"
                write_noise(data / name)
                rows.append([name, speaker, label, f"Sentence {number}."])
    head = "file_id speaker_id emotion transcription".split()
    lines = ["\t".join(row) for row in [head, *rows]]
    (data / "cameo.tsv").write_text("\n".join(lines) + "\n")
    prepare("CAMEO", str(data), str(tmp_path / "m"))
    entries = json.loads((tmp_path / "m" / "test.json").read_text()).values()
    assert {entry["cluster"] for entry in entries} == {"speaker a"}


def test_a_corpus_is_fetched_whole_and_once(prepare, tmp_path, monkeypatch):
    """The zip as published, or nothing; another corpus says where it lies."""
    wavs = [
        f"Actor_{actor:02d}/03-01-{emotion:02d}-01-{said:02d}-01-{actor:02d}.wav"
        for actor in range(1, 13)
        for emotion in (1, 3, 4, 5)
        for said in (1, 2)
    ]
    write_all(tmp_path / "published", wavs)
    zipped = shutil.make_archive(tmp_path / "x", "zip", tmp_path / "published")
    url, data = Path(zipped).as_uri(), tmp_path / "data"
    md5 = hashlib.md5(Path(zipped).read_bytes()).hexdigest()

    def prepare_as(checksum, corpus="RAVDESS"):
        ravdess = CORPORA["RAVDESS"]._replace(archive=(url, checksum))
        monkeypatch.setitem(CORPORA, "RAVDESS", ravdess)
        manifests = str(tmp_path / "manifests")
        prepare(corpus, str(data), manifests, download=True)

    with pytest.raises(RecipeError, match="its md5 is not"):
        prepare_as("0" * 32)
    assert not data.exists()
    prepare_as(md5)
    assert sorted(
        path.relative_to(data).as_posix() for path in data.rglob("*.wav")
    ) == sorted(wavs)
    Path(zipped).unlink()
    prepare_as(md5)
    monkeypatch.chdir(data)
    with pytest.raises(ValueError, match="a folder of its own"):
        prepare_as(md5)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="TESS has to be fetched by hand"):
        prepare_as(md5, "TESS")
