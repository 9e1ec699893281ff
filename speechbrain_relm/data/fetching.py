"""Published files, fetched and held against their checksums.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import http.client
import ssl
import urllib.error
import urllib.request
import zipfile

from speechbrain.utils.logger import get_logger
from tqdm import tqdm

from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import make_once

logger = get_logger(__name__)

SECONDS = 60  # without an answer
BLOCK = 1 << 20  # bytes at a time
ARCHIVE = "archive.zip"
NETWORK = (
    urllib.error.URLError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
)


def fetch(url, path, algorithm, checksum, otherwise):
    """Fetches a file and checks that it is the published one.

    Arguments
    ---------
    url : str
        Where it lies.
    path : pathlib.Path
        Where it goes.
    algorithm : str
        Of the checksum, a name of `hashlib`'s.
    checksum : str
        Hexadecimal.
    otherwise : str
        What to do where there is no network, for the message.

    Raises
    ------
    RecipeError
        If it cannot be fetched, or is not the one that was published.

    Example
    -------
    >>> source = getfixture("tmp_path") / "a.txt"
    >>> _ = source.write_text("a")
    >>> target, digest = (
    ...     source.with_name("b.txt"),
    ...     hashlib.md5(b"a").hexdigest(),
    ... )
    >>> fetch(source.as_uri(), target, "md5", digest, "copy it")
    >>> target.read_text()
    'a'
    """
    logger.info("Fetching %s", url)
    digest = hashlib.new(algorithm)
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            size = answer.headers.get("Content-Length", "")
            size = int(size) if size.isdigit() else None
            bar = tqdm(total=size, unit="B", unit_scale=True, desc=path.name)
            with bar, open(path, "wb") as stream:
                for block in iter(lambda: answer.read(BLOCK), b""):
                    stream.write(block)
                    digest.update(block)
                    bar.update(len(block))
    except NETWORK as error:
        raise RecipeError(
            f"{url} cannot be fetched ({error}). Fetch it where there is a "
            f"network and {otherwise}."
        ) from error
    if digest.hexdigest() != checksum:
        raise RecipeError(
            f"{url} is not the published file: its {algorithm} is not "
            f"{checksum}. Try again, or {otherwise}."
        )


def unpack_once(url, md5, folder):
    """Fetches a zip and unpacks it, whole or not at all, once.

    Arguments
    ---------
    url : str
        Where it lies.
    md5 : str
        Its checksum.
    folder : str or pathlib.Path
        Receives what is in it; `zipfile` lets no name lead out of it.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    RecipeError
        If it cannot be fetched, or is not the one that was published.
    FileExistsError
        If the folder holds something else.

    Example
    -------
    >>> source = getfixture("tmp_path") / "a.zip"
    >>> with zipfile.ZipFile(source, "w") as archive:
    ...     archive.writestr("a.txt", "a")
    >>> md5 = hashlib.md5(source.read_bytes()).hexdigest()
    >>> folder = unpack_once(source.as_uri(), md5, source.with_name("a"))
    >>> sorted(path.name for path in folder.iterdir())
    ['MADE.json', 'a.txt']
    """

    def _build(fresh):
        path = fresh / ARCHIVE
        fetch(url, path, "md5", md5, f"unpack it into {folder}")
        with zipfile.ZipFile(path) as archive:
            for member in tqdm(archive.infolist(), desc="unpacking"):
                archive.extract(member, fresh)
        path.unlink()

    return make_once(folder, {"archive": url, "md5": md5}, _build)
