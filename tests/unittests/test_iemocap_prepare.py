"""Tests of the IEMOCAP preparation on a made corpus with known truth.

Authors
 * The speechbrain_relm contributors 2026
"""

import importlib.util
import json
import logging
import re
import runpy
import shutil
from collections import Counter
from pathlib import Path

import pytest
import soundfile
from recipe_runs import replaces

from speechbrain_relm.mini.iemocap import ODDITIES, UNRATED, make_iemocap

SCRIPT = Path(__file__).parents[2] / "recipes/IEMOCAP/iemocap_prepare.py"
spec = importlib.util.spec_from_file_location("iemocap_prepare", SCRIPT)
iemocap = importlib.util.module_from_spec(spec)
spec.loader.exec_module(iemocap)

DIMENSIONS = ("arousal", "dominance", "valence")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """The made corpus, to be left as it is."""
    folder = tmp_path_factory.mktemp("made") / "IEMOCAP_full_release"
    return make_iemocap(folder, utterances_per_dialog=6, seed=3)


@pytest.fixture(scope="module")
def truth(corpus):
    """What was put into it."""
    return read(corpus / "truth.json")


@pytest.fixture
def copy(corpus, tmp_path):
    """A copy of the corpus, to be changed."""
    return Path(shutil.copytree(corpus, tmp_path / "IEMOCAP_full_release"))


def read(path):
    """Reads a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def prepare(root, out, **kwargs):
    """Prepares a corpus; returns split -> id -> entry, and what is left out."""
    iemocap.prepare_iemocap(str(root), str(out), **kwargs)
    splits = {s: read(out / f"{s}.json") for s in ("train", "valid", "test")}
    return splits, read(out / "left_out.json")


def merged(splits):
    """Joins the splits."""
    return {k: v for entries in splits.values() for k, v in entries.items()}


def evaluation(root, utterance):
    """The evaluation file of an utterance's dialog."""
    dialog = utterance.rpartition("_")[0]
    folder = root / f"Session{int(utterance[3:5])}" / "dialog/EmoEvaluation"
    return folder / f"{dialog}.txt"


def transcription(root, utterance):
    """The transcription of an utterance's dialog."""
    path = evaluation(root, utterance)
    return path.parents[1] / "transcriptions" / path.name


def test_manifests_equal_the_truth(corpus, truth, tmp_path):
    """Ids, labels, dimensions, transcripts, wavs: nothing more, nothing less."""
    splits, left_out = prepare(corpus, tmp_path)
    found = merged(splits)
    assert set(found) == set(truth["utterances"])
    assert len(found) == sum(map(len, splits.values())) > 100
    for utterance, expected in truth["utterances"].items():
        entry = found[utterance]
        assert list(entry) == [
            "wav", "speaker", "emotion", "transcript", "cluster", *DIMENSIONS,
            "duration",
        ]  # fmt: skip
        assert entry["wav"] == "{data_root}/" + expected["wav"]
        for field in ("speaker", "emotion", "transcript"):
            assert entry[field] == expected[field]
        for dimension in DIMENSIONS:
            if expected[dimension] is None:
                assert entry[dimension] is None
            else:
                assert abs(entry[dimension] - expected[dimension]) < 1e-6
        info = soundfile.info(corpus / expected["wav"])
        assert entry["duration"] == info.frames / info.samplerate
    kinds = {k: why.split(":")[0] for k, why in left_out.items()}
    assert kinds == truth["left_out"]


def test_clusters_are_dialogs(corpus, tmp_path):
    """Both recordings of a script say the same words: they are one."""
    found = merged(prepare(corpus, tmp_path)[0])
    clusters = {}
    for utterance, entry in found.items():
        dialog = utterance.rpartition("_")[0]
        assert clusters.setdefault(dialog, entry["cluster"]) == entry["cluster"]
    for dialog, cluster in clusters.items():
        wanted = dialog
        if "script" in dialog:
            wanted = dialog[:5] + dialog[6:].rstrip("abc")
        assert cluster == wanted


def test_dimensions_by_hand(copy, truth, tmp_path):
    """IEMOCAP writes valence, activation, dominance, from 1 to 5."""
    utterance = "Ses01F_impro01_F000"
    path = evaluation(copy, utterance)
    path.write_text(
        f"[0.0 - 1.0]\t{utterance}\texc\t[1.0000, 5.0000, 2.0000]\n", "utf-8"
    )
    entry = merged(prepare(copy, tmp_path / "m")[0])[utterance]
    assert [entry[d] for d in DIMENSIONS] == [1.0, 0.25, 0.0]
    assert (entry["emotion"], entry["speaker"]) == ("happy", "Ses01F")


