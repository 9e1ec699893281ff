"""The shell command: answers, emotions, conversations, errors.

Authors
 * The speechbrain_relm contributors 2026
"""

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import forked
import pytest
import soundfile
import torch

from speechbrain_relm import __version__
from speechbrain_relm.__main__ import ELSEWHERE, main
from speechbrain_relm.inference.re_llm import EmpatheticListener

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def wav(tmp_path):
    """Two seconds of noise, 48 kHz, in stereo."""
    path = tmp_path / "speech.wav"
    noise = 0.1 * torch.randn(
        96000, 2, generator=torch.Generator().manual_seed(2)
    )
    soundfile.write(path, noise.numpy(), 48000)
    return str(path)


def test_respond_is_the_interface(release_folder, wav, capsys):
    """The same words, and the emotion's numbers."""
    main(["respond", release_folder, wav, "--emotion"])
    printed = capsys.readouterr().out
    listener = EmpatheticListener.from_hparams(release_folder)
    assert printed.startswith(listener.respond_file(wav) + "\n")
    heard = listener.classify_file(wav)
    for values in (heard.head, heard.likelihood, heard.attributes):
        for name, value in values.items():
            assert f"{name} {value:.2f}" in printed


def test_many_recordings_go_into_a_file(
    release_folder, wav, tmp_path, monkeypatch, capsys
):
    """Those of a folder and a list, as alone; a second run does the rest."""
    draw = torch.Generator().manual_seed(3)
    for number, size in enumerate((16000, 24000, 9000)):
        noise = 0.1 * torch.randn(size, generator=draw)
        (tmp_path / "more").mkdir(exist_ok=True)
        path = tmp_path / "more" / f"{number}.flac"
        soundfile.write(path, noise.numpy(), 16000)
    (tmp_path / "more" / "3.wav").write_text("no audio")
    (tmp_path / "list.txt").write_text("speech.wav\nmissing.wav\n")
    output = tmp_path / "out" / "answers.jsonl"
    command = ["respond", release_folder, str(tmp_path / "more")]
    command += [str(tmp_path / "list.txt"), "--output", str(output)]
    command += ["--batch_size", "2", "--emotion"]
    main(command)
    shown = capsys.readouterr()
    assert "4 answers, 2 left out" in shown.out
    assert "missing.wav: left out, missing" in shown.err
    whole = output.read_text()
    listener = EmpatheticListener.from_hparams(release_folder)
    for record in map(json.loads, whole.splitlines()):
        assert record["response"] == listener.respond_file(record["id"])
        heard = listener.classify_file(record["id"])
        assert record["emotion"]["label"] == heard.label
        assert record["emotion"]["classes"] == pytest.approx(
            heard.head, abs=1e-5
        )

    output.write_text("".join(whole.splitlines(keepends=True)[:3]))
    again = []
    load_audio = EmpatheticListener.load_audio
    monkeypatch.setattr(
        EmpatheticListener,
        "load_audio",
        lambda self, path: again.append(path) or load_audio(self, path),
    )
    main(command)
    assert output.read_text() == whole and len(again) == 2


def test_chat_is_a_conversation(release_folder, wav, capsys, monkeypatch):
    """Spoken and written turns; a wrong path costs nothing."""
    lines = f"What now?\n\n/wav missing.wav\n/wave\n/wav {wav}\n/quit\nMore\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    main(["chat", release_folder, "--speech", wav])
    printed = capsys.readouterr()
    talk = EmpatheticListener.from_hparams(release_folder).converse()
    turns = ({"file": wav}, {"text": "What now?"}, {"file": wav})
    expected = [talk.respond(**turn) for turn in turns]
    assert printed.out == "".join(f"{answer}\n" for answer in expected)
    assert "missing.wav" in printed.err
    assert "/wave is no command" in printed.err


def test_chat_answers_again(release_folder, capsys, monkeypatch):
    """In place of the last answer, which the next turn does not read."""
    monkeypatch.setattr("sys.stdin", io.StringIO("/again\nHi!\n/again\n/help"))
    main(["chat", release_folder])
    printed = capsys.readouterr()
    assert "Nothing was said yet" in printed.err
    assert printed.out.count("\n") == 2 + 4 and "/quit" in printed.out
    listener = EmpatheticListener.from_hparams(release_folder)
    talk, other = listener.converse(), listener.converse()
    for text in ("Hi!", "And now?"):
        said = other.respond(text=text)
        assert talk.respond(text=text) == said
        # The most likely answer is the same again, whatever is kept of it.
        "".join(talk.again(do_sample=True, temperature=9.0))
        assert "".join(talk.again()) == said == talk.turns[-1].answer
    assert len(talk.turns) == 2
    with pytest.raises(ValueError, match="no such setting"):
        next(talk.again(tempreature=1.0))


def test_a_run_is_as_good_as_its_release(release_folder, wav, tmp_path, capsys):
    """And where a run is meant, a release says whose it is."""
    run = tmp_path / "re_llm" / "1986"
    shutil.copytree(release_folder, run / "release")
    (run / "recipe.yaml").write_text("seed: 1986")
    (run / "hyperparams.yaml").write_text("seed: 1986")  # SpeechBrain's copy
    main(["respond", str(run), wav])
    listener = EmpatheticListener.from_hparams(run)
    assert capsys.readouterr().out == listener.respond_file(wav) + "\n"
    for name in ("web", "serve", "chat"):
        with pytest.raises(SystemExit, match=f"Did you mean {run}[?]"):
            main([name, str(run.parent)])
    (run / "responses.jsonl").write_text("")
    for words in (["table"], ["questions"], ["grade", "--llm", "x"]):
        with pytest.raises(SystemExit, match=f"folder of its run, {run}"):
            main([*words, str(run / "release")])
        with pytest.raises(SystemExit, match=f"Did you mean {run}[?]"):
            main([*words, str(run.parent)])
    shutil.rmtree(run / "release")
    with pytest.raises(SystemExit, match="1986 is a run that left no release"):
        main(["same_words", str(run), "corpus", "out"])


