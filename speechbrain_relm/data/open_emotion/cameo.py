"""CAMEO: thirteen corpora in eight languages, in one format (Christop 2025).

The hub has it as Parquet tables whose cells hold the recordings. They are
written out once:

> python -m speechbrain_relm.data.open_emotion.cameo ravdess.parquet FOLDER

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import functools
from pathlib import Path

from tqdm import tqdm

from speechbrain_relm.data.open_emotion.base import AUDIO, Corpus, read_rows
from speechbrain_relm.utils.disk.downloads import check_file
from speechbrain_relm.utils.errors import Parser, entry_point

TABLE = "cameo.tsv"
# Of the recording, the speaker, the emotion, what is said.
READ = ("file_id", "speaker_id", "emotion", "transcription")
COLUMNS = [*READ, "language"]
ROWS = 64  # at a time in memory


def write_out(tables, folder):
    """Writes recordings and one table out of Parquet files.

    Arguments
    ---------
    tables : list of str or pathlib.Path
        Parquet files of one of CAMEO's corpora.
    folder : str or pathlib.Path
        Receives the recordings, byte for byte, and `cameo.tsv`.

    Returns
    -------
    int
        How many recordings.

    Raises
    ------
    ValueError
        If the folder has a corpus, a name leads out of it or is there twice,
        a table is another one, or pyarrow is not installed.

    Example
    -------
    >>> write_out(["ravdess.parquet"], "CAMEO/ravdess")  # doctest: +SKIP
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ValueError(
            "Parquet files are read by pyarrow: pip install "
            "speechbrain_relm[cameo]."
        ) from error
    folder = Path(folder)
    if (folder / TABLE).exists():
        raise ValueError(
            f"{folder} has a {TABLE}: give each corpus a folder of its own."
        )
    folder.mkdir(parents=True, exist_ok=True)
    rows, names = [], set()
    for table in tables:
        try:
            parquet = pq.ParquetFile(check_file(table))
        except pa.ArrowInvalid as error:
            raise ValueError(f"{table}: {error}") from error
        missing = {*COLUMNS, "audio"} - set(parquet.schema_arrow.names)
        if missing:
            raise ValueError(
                f"{table} has no column {', '.join(sorted(missing))}: it is "
                "none of CAMEO's."
            )
        batches = parquet.iter_batches(
            batch_size=ROWS, columns=[*COLUMNS, "audio"]
        )
        bar = tqdm(total=parquet.metadata.num_rows, desc=Path(table).name)
        for batch in batches:
            for row in batch.to_pylist():
                name = row["file_id"]
                if not _is_name(name):
                    raise ValueError(
                        f"{table}: '{name}' is no name of a recording."
                    )
                cell = row["audio"]
                sound = cell.get("bytes") if isinstance(cell, dict) else None
                whole = isinstance(sound, bytes) and len(sound) > 0
                if name in names or not whole:
                    what = "is there twice" if name in names else "has no sound"
                    raise ValueError(f"{table}: {name} {what}.")
                names.add(name)
                # A link of the name would be followed.
                (folder / name).unlink(missing_ok=True)
                (folder / name).write_bytes(sound)
                rows.append([row[column] for column in COLUMNS])
                bar.update()
        bar.close()
    with open(folder / TABLE, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(
            stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_ALL
        )
        writer.writerows([COLUMNS, *rows])
    return len(rows)


def _is_name(name):
    """Whether a recording of that name is found again in its folder."""
    return (
        isinstance(name, str)
        and Path(name).name == name
        and not name.startswith(".")
        and name.lower().endswith(AUDIO)
    )


CAMEO = Corpus(
    title="CAMEO",
    read=functools.partial(
        read_rows, table=TABLE, delimiter="\t", columns=READ
    ),
    where="https://huggingface.co/datasets/amu-cai/CAMEO",
    licence="CC BY-NC-SA 4.0, and that of each of its corpora",
    language="one of eight",
    counts={},  # differ with the corpus taken out
    speakers=None,
    cluster="sentence",
)


@entry_point("cameo")
def main(arguments):
    """Does as the command line says.

    Arguments
    ---------
    arguments : list of str
        Command line.

    Example
    -------
    >>> main(["ravdess.parquet", "CAMEO/ravdess"])  # doctest: +SKIP
    """
    parser = Parser(
        prog="python -m speechbrain_relm.data.open_emotion.cameo",
        description="Writes the recordings out of CAMEO's Parquet files.",
    )
    parser.add_argument("tables", nargs="+", help="Parquet files")
    parser.add_argument("folder", help="receives the recordings")
    options = parser.parse_args(arguments)
    print(write_out(options.tables, options.folder))


if __name__ == "__main__":
    main()
