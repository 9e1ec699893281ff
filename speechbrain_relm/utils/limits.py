"""What files and texts may hold at most, all of it in one place.

A header of a few bytes can claim hours of samples, and a text of a megabyte
costs a language model tens of gigabytes. What is larger than here is refused
by name, before memory is taken for it.

Authors
 * The speechbrain_relm contributors 2026
"""

# Hz. Below, there is no speech; above, no recorder.
SAMPLE_RATES = (4000, 768000)
# Seconds that are loaded where nobody asks for fewer.
RECORDING_SECONDS = 3600
# Samples of all channels that are read at a time.
BLOCK_SAMPLES = 2**20
# Entries of the filter between two sampling rates; see `resampling`.
RESAMPLING_ENTRIES = 2**20
# Samples go from -1 to 1; floats beyond this were never scaled to it.
PEAK = 16.0
# Of what a user writes at once, and of an answer: some 5000 tokens.
TEXT_CHARACTERS = 20000
ANSWER_TOKENS = 4096
# Of an answer that a server gives, unless it is told otherwise.
SERVED_TOKENS = 1024
# Of a cell of a table, where the csv module's own limit is.
CELL_CHARACTERS = 131072
# Of one line of records, and of any JSON or CSV file.
RECORD_BYTES = 2**24
FILE_BYTES = 2**30
# Of what is sent to the page.
UPLOAD_BYTES = 50 * 10**6
# Pixels of a side of a figure, and characters of a name in it.
FIGURE_PIXELS = 8000
FIGURE_NAME = 60


def check(what, found, limit, unit, fix):
    """Refuses what is larger than a limit.

    Arguments
    ---------
    what : str
        What it is, e.g. a file and line.
    found : int or float
        How large it is.
    limit : int or float
        How large it may be.
    unit : str
        Of both.
    fix : str
        What to do about it.

    Raises
    ------
    ValueError
        If it is larger.

    Example
    -------
    >>> check("text", 30000, TEXT_CHARACTERS, "characters", "Say less.")
    Traceback (most recent call last):
    ...
    ValueError: text: 30,000 characters are more than the 20,000 that ...
    """
    if found > limit:
        raise ValueError(
            f"{what}: {found:,} {unit} are more than the {limit:,} that are "
            f"read. {fix}"
        )


def gigabytes(count):
    """Prints a number of bytes.

    Arguments
    ---------
    count : int
        Bytes.

    Returns
    -------
    str
        In GB (10^9 bytes), or in MB if that is little.

    Example
    -------
    >>> gigabytes(15_440_000_000), gigabytes(2_000_000)
    ('15.44 GB', '2.0 MB')
    """
    if count < 1e7:
        return f"{count / 1e6:.1f} MB"
    return f"{count / 1e9:.2f} GB"
