"""What a frozen encoder heard, kept on disk (Eqs. 1 and 2).

An utterance is heard once: pseudo labels, every epoch, the responses, later
runs and other systems of a table read what is kept. It lies in a folder named
by encoder and precision, so none of it can be stale. Any number of processes
may add at once, and any may be killed: SpeechBrain's `CachedHDF5DynamicItem`
allows one writer, and computes items one by one.

Authors
 * The speechbrain_relm contributors 2026
"""

import hashlib
import os
import uuid
import zlib
from pathlib import Path

import numpy as np
import torch
from speechbrain.utils.logger import get_logger
from torch.nn.utils.rnn import pad_sequence

from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.disk.refusals import naming
from speechbrain_relm.utils.files import sync
from speechbrain_relm.utils.precision import at_precision

logger = get_logger(__name__)

# What a model's settings say of the files that it came from.
OF_FILES = ("transformers_version", "architectures", "dtype", "torch_dtype")


def encoder_mark(encoder, precision="fp32"):
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
    >>> before = encoder_mark(layer)
    >>> _ = torch.nn.init.zeros_(layer.weight)
    >>> encoder_mark(layer) == before
    False
    """
    settings = {
        name: value
        for name, value in vars(encoder).items()
        if isinstance(value, (bool, int, float, str)) and name != "training"
    }
    # Of equal weights other activations make another encoder.
    configs = [
        {
            name: value
            for name, value in config.to_dict().items()
            if not name.startswith("_") and name not in OF_FILES
        }
        for config in _configs(encoder)
    ]
    # "high" and "medium" let a GPU round the factors of float32 products.
    precision = f"{precision} {torch.get_float32_matmul_precision()}"
    digest = hashlib.sha256(
        f"{encoder!r} {settings} {configs} {precision}".encode()
    )
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content = tensor.detach().cpu().contiguous().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()[:16]


def _configs(encoder):
    """Lists the settings of pretrained models in an encoder, each once."""
    found = [getattr(part, "config", None) for part in encoder.modules()]
    return {id(c): c for c in found if hasattr(c, "to_dict")}.values()


class EncoderCache:
    """Runs a frozen encoder once on each signal, in whatever process.

    Every process appends to files of its own: `<name>.float32` holds the
    rows, `<name>.keys` a line "key n checksum" for each utterance, written
    after them. What is not as it was written is named, and heard again.

    Arguments
    ---------
    encoder : torch.nn.Module
        Signals [B, T] and relative lengths [B] to speech frames [B, T', C],
        if it has `frame_counts`, which must be the same in any batch (e.g.
        `WhisperSpeechEncoder`); else to emotion embeddings [B, E] and
        attributes [B, 3].
    folder : str or pathlib.Path or None
        Where to keep; `None` keeps in memory only, for which 50 frames a
        second are too much.
    precision : str
        What the encoder computes at, in training too, as in SpeechBrain's
        `--precision`; what was heard at another is not found.

    Example
    -------
    >>> class Encoder(torch.nn.Module):
    ...     output_size = 2
    ...
    ...     def frame_counts(self, wav_lens, samples):
    ...         return (wav_lens * samples / 2).long()
    ...
    ...     def forward(self, wavs, wav_lens):
    ...         print("heard", len(wavs))
    ...         return wavs.unfold(1, 2, 2)
    >>> wavs, lens = torch.arange(8.0).view(2, 4), torch.tensor([0.5, 1.0])
    >>> folder = getfixture("tmp_path")
    >>> EncoderCache(Encoder(), folder)(["a", "b"], wavs, lens).tolist()
    heard 2
    [[[0.0, 1.0], [0.0, 0.0]], [[4.0, 5.0], [6.0, 7.0]]]
    >>> EncoderCache(Encoder(), folder)(["a"], wavs[:1], lens[:1]).tolist()
    [[[0.0, 1.0]]]
    """

    def __init__(self, encoder, folder=None, precision="fp32"):
        # A lobe that somebody swapped in may have been left in training.
        self.encoder, self.precision = encoder.eval(), precision
        self.of_frames = hasattr(encoder, "frame_counts")
        self.title = "Speech frames" if self.of_frames else "Emotion embeddings"
        self.width = encoder.output_size
        if not self.of_frames:
            self.width += len(DIMENSIONS)
        self.kept, self.bytes, self.file = {}, 0, None
        # Of each file of keys: how much of it is read, and of its rows.
        self.read, self.torn = {}, set()
        self.asked, self.found = 0, 0
        if folder is not None:
            self._open(Path(folder) / encoder_mark(encoder, precision))

    def _open(self, folder):
        """Finds what is kept in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        self.file, self.written = folder / uuid.uuid4().hex, 0
        self._look()
        logger.info(
            "%s: %s keeps those of %d utterances.",
            self.title,
            folder,
            len(self.kept),
        )

    def _look(self):
        """Finds what was kept since the last look, by whatever process.

        Heard again, in another batch, it would differ in the last digits.
        """
        for path in sorted(self.file.parent.glob("*.keys")):
            if path.stem != self.file.name and path not in self.torn:
                self._find(path)

    def _find(self, path):
        """Finds the whole arrays of one file; what a kill tore is left out."""
        done, start = self.read.get(path, (0, 0))
        with open(path, "rb") as file:
            file.seek(done)
            lines = file.read().decode("ascii", "replace").split("\n")[:-1]
        values = path.with_suffix(".float32")
        size = os.path.getsize(values) if values.exists() else 0
        for line in lines:
            try:
                key, count, checksum = line.split()
                count, checksum = abs(int(count)), int(checksum)
            except ValueError:
                return self._give_up(path, path)
            end = start + 4 * self.width * count
            if end > size:
                return self._give_up(path, values)
            self.kept[key] = (values, start, count, checksum)
            self.bytes += end - start
            done, start = done + len(line) + 1, end
        self.read[path] = done, start

    def _give_up(self, path, damaged):
        """Names a damaged file, and reads no more of it."""
        self.torn.add(path)
        _warn(damaged)

    @torch.no_grad()
    def __call__(self, keys, wavs, wav_lens):
        """Gives what the encoder hears in utterances.

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B], on the host or with the signals.

        Returns
        -------
        torch.Tensor or tuple of torch.Tensor
            Speech frames [B, T', C], zero where padded; or embeddings [B, E],
            and arousal, dominance, valence [B, 3].
        """
        if self.file is not None and not self.kept.keys() >= set(keys):
            self._look()
        rows = [self._read(key) for key in keys]
        new = [i for i, row in enumerate(rows) if row is None]
        self.asked += len(keys)
        self.found += len(keys) - len(new)
        if new:
            arrays = self._encode(wavs[new], wav_lens[new])
            self._keep(dict(zip([keys[i] for i in new], arrays)))
            for i, array in zip(new, arrays):
                rows[i] = array
        padded = pad_sequence(
            [torch.from_numpy(row) for row in rows], batch_first=True
        )
        padded = padded.to(wavs.device, non_blocking=True)
        if self.of_frames:
            return padded
        return padded[:, 0].split(
            [self.encoder.output_size, len(DIMENSIONS)], 1
        )

    def again(self, keys):
        """Gives what was heard before, without the speech.

        Arguments
        ---------
        keys : list of str
            `audio_key` of each utterance.

        Returns
        -------
        frames : torch.Tensor
            Rows [B, T', width], zero where padded.
        counts : torch.Tensor
            Rows of each utterance [B].

        Raises
        ------
        OSError
            If one of them was damaged since; it is heard anew at the next
            start.
        """
        rows = [self._read(key) for key in keys]
        if any(row is None for row in rows):
            raise OSError(
                f"{self.title} of {self.file.parent} were damaged while they "
                "were read: start again, and they are computed anew."
            )
        rows = [torch.from_numpy(row) for row in rows]
        counts = torch.tensor([len(row) for row in rows])
        return pad_sequence(rows, batch_first=True), counts

    def _encode(self, wavs, wav_lens):
        """Runs the encoder; an emotion is one row an utterance."""
        if not self.of_frames:
            wav_lens = wav_lens.to(wavs.device, non_blocking=True)
        with at_precision(self.precision, wavs.device):
            heard = self.encoder(wavs, wav_lens)
        if not self.of_frames:
            return torch.cat(heard, dim=1).float().cpu().numpy()[:, None]
        counts = self.encoder.frame_counts(wav_lens, wavs.shape[1]).tolist()
        return [f[:n] for f, n in zip(heard.float().cpu().numpy(), counts)]

    def _keep(self, arrays):
        """Keeps arrays [n, width], on disk before their keys."""
        self.bytes += sum(array.nbytes for array in arrays.values())
        if self.file is None:
            self.kept.update(arrays)
            return
        path = self.file.with_suffix(".float32")
        contents = {key: array.tobytes() for key, array in arrays.items()}
        lines = []
        for key, content in contents.items():
            count, checksum = len(arrays[key]), zlib.crc32(content)
            lines.append(f"{key} {count} {checksum}\n")
            self.kept[key] = (path, self.written, count, checksum)
            self.written += len(content)
        _append(path, b"".join(contents.values()))
        _append(self.file.with_suffix(".keys"), "".join(lines).encode("ascii"))

    def _read(self, key):
        """Gives an array; `None` if it is not kept, or damaged."""
        place = self.kept.get(key)
        if self.file is None or place is None:
            return place
        path, start, count, checksum = place
        rows = np.fromfile(path, np.float32, count * self.width, offset=start)
        if zlib.crc32(rows) != checksum:
            _warn(path)
            del self.kept[key]
            return None
        return rows.reshape(count, self.width)

    def log(self):
        """Logs how much was found rather than heard, and the size."""
        if self.asked:
            logger.info(
                "%s: %d asked for, %.1f %% of them kept from before; %.1f MB "
                "for %d utterances.",
                self.title,
                self.asked,
                100 * self.found / self.asked,
                self.bytes / 1e6,
                len(self.kept),
            )


def _warn(path):
    """Names a damaged file."""
    logger.warning(
        "%s is not as it was written (cut or changed): what it had of some "
        "utterances is computed again.",
        path,
    )


def _append(path, content):
    """Appends to a file, and waits until it is on disk."""
    new = not path.exists()
    with naming(path), open(path, "ab") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync(path.parent)