@pytest.mark.parametrize("odd", ODDITIES)
def test_oddities(corpus, truth, tmp_path_factory, odd):
    """Each is in the manifests, in the list of reasons, or nowhere."""
    out = tmp_path_factory.getbasetemp() / "oddities"
    splits, left_out = prepare(corpus, out)  # at work the first time only
    utterance = truth["oddities"][odd]
    entry = merged(splits).get(utterance)
    reasons = [why for wav, why in left_out.items() if utterance in wav]
    if ODDITIES[odd] is None:
        assert entry["transcript"] and not reasons
        assert (entry["arousal"] is None) == (odd in UNRATED)
    else:
        assert entry is None
        expected = [ODDITIES[odd]] if ODDITIES[odd] else []
        assert [why.split(":")[0] for why in reasons] == expected


def test_ratings_are_warned_of(corpus, truth, tmp_path, caplog):
    """Kept without dimensions, which is said."""
    with caplog.at_level(logging.WARNING):
        prepare(corpus, tmp_path)
    message = next(m for m in caplog.messages if "not 1 to 5" in m)
    assert message.startswith("3 utterance(s)")
    for odd in UNRATED:
        assert truth["oddities"][odd] in message


@pytest.mark.parametrize("test_session", [1, 2, 3, 4, 5])
def test_five_fold(corpus, truth, tmp_path, test_session):
    """Tests on one session; no dialog is in both training and validation."""
    splits, _ = prepare(corpus, tmp_path, test_session=test_session)
    expected = {
        utterance
        for utterance, entry in truth["utterances"].items()
        if entry["session"] == test_session
    }
    assert set(splits["test"]) == expected
    speakers = {s: {e["speaker"] for e in splits[s].values()} for s in splits}
    assert len(speakers["test"]) == 2
    assert not speakers["test"] & (speakers["train"] | speakers["valid"])
    train, valid = (
        {utterance.rpartition("_")[0] for utterance in splits[split]}
        for split in ("train", "valid")
    )
    assert not train & valid
    assert (len(train), len(valid)) == (14, 2)  # a tenth of 16 dialogs
    for split in splits.values():
        assert len({entry["emotion"] for entry in split.values()}) == 4


def test_seed_and_ratio(corpus, tmp_path):
    """The draw of validation dialogs follows both."""
    valid = []
    for how in ({}, {"seed": 7}, {"seed": 7, "valid_ratio": 0.5}):
        splits, _ = prepare(corpus, tmp_path, **how)
        valid.append({u.rpartition("_")[0] for u in splits["valid"]})
    assert valid[0] != valid[1] and [len(v) for v in valid] == [2, 2, 8]


def test_emotions(corpus, truth, tmp_path):
    """Other classes are passed over, except where labels conflict."""
    splits, left_out = prepare(corpus, tmp_path, emotions=["sad", "neutral"])
    assert set(merged(splits)) == {
        utterance
        for utterance, entry in truth["utterances"].items()
        if entry["emotion"] in ("sad", "neutral")
    }
    assert set(left_out) == set(truth["left_out"])


def test_full_release_counts():
    """The published counts, by class and by session."""
    full = iemocap.FULL_RELEASE
    by_label = Counter()
    for counts in full.values():
        by_label.update(counts)
    assert by_label == {
        "neu": 1708, "ang": 1103, "sad": 1084, "hap": 595, "exc": 1041,
    }  # fmt: skip
    sizes = [sum(counts.values()) for counts in full.values()]
    assert sizes == [1085, 1023, 1151, 1031, 1241]
    assert sum(sizes) == 5531 and sum(sizes[:4]) == 4290


def full_labels():
    """Id -> label, as many as the full release has."""
    return {
        f"Ses{session:02d}F_impro01_F{label}{number}": label
        for session, counts in iemocap.FULL_RELEASE.items()
        for label, count in counts.items()
        for number in range(count)
    }


def test_full_release_is_reported(caplog):
    """All counts are said, without a warning."""
    emotions = ["neutral", "sad", "angry", "happy"]
    with caplog.at_level(logging.INFO):
        iemocap._report_counts(full_labels(), emotions, 5)
    assert all(record.levelname == "INFO" for record in caplog.records)
    assert (
        "all sessions: 5531 utterances (1103 angry, 1636 happy, 1708 neutral, "
        "1084 sad); 4290 for training and validation, 1241 for testing"
    ) in caplog.text
    assert "session 5 (testing): 1241 utterances (170 angry" in caplog.text


