"""The EPITOME empathy scorer (Sharma et al. 2020; Section II-C of the paper).

One bi-encoder per mechanism of empathy reads a seeker's post and a response
and gives a level, 0 (none) to 2 (strong), with the words that show it.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path
from typing import List, NamedTuple, Tuple

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoConfig

from speechbrain_relm.lobes.epitome_classifier import LEVELS, EpitomeClassifier
from speechbrain_relm.lobes.parts.epitome_text import (
    collate,
    encode_posts,
    spans_of,
    tokenize,
)
from speechbrain_relm.lobes.parts.epitome_topic import TopicCheck, embed
from speechbrain_relm.utils.errors import first_line
from speechbrain_relm.utils.records import make_batches
from speechbrain_relm.utils.sources.checks.folder import read_tensors
from speechbrain_relm.utils.sources.pretrained import load_tokenizer
from speechbrain_relm.utils.sources.weights import read_json

# Section II-C reports the first two: "Emotional Reaction", "Exploration".
MECHANISMS = ("emotional_reactions", "explorations", "interpretations")

# Distinct posts whose states are in memory at a time.
POSTS_AT_ONCE = 1024

ENCODERS = ("seeker_encoder", "responder_encoder")

# Of config.json.
FIELDS = {
    "mechanisms": list,
    "backbone": dict,
    "max_length": int,
    "pad_to": (int, type(None)),
    "shared": list,
    "metrics": dict,
}

# For `speechbrain_relm.inference.epitome.EmpathyScoring.from_hparams`.
HPARAMS = """\
source: !PLACEHOLDER  # this folder
scorer: !new:speechbrain_relm.lobes.epitome.EmpathyScorer
    source: !ref <source>
modules:
    scorer: !ref <scorer>
# The scorer loads its own files.
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
"""


class Judgement(NamedTuple):
    """What one mechanism's classifier says about N responses.

    Arguments
    ---------
    levels : torch.Tensor
        Levels [N], 0 to 2, int64.
    probabilities : torch.Tensor
        Probabilities of the levels [N, 3].
    rationales : list of list of tuple
        For each response the spans of characters (start, end) that show the
        mechanism; none at level 0.

    Example
    -------
    >>> Judgement(torch.tensor([0]), torch.tensor([[1.0, 0, 0]]), [[]]).levels
    tensor([0])
    """

    levels: torch.Tensor
    probabilities: torch.Tensor
    rationales: List[List[Tuple[int, int]]]


def save_scorer(
    folder,
    classifiers,
    tokenizer,
    max_length,
    metrics,
    data=None,
    topic=None,
):
    """Saves classifiers as the folder that `EmpathyScorer` loads.

    Encoders that they share are stored once.

    Arguments
    ---------
    folder : str or pathlib.Path
        An existing folder.
    classifiers : dict of str to EpitomeClassifier
        One for each mechanism, with the same kind of backbone.
    tokenizer : transformers.PreTrainedTokenizerFast
        Their tokenizer.
    max_length : int
        Most tokens of a post or a response, special ones included.
    metrics : dict
        Held-out figures of each mechanism, to be shown beside scores.
    data : str, optional
        What they learned from, to be shown beside scores too.
    topic : TopicCheck, optional
        Finds responses about something else, which then have level 0.

    Example
    -------
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> folder = getfixture("tmp_path")
    >>> save_scorer(folder, scorer.classifiers, scorer.tokenizer, 64, {})
    >>> list(EmpathyScorer(folder).classifiers)
    ['emotional_reactions', 'explorations']
    """
    folder = Path(folder)
    states = {
        name: classifier.state_dict()
        for name, classifier in classifiers.items()
    }
    shared = [name for name in ENCODERS if _is_shared(states, name)]
    for name, state in states.items():
        kept = {k: v for k, v in state.items() if k.split(".")[0] not in shared}
        _write(kept, folder / f"{name}.safetensors")
    for encoder in shared:
        state = next(iter(states.values()))
        _write(_part(state, encoder), folder / f"{encoder}.safetensors")
    tokenizer.save_pretrained(folder / "tokenizer")
    first = next(iter(classifiers.values()))
    settings = {
        "mechanisms": list(classifiers),
        "backbone": first.responder_encoder.config.to_dict(),
        "max_length": max_length,
        "pad_to": first.pad_to,
        "shared": shared,
        "metrics": metrics,
        "data": data,
        "topic": topic is not None,
    }
    if topic is not None:
        _write(topic.state_dict(), folder / "topic.safetensors")
    with open(folder / "config.json", "w", encoding="utf-8") as stream:
        json.dump(settings, stream, indent=2)
    (folder / "hyperparams.yaml").write_text(HPARAMS, encoding="utf-8")


def _part(state, encoder):
    """Picks one encoder's tensors out of a classifier's state."""
    return {k: v for k, v in state.items() if k.startswith(f"{encoder}.")}


def _is_shared(states, encoder):
    """Tells whether an encoder is the same in all states."""
    first, *others = (_part(state, encoder) for state in states.values())
    return all(
        torch.equal(value, other[key])
        for other in others
        for key, value in first.items()
    )


def _write(state, path):
    """Writes tensors; others may read them, as the cache may be shared."""
    state = {k: v.detach().cpu().contiguous() for k, v in state.items()}
    save_file(state, path)
    path.chmod(0o644)


def _read(path):
    """Reads tensors, with an error that says what to do."""
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing, so {path.parent} is no whole empathy scorer. "
            "Train it again (`python -m speechbrain_relm.mini.epitome`) or "
            "copy the folder whole."
        )
    return read_tensors(path)


def _fill(classifier, state, path):
    """Loads a classifier's state after checking every key and shape."""
    expected = {k: v.shape for k, v in classifier.state_dict().items()}
    found = {key: value.shape for key, value in state.items()}
    if found != expected:
        keys = [k for k in expected if found.get(k) != expected[k]]
        keys += [k for k in found if k not in expected]
        raise ValueError(
            f"{path} does not fit the `backbone` of its config.json: missing, "
            f"unexpected or of another shape are {', '.join(keys[:5])}"
            f"{' and more' if len(keys) > 5 else ''}. Use the files of one and "
            "the same training."
        )
    classifier.load_state_dict(state)


