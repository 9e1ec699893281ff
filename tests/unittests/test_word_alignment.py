"""Fast alignment: CTC against brute force, its recipe, and what starts from it."""

import itertools
import json
import sys

import pytest
import torch
from recipe_runs import ROOT, kill_when, run
from safetensors.torch import load_file

from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.lobes.conv_adapter import ConvAdapter
from speechbrain_relm.lobes.emotion_heads import EmotionHeads
from speechbrain_relm.mini.librispeech import make_librispeech
from speechbrain_relm.model.re_llm import RELLM
from speechbrain_relm.model.word_ctc import WordCTC
from speechbrain_relm.runs.word_brain import WordBrain
from speechbrain_relm.training.initialization import start_from
from speechbrain_relm.utils.errors import RecipeError

RECIPE = ROOT / "recipes" / "LibriSpeech"


def collapse(path):
    """Leaves repetitions and blanks (0) out."""
    kept = [token for token, _ in itertools.groupby(path)]
    return tuple(token for token in kept if token)


def test_ctc_sums_over_all_alignments():
    """Against every path through a small lattice."""
    torch.manual_seed(1)
    ctc = WordCTC(torch.randn(9, 5), token_ids=[7, 3])
    scores = ctc(torch.randn(1, 4, 5))
    assert torch.allclose(scores.exp().sum(-1), torch.ones(1, 4))
    target = [3, 7, 7]
    wanted = tuple(ctc.index[token] for token in target)
    total = sum(
        torch.stack([scores[0, t, k] for t, k in enumerate(path)]).sum().exp()
        for path in itertools.product(range(3), repeat=4)
        if collapse(path) == wanted
    )
    loss = ctc.loss(scores, torch.tensor([4]), [target])
    assert float(loss) == pytest.approx(-float(total.log()) / 3, rel=1e-5)


def test_ctc_in_a_batch_is_ctc_alone():
    """Whatever the batch-mates' lengths."""
    torch.manual_seed(2)
    ctc = WordCTC(torch.randn(9, 5), token_ids=[1, 2, 3])
    embeddings = torch.randn(2, 6, 5)
    counts, targets = torch.tensor([6, 3]), [[1, 2, 3], [2]]
    scores = ctc(embeddings)
    alone = [
        ctc.loss(ctc(embeddings[i : i + 1, :n]), counts[i : i + 1], [t])
        for i, (n, t) in enumerate(zip(counts.tolist(), targets))
    ]
    together = ctc.loss(scores, counts, targets)
    expected = (3 * alone[0] + alone[1]) / 4
    assert float(together) == pytest.approx(float(expected), rel=1e-5)
    spelled = ctc.spell(scores, counts)
    assert spelled[1] == ctc.spell(scores[1:, :3], counts[1:])[0]


def test_too_short_for_its_words_teaches_nothing():
    """And its gradient is finite."""
    ctc = WordCTC(torch.eye(4), token_ids=[1, 2])
    embeddings = torch.randn(1, 1, 4, requires_grad=True)
    loss = ctc.loss(ctc(embeddings), torch.tensor([1]), [[1, 2, 1]])
    loss.backward()
    assert float(loss) == 0 and bool(embeddings.grad.isfinite().all())


@pytest.fixture(scope="module")
def command(tmp_path_factory, whisper_folder, emotion_folder, qwen_folder):
    """The command line of a short run, for an output folder."""
    corpus = make_librispeech(tmp_path_factory.mktemp("libri") / "L", 60)

    def build(folder):
        """Writes it."""
        return [
            sys.executable,
            str(RECIPE / "train_words.py"),
            str(RECIPE / "hparams" / "words_mini.yaml"),
            f"--data_folder={corpus}",
            f"--output_folder={folder}",
            f"--whisper_source={whisper_folder}",
            f"--emotion_source={emotion_folder}",
            f"--llm_source={qwen_folder}",
            "--number_of_epochs=2",
            "--ckpt_interval_steps=1",
        ]

    return build


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    """A run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("words") / "whole"
    run(command(folder))
    return folder


def test_the_recipe_killed_and_resumed(command, whole, tmp_path):
    """Equals the run that nobody disturbed."""
    killed = tmp_path / "killed"
    kill_when(command(killed), lambda: len(list(killed.glob("save/CKPT*"))) > 1)
    run(command(killed))
    tensors, again = (
        load_file(folder / "aligned" / "model.ckpt")
        for folder in (whole, killed)
    )
    assert {name.split(".")[0] for name in tensors} == {"adapter", "heads"}
    assert all(torch.equal(tensors[name], again[name]) for name in tensors)
    figures = json.loads((whole / "words.json").read_text(encoding="utf-8"))
    assert figures == json.loads((killed / "words.json").read_text("utf-8"))
    # The form in which tests/data/demo_figures.json keeps them.
    assert set(figures) == {"utterances", "WER", "UA"}
    assert figures["utterances"] == 3 and 0 <= figures["UA"] <= 1


def test_the_adapter_started_as_averages(whole):
    """A few small steps from there its bottleneck is still almost nothing."""
    tensors = load_file(whole / "aligned" / "model.ckpt")
    drawn, moved = torch.empty(tensors["adapter.fc2.weight"].shape), 0.02
    torch.nn.init.xavier_uniform_(drawn)
    assert float(drawn.abs().max()) > 2 * moved  # the other start
    assert float(tensors["adapter.fc2.weight"].abs().max()) < moved
    # Each channel passes by its own scale, that of its frames.
    passing = tensors["adapter.conv_layers.0.weight"][:, :, 2].diagonal()
    assert float(passing.max() / passing.min()) > 2


def test_nothing_trained_is_not_exported(command, tmp_path):
    """Else `init_from` would start from an adapter as it was drawn."""
    bare = [*command(tmp_path / "bare"), "--steps=[prepare,export]"]
    with pytest.raises(AssertionError, match="no checkpoint to export"):
        run(bare)


def test_a_system_starts_from_it(whole, qwen_folder):
    """Adapter and heads are those of the alignment."""
    tensors = load_file(whole / "aligned" / "model.ckpt")
    llm = ChatLLM(qwen_folder)
    size = tensors["adapter.conv_layers.0.weight"].shape[1]
    adapter = ConvAdapter(size, llm.embedding_size)
    heads = EmotionHeads(llm.embedding_size)
    model = RELLM(torch.nn.Identity(), adapter, heads, llm)
    start_from(model, str(whole / "aligned"))
    for name, tensor in tensors.items():
        assert torch.equal(model.get_parameter(name), tensor)


def test_figures_of_an_llm_that_is_not_run_are_refused():
    """Before anything is trained, where a YAML of one's own wants them."""
    with pytest.raises(RecipeError, match="log_interval_steps: .* no LLM"):
        WordBrain(
            llm=None,
            emotions=None,
            hparams={"log_interval_steps": 5},
            loss_weights={},
            lr_schedule=None,
            train_logger=None,
        )
