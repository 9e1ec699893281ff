"""What raters said: their CSVs, told apart by the key.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path
from typing import Dict, NamedTuple

from speechbrain_relm.evaluation.rating.items import SIDES
from speechbrain_relm.utils.text.reading import read_json, read_table

COLUMNS = ("kit", "kind", "rater", "item", "first")
# What a column of each kind may hold.
CHOICES = {"a": "a", "b": "b", "tie": "tie"}
POINTS = {str(points): points for points in range(1, 6)}


class Rating(NamedTuple):
    """What one rater said of one item.

    `points` is, by side, 1 to 5 of a scale; 1 and 0 of a preference, 0.5 each
    where there was none. `first` is the side that was shown first.
    """

    rater: str
    item: str
    first: str
    points: Dict[str, float]


class Answers(NamedTuple):
    """All ratings that count, and who was left out for lack of attention.

    `misses` is rater to the number of missed checks.
    """

    ratings: list
    misses: Dict[str, int]
    left_out: list


def read_key(path):
    """Reads a kit's key.

    Arguments
    ---------
    path : str or pathlib.Path
        `key.json`.

    Returns
    -------
    dict
        What `make_kit` knew.

    Raises
    ------
    ValueError
        If it is none.
    OSError
        If it cannot be read.

    Example
    -------
    >>> path = getfixture("tmp_path") / "key.json"
    >>> _ = path.write_text('{"kit": "1f"}')
    >>> read_key(path)
    Traceback (most recent call last):
    ...
    ValueError: .../key.json is no key of a rating kit: name the key.json...
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"{path} is no file: name the key.json that was written with the "
            "kit."
        )
    key = read_json(path)
    wanted = {"kit", "kind", "items", "systems"}
    if not isinstance(key, dict) or not wanted <= set(key):
        raise ValueError(
            f"{path} is no key of a rating kit: name the key.json that was "
            "written with the kit."
        )
    return key


def read_answers(key, paths, allowed_misses=0):
    """Reads the CSVs of all raters.

    Arguments
    ---------
    key : dict
        From `read_key`.
    paths : list of str or pathlib.Path
        CSVs; a rater may be in one of them only.
    allowed_misses : int
        How many tests of attention a rater may miss, and still count.

    Returns
    -------
    Answers
        The ratings of the items that test nothing.

    Raises
    ------
    ValueError
        If a row is of another kit, of no item, holds no rating, or is there
        twice; the line is named.
    OSError
        If a file cannot be read.
    """
    found, misses = {}, {}
    for path in paths:
        for place, row in read_table(path, COLUMNS):
            rating = _rating(key, place, row)
            misses.setdefault(rating.rater, 0)
            if (rating.rater, rating.item) in found:
                raise ValueError(
                    f"{place}: {rating.rater} rated {rating.item} before. "
                    "Name each rater's last CSV only, and see that no two "
                    "have one name."
                )
            found[rating.rater, rating.item] = rating
            check = key["items"][rating.item]["check"]
            if check and not _passes(rating, check):
                misses[rating.rater] += 1
    left_out = [r for r, missed in misses.items() if missed > allowed_misses]
    ratings = [
        rating
        for rating in found.values()
        if rating.rater not in left_out
        and not key["items"][rating.item]["check"]
    ]
    if not ratings:
        raise ValueError(
            f"No rating is left of {len(misses)} raters, of whom "
            f"{len(left_out)} missed too many tests of attention: "
            "--allowed_misses says how many may be missed."
        )
    return Answers(ratings, misses, left_out)


def _rating(key, place, row):
    """Reads one row, or says what is wrong with it."""
    for column in ("kit", "kind"):
        if row[column] != key[column]:
            raise ValueError(
                f"{place}, {column}: '{row[column]}' is not the key's "
                f"'{key[column]}': the ratings are of another kit."
            )
    item, first = row["item"], row["first"]
    if item not in key["items"]:
        raise ValueError(f"{place}, item: the key has no '{item}'.")
    if first not in SIDES:
        raise ValueError(f"{place}, first: '{first}' is not a or b.")
    if not row["rater"].strip():
        raise ValueError(f"{place}, rater: it is empty. Name who rated.")
    if key["kind"] == "scale":
        points = {
            side: _one_of(row, f"rating_{side}", POINTS, place)
            for side in SIDES
        }
    else:
        choice = _one_of(row, "choice", CHOICES, place)
        points = {
            side: 0.5 if choice == "tie" else float(side == choice)
            for side in SIDES
        }
    return Rating(row["rater"].strip(), item, first, points)


def _one_of(row, column, known, place):
    """Reads a value of a column."""
    value = row.get(column, "")
    if value not in known:
        raise ValueError(
            f"{place}, {column}: '{value}' is none of {', '.join(known)}."
        )
    return known[value]


def _passes(rating, check):
    """Tells whether a rater did what a check asked for."""
    if "choice" in check:
        return rating.points[check["choice"]] == 1
    return all(rating.points[side] == check[side] for side in SIDES)