def test_one_missing_utterance_is_reported(caplog):
    """Or one of another class, at the same total."""
    emotions = ["neutral", "sad", "angry", "happy"]
    labels = full_labels()
    labels["Ses03F_impro01_Fneu0"] = "sad"
    del labels["Ses02F_impro01_Fsad0"]
    with caplog.at_level(logging.WARNING):
        iemocap._report_counts(labels, emotions, 5)
    assert (
        "not the full release of IEMOCAP: 5530 of 5531 utterances (1707 of "
        "1708 neutral, 1084 of 1084 sad, 1103 of 1103 angry, 1636 of 1636 "
        "happy); session 2 has 1022 of 1023, session 3 has 1151 of 1151"
    ) in caplog.text


def test_partial_copy(copy, truth, tmp_path, caplog):
    """A whole session may be missing; the counts are warned of."""
    shutil.rmtree(copy / "Session2")
    with caplog.at_level(logging.WARNING):
        splits, _ = prepare(copy, tmp_path / "m")
    expected = [e["session"] for e in truth["utterances"].values()]
    assert len(merged(splits)) == len(expected) - expected.count(2)
    assert "session 2 has 0 of 1023" in caplog.text
    assert f"{len(merged(splits))} of 5531 utterances" in caplog.text


def test_folder_above(corpus, truth, tmp_path):
    """The folder that contains the release will do."""
    splits, _ = prepare(corpus.parent, tmp_path)
    for entry in merged(splits).values():
        path = entry["wav"].replace("{data_root}", str(corpus.parent))
        assert Path(path).is_file()
    assert set(merged(splits)) == set(truth["utterances"])


def test_second_call_does_nothing(copy, tmp_path):
    """Nothing is done twice, unless a file or a setting changes."""
    out = tmp_path / "m"
    splits, _ = prepare(copy, out)
    manifest = out / "train.json"
    redone = replaces(manifest, prepare, copy, out)
    assert not redone()
    utterance = next(iter(splits["train"]))
    for path in (evaluation(copy, utterance), transcription(copy, utterance)):
        path.write_bytes(path.read_bytes() + b"\n")
        assert redone() and not redone()
    (copy / splits["train"][utterance]["wav"][len("{data_root}/") :]).unlink()
    assert redone() and not redone()
    assert redone(test_session=2) and not redone(test_session=2)
    assert redone() and redone(max_duration=4.0)


def test_encodings(copy, tmp_path):
    """Western 8-bit letters, a byte order mark, any white space."""
    utterance = "Ses01F_impro01_F000"
    evaluation(copy, utterance).write_bytes(
        f"\ufeff[1.0 - 2.0]  {utterance}   Neu [2.5,3,3.5]\r\n".encode()
    )
    said = (
        f"  {utterance} [001.0000-002.0000]:  It\u2019s \t r\xe9sum\xe9. \r\n"
    )
    transcription(copy, utterance).write_bytes(said.encode("cp1252"))
    entry = merged(prepare(copy, tmp_path / "m")[0])[utterance]
    assert entry["transcript"] == "It\u2019s r\xe9sum\xe9."
    assert entry["emotion"] == "neutral" and entry["arousal"] == 0.5


def test_first_transcript_is_believed(copy, truth, tmp_path):
    """A second line for an utterance changes nothing."""
    utterance = next(iter(truth["utterances"]))
    path = transcription(copy, utterance)
    path.write_bytes(path.read_bytes() + f"{utterance}: No.\n".encode())
    entry = merged(prepare(copy, tmp_path / "m")[0])[utterance]
    assert entry["transcript"] == truth["utterances"][utterance]["transcript"]


@pytest.mark.parametrize(
    "name",
    [
        "../../../../outside",
        "Ses01F_impro01_../x_F000",
        "/etc/Ses01F_impro01_F000",
        "Ses01F_impro01_F000/../../x",
        "Ses01M_impro02_F000",  # another dialog's
        "Ses01F_impro01_F00",
        "Ses01F_impro01_F\u0661\u0661\u0661",
    ],
)
def test_names_lead_nowhere_else(copy, tmp_path, name):
    """A name that is no utterance of its dialog is not made a path."""
    path = evaluation(copy, "Ses01F_impro01_F000")
    line = f"[0.0 - 1.0]\t{name}\tneu\t[2.0, 2.0, 2.0]\n"
    path.write_text(line, "utf-8")
    _, left_out = prepare(copy, tmp_path / "m")
    assert left_out[name].startswith("unexpected name: Ses01F_impro01_")
    assert not any(".." in wav for wav in left_out if wav != name)


