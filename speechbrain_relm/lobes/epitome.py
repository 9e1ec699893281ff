"""The EPITOME empathy scorer (Sharma et al. 2020; Section II-C of the paper).

One bi-encoder per mechanism of empathy reads a seeker's post and a response
and gives a level, 0 (none) to 2 (strong), with the words that show it.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path
from typing import List, NamedTuple, Tuple

import torch
from torch import nn

from speechbrain_relm.lobes.epitome_classifier import LEVELS
from speechbrain_relm.lobes.parts.epitome_folder import load_scorer
from speechbrain_relm.lobes.parts.epitome_text import (
    collate,
    encode_posts,
    spans_of,
    tokenize,
)
from speechbrain_relm.lobes.parts.epitome_topic import embed
from speechbrain_relm.utils.records import make_batches
from speechbrain_relm.utils.sources.pretrained import load_tokenizer

# Distinct posts whose states are in memory at a time.
POSTS_AT_ONCE = 1024


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
        settings, self.classifiers, self.topic = load_scorer(source)
        self.max_length = settings["max_length"]
        self.metrics, self.data = settings["metrics"], settings.get("data")
        self.tokenizer = load_tokenizer(Path(source) / "tokenizer")
        self.requires_grad_(False)
        self.eval()

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
