"""What the frozen emotion encoder heard, kept on disk.

An utterance is heard once: pseudo labels, every epoch, the responses, later
runs and other systems of a table read what is kept. An entry is found by the
audio's content in a folder named by the encoder's weights and settings, so a
stale one cannot be.

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

from speechbrain_relm.dimensions import DIMENSIONS

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


def fingerprint(encoder):
    """Identifies an encoder by its weights and settings.

    Arguments
    ---------
    encoder : speechbrain_relm.lobes.emotion_encoder.DimensionalEmotionEncoder
        Or another lobe that returns embeddings and attributes.

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
    digest = hashlib.sha256(f"{type(encoder).__name__} {settings}".encode())
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content = tensor.detach().cpu().contiguous().view(torch.uint8)
        digest.update(content.numpy().data)
    return digest.hexdigest()[:16]


class EmotionCache:
    """Hears each signal once, in this process or any other.

    Every process appends to a file of its own; a row counts once its key is
    written, which is after the row.

    Arguments
    ---------
    encoder : torch.nn.Module
        Signals [B, T] and relative lengths [B] to embeddings [B, E] and
        attributes [B, 3].
    folder : str or pathlib.Path or None
        Where to keep; `None` keeps in memory only.

    Example
    -------
    >>> class Encoder(torch.nn.Module):
    ...     output_size = 1
    ...
    ...     def forward(self, wavs, wav_lens):
    ...         print("heard", len(wavs))
    ...         return wavs.sum(1, keepdim=True), wavs[:, :3]
    >>> wavs, lens = torch.tensor([[1.0, 2, 3], [4, 5, 6]]), torch.ones(2)
    >>> folder = getfixture("tmp_path")
    >>> cache = EmotionCache(Encoder(), folder)
    >>> cache(["a", "b"], wavs, lens)[0].tolist()
    heard 2
    [[6.0], [15.0]]
    >>> cache = EmotionCache(Encoder(), folder)
    >>> cache(["b"], wavs[1:], lens[1:])[1].tolist()
    [[4.0, 5.0, 6.0]]
    """

    def __init__(self, encoder, folder=None):
        self.encoder = encoder
        self.width = encoder.output_size + len(DIMENSIONS)
        self.rows, self.asked, self.found, self.file = {}, 0, 0, None
        if folder is not None:
            folder = Path(folder) / fingerprint(encoder)
            folder.mkdir(parents=True, exist_ok=True)
            for keys in sorted(folder.glob("*.keys")):
                self._read(keys)
            self.file = folder / uuid.uuid4().hex
            logger.info(
                "%s keeps what the emotion encoder heard of %d utterances.",
                folder,
                len(self.rows),
            )

    def _read(self, path):
        """Reads the whole rows of one file; what a kill tore is left out."""
        keys = path.read_text(encoding="ascii").split("\n")[:-1]
        values = path.with_suffix(".float32")
        size = 4 * self.width
        keys = keys[: os.path.getsize(values) // size]
        if keys:
            shape = (len(keys), self.width)
            rows = np.memmap(values, np.float32, "r", shape=shape)
            self.rows.update(zip(keys, rows))

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
            Relative lengths [B].

        Returns
        -------
        embeddings : torch.Tensor
            [B, E].
        attributes : torch.Tensor
            Arousal, dominance, valence [B, 3].
        """
        new = [i for i, key in enumerate(keys) if key not in self.rows]
        self.asked, self.found = (
            self.asked + len(keys),
            self.found + len(keys) - len(new),
        )
        if new:
            heard = torch.cat(self.encoder(wavs[new], wav_lens[new]), dim=1)
            self._keep([keys[i] for i in new], heard.float().cpu().numpy())
        rows = np.stack([self.rows[key] for key in keys])
        rows = torch.from_numpy(rows).to(wavs.device)
        return rows.split([self.width - len(DIMENSIONS), len(DIMENSIONS)], 1)

    def _keep(self, keys, rows):
        """Adds rows, on disk before their keys."""
        self.rows.update(zip(keys, rows))
        if self.file is None:
            return
        for suffix, content in (
            (".float32", rows.tobytes()),
            (".keys", "".join(f"{key}\n" for key in keys).encode()),
        ):
            with open(self.file.with_suffix(suffix), "ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())

    def log(self):
        """Logs how much was found rather than heard, and the size."""
        if self.asked:
            logger.info(
                "Emotion embeddings: %d asked for, %.1f %% of them kept from "
                "before; %.1f MB for %d utterances.",
                self.asked,
                100 * self.found / self.asked,
                4e-6 * self.width * len(self.rows),
                len(self.rows),
            )
