"""Arrays kept on disk by the content that they were computed from.

An entry is found by a key in a folder named by what computed it, so a stale
one cannot be. Any number of processes may add at once, and any may be killed.
SpeechBrain's `CachedHDF5DynamicItem` does not serve here: it computes items
one by one, finds them by utterance id, and allows a single writer.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import os
import uuid
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.logger import get_logger

logger = get_logger(__name__)

KEY = 32  # hexadecimal digits


def audio_key(signal):
    """Identifies a signal by its samples.

    Arguments
    ---------
    signal : torch.Tensor
        Samples [T].

    Returns
    -------
    str
        32 hexadecimal digits.

    Example
    -------
    >>> audio_key(torch.zeros(3)) == audio_key(torch.zeros(4))
    False
    """
    content = np.ascontiguousarray(signal.numpy()).data
    return hashlib.sha256(content).hexdigest()[:KEY]


def fingerprint(encoder, precision="fp32"):
    """Identifies an encoder by its weights, settings and precision.

    Arguments
    ---------
    encoder : torch.nn.Module
        E.g. the emotion encoder.
    precision : str
        What it computes at, as in SpeechBrain's `--precision`.

    Returns
    -------
    str
        16 hexadecimal digits.

    Example
    -------
    >>> layer = torch.nn.Linear(2, 2)
    >>> before = fingerprint(layer)
    >>> _ = torch.nn.init.zeros_(layer.weight)
    >>> fingerprint(layer) == before
    False
    """
    settings = {
        name: value
        for name, value in vars(encoder).items()
        if isinstance(value, (bool, int, float, str)) and name != "training"
    }
    # "high" and "medium" let a GPU round the factors of float32 products.
    precision = f"{precision} {torch.get_float32_matmul_precision()}"
    digest = hashlib.sha256(
        f"{type(encoder).__name__} {settings} {precision}".encode()
    )
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content = tensor.detach().cpu().contiguous().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()[:16]


class KeptRows:
    """Arrays [n, width] of float32 under keys, in a folder or in memory.

    Every process appends to files of its own: `<name>.float32` holds the
    rows, `<name>.keys` a line "key n" for each array, written after them.

    Arguments
    ---------
    width : int
        Numbers in a row.
    folder : str or pathlib.Path or None
        Where to keep; `None` keeps in memory only.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> kept = KeptRows(2, folder)
    >>> kept.add({"a": np.ones((3, 2), np.float32)})
    >>> "a" in KeptRows(2, folder), KeptRows(2, folder)["a"].shape
    (True, (3, 2))
    """

    def __init__(self, width, folder=None):
        self.width, self.places, self.bytes = width, {}, 0
        self.file = None
        if folder is not None:
            folder = Path(folder)
            folder.mkdir(parents=True, exist_ok=True)
            for keys in sorted(folder.glob("*.keys")):
                self._read(keys)
            self.file, self.written = folder / uuid.uuid4().hex, 0

    def _read(self, path):
        """Finds the whole arrays of one file; what a kill tore is left out."""
        values = path.with_suffix(".float32")
        start, size = 0, os.path.getsize(values)
        for line in path.read_text(encoding="ascii").split("\n")[:-1]:
            key, count = line.split()
            end = start + 4 * self.width * int(count)
            if end > size:
                return
            self.places[key] = (values, start, int(count))
            self.bytes += end - start
            start = end

    def __contains__(self, key):
        return key in self.places

    def __len__(self):
        return len(self.places)

    def __getitem__(self, key):
        place = self.places[key]
        if self.file is None:
            return place
        path, start, count = place
        rows = np.fromfile(path, np.float32, count * self.width, offset=start)
        return rows.reshape(count, self.width)

    def add(self, arrays):
        """Keeps arrays, on disk before their keys.

        Arguments
        ---------
        arrays : dict
            Key to float32 array [n, width].
        """
        self.bytes += sum(array.nbytes for array in arrays.values())
        if self.file is None:
            self.places.update(arrays)
            return
        path = self.file.with_suffix(".float32")
        append(path, b"".join(array.tobytes() for array in arrays.values()))
        lines = "".join(f"{key} {len(rows)}\n" for key, rows in arrays.items())
        append(self.file.with_suffix(".keys"), lines.encode("ascii"))
        for key, rows in arrays.items():
            self.places[key] = (path, self.written, len(rows))
            self.written += rows.nbytes


def append(path, content):
    """Appends to a file, and waits until it is on disk.

    Arguments
    ---------
    path : pathlib.Path
        The file.
    content : bytes
        What to append.

    Example
    -------
    >>> path = getfixture("tmp_path") / "a"
    >>> append(path, b"one")
    >>> append(path, b"two")
    >>> path.read_bytes()
    b'onetwo'
    """
    with open(path, "ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


class EncoderCache:
    """What a frozen encoder heard: each signal once, by whatever process.

    Arguments
    ---------
    encoder : torch.nn.Module
        The encoder.
    width : int
        Numbers in a row of what it hears.
    folder : str or pathlib.Path or None
        Where to keep; `None` keeps in memory only.
    title : str
        Names it in the log.
    precision : str
        What the encoder computes at, as in SpeechBrain's `--precision`; what
        was heard at another is not found.

    Example
    -------
    >>> heard = EncoderCache(torch.nn.Linear(1, 1), 1, None, "sums")
    >>> def encode(rows):
    ...     print("heard", rows)
    ...     return [np.full((1, 1), row, np.float32) for row in rows]
    >>> [x.item() for x in heard.get(["a", "b"], encode)]
    heard [0, 1]
    [0.0, 1.0]
    >>> [x.item() for x in heard.get(["b"], encode)]
    [1.0]
    """

    def __init__(self, encoder, width, folder, title, precision="fp32"):
        # A lobe that somebody swapped in may have been left in training.
        self.encoder, self.title = encoder.eval(), title
        self.precision = precision
        if folder is not None:
            folder = Path(folder) / fingerprint(encoder, precision)
        self.kept = KeptRows(width, folder)
        self.asked, self.found = 0, 0
        if folder is not None:
            logger.info(
                "%s: %s keeps those of %d utterances.",
                title,
                folder,
                len(self.kept),
            )

    def get(self, keys, encode):
        """Gives what was heard in utterances, in a batch if need be.

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.
        encode : callable
            Rows of the batch to their arrays [n, width], for those that
            nobody heard yet.

        Returns
        -------
        list of numpy.ndarray
            One array [n, width] an utterance.
        """
        new = [i for i, key in enumerate(keys) if key not in self.kept]
        self.asked += len(keys)
        self.found += len(keys) - len(new)
        if new:
            self.kept.add(dict(zip([keys[i] for i in new], encode(new))))
        return [self.kept[key] for key in keys]

    def log(self):
        """Logs how much was found rather than heard, and the size."""
        if self.asked:
            logger.info(
                "%s: %d asked for, %.1f %% of them kept from before; %.1f MB "
                "for %d utterances.",
                self.title,
                self.asked,
                100 * self.found / self.asked,
                self.kept.bytes / 1e6,
                len(self.kept),
            )
