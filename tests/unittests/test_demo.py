"""What the page shows: answers, marks, reasons, several users.

Authors
 * The speechbrain_relm contributors 2026
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
import soundfile
import torch

from speechbrain_relm.demo.listening import (
    SCORES,
    Listening,
    UnusableRecording,
    check,
)
from speechbrain_relm.inference.epitome import EmpathyScoring
from speechbrain_relm.inference.re_llm import EmpatheticListener
from speechbrain_relm.lobes.whisper_transcriber import WhisperTranscriber


@pytest.fixture(scope="module")
def listening(release_folder, whisper_folder, scorer_folder):
    """Tiny systems."""
    return Listening(
        EmpatheticListener.from_hparams(release_folder),
        WhisperTranscriber(whisper_folder, max_new_tokens=6),
        EmpathyScoring.from_hparams(scorer_folder),
    )


def record(path, seed, seconds=1.5):
    """Writes noise that swells, as speech does and a steady noise does not."""
    noise = 0.1 * torch.randn(
        int(seconds * 16000), generator=torch.Generator().manual_seed(seed)
    )
    noise *= torch.linspace(0, 20, len(noise)).sin() ** 2
    soundfile.write(path, noise.numpy(), 16000)
    return str(path)


def test_a_turn_is_what_the_systems_say(listening, tmp_path):
    """Answers, emotion, levels and phrases; and then a written turn."""
    wav = record(tmp_path / "a.wav", 1)
    talk = listening.start()
    steps = list(listening.turn(talk, wav))
    last = steps[-1]
    alone = listening.listener.converse()
    assert last.speech == alone.respond(file=wav)
    assert last.emotion == listening.listener.classify_file(wav)
    reader = listening.listener.converse()
    assert last.text == reader.respond(text=last.heard or "...")
    # Shown as it came: never less than before.
    for before, after in zip(steps, steps[1:]):
        assert after.speech.startswith(before.speech)
    for answer, scored in (
        (last.speech, last.speech_score),
        (last.text, last.text_score),
    ):
        judged = listening.scorer.judge([last.heard], [answer])
        for score, mechanism in SCORES.items():
            assert scored.levels[score] == judged[mechanism].levels[0]
        assert "".join(piece for piece, _ in scored.pieces) == answer

    second = list(listening.turn(talk, text="And now? "))[-1]
    assert second.heard == "And now?" and second.emotion is None
    assert second.speech == alone.respond(text="And now?")


@pytest.mark.parametrize(
    "samples, said",
    [
        (torch.zeros(16000), "silent"),
        (torch.ones(2000), "too short"),
        (torch.ones(16000 * 31), "longer than 30 s"),
        (None, "cannot be read"),
    ],
)
def test_an_unusable_recording_is_explained(listening, tmp_path, samples, said):
    """Before any model runs, and the conversation stays as it was."""
    path = tmp_path / "a.wav"
    if samples is None:
        path.write_bytes(b"no audio at all")
    else:
        soundfile.write(path, samples.numpy() / 2, 16000)
    with pytest.raises(UnusableRecording, match=said):
        check(str(path))
    talk = listening.start()
    with pytest.raises(UnusableRecording, match=said):
        next(listening.turn(talk, str(path)))
    assert talk.speech.turns == []


def test_users_do_not_disturb_each_other(listening, tmp_path):
    """Three at once get what each gets alone."""
    wavs = [record(tmp_path / f"{i}.wav", i, 1 + i) for i in range(3)]

    def visit(wav):
        """A spoken and a written turn."""
        talk = listening.start()
        turns = ({"recording": wav}, {"text": "Why?"})
        return [list(listening.turn(talk, **turn))[-1] for turn in turns]

    expected = [visit(wav) for wav in wavs]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(visit, wavs)) == expected
