"""First-generation Qwen's tokenizer as a stock fast tokenizer.

`qwen.tiktoken` lists byte strings by rank. Byte-pair encoding joins the pair
of lowest rank first, so the list says which two pieces make each token.

Authors
 * The speechbrain_relm contributors 2026
"""

import base64
import binascii

from tqdm import tqdm
from transformers import Qwen2Tokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from speechbrain_relm.utils.disk.downloads import check_file
from speechbrain_relm.utils.sources.qwen import CHATML_TEMPLATE

# In the order of their ids, which follow the ranks.
SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [
    f"<|extra_{i}|>" for i in range(205)
]


def read_ranks(path):
    """Reads the ranks of byte strings.

    Arguments
    ---------
    path : str or pathlib.Path
        `qwen.tiktoken`: a line each of a base64 token and its rank.

    Returns
    -------
    dict
        Byte strings to ranks, from 0 on without a gap.

    Raises
    ------
    ValueError
        If the file is not of this form.

    Example
    -------
    >>> path = getfixture("tmp_path") / "qwen.tiktoken"
    >>> _ = path.write_text("IQ== 0\\nIg== 1\\n")
    >>> read_ranks(path)
    {b'!': 0, b'"': 1}
    """
    ranks = {}
    lines = check_file(path).read_bytes().splitlines()
    for number, line in enumerate(lines, 1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error):
            raise ValueError(
                f"{path}, line {number} is not 'base64 rank': the file is "
                "truncated or none of tiktoken's; download it again."
            )
    if sorted(ranks.values()) != list(range(len(lines))):
        raise ValueError(
            f"{path} lacks ranks or has some twice: download it again."
        )
    return ranks


def find_merge(token, ranks):
    """Finds the two pieces that the last merge of a token joins.

    Arguments
    ---------
    token : bytes
        A token of two bytes or more.
    ranks : dict
        Byte strings to ranks.

    Returns
    -------
    tuple of bytes or None
        The two pieces; `None` for a token that no merges lead to.

    Example
    -------
    >>> ranks = {b"a": 0, b"b": 1, b"ab": 2, b"aba": 3, b"abab": 4}
    >>> find_merge(b"abab", ranks)
    (b'ab', b'ab')
    """
    pieces = [bytes([byte]) for byte in token]
    while len(pieces) > 2:
        joined = [ranks.get(a + b) for a, b in zip(pieces, pieces[1:])]
        known = [rank for rank in joined if rank is not None]
        if not known or min(known) >= ranks[token]:
            return None
        i = joined.index(min(known))
        pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
    return tuple(pieces)


def qwen_tokenizer(path, model_max_length):
    """Makes the fast tokenizer.

    Arguments
    ---------
    path : str or pathlib.Path
        `qwen.tiktoken`.
    model_max_length : int
        Longest sequence of the model.

    Returns
    -------
    transformers.Qwen2Tokenizer
        With the special tokens and the ChatML template. Like the original,
        it brings text into Unicode's form NFC first.

    Raises
    ------
    ValueError
        If the file is damaged.

    Example
    -------
    >>> import base64
    >>> tokens = [bytes([i]) for i in range(256)] + [b"hi"]
    >>> path = getfixture("tmp_path") / "qwen.tiktoken"
    >>> _ = path.write_text(
    ...     "".join(
    ...         f"{base64.b64encode(token).decode()} {rank}\\n"
    ...         for rank, token in enumerate(tokens)
    ...     )
    ... )
    >>> tokenizer = qwen_tokenizer(path, 512)
    >>> tokenizer("hi<|im_end|>")["input_ids"]
    [256, 259]
    """
    ranks = read_ranks(path)
    letters = bytes_to_unicode()

    def _spell(token):
        return "".join(letters[byte] for byte in token)

    by_rank = sorted(ranks, key=ranks.get)
    vocab = {_spell(token): rank for token, rank in ranks.items()}
    merges = [
        tuple(_spell(piece) for piece in pieces)
        for token in tqdm(by_rank, desc="tokenizer", unit="token", leave=False)
        if len(token) > 1 and (pieces := find_merge(token, ranks))
    ]
    tokenizer = Qwen2Tokenizer(
        vocab=vocab, merges=merges, model_max_length=model_max_length
    )
    tokenizer.add_special_tokens(
        {"additional_special_tokens": SPECIAL_TOKENS[1:]}
    )
    tokenizer.chat_template = CHATML_TEMPLATE
    return tokenizer
