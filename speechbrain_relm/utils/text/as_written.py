"""Texts as tokens, as they are written: nothing in them is a mark.

A tokenizer takes `[SEP]` or `<|im_end|>` in a text for the token that a
template puts between texts, so that whoever writes or says it changes what
the model reads as structure. transformers can be told to leave special tokens
alone, but not other added ones ("<tool_call>").

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
import json
import secrets

from tokenizers import Tokenizer


def encode(tokenizer, text):
    """Turns a text into token ids, none around it.

    Arguments
    ---------
    tokenizer : transformers.PreTrainedTokenizerBase
        The tokenizer.
    text : str
        What users, corpora and LLMs say.

    Returns
    -------
    list of int
        Token ids; those that the tokenizer always gives, where nothing in
        the text looks like one of its added tokens.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> tokenizer = EmpathyScorer(getfixture("scorer_folder")).tokenizer
    >>> ids = encode(tokenizer, "[SEP] no")
    >>> tokenizer.convert_ids_to_tokens(ids)
    ['[', 'sep', ']', 'no']
    """
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if marks(tokenizer).isdisjoint(ids):
        return ids
    plain = without_marks(tokenizer)
    if plain is None:
        return tokenizer(
            text, add_special_tokens=False, split_special_tokens=True
        )["input_ids"]
    return plain.encode(text, add_special_tokens=False).ids


def encode_framed(tokenizer, texts, max_length):
    """Turns texts into token ids with the special ones that frame them.

    Arguments
    ---------
    tokenizer : transformers.PreTrainedTokenizerFast
        The tokenizer.
    texts : list of str
        Texts; they may be empty.
    max_length : int
        Most tokens a text, special ones included.

    Returns
    -------
    ids : list of list of int
        Token ids of each text.
    offsets : list of list of tuple
        Characters (start, end) of each token; (0, 0) for the frame.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> tokenizer = EmpathyScorer(getfixture("scorer_folder")).tokenizer
    >>> ids, offsets = encode_framed(tokenizer, ["[SEP]"], 64)
    >>> tokenizer.convert_ids_to_tokens(ids[0]), offsets[0][1:-1]
    (['[CLS]', '[', 'sep', ']', '[SEP]'], [(0, 1), (1, 4), (4, 5)])
    """
    if not texts:
        return [], []
    encoded = tokenizer(
        texts,
        truncation=True,
        max_length=max_length,
        padding=False,
        return_offsets_mapping=True,
    )
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    for row, text in enumerate(texts):
        said = [i for i, (a, b) in zip(ids[row], offsets[row]) if b > a]
        if marks(tokenizer).isdisjoint(said):
            continue
        found = without_marks(tokenizer, max_length).encode(text)
        ids[row], offsets[row] = found.ids, found.offsets
    return ids, offsets


@functools.lru_cache(maxsize=16)
def marks(tokenizer):
    """Lists the ids that texts do not have.

    Arguments
    ---------
    tokenizer : transformers.PreTrainedTokenizerBase
        The tokenizer, all of whose tokens are added.

    Returns
    -------
    frozenset of int
        Those of added tokens. Runs of spaces, of which some LLMs have added
        tokens, are text.

    Example
    -------
    >>> from speechbrain_relm.lobes.epitome import EmpathyScorer
    >>> tokenizer = EmpathyScorer(getfixture("scorer_folder")).tokenizer
    >>> sorted(tokenizer.convert_ids_to_tokens(marks(tokenizer)))
    ['[CLS]', '[MASK]', '[PAD]', '[SEP]', '[UNK]']
    """
    added = tokenizer.added_tokens_decoder.items()
    return frozenset(i for i, token in added if token.content.strip())


@functools.lru_cache(maxsize=16)
def without_marks(tokenizer, max_length=None):
    """Makes a copy that finds no added tokens in a text.

    Arguments
    ---------
    tokenizer : transformers.PreTrainedTokenizerBase
        The tokenizer.
    max_length : int or None
        Where the copy cuts a text, the tokens of its frame included.

    Returns
    -------
    tokenizers.Tokenizer or None
        The copy; `None` for the few that transformers has
        written in Python, which can be told to split them all.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    told = json.loads(backend.to_str())
    # Each keeps its number under a name that nobody can write.
    secret = secrets.token_hex(8)
    hidden = {
        token["content"]: f"{secret}{token['id']}"
        for token in told["added_tokens"]
        if token["content"].strip()
    }
    for token in told["added_tokens"]:
        token["content"] = hidden.get(token["content"], token["content"])
    told["truncation"] = told["padding"] = None
    _hide(told["model"], hidden)
    plain = Tokenizer.from_str(json.dumps(told))
    if max_length is not None:
        plain.enable_truncation(max_length)
    return plain


def _hide(model, hidden):
    """Renames added tokens that pieces of a text could be, too."""
    vocabulary = model["vocab"]
    if isinstance(vocabulary, list):  # Unigram's pieces and their scores
        model["vocab"] = [[hidden.get(p, p), score] for p, score in vocabulary]
        return
    model["vocab"] = {hidden.get(p, p): i for p, i in vocabulary.items()}
    unknown = model.get("unk_token")
    model["unk_token"] = hidden.get(unknown, unknown)
    if "merges" in model:  # BPE's
        model["merges"] = [
            pair
            for pair in model["merges"]
            if hidden.keys().isdisjoint([*pair, "".join(pair)])
        ]
