"""The shell command: answers, emotions, conversations, errors.

Authors
 * The speechbrain_relm contributors 2026
"""

import io
import json
import re
import subprocess
import sys

import pytest
import soundfile
import torch

from speechbrain_relm.__main__ import ELSEWHERE, main
from speechbrain_relm.inference.re_llm import EmpatheticListener


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
    lines = f"What now?\n\n/wav missing.wav\n/wav {wav}\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(lines))
    main(["chat", release_folder, "--speech", wav])
    printed = capsys.readouterr()
    talk = EmpatheticListener.from_hparams(release_folder).converse()
    turns = ({"file": wav}, {"text": "What now?"}, {"file": wav})
    expected = [talk.respond(**turn) for turn in turns]
    assert printed.out == "".join(f"{answer}\n" for answer in expected)
    assert "missing.wav" in printed.err


@pytest.mark.parametrize("name", ["respond", "chat", *ELSEWHERE])
def test_help_shows_an_example(name, capsys):
    """For each command."""
    with pytest.raises(SystemExit) as done:
        main([name, "--help"])
    assert done.value.code == 0
    shown = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert re.search(r"Example: .*" + name, shown)


def test_what_is_wrong_is_said_in_a_line(release_folder, tmp_path):
    """Naming the file."""
    path = tmp_path / "text.wav"
    path.write_text("no audio")
    with pytest.raises(SystemExit, match="speechbrain-relm: .*text.wav"):
        main(["respond", release_folder, str(path)])


@pytest.mark.parametrize(
    "line, said",
    [
        ("plan {esd} --batch_sizes 4", "mean --batch_size[?]"),
        ("score missing.csv out", "missing.csv is missing: name a CSV"),
        ("table missing", "missing/responses.jsonl is missing"),
        ("convert qwen missing out", "missing is no folder"),
    ],
)
def test_the_other_commands_say_it_in_a_line(line, said):
    """Without a traceback, whatever module they are in."""
    line = line.format(esd="recipes/ESD/hparams/re_llm_mini.yaml")
    with pytest.raises(SystemExit, match=said) as stopped:
        main(line.split())
    assert "\n" not in stopped.value.code


def test_help_is_quick():
    """`python -m` does the same; help loads no models' libraries."""
    code = (
        "import sys; from speechbrain_relm.__main__ import make_parser; "
        "make_parser().format_help(); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    shown = subprocess.run(
        [sys.executable, "-m", "speechbrain_relm", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("respond", "chat", *ELSEWHERE):
        assert f"    {name} " in shown.stdout
    assert not shown.stderr


def test_nothing_else_is_said_in_a_shell():
    """No library's warning stands beside the error; the status is not 0."""
    done = subprocess.run(
        [sys.executable, "-m", "speechbrain_relm", "table", "missing"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("evaluation: missing/responses.jsonl is missing")