def test_links_lead_nowhere_else(copy, truth, tmp_path):
    """A wav that is a link out of the corpus is left out."""
    utterance, entry = next(iter(truth["utterances"].items()))
    wav = copy / entry["wav"]
    wav.rename(tmp_path / "outside.wav")
    wav.symlink_to(tmp_path / "outside.wav")
    splits, left_out = prepare(copy, tmp_path / "m")
    assert utterance not in merged(splits)
    assert left_out[entry["wav"]] == "outside the data folder"


def test_skip_prep(tmp_path):
    """Nothing is read, nothing is written."""
    iemocap.prepare_iemocap("/no/such", str(tmp_path / "m"), skip_prep=True)
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "folders, found",
    [
        (["0011/Neutral", "0012/Neutral"], "looks like ESD"),
        (["Labels", "Audios"], "looks like MSP-Podcast"),
        (["Session1/wav"], "it holds the folders ['Session1']"),
        (["some", "thing"], "it holds the folders ['some', 'thing']"),
        ([], "it holds the folders []"),
    ],
)
def test_wrong_corpus(tmp_path, folders, found):
    """The error says what the folder holds and where IEMOCAP is."""
    data = tmp_path / "data"
    data.mkdir()
    for name in folders:
        (data / name).mkdir(parents=True)
    with pytest.raises(ValueError) as error:
        iemocap.prepare_iemocap(str(data), str(tmp_path / "m"))
    message = str(error.value)
    for part in (str(data), found, "EmoEvaluation", iemocap.DOWNLOAD):
        assert part in message
    assert "\n" not in message and not (tmp_path / "m").exists()


def test_no_folder(tmp_path):
    """The error names the folder and where IEMOCAP is."""
    with pytest.raises(FileNotFoundError) as error:
        iemocap.prepare_iemocap(str(tmp_path / "none"), str(tmp_path / "m"))
    assert str(tmp_path / "none") in str(error.value)
    assert iemocap.DOWNLOAD in str(error.value)


def test_wrong_options(corpus, tmp_path):
    """Classes and sessions that there are not."""
    with pytest.raises(ValueError, match="emotions: .'bored'."):
        prepare(corpus, tmp_path, emotions=["sad", "bored"])
    for session in (0, 6, "5"):
        with pytest.raises(ValueError, match="test_session: .* 1 to 5"):
            prepare(corpus, tmp_path, test_session=session)


def test_too_little(copy, tmp_path):
    """Copies that cannot train and test anything."""
    with pytest.raises(ValueError, match="no usable audio .* too short"):
        prepare(copy, tmp_path / "m", min_duration=40, max_duration=50)
    shutil.rmtree(copy / "Session5")
    with pytest.raises(ValueError, match="test split has no neutral"):
        prepare(copy, tmp_path / "m")
    for session in (2, 3, 4):
        shutil.rmtree(copy / f"Session{session}")
    with pytest.raises(ValueError, match="0 dialog.* outside session 1"):
        prepare(copy, tmp_path / "m", test_session=1)


def test_command(corpus, tmp_path, monkeypatch):
    """The script runs alone, and fails in one line."""
    target = tmp_path / "m"
    arguments = [str(SCRIPT), str(corpus), str(target), "--test_session", "2"]
    monkeypatch.setattr("sys.argv", arguments)
    runpy.run_path(str(SCRIPT), run_name="__main__")
    assert next(iter(read(target / "test.json"))).startswith("Ses02")
    monkeypatch.setattr("sys.argv", [str(SCRIPT), "/no/such", str(target)])
    with pytest.raises(
        SystemExit, match="prepare.py: data_folder /no/such is no"
    ):
        runpy.run_path(str(SCRIPT), run_name="__main__")


def test_made_corpus(corpus, tmp_path):
    """Wavs as the other made corpora's; one seed, one corpus."""
    wavs = [w for w in corpus.rglob("*.wav") if not w.name.startswith(".")]
    for wav in wavs[::10]:
        info = soundfile.info(wav)
        assert (info.samplerate, info.channels) == (16000, 1)
        assert abs(soundfile.read(wav)[0]).max() < 1
    names = {wav.stem for wav in wavs}
    assert all(re.match(r"Ses0\d[FM]_(impro|script)\d\d", n) for n in names)
    again = make_iemocap(tmp_path / "again", utterances_per_dialog=6, seed=3)
    for file in [*wavs[::10], corpus / "truth.json"]:
        same = again / file.relative_to(corpus)
        assert same.read_bytes() == file.read_bytes()
    with pytest.raises(ValueError, match="utterances_per_dialog=3"):
        make_iemocap(tmp_path / "c", 3)
