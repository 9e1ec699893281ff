"""Tests of the EPITOME scorer, its annotations and its training.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import json
import math
import random
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
)

from speechbrain_relm.epitome.annotations import (
    COLUMNS,
    FILES,
    Pair,
    read_pairs,
)
from speechbrain_relm.epitome.data import split_by_post
from speechbrain_relm.epitome.measures import accuracy_and_f1
from speechbrain_relm.lobes.epitome import EmpathyScorer
from speechbrain_relm.lobes.epitome_classifier import EpitomeClassifier
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS, save_scorer
from speechbrain_relm.lobes.parts.epitome_text import collate, tokenize
from speechbrain_relm.lobes.parts.epitome_topic import NEAREST, TopicCheck
from speechbrain_relm.mini import epitome
from speechbrain_relm.mini.annotations.pairs import compose, write_csvs

WORDS = "i am so sorry you feel sad happy what happened why dog ran away the "
WORDS += "car is fine tell me more . ! ? we went home good for"
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": 0.2,
}
SEEKERS = ["the dog ran away", "i am so sad", "the dog ran away", "home"]
RESPONSES = [
    "i am so sorry ! what happened ?",
    "the car is fine",
    "you feel sad . tell me more . why ? what happened ?",
    "",
]


def word_tokenizer():
    """Makes a tokenizer of whole words, with <s> 0, <pad> 1 and </s> 2."""
    names = ["<s>", "<pad>", "</s>", "<unk>", *WORDS.split()]
    vocabulary = {word: i for i, word in enumerate(names)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
    )


@pytest.fixture(params=["bert", "roberta"])
def backbone(request, tmp_path):
    """Saves a tiny random backbone with its tokenizer."""
    torch.manual_seed(0)
    tokenizer, folder = word_tokenizer(), tmp_path / "backbone"
    more = {"vocab_size": len(tokenizer), "max_position_embeddings": 80}
    if request.param == "bert":
        model = BertModel(BertConfig(**SIZES, **more, pad_token_id=1))
    else:
        model = RobertaModel(RobertaConfig(**SIZES, **more))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_scorer(backbone, folder, **options):
    """Saves a scorer with random heads and loads it."""
    torch.manual_seed(1)
    classifiers = {
        name: EpitomeClassifier(str(backbone), **options) for name in MECHANISMS
    }
    folder.mkdir()
    metrics = {"explorations": {"accuracy": 0.5}}
    save_scorer(folder, classifiers, word_tokenizer(), 64, metrics)
    return EmpathyScorer(folder), classifiers


def formula(state, seeker, response):
    """Computes both logits of one pair, written out in plain tensors."""

    def linear(name, x):
        return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    keys = linear("attn.k_linear", seeker)
    values = linear("attn.v_linear", seeker)
    queries = linear("attn.q_linear", response)
    scores = (queries @ keys.T / math.sqrt(keys.shape[-1])).exp()
    attended = (scores / scores.sum(-1, keepdim=True)) @ values
    states = response + linear("attn.out", attended)
    hidden = linear("empathy_classifier.dense", states[0]).clamp(min=0)
    return (
        linear("empathy_classifier.out_proj", hidden),
        linear("rationale_classifier", states),
    )


@pytest.mark.parametrize("pad_to", [None, 64])
def test_forward_is_the_formula(backbone, pad_to):
    """The released model, from its description; padding as asked for."""
    classifier = EpitomeClassifier(str(backbone), pad_to=pad_to).eval()
    encoder = type(classifier.seeker_encoder).from_pretrained(backbone).eval()
    tokenizer = word_tokenizer()
    posts, _ = tokenize(tokenizer, SEEKERS, 64)
    answers, _ = tokenize(tokenizer, RESPONSES, 64)
    with torch.no_grad():
        levels, words = classifier(*collate(posts), *collate(answers))
        for row, answer in enumerate(answers):
            options = {"return_tensors": "pt"}
            if pad_to:
                options.update(padding="max_length", max_length=pad_to)
            post = tokenizer([SEEKERS[row]], **options)
            seeker = encoder(
                input_ids=post["input_ids"],
                attention_mask=post["attention_mask"],
            ).last_hidden_state[0]
            response = encoder(answer[None]).last_hidden_state[0]
            expected = formula(classifier.state_dict(), seeker, response)
            torch.testing.assert_close(
                levels[row], expected[0], atol=1e-5, rtol=1e-5
            )
            torch.testing.assert_close(
                words[row, : len(answer)], expected[1], atol=1e-5, rtol=1e-5
            )
    assert len(seeker) == (pad_to or len(posts[-1]))


def test_only_the_responder_trains(backbone):
    """The frozen encoder has no gradient and no dropout, even in training."""
    classifier = EpitomeClassifier(str(backbone)).train()
    ids = torch.randint(4, 20, (2, 6))
    mask = torch.ones_like(ids)
    first, second = (classifier.encode_seekers(ids, mask)[0] for _ in range(2))
    assert torch.equal(first, second)
    levels, words = classifier(ids, mask, ids, mask)
    (levels.sum() + words.sum()).backward()
    for name, parameter in classifier.named_parameters():
        frozen = name.startswith("seeker_encoder.")
        assert frozen == (parameter.grad is None), name


def test_state_dict_has_the_released_names(backbone):
    """So that original checkpoints load by a change of prefix."""
    names = EpitomeClassifier(str(backbone)).state_dict()
    parts = {name.rsplit(".", 1)[0] for name in names if "encoder" not in name}
    assert parts == {
        "attn.q_linear",
        "attn.k_linear",
        "attn.v_linear",
        "attn.out",
        "rationale_classifier",
        "empathy_classifier.dense",
        "empathy_classifier.out_proj",
    }
    assert not any("pooler" in name for name in names)


@pytest.mark.parametrize("pad_to", [None, 64])
def test_score_is_the_same_alone_and_in_any_batch(backbone, tmp_path, pad_to):
    """Neither batch-mates nor their order change a probability or a span."""
    scorer, _ = make_scorer(backbone, tmp_path / "scorer", pad_to=pad_to)
    judged = scorer.judge(SEEKERS, RESPONSES)
    order = [2, 0, 3, 1]
    shuffled = scorer.judge(
        [SEEKERS[i] for i in order], [RESPONSES[i] for i in order], 3
    )
    for name in MECHANISMS:
        for row in range(4):
            (alone,) = (scorer.judge([SEEKERS[row]], [RESPONSES[row]])[name],)
            for other, i in ((alone, 0), (shuffled[name], order.index(row))):
                torch.testing.assert_close(
                    other.probabilities[i],
                    judged[name].probabilities[row],
                    atol=1e-5,
                    rtol=0,
                )
                assert other.rationales[i] == judged[name].rationales[row]
        assert torch.equal(
            judged[name].levels, judged[name].probabilities.argmax(1)
        )
    levels = scorer.score(SEEKERS, RESPONSES, batch_size=2)
    assert {name: v.tolist() for name, v in levels.items()} == {
        name: judged[name].levels.tolist() for name in MECHANISMS
    }


def test_saved_scorer_gives_the_same_numbers(backbone, tmp_path):
    """Round trip; the seeker encoder is stored and run once for all."""
    scorer, classifiers = make_scorer(backbone, tmp_path / "scorer")
    assert scorer.metrics == {"explorations": {"accuracy": 0.5}}
    posts = collate(tokenize(word_tokenizer(), SEEKERS, 64)[0])
    answers = collate(tokenize(word_tokenizer(), RESPONSES, 64)[0])
    probabilities = scorer.judge(SEEKERS[:3], RESPONSES[:3])
    for name, classifier in classifiers.items():
        with torch.no_grad():
            levels, _ = classifier.eval()(*posts, *answers)
        torch.testing.assert_close(
            probabilities[name].probabilities,
            levels.softmax(-1)[:3],
            atol=1e-5,
            rtol=0,
        )
        stored = load_file(tmp_path / "scorer" / f"{name}.safetensors")
        assert not any(key.startswith("seeker") for key in stored)
    calls = []
    encoder = scorer.classifiers["explorations"].seeker_encoder
    encoder.register_forward_hook(lambda *_: calls.append(1))
    scorer.score(SEEKERS, RESPONSES)
    assert len(calls) == 1
    assert not scorer.train().training


def test_seeker_encoders_that_differ_are_all_kept(backbone, tmp_path):
    """Mechanisms trained from different backbones keep their own."""
    torch.manual_seed(1)
    classifiers = {
        name: EpitomeClassifier(str(backbone)) for name in MECHANISMS[:2]
    }
    with torch.no_grad():
        for parameter in classifiers[
            "explorations"
        ].seeker_encoder.parameters():
            parameter.mul_(1.5)
    save_scorer(tmp_path, classifiers, word_tokenizer(), 64, {})
    assert not (tmp_path / "seeker_encoder.safetensors").exists()
    scorer = EmpathyScorer(tmp_path)
    for name, classifier in classifiers.items():
        loaded = scorer.classifiers[name].state_dict()
        for key, value in classifier.state_dict().items():
            assert torch.equal(loaded[key], value), key


def test_spans_are_the_characters_of_the_chosen_tokens(backbone, tmp_path):
    """With a head that chooses some words only, exactly those come out."""
    scorer, _ = make_scorer(backbone, tmp_path / "scorer")
    classifier = scorer.classifiers["explorations"]
    state = classifier.state_dict()
    for key in state:
        if key.startswith(("attn.out", "rationale", "empathy_classifier.out")):
            state[key].zero_()
    # Always level 2; a token is chosen by its state along one direction.
    state["empathy_classifier.out_proj.bias"][2] = 1.0
    response = "  tell me more . what happened ?"
    ids, offsets = tokenize(scorer.tokenizer, [response], 64)
    with torch.no_grad():
        states = classifier.responder_encoder(ids[0][None]).last_hidden_state[0]
        direction = torch.linalg.pinv(states) @ torch.tensor(
            [1.0, 1, -1, 1, -1, -1, 1, -1, 1][: len(ids[0])]
        )
        state["rationale_classifier.weight"][1] = direction
    (spans,) = scorer.judge(["home"], [response])["explorations"].rationales
    # Tokens: <s> tell me more . what happened ? </s>
    assert [response[s:e] for s, e in spans] == ["tell", "more", "happened"]


def test_empty_inputs(backbone, tmp_path):
    """An empty response has level 0 for sure; an empty post does no harm."""
    scorer, _ = make_scorer(backbone, tmp_path / "scorer")
    for judged in scorer.judge(["home", ""], [" \n", "why ?"]).values():
        assert judged.levels[0] == 0 and judged.rationales[0] == []
        assert judged.probabilities[0].tolist() == [1.0, 0.0, 0.0]
    assert scorer.score([], [])["explorations"].tolist() == []
    with pytest.raises(ValueError, match="2 posts for 1 responses"):
        scorer.score(["a", "b"], ["c"])


def test_load_errors_name_the_file(backbone, tmp_path):
    """What is missing, or does not fit, is said with its file."""
    folder = tmp_path / "scorer"
    make_scorer(backbone, folder)
    path = folder / "explorations.safetensors"
    state = load_file(path)
    for change in (
        {"extra": torch.zeros(1)},
        {"attn.out.bias": torch.zeros(3)},
    ):
        save_file({**state, **change}, path)
        with pytest.raises(ValueError, match=next(iter(change))) as error:
            EmpathyScorer(folder)
        assert str(path) in str(error.value)
    path.write_bytes(b"no weights")
    with pytest.raises(
        ValueError, match="explorations.safetensors is truncated"
    ):
        EmpathyScorer(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="explorations.safetensors"):
        EmpathyScorer(folder)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings["mechanisms"] = ["../explorations"]
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match="field 'mechanisms'"):
        EmpathyScorer(folder)
    with pytest.raises(FileNotFoundError, match="config.json"):
        EmpathyScorer(tmp_path)


def test_composed_pairs(tmp_path):
    """Levels and spans of the written files are those of the fragments."""
    pairs = compose()
    assert pairs == compose() != compose(seed=2)
    assert len({(p["sp_id"], p["rp_id"]) for p in pairs}) == len(pairs) > 600
    write_csvs(tmp_path)
    for mechanism, file in FILES.items():
        read = read_pairs(tmp_path / file)
        for pair, known in zip(read, pairs):
            shown = [pair.response[start:end] for start, end in pair.spans]
            assert shown == known[mechanism]["rationales"]
            assert pair.level == known[mechanism]["level"]
            assert bool(shown) == (pair.level > 0)
            assert not re.search(r"\{(about|feeling|thing)\}", pair.response)
        counts = [sum(p.level == level for p in read) for level in range(3)]
        assert min(counts) > len(pairs) / 20


ROW = ["s1", "r1", "I fell.", "Oh no! What happened?", "1", "What happened?|"]


@pytest.mark.parametrize(
    "column, value, field, problem",
    [
        ("level", "3", "level", "found '3'"),
        ("level", "", "level", "found ''"),
        ("rationales", "Why so?", "rationales", "1 of 2 rows"),
        ("seeker_post", " ", "seeker_post", "empty"),
        ("response_post", "Other. What happened?", "sp_id, rp_id", "s1, r1"),
    ],
)
def test_wrong_rows_are_named(tmp_path, column, value, field, problem):
    """Each error names the file, the row, the field and the value."""
    wrong = list(ROW)
    wrong[COLUMNS.index(column)] = value
    path = tmp_path / "explorations-reddit.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, ROW, wrong])
    with pytest.raises(ValueError) as error:
        read_pairs(path)
    assert str(error.value).startswith(f"{path}, line 3, {field}: ")
    assert problem in str(error.value)


def test_wrong_files_are_named(tmp_path):
    """Missing columns, fields and files."""
    path = tmp_path / "a.csv"
    with pytest.raises(FileNotFoundError, match="a.csv is missing"):
        read_pairs(path)
    path.write_text("sp_id,rp_id,level\n1,2,0\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match="line 1: .* seeker_post, response_post"
    ):
        read_pairs(path)
    header = ",".join(COLUMNS)
    path.write_text(f"{header}\n1,2,I fell, badly,Oh,0,\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match="line 2: 7 fields where the first line names 6"
    ):
        read_pairs(path)
    path.write_text(f"{header}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no pairs"):
        read_pairs(path)


def test_what_public_files_hold_is_read(tmp_path):
    """Empty responses, repeats, and rationales that lost entities or words."""
    rows = [
        COLUMNS,
        ROW,
        ROW,
        ["s2", "r1", "Help.", "", "0", ""],
        ["s3", "r1", "Help.", "Hang on &amp;  call me. &lt;3", "1", ""],
    ]
    rows[-1][-1] = "Hang on & call me. <3"
    path = tmp_path / "a.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    pairs = read_pairs(path)
    assert [pair.spans for pair in pairs] == [
        [(7, 21)],
        [(7, 21)],
        [],
        [(0, 29)],
    ]


def test_accuracy_and_f1():
    """By hand: F1 of the levels is 0.8, 0 and 2/3."""
    accuracy, f1 = accuracy_and_f1([0, 0, 0, 2, 2], [0, 0, 1, 2, 1])
    assert accuracy == pytest.approx(0.6)
    assert f1 == pytest.approx((0.8 + 0 + 2 / 3) / 3)


def test_training_learns_and_is_reproducible(tmp_path, monkeypatch):
    """Levels that words decide are learned; posts are not shared by sides."""
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    backbone, tokenizer = tmp_path / "backbone", word_tokenizer()
    config = BertConfig(
        **{**SIZES, "initializer_range": 0.1},
        vocab_size=len(tokenizer),
        pad_token_id=1,
    )
    BertModel(config).save_pretrained(backbone)
    tokenizer.save_pretrained(backbone)
    rng, words = random.Random(0), WORDS.split()[10:]
    starts = ["", "i am so sorry ! ", "you feel sad . "]
    pairs = []
    for _ in range(300):
        level = rng.randrange(3)
        post = " ".join(rng.choices(words, k=4))
        response = starts[level] + " ".join(rng.choices(words[2:], k=3))
        spans = [(0, len(starts[level]) - 1)] if level else []
        pairs.append(Pair(post, response, level, spans))
    settings = {
        **epitome.TRAINING,
        "epochs": 6,
        "batch_size": 8,
        "learning_rate": 2e-3,
    }
    figures = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        annotations = {"emotional_reactions": pairs}
        figures.append(
            epitome.train(
                annotations, str(backbone), tmp_path / name, settings
            )["emotional_reactions"]
        )
    assert figures[0] == figures[1]
    assert figures[0]["accuracy"] > 0.95 > figures[0]["majority_accuracy"] + 0.3
    scorer = EmpathyScorer(tmp_path / "first")
    assert scorer.metrics == {"emotional_reactions": figures[0]}
    posts = {p.seeker for p in pairs}
    parts = split_by_post(posts, settings["shares"], settings["seed"])
    assert sum(map(len, parts)) == len(posts) == len(set.union(*parts))
    held_out = [p for p in pairs if p.seeker in parts[-1]]
    judged = scorer.judge(
        [p.seeker for p in held_out], [p.response for p in held_out]
    )["emotional_reactions"]
    accuracy, f1 = accuracy_and_f1(
        judged.levels.tolist(), [p.level for p in held_out]
    )
    assert accuracy == pytest.approx(figures[0]["accuracy"], abs=1e-4)
    assert f1 == pytest.approx(figures[0]["macro_f1"], abs=1e-4)
    exact = [s == p.spans for s, p in zip(judged.rationales, held_out)]
    assert sum(exact) > 0.9 * len(exact)


def test_folder_trains_once(backbone, tmp_path, monkeypatch):
    """A second call finds the folder; other data have another folder."""
    monkeypatch.setenv("SPEECHBRAIN_RELM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(epitome.models, "folder", lambda name: str(backbone))
    data = tmp_path / "data"
    data.mkdir()
    made, times = [], []
    for count in (20, 20, 21):
        for file in FILES.values():
            rows = [
                [
                    f"s{i}",
                    "r",
                    f"{WORDS.split()[i]} is fine",
                    "why ?",
                    i % 3,
                    "",
                ]
                for i in range(count)
            ]
            with open(data / file, "w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerows([COLUMNS, *rows])
        made.append(epitome.folder(data))
        EmpathyScorer(made[-1]).score(["the dog"], ["why ?"])
        times.append((Path(made[-1]) / "config.json").stat().st_mtime_ns)
    assert made[0] == made[1] != made[2]
    assert times[0] == times[1]
    with pytest.raises(FileNotFoundError, match="emotional-reactions-reddit"):
        epitome.folder(tmp_path)


def test_off_topic_responses_have_level_zero(backbone, tmp_path):
    """Saved and loaded again; the rule, written out on mean states."""
    scorer, classifiers = make_scorer(backbone, tmp_path / "scorer")
    posts, answers = SEEKERS * 2, RESPONSES[::-1] + RESPONSES
    topic = TopicCheck(SIZES["hidden_size"])
    (tmp_path / "checked").mkdir()
    save_scorer(
        tmp_path / "checked", classifiers, word_tokenizer(), 64, {}, topic=topic
    )
    checked = EmpathyScorer(tmp_path / "checked")
    encoder = scorer.classifiers["explorations"].seeker_encoder
    plain, judged = (s.judge(posts, answers) for s in (scorer, checked))
    tokenizer = word_tokenizer()
    muted = []
    for row, (post, answer) in enumerate(zip(posts, answers)):
        with torch.no_grad():
            means = [
                encoder(**tokenizer([text], return_tensors="pt"))
                .last_hidden_state[0]
                .mean(0)
                for text in (post, answer)
            ]
            near = torch.cosine_similarity(*means, dim=0)
            unit = means[1] / means[1].norm()
            names = topic.named(unit) > 0
        muted.append(bool(names and near < NEAREST) or not answer)
        for name in MECHANISMS:
            expected = plain[name].probabilities[row]
            if muted[-1]:
                expected = torch.tensor([1.0, 0.0, 0.0])
                assert judged[name].rationales[row] == []
            torch.testing.assert_close(
                judged[name].probabilities[row], expected
            )
    assert sum(muted) >= 2