class EmpathyScorer(nn.Module):
    """Scores responses for each mechanism of empathy.

    It never trains and stays in evaluation mode. A response gets the same
    score alone and in any batch; each distinct post is encoded once.

    Arguments
    ---------
    source : str or pathlib.Path
        A folder that `save_scorer` wrote: `config.json`, `tokenizer/`, one
        `<mechanism>.safetensors` each, and a file for each encoder that they
        share.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged or does not fit the others.

    Example
    -------
    >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
    >>> levels = scorer.score(["My dog died."], ["I'm so sorry!"])
    >>> levels["explorations"].shape
    torch.Size([1])
    """

    def __init__(self, source):
        super().__init__()
        source = Path(source)
        settings = self._settings(source / "config.json")
        backbone = self._backbone(settings, source / "config.json")
        self.max_length = settings["max_length"]
        self.metrics = settings["metrics"]
        self.tokenizer = load_tokenizer(source / "tokenizer")
        self.classifiers = nn.ModuleDict()
        common = {}
        for encoder in settings["shared"]:
            common.update(_read(source / f"{encoder}.safetensors"))
        for name in settings["mechanisms"]:
            path = source / f"{name}.safetensors"
            classifier = EpitomeClassifier(backbone, pad_to=settings["pad_to"])
            _fill(classifier, {**common, **_read(path)}, path)
            self.classifiers[name] = classifier
            first = next(iter(self.classifiers.values()))
            for encoder in settings["shared"]:
                setattr(classifier, encoder, getattr(first, encoder))
        self.data = settings.get("data")
        self.topic = None
        if settings.get("topic"):
            self.topic = TopicCheck(backbone.hidden_size)
            path = source / "topic.safetensors"
            _fill(self.topic, _read(path), path)
        self.requires_grad_(False)
        self.eval()

    @staticmethod
    def _settings(path):
        """Reads and checks config.json."""
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is missing: name the folder of an empathy scorer, as "
                "`python -m speechbrain_relm.mini.epitome` makes it."
            )
        settings = read_json(path)
        for field, kinds in FIELDS.items():
            if not isinstance(settings.get(field, ...), kinds):
                raise ValueError(
                    f"{path} has no field '{field}' as save_scorer writes it, "
                    "so it is not the configuration of an empathy scorer; "
                    "name another folder."
                )
        for field, known in (("mechanisms", MECHANISMS), ("shared", ENCODERS)):
            for name in settings[field]:
                if name not in known:
                    raise ValueError(
                        f"{path}, field '{field}': '{name}' is none of "
                        f"{', '.join(known)}."
                    )
        return settings

    @staticmethod
    def _backbone(settings, path):
        """Makes the encoders' configuration."""
        try:
            return AutoConfig.for_model(**settings["backbone"])
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{path}, field 'backbone': {first_line(error)}: make or copy "
                "the scorer's folder again."
            )

    def train(self, mode=True):
        """Stays in evaluation mode whatever is asked.

        Arguments
        ---------
        mode : bool
            Ignored.

        Returns
        -------
        EmpathyScorer
            Itself.
        """
        return super().train(False)

    def score(self, seekers, responses, batch_size=32):
        """Scores each response to its post.

        Arguments
        ---------
        seekers : list of str
            N posts, or transcripts.
        responses : list of str
            N responses to them. An empty one has level 0.
        batch_size : int
            Responses a batch.

        Returns
        -------
        dict of str to torch.Tensor
            Levels [N], 0 to 2, int64, of each mechanism.

        Example
        -------
        >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
        >>> scorer.score(["I won."], [""])["explorations"]
        tensor([0])
        """
        judgements = self.judge(seekers, responses, batch_size)
        return {name: judged.levels for name, judged in judgements.items()}

    @torch.no_grad()
    def judge(self, seekers, responses, batch_size=32):
        """Gives levels, probabilities and rationales of each response.

        Arguments
        ---------
        seekers : list of str
            N posts, or transcripts.
        responses : list of str
            N responses to them. An empty one has level 0.
        batch_size : int
            Responses a batch.

        Returns
        -------
        dict of str to Judgement
            What each mechanism's classifier says.

        Raises
        ------
        ValueError
            If there are not as many posts as responses.

        Example
        -------
        >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
        >>> judged = scorer.judge(["I won."], ["Great!"])
        >>> judged["emotional_reactions"].probabilities.shape
        torch.Size([1, 3])
        """
        if len(seekers) != len(responses):
            raise ValueError(
                f"{len(seekers)} posts for {len(responses)} responses: give "
                "one post with each response."
            )
        ids, offsets = tokenize(self.tokenizer, responses, self.max_length)
        judged = {
            name: Judgement(
                torch.zeros(len(responses), dtype=torch.long),
                torch.zeros(len(responses), LEVELS),
                [[] for _ in responses],
            )
            for name in self.classifiers
        }
        for states, rows in self._encoded(seekers, batch_size):
            sizes = [len(ids[row]) for row in rows]
            for batch in make_batches(rows, sizes, batch_size):
                tokens = collate([ids[row] for row in batch])
                posts = [seekers[row] for row in batch]
                for name, (probabilities, words) in self._classify(
                    states, posts, tokens
                ).items():
                    judged[name].probabilities[batch] = probabilities
                    for row, chosen in zip(batch, words):
                        spans = spans_of(chosen, offsets[row])
                        judged[name].rationales[row] = spans
        mute = [not response.strip() for response in responses]
        if self.topic is not None:
            off_topic = self._off_topic(seekers, responses, batch_size)
            mute = [a or b for a, b in zip(mute, off_topic)]
        for judgement in judged.values():
            _settle(judgement, mute)
        return judged

    @torch.no_grad()
    def embed(self, texts, batch_size=32):
        """Embeds texts by the frozen encoder.

        Arguments
        ---------
        texts : list of str
            N texts.
        batch_size : int
            Texts a batch.

        Returns
        -------
        torch.Tensor
            Their embeddings [N, D], of length 1.

        Example
        -------
        >>> scorer = EmpathyScorer(getfixture("scorer_folder"))
        >>> scorer.embed(["I won.", "I lost."]).shape
        torch.Size([2, 16])
        """
        distinct, known = list(dict.fromkeys(texts)), {}
        first = next(iter(self.classifiers.values()))
        for start in range(0, len(distinct), POSTS_AT_ONCE):
            part = distinct[start : start + POSTS_AT_ONCE]
            states = encode_posts(
                first, self.tokenizer, part, self.max_length, batch_size
            )
            known.update({text: embed(states[text]) for text in part})
        return torch.stack([known[text] for text in texts])

    def _off_topic(self, seekers, responses, batch_size):
        """Tells of each response whether it is about something else."""
        if not responses:
            return []
        posts = self.embed(seekers, batch_size)
        return self.topic(posts, self.embed(responses, batch_size)).tolist()

    def _encoded(self, seekers, batch_size):
        """Yields the states of some distinct posts and the rows they are of."""
        rows = {}
        for row, seeker in enumerate(seekers):
            rows.setdefault(seeker, []).append(row)
        posts = sorted(rows, key=lambda post: (len(post), post))
        for start in range(0, len(posts), POSTS_AT_ONCE):
            part = posts[start : start + POSTS_AT_ONCE]
            states, known = {}, {}
            for name, classifier in self.classifiers.items():
                # The released scorer reads each pair's post once a mechanism.
                encoder = classifier.seeker_encoder
                if encoder not in known:
                    known[encoder] = encode_posts(
                        classifier,
                        self.tokenizer,
                        part,
                        self.max_length,
                        batch_size,
                    )
                states[name] = known[encoder]
            yield states, [row for post in part for row in rows[post]]

    def _classify(self, states, posts, tokens):
        """Gives each mechanism's probabilities and chosen tokens of a batch."""
        device = next(self.parameters()).device
        tokens = [part.to(device) for part in tokens]
        results, encoded = {}, {}
        for name, classifier in self.classifiers.items():
            # Mechanisms that share an encoder share its states.
            encoder = classifier.responder_encoder
            if encoder not in encoded:
                encoded[encoder] = classifier.encode_responses(*tokens)
            seekers, attended = collate([states[name][post] for post in posts])
            levels, words = classifier.classify(
                seekers, attended.bool(), encoded[encoder]
            )
            results[name] = (
                levels.float().softmax(-1).cpu(),
                words.argmax(-1).tolist(),
            )
        return results


def _settle(judgement, mute):
    """Fills in the levels; what is mute, and level 0, shows nothing."""
    for row, silent in enumerate(mute):
        if silent:
            judgement.probabilities[row] = torch.tensor([1.0, 0.0, 0.0])
    judgement.levels.copy_(judgement.probabilities.argmax(1))
    for row, level in enumerate(judgement.levels.tolist()):
        if level == 0:
            judgement.rationales[row] = []
