"""Released speech LLMs as listeners, at a tiny size.

Authors
 * The speechbrain_relm contributors 2026
"""

import numpy as np
import pytest
import soundfile
import torch
from tiny_speech_llms import save_qwen2_5_omni, save_qwen2_audio

from speechbrain_relm.lobes.speech_llms.qwen2_5_omni import Qwen25OmniListener
from speechbrain_relm.lobes.speech_llms.qwen2_audio import Qwen2AudioListener
from speechbrain_relm.runs.emotion.likelihoods import EmotionLikelihoods

RECOGNIZE = "Please identify the emotion tone. Sentence: "


@pytest.mark.parametrize(
    "kind, save",
    [
        (Qwen2AudioListener, save_qwen2_audio),
        (Qwen25OmniListener, save_qwen2_5_omni),
    ],
)
def test_a_speech_llm(kind, save, tmp_path):
    """A batch as one by one; label likelihoods as from the whole sequence."""
    listener = kind(save(str(tmp_path / "llm")), dtype="float32")
    draw, entries = np.random.default_rng(0), {}
    for length in (16000, 30000, 22222):
        path = str(tmp_path / f"{length}.wav")
        soundfile.write(path, 0.1 * draw.standard_normal(length), 16000)
        entries[path] = {"wav": path}
    heard = listener.encode(entries)
    settings = {"max_new_tokens": 5}
    together = listener.answer(heard, "Be kind.", "", **settings)
    labels = ["sad", "not neutral"]
    rated = listener.log_likelihoods(heard, "Be kind.", RECOGNIZE, labels)
    for row, signal in enumerate(heard):
        alone = listener.answer([signal], "Be kind.", "", **settings)
        assert alone[0] == together[row]
        asked = listener.ask([signal], "Be kind.", RECOGNIZE)
        for column, label in enumerate(labels):
            ids = listener.processor.tokenizer.encode(
                label, add_special_tokens=False, return_tensors="pt"
            )
            whole = torch.cat([asked["input_ids"], ids], 1)
            with torch.no_grad():
                logits = listener.model(
                    input_ids=whole,
                    attention_mask=torch.ones_like(whole),
                    input_features=asked["input_features"],
                    feature_attention_mask=asked["feature_attention_mask"],
                ).logits
            chosen = logits.log_softmax(-1)[0, -ids.shape[1] - 1 : -1]
            expected = chosen.gather(1, ids.T).sum()
            torch.testing.assert_close(
                rated[row, column], expected, rtol=1e-4, atol=1e-4
            )
    said = ["Sad!", "Not neutral!"]
    likelihoods = EmotionLikelihoods(
        listener, "Be kind.", RECOGNIZE, ["Sad", "Not neutral"], "{emotion}!"
    )
    _, calibrated = likelihoods(heard)
    silence = [np.zeros(16000, dtype=np.float32)]
    expected = listener.log_likelihoods(heard, "Be kind.", RECOGNIZE, said)
    expected -= listener.log_likelihoods(silence, "Be kind.", RECOGNIZE, said)
    torch.testing.assert_close(calibrated, expected, rtol=1e-4, atol=1e-4)


def test_one_of_another_type(tmp_path):
    """Is named, though it hears as well."""
    folder = save_qwen2_audio(str(tmp_path / "llm"))
    with pytest.raises(ValueError, match="name one of the type qwen2_5_omni"):
        Qwen25OmniListener(folder)