NAMES = ["respond", "chat", "same_words", *ELSEWHERE]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_an_example(name, capsys):
    """For each command."""
    with pytest.raises(SystemExit) as done:
        main([name, "--help"])
    assert done.value.code == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert re.search(f"Example: speechbrain-relm {name} ", shown)
    assert shown.startswith(f"usage: speechbrain-relm {name} ")


def test_what_is_wrong_is_said_in_a_line(release_folder, tmp_path):
    """Naming the file."""
    path = tmp_path / "text.wav"
    path.write_text("no audio")
    with pytest.raises(SystemExit, match="is a folder: give --output"):
        main(["respond", release_folder, str(tmp_path)])
    for words in ([release_folder, str(path)], [release_folder, "a.wav"]):
        said = f"speechbrain-relm: .*{Path(words[1]).name}: "
        with pytest.raises(SystemExit, match=said):
            main(["respond", *words])


@pytest.mark.parametrize(
    "line, said",
    [
        ("plan {esd} --batch_sizes 4", "mean --batch_size[?]"),
        ("score missing.csv out", "missing.csv is missing: name a CSV"),
        ("score recipes out", "recipes is a folder: name its responses.jsonl"),
        ("table missing", "missing/responses.jsonl is missing"),
        ("grade recipes --llm x", "name the output folder of a finished run"),
        ("ratings recipes a.csv", "recipes is no file: name the key.json"),
        ("plan recipes", "recipes is a folder: name a recipe's YAML"),
        ("convert qwen missing out", "missing is no folder"),
    ],
)
def test_the_other_commands_say_it_in_a_line(line, said):
    """Without a traceback, whatever module they are in."""
    line = line.format(esd="recipes/ESD/hparams/re_llm_mini.yaml")
    with pytest.raises(SystemExit, match=said) as stopped:
        main(line.split())
    assert "\n" not in stopped.value.code


@pytest.mark.parametrize("command", ["chat", "web"])
@pytest.mark.parametrize("turns", ["-1", "4097", "few"])
def test_turns_to_remember_are_checked_at_once(command, turns, capsys):
    """Not when somebody says something to a page that has started."""
    with pytest.raises(SystemExit, match="2"):
        main([command, "missing", "--history_turns", turns])
    said = f"{turns!r} is not a whole number from 0 to 4096"
    assert said in capsys.readouterr().err


def test_recipes_are_listed_copied_and_run(tmp_path, monkeypatch, capsys):
    """Nothing that is there is written over."""
    monkeypatch.chdir(tmp_path)
    main(["recipe"])
    names = capsys.readouterr().out.split()
    assert {"ESD", "IEMOCAP", "MSP-Podcast", "OpenEmotion"} < set(names)
    main(["recipe", "ESD"])
    theirs = ROOT / "recipes" / "ESD"
    yaml = Path("hparams/re_llm_mini.yaml")
    assert ("recipes/ESD" / yaml).read_text() == (theirs / yaml).read_text()
    with pytest.raises(SystemExit, match="recipes/ESD exists and is left"):
        main(["recipe", "ESD"])
    with pytest.raises(SystemExit, match="training.py: ESD has no such script"):
        main(["recipe", "ESD", "training.py"])
    words = ["recipe", "ESD", "train.py", str(yaml)]
    done = forked.run([sys.executable, "-m", "speechbrain_relm", *words])
    assert done.stderr.startswith("train.py: data_folder is missing: the fold")


def test_help_is_quick():
    """No command's help loads what takes seconds to import."""
    code = f"""
import contextlib, sys
from speechbrain_relm import __version__
from speechbrain_relm.__main__ import main
for name in {NAMES}:
    with contextlib.suppress(SystemExit):
        main([name, "--help"])
sys.exit(bool({{"torch", "transformers", "scipy"}} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_program_is_called_as_it_was_started():
    """`python -m` by its module, and the version of the package."""

    def shown(*words):
        """What a command prints."""
        command = [sys.executable, "-m", *words]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0 and not done.stderr
        return done.stdout

    whole = shown("speechbrain_relm", "--help")
    assert whole.startswith("usage: python -m speechbrain_relm ")
    for name in NAMES:
        assert f"    {name} " in whole
    assert shown("speechbrain_relm", "--version").split()[1] == __version__
    for module in ("evaluation", "convert", "demo", "mini", "mini.corpora"):
        name = f"speechbrain_relm.{module}"
        assert shown(name, "--help").startswith(f"usage: python -m {name} ")


def test_a_full_disk_ends_an_answer_in_a_line(release_folder, wav, tmp_path):
    """Also while the LLM is at work in a thread."""
    words = ["-m", "speechbrain_relm", "respond", release_folder, wav]
    said = tmp_path / "said.log"
    process = forked.start([sys.executable, *words], ("/dev/full", said))
    process.join(300)
    assert process.exitcode == 1
    last = said.read_text().splitlines()[-1]
    assert last.startswith("speechbrain-relm: No space left on device")


def test_nothing_else_is_said_in_a_shell():
    """No library's warning stands beside the error; the status is not 0."""
    done = subprocess.run(
        [sys.executable, "-m", "speechbrain_relm", "table", "missing"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "speechbrain-relm: missing/responses.jsonl is missing"
    )
