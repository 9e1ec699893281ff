"""Reads EPITOME's annotations in the public CSV schema and checks them.

Authors
 * The speechbrain_relm contributors 2026
"""

import html
import re
from pathlib import Path
from typing import List, NamedTuple, Tuple

from speechbrain.utils.logger import get_logger

from speechbrain_relm.epitome.identity import normalize
from speechbrain_relm.lobes.parts.epitome_folder import MECHANISMS
from speechbrain_relm.utils.text.reading import read_table

logger = get_logger(__name__)

COLUMNS = (
    "sp_id",
    "rp_id",
    "seeker_post",
    "response_post",
    "level",
    "rationales",
)

# The names of the public files, in which the Reddit annotations come.
FILES = {name: f"{name.replace('_', '-')}-reddit.csv" for name in MECHANISMS}

# Of the rationales of a file, the share that may not be found.
LOST = 0.05

# Characters that may lie between two words of a rationale in its response.
GAP = 30


class Pair(NamedTuple):
    """An annotated pair.

    Arguments
    ---------
    seeker : str
        The post.
    response : str
        The response; it may be empty.
    level : int
        0 to 2.
    spans : list of tuple
        The rationales' characters (start, end) in the response.
    ids : tuple of str
        Of the post and of the response; empty where there are none.

    Example
    -------
    >>> Pair("I fell.", "Oh no!", 1, [(0, 6)]).level
    1
    """

    seeker: str
    response: str
    level: int
    spans: List[Tuple[int, int]]
    ids: Tuple[str, str] = ("", "")


def find_span(rationale, response):
    """Finds a rationale in its response.

    In the public files rationales have lost some line ends, HTML entities
    and words, so that searching their very text loses some of them.

    Arguments
    ---------
    rationale : str
        The rationale.
    response : str
        The response.

    Returns
    -------
    tuple or None
        Its characters (start, end): the text itself, or else its words in
        order with little between them.

    Example
    -------
    >>> find_span("Hang on. Write me!", "Hang on.  &amp; Write me!")
    (0, 25)
    """
    start = response.find(rationale)
    if start >= 0:
        return start, start + len(rationale)
    words = re.findall(r"\w+", html.unescape(rationale))
    if not words:
        return None
    for first in re.finditer(re.escape(words[0]), response):
        end = first.end()
        for word in words[1:]:
            start = response.find(word, end, end + GAP + len(word))
            if start < 0:
                break
            end = start + len(word)
        else:
            # The punctuation that ends a rationale is part of it.
            end += len(re.match(r"[^\w\s]*", response[end:]).group())
            return first.start(), end
    return None


def _check(condition, place, field, problem, fix):
    """Raises an error that names the file, the line, the field and the fix."""
    if not condition:
        raise ValueError(f"{place}, {field}: {problem} {fix}")


def _pair(row, place):
    """Turns a row into a pair after checking it."""
    _check(
        row["seeker_post"].strip(),
        place,
        "seeker_post",
        "the post is empty.",
        "Fill it in or delete the row.",
    )
    _check(
        row["level"] in ("0", "1", "2"),
        place,
        "level",
        f"found {row['level']!r}.",
        "A level is 0, 1 or 2.",
    )
    rationales = [part.strip() for part in row["rationales"].split("|")]
    spans = [find_span(r, row["response_post"]) for r in rationales if r]
    return Pair(
        row["seeker_post"],
        row["response_post"],
        int(row["level"]),
        spans,
        (row["sp_id"].strip(), row["rp_id"].strip()),
    )


def _without_lost(pairs, places, path):
    """Leaves out rationales that are not in their response, if they are few.

    Public annotations may have such; where there are many, the file is not
    what it should be.
    """
    lost = [place for pair, place in zip(pairs, places) if None in pair.spans]
    annotated = sum(bool(pair.spans) for pair in pairs)
    if lost:
        _check(
            len(lost) <= LOST * annotated,
            lost[0],
            "rationales",
            "it is not in the response, as in "
            f"{len(lost)} of {annotated} rows with rationales.",
            "Copy rationales from the response; several are joined by '|'.",
        )
        logger.warning(
            "%s, rationales: not in the response in %d rows (%s), whose "
            "tokens count as not annotated.",
            path,
            len(lost),
            ", ".join(place.removeprefix(f"{path}, ") for place in lost),
        )
    # The released code loses such rationales without a word.
    return [
        pair._replace(spans=[]) if None in pair.spans else pair
        for pair in pairs
    ]


def read_pairs(path):
    """Reads the annotations of one mechanism.

    A pair that is there twice was annotated twice, and both count.

    Arguments
    ---------
    path : str or pathlib.Path
        A CSV file with the columns `sp_id`, `rp_id`, `seeker_post`,
        `response_post`, `level` (0 to 2) and `rationales` (parts of the
        response, joined by `|`). The response and the ids may be empty.

    Returns
    -------
    list of Pair
        The pairs, in the order of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a column is missing, or a row is wrong: the message names it.

    Example
    -------
    >>> path = getfixture("tmp_path") / "explorations-reddit.csv"
    >>> lines = [",".join(COLUMNS), "a,b,I fell.,Really? How?,1,How?"]
    >>> _ = path.write_text("\\n".join(lines), encoding="utf-8")
    >>> pair = read_pairs(path)[0]
    >>> pair.response, pair.level, pair.spans, pair.ids
    ('Really? How?', 1, [(8, 12)], ('a', 'b'))
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. EPITOME's data folder holds "
            "emotional-reactions-reddit.csv, explorations-reddit.csv and "
            "interpretations-reddit.csv."
        )
    texts, pairs = {}, []
    # What is not UTF-8 is replaced: it would only cost a word.
    table = read_table(path, COLUMNS, errors="replace")
    for place, row in table:
        pairs.append(_pair(row, place))
        ids = pairs[-1].ids
        text = [normalize(text) for text in pairs[-1][:2]]
        _check(
            not all(ids) or texts.setdefault(ids, text) == text,
            place,
            "sp_id, rp_id",
            f"{ids[0]}, {ids[1]} are the ids of another pair as well.",
            "Give each pair ids of its own.",
        )
    if not pairs:
        raise ValueError(f"{path} has no pairs: add rows to it.")
    return _without_lost(pairs, [place for place, _ in table], path)
