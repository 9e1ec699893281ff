"""Reading the weights of a released folder, one tensor at a time.

Authors
 * The speechbrain_relm contributors 2026
"""

import pickle
import re
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from speechbrain_relm.utils.disk.downloads import (
    check_file,
    damaged,
    read_json,
)

# The first kind that a model has is what is loaded.
WEIGHTS = (
    "model.safetensors",
    "model-*-of-*.safetensors",
    "*.safetensors",
    "pytorch_model.bin",
    "pytorch_model-*-of-*.bin",
    "*.bin",
    "model.ckpt",  # of a training's checkpoint, before what else it keeps
    "*.ckpt",
)
# Beside the weights, training scripts leave these.
NOT_WEIGHTS = ("training_args", "optimizer", "scheduler", "rng_state")
# One of several files.
PART_OF = re.compile(r"-(\d{5})-of-(\d{5})\.\w+$")
# Bytes read from a file before it is opened anew.
READ_AT_ONCE = 2**28


def weights_among(names):
    """Picks the weights of one format.

    Arguments
    ---------
    names : iterable of str
        Names of files, without folders.

    Returns
    -------
    list of str
        Those that are loaded, without an index.

    Example
    -------
    >>> weights_among(["model.safetensors", "pytorch_model.bin", "a.json"])
    ['model.safetensors']
    >>> weights_among(["training_args.bin", "model-1-of-1.bin"])
    ['model-1-of-1.bin']
    """
    names = sorted(n for n in names if not n.startswith(NOT_WEIGHTS))
    for pattern in WEIGHTS:
        found = [name for name in names if fnmatch(name, pattern)]
        if found:
            return found
    return []


def series_of(name):
    """Lists the files of the series that a weight file is of.

    Arguments
    ---------
    name : str
        The file's name.

    Returns
    -------
    list of str
        Their names; its own alone if it is no part of a series.

    Example
    -------
    >>> series_of("model-00002-of-00002.bin")
    ['model-00001-of-00002.bin', 'model-00002-of-00002.bin']
    >>> series_of("model.bin")
    ['model.bin']
    """
    part = PART_OF.search(name)
    if not part:
        return [name]
    stem, ending = name[: part.start()], Path(name).suffix
    return [
        f"{stem}-{i:05d}-of-{part[2]}{ending}"
        for i in range(1, int(part[2]) + 1)
    ]


def missing_weights(folder):
    """Lists the weight files that a folder should have and has not.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.

    Returns
    -------
    list of str
        Their names.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "model-00001-of-00002.safetensors").write_text("")
    >>> missing_weights(folder)
    ['model-00002-of-00002.safetensors']
    """
    found = weights_among(path.name for path in folder.iterdir())
    if not found:
        return [WEIGHTS[0]]
    whole = {part for name in found for part in series_of(name)}
    return sorted(whole.difference(found))


def find_shards(folder):
    """Lists a folder's weight files and checks that none is missing.

    Arguments
    ---------
    folder : str or pathlib.Path
        A released folder, with `.safetensors` or `.bin` files, in one piece
        or in shards, with or without an index.

    Returns
    -------
    list of pathlib.Path
        The files; safetensors where a folder has both kinds.

    Raises
    ------
    FileNotFoundError
        If there are none, or one of a series is missing.
    ValueError
        If one of them is no weights but a Git LFS pointer.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> _ = (folder / "model-00002-of-00002.bin").write_bytes(b"weights")
    >>> find_shards(folder)
    Traceback (most recent call last):
    ...
    FileNotFoundError: ...model-00001-of-00002.bin is missing: ...
    """
    folder = Path(folder)
    for ending in ("safetensors", "bin"):
        indexes = sorted(folder.glob(f"*.{ending}.index.json"))
        if indexes:
            names = set(read_json(indexes[0]).get("weight_map", {}).values())
        else:
            names = {
                path.name
                for path in folder.glob(f"*.{ending}")
                if not path.name.startswith(NOT_WEIGHTS)
            }
        if not indexes:
            names = {part for name in names for part in series_of(name)}
        if names:
            # An index names files of its own folder.
            return [check_file(folder / Path(n).name) for n in sorted(names)]
    raise FileNotFoundError(
        f"{folder} has no weights (*.safetensors or *.bin): download the "
        "released folder whole."
    )


