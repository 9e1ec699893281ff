"""Tiny models of the real architectures, for tests and doctests."""

import pytest
import torch

from tests import tiny_models


def folder_of(name, save):
    """Makes a fixture of a model's folder, saved once a session."""

    @pytest.fixture(scope="session", name=name)
    def fixture(tmp_path_factory):
        """The folder."""
        return str(save(str(tmp_path_factory.mktemp(name))))

    return fixture


whisper_folder = folder_of("whisper_folder", tiny_models.save_whisper)
wav2vec2_folder = folder_of("wav2vec2_folder", tiny_models.save_wav2vec2)
emotion_folder = folder_of("emotion_folder", tiny_models.save_emotion_encoder)
qwen_folder = folder_of("qwen_folder", tiny_models.save_qwen)
llama_folder = folder_of("llama_folder", tiny_models.save_llama)
scorer_folder = folder_of("scorer_folder", tiny_models.save_empathy_scorer)


@pytest.fixture(scope="session")
def release_folder(
    tmp_path_factory, whisper_folder, emotion_folder, qwen_folder
):
    """A release of RE-LLM on these models."""
    folder = tmp_path_factory.mktemp("release") / "release"
    bases = whisper_folder, emotion_folder, qwen_folder
    return str(tiny_models.save_release(folder, *bases))


@pytest.fixture(scope="session")
def tiny_sources(whisper_folder, emotion_folder, qwen_folder, scorer_folder):
    """What a recipe's YAML takes to run on these models."""
    return {
        "whisper_source": whisper_folder,
        "emotion_source": emotion_folder,
        "llm_source": qwen_folder,
        "scorer_source": scorer_folder,
    }


@pytest.fixture
def utterances():
    """Three signals of different length, and the batch that holds them."""
    torch.manual_seed(4)
    wavs = [0.1 * torch.randn(n) for n in (20480, 36800, 16161)]
    batch = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
    lens = torch.tensor([len(wav) / batch.shape[1] for wav in wavs])
    return wavs, batch, lens
