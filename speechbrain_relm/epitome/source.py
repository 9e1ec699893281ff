"""Where annotations come from: EPITOME's public files, or a folder.

> python -m speechbrain_relm.epitome.source /path/to/folder

Authors
 * The speechbrain_relm contributors 2026
"""

import shutil
from pathlib import Path

from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.fetching import fetch
from speechbrain_relm.epitome.annotations import FILES
from speechbrain_relm.utils.errors import Parser, entry_point
from speechbrain_relm.utils.files import cache_folder, make_once, sha256

logger = get_logger(__name__)

# In place of a folder's name.
DOWNLOAD = "download"

# One commit, so that the files never change under their checksums.
URL = (
    "https://raw.githubusercontent.com/behavioral-data/Empathy-Mental-Health/"
    "0e11f98901527550885dbf253bd2af92dbcec43b/dataset"
)
CHECKSUMS = {
    "emotional-reactions-reddit.csv": (
        "225b28ffdc257f8a997d557eb937e78b68235e6203c87c7e2203d00fef8545cc"
    ),
    "explorations-reddit.csv": (
        "9efa1af8e0537c16894379598f2076cb380ae18aacd9a8d26ebd381f5b7f9645"
    ),
    "interpretations-reddit.csv": (
        "2cedbe4252c919d22a6f46685afa16d3192a91e3306c2d4a386be12a30ad3f29"
    ),
}


def annotations_folder(folder, url=URL):
    """Finds the folder of annotations that a setting means.

    Arguments
    ---------
    folder : str or pathlib.Path
        The folder; or "download": EPITOME's three public Reddit CSVs, fetched
        once into the cache.
    url : str
        Where they lie.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    RecipeError
        If a file cannot be fetched, or is not the one that was published.

    Example
    -------
    >>> annotations_folder("my_csvs").name
    'my_csvs'
    """
    if str(folder) != DOWNLOAD:
        return Path(folder)

    def _build(fresh):
        for name in CHECKSUMS:
            fetch(
                f"{url}/{name}",
                fresh / name,
                "sha256",
                CHECKSUMS[name],
                "name its folder instead of 'download'",
            )

    return make_once(
        cache_folder() / "corpora" / "epitome", {"files": CHECKSUMS}, _build
    )


def describe(folder):
    """Says what the annotations of a folder are, for readers of scores.

    Arguments
    ---------
    folder : str or pathlib.Path
        A folder with the three CSVs.

    Returns
    -------
    str
        EPITOME's public annotations are known by their checksums; others by
        the name of their folder.

    Example
    -------
    >>> from speechbrain_relm.mini.annotations.pairs import write_csvs
    >>> describe(write_csvs(getfixture("tmp_path") / "mine"))
    "the annotations in 'mine', which are not EPITOME's public ones"
    """
    folder = Path(folder).resolve()
    public = all(
        (folder / name).is_file() and sha256(folder / name) == checksum
        for name, checksum in CHECKSUMS.items()
    )
    if public:
        return "EPITOME's public Reddit annotations"
    return (
        f"the annotations in '{folder.name}', which are not EPITOME's public "
        "ones"
    )


@entry_point("source")
def main(arguments):
    """Copies EPITOME's public annotations to a folder.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["my_csvs"])  # doctest: +SKIP
    """
    parser = Parser(
        prog="python -m speechbrain_relm.epitome.source",
        description="Fetches EPITOME's three public Reddit CSVs.",
    )
    parser.add_argument("folder", help="where to put them")
    target = Path(parser.parse_args(arguments).folder)
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES.values():
        shutil.copyfile(annotations_folder(DOWNLOAD) / name, target / name)
    print(target)


if __name__ == "__main__":
    main()