class Weights:
    """The tensors of a released folder, never all in memory.

    Safetensors are mapped into memory; `.bin` files are too, and nothing but
    tensors is unpickled from them.

    Arguments
    ---------
    folder : str or pathlib.Path
        A released folder.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, or two hold the same tensor.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> folder = getfixture("tmp_path")
    >>> save_file({"a": torch.ones(2)}, folder / "model.safetensors")
    >>> weights = Weights(folder)
    >>> weights.outline
    {'a': tensor(..., device='meta', size=(2,))}
    >>> list(weights)
    [('a', tensor([1., 1.]))]
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.shards = find_shards(folder)
        self.outline, self.shard_of = {}, {}
        for shard in self.shards:
            for name, tensor in outline(shard).items():
                if name in self.outline:
                    raise ValueError(
                        f"The tensor '{name}' is both in {shard} and in "
                        f"{self.shard_of[name]}: remove what is left of "
                        "another download."
                    )
                self.outline[name] = tensor
                self.shard_of[name] = shard

    @property
    def largest_shard(self):
        """Size of the largest file, bytes."""
        return max(shard.stat().st_size for shard in self.shards)

    @property
    def total(self):
        """Size of all tensors, bytes."""
        return sum(tensor.nbytes for tensor in self.outline.values())

    def __iter__(self):
        """Yields names and tensors, shard by shard."""
        yield from self.without(())

    def without(self, names):
        """Yields names and tensors, shard by shard, some left out.

        Arguments
        ---------
        names : container of str
            Tensors that are not read.

        Yields
        ------
        tuple of str and torch.Tensor
            Name and tensor.
        """
        for shard in self.shards:
            yield from read_shard(shard, names)


def outline(shard):
    """Reads the names, shapes and types of a weight file's tensors.

    Arguments
    ---------
    shard : pathlib.Path
        The file.

    Returns
    -------
    dict
        Names to tensors without data.

    Raises
    ------
    ValueError
        If the file is damaged, or torch does not have a tensor's type.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> save_file({"a": torch.ones(2)}, path)
    >>> outline(path)
    {'a': tensor(..., device='meta', size=(2,))}
    """
    if shard.suffix != ".safetensors":
        return {n: t.to("meta") for n, t in read_shard(shard)}
    found = {}
    with _opened(shard) as file:
        for name in file.keys():
            part = file.get_slice(name)
            if part.get_dtype() not in DTYPES:
                raise ValueError(
                    f"{shard}: '{name}' is of the type {part.get_dtype()}, "
                    "which torch does not have. Get the weights in another, "
                    "e.g. bfloat16."
                )
            found[name] = torch.empty(
                part.get_shape(),
                dtype=DTYPES[part.get_dtype()],
                device="meta",
            )
    return found


def read_shard(shard, without=()):
    """Yields a weight file's names and tensors.

    Arguments
    ---------
    shard : pathlib.Path
        The file.
    without : iterable of str
        Tensors that are not read.

    Yields
    ------
    tuple of str and torch.Tensor
        Name and tensor.

    Raises
    ------
    ValueError
        If the file is damaged.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> save_file({"a": torch.ones(2)}, path)
    >>> dict(read_shard(path))
    {'a': tensor([1., 1.])}
    """
    without = frozenset(without)
    zipped = shard.suffix != ".safetensors"
    if zipped and not zipfile.is_zipfile(shard):
        # torch's old format cannot be mapped
        found = _unpickle(shard)
        yield from ((n, t) for n, t in found.items() if n not in without)
        return
    found = _opened_to_read(shard, zipped)
    read = 0
    for name in [name for name in found.keys() if name not in without]:
        # A mapped file counts as memory once read, so it is opened anew; for
        # each tensor, the time would grow with the square of their number.
        if read > READ_AT_ONCE:
            del found
            found, read = _opened_to_read(shard, zipped), 0
        tensor = found[name] if zipped else found.get_tensor(name)
        read += tensor.nbytes
        yield name, tensor
        del tensor


def _opened_to_read(shard, zipped):
    """Maps a file of either format into memory."""
    return _unpickle(shard) if zipped else _opened(shard)


def tensor_names(shard):
    """Lists the tensors of a safetensors file.

    Arguments
    ---------
    shard : pathlib.Path
        The file.

    Returns
    -------
    list of str
        Their names.

    Raises
    ------
    ValueError
        If the file is damaged.

    Example
    -------
    >>> from safetensors.torch import save_file
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> save_file({"a": torch.ones(2)}, path)
    >>> tensor_names(path)
    ['a']
    """
    with _opened(shard) as file:
        return list(file.keys())


def _opened(shard):
    """Opens a safetensors file."""
    try:
        return safe_open(shard, framework="pt")
    except SafetensorError as error:
        raise ValueError(damaged(shard, error))


def _unpickle(shard):
    """Loads a `.bin` file, mapped into memory if its format allows that."""
    settings = {"map_location": "cpu", "weights_only": True}
    try:
        return torch.load(shard, mmap=zipfile.is_zipfile(shard), **settings)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(damaged(shard, str(error).split("\n", 1)[0]))


DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
    "C64": torch.complex64,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
}
