"""Weights from one folder to another, one tensor at a time.

The library's own writer takes all tensors of a file at once; a 7B model has
files of 10 GB.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import hashlib
import json
import shutil
import zlib

import torch
from tqdm import tqdm

from speechbrain_relm.utils.disk.journal import Journal
from speechbrain_relm.utils.disk.refusals import naming
from speechbrain_relm.utils.sources.weights import DTYPES, read_shard

JOURNAL = ".written"
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class StreamedSafetensors:
    """A safetensors file whose tensors are written in any order.

    Arguments
    ---------
    path : str or pathlib.Path
        The file.
    outline : dict
        Names to tensors of the right shape and dtype, on the meta device.
    written : dict
        Names of tensors that the file holds already to their checksums.

    Example
    -------
    >>> from safetensors.torch import load_file
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> outline = {"a": torch.empty(2, device="meta")}
    >>> with StreamedSafetensors(path, outline) as file:
    ...     file.write("a", torch.ones(2))
    >>> file.verify()
    >>> load_file(path)
    {'a': tensor([1., 1.])}
    """

    def __init__(self, path, outline, written=()):
        self.path = path
        self.outline = outline
        self.checksums = dict(written)
        header, offset = {"__metadata__": {"format": "pt"}}, 0
        for name, tensor in outline.items():
            header[name] = {
                "dtype": _NAMES[tensor.dtype],
                "shape": list(tensor.shape),
                "data_offsets": [offset, offset + tensor.nbytes],
            }
            offset += tensor.nbytes
        encoded = json.dumps(header, separators=(",", ":")).encode()
        encoded += b" " * (-len(encoded) % 8)  # data start aligned
        self._header = header
        self._start = 8 + len(encoded)
        self._file = open(path, "r+b" if written else "wb")
        self._file.write(len(encoded).to_bytes(8, "little") + encoded)

    def write(self, name, tensor):
        """Writes one tensor at its place.

        Arguments
        ---------
        name : str
            Its name in the outline.
        tensor : torch.Tensor
            The tensor.

        Raises
        ------
        ValueError
            If it is not as the outline says.
        """
        wanted = self.outline[name]
        if (tensor.shape, tensor.dtype) != (wanted.shape, wanted.dtype):
            raise ValueError(f"{self.path}: '{name}' is not as announced.")
        data = _bytes(tensor)
        self.checksums[name] = zlib.crc32(data)
        self._file.seek(self._start + self._header[name]["data_offsets"][0])
        with naming(self.path):
            self._file.write(data)
            self._file.flush()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file.close()

    def verify(self):
        """Reads the file with the safetensors library and compares.

        Raises
        ------
        ValueError
            If a tensor was never written, or is not what was written.
        """
        found = {n: zlib.crc32(_bytes(t)) for n, t in read_shard(self.path)}
        for name in self.outline:
            if name not in found or found[name] != self.checksums.get(name):
                raise ValueError(
                    f"{self.path}: '{name}' reads back differently: is the "
                    "disk full or failing?"
                )


def empty(folder, but):
    """Deletes what is in a folder.

    Arguments
    ---------
    folder : pathlib.Path
        The folder.
    but : str
        A file in it that stays.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> (folder / "sub").mkdir(), (folder / "a").touch(), (folder / "b").touch()
    (None, None, None)
    >>> empty(folder, but="b")
    >>> [path.name for path in folder.iterdir()]
    ['b']
    """
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != but:
            path.unlink()


def _bytes(tensor):
    """Gives a tensor's bytes, without a copy if it is contiguous."""
    flat = tensor.detach().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy())


class Transfer:
    """Weights on their way from released names to files of ours.

    Every name is placed, and compared with what the target needs, before a
    byte is written; then each tensor is read, renamed and written alone.

    Arguments
    ---------
    weights : speechbrain_relm.utils.sources.weights.Weights
        What is read.
    place : callable
        Name and tensor to a list of (lobe, name, tensor).

    Raises
    ------
    ValueError
        If `place` does not know a name.

    Example
    -------
    >>> from safetensors.torch import load_file, save_file
    >>> from speechbrain_relm.utils.sources.weights import Weights
    >>> folder = getfixture("tmp_path")
    >>> save_file({"a.x": torch.ones(2)}, folder / "model.safetensors")
    >>> transfer = Transfer(
    ...     Weights(folder), lambda name, tensor: [("lobe", name[2:], tensor)]
    ... )
    >>> transfer.expect("lobe", {"x": torch.empty(2)})
    >>> transfer.write({"lobe": folder / "new"}, folder / "new", "test")
    >>> load_file(folder / "new" / "model.safetensors")
    {'x': tensor([1., 1.])}
    """

    def __init__(self, weights, place):
        self.weights = weights
        self.place = place
        self.outlines = {}  # lobe -> shard -> name -> tensor without data
        for name, tensor in weights.outline.items():
            shard = weights.shard_of[name]
            for lobe, new_name, new_tensor in place(name, tensor):
                shards = self.outlines.setdefault(lobe, {})
                shards.setdefault(shard, {})[new_name] = new_tensor

    def outline(self, lobe):
        """Merges a lobe's tensors over all shards.

        Arguments
        ---------
        lobe : str
            The lobe.

        Returns
        -------
        dict
            Names to tensors without data.
        """
        merged = {}
        for outline in self.outlines.get(lobe, {}).values():
            merged.update(outline)
        return merged

    def bytes_of(self, lobes):
        """Adds up what some lobes take.

        Arguments
        ---------
        lobes : iterable of str
            The lobes.

        Returns
        -------
        int
            Bytes.
        """
        return sum(
            t.nbytes for lobe in lobes for t in self.outline(lobe).values()
        )

    def expect(self, lobe, wanted):
        """Compares a lobe's names and shapes with those it must have.

        Arguments
        ---------
        lobe : str
            The lobe.
        wanted : dict
            Names to tensors, e.g. a state dict on the meta device.

        Raises
        ------
        ValueError
            If they differ.
        """
        found = {n: tuple(t.shape) for n, t in self.outline(lobe).items()}
        wanted = {n: tuple(t.shape) for n, t in wanted.items()}
        problems = [f"{n} is missing" for n in wanted if n not in found]
        problems += [f"{n} is unknown" for n in found if n not in wanted]
        problems += [
            f"{n} has shape {found[n]}, not {wanted[n]}"
            for n in wanted
            if n in found and found[n] != wanted[n]
        ]
        if problems:
            raise ValueError(
                f"{self.weights.folder}: the weights of the {lobe} do not fit "
                f"its config.json in {len(problems)} tensors: "
                f"{'; '.join(problems[:3])}."
            )

    def write(self, folders, root, title):
        """Writes lobes as folders of safetensors, and verifies them.

        What a killed conversion left in the same folders is not written
        again.

        Arguments
        ---------
        folders : dict
            Lobes to their folders, made if absent; as many shards as the
            lobe has in the source.
        root : pathlib.Path
            The folder that they are all in, or are.
        title : str
            Of the progress bar.

        Raises
        ------
        ValueError
            If a tensor reads back differently.
        """
        root.mkdir(parents=True, exist_ok=True)
        journal = Journal(root / JOURNAL, self.made_from(folders))
        if not journal.written:
            empty(root, but=JOURNAL)  # of another conversion
        with contextlib.ExitStack() as stack:
            at = {}  # (lobe, new name) -> the file that takes it
            for lobe, folder in folders.items():
                at.update(self._begin(lobe, folder, journal, stack))
            self._fill(at, journal, title)
        for file in tqdm(
            dict.fromkeys(at.values()), desc="verifying", unit="file"
        ):
            file.verify()
        journal.path.unlink()

    def _begin(self, lobe, folder, journal, stack):
        """Opens the files of a lobe, and writes their index."""
        folder.mkdir(parents=True, exist_ok=True)
        shards = list(self.outlines[lobe].values())
        at = {}
        for i, outline in enumerate(shards, 1):
            name = "model.safetensors"
            if len(shards) > 1:
                name = f"model-{i:05d}-of-{len(shards):05d}.safetensors"
            path = folder / name
            written = journal.written_to(path) if path.is_file() else {}
            file = StreamedSafetensors(path, outline, written)
            stack.enter_context(file)
            at.update({(lobe, name): file for name in outline})
        if len(shards) > 1:
            names = {name: file.path.name for (_, name), file in at.items()}
            _write_index(folder, names, self.bytes_of([lobe]))
        return at

    def _fill(self, at, journal, title):
        """Writes the tensors that are not there yet."""
        done = {
            name
            for name, tensor in self.weights.outline.items()
            if all(
                new in file.checksums
                for file, new, _ in self._new(name, tensor, at)
            )
        }
        with tqdm(
            total=self.weights.total,
            initial=sum(self.weights.outline[name].nbytes for name in done),
            desc=title,
            unit="B",
            unit_scale=True,
            unit_divisor=1024,
        ) as progress:
            for name, tensor in self.weights.without(done):
                for file, new_name, new in self._new(name, tensor, at):
                    file.write(new_name, new)
                    journal.note(file.path, new_name, file.checksums[new_name])
                progress.update(tensor.nbytes)
                del tensor, new  # before the next one is read

    def _new(self, name, tensor, at):
        """Lists where a tensor goes: file, new name, new tensor."""
        return [
            (at[lobe, new_name], new_name, new)
            for lobe, new_name, new in self.place(name, tensor)
            if (lobe, new_name) in at
        ]

    def made_from(self, folders):
        """Tells a conversion from others.

        Arguments
        ---------
        folders : dict
            Lobes to their folders.

        Returns
        -------
        str
            A checksum of what is read and of what is written.
        """
        read = [
            (shard.name, shard.stat().st_size, shard.stat().st_mtime_ns)
            for shard in self.weights.shards
        ]
        written = [(lobe, list(self.outline(lobe))) for lobe in folders]
        return hashlib.sha256(str((read, written)).encode()).hexdigest()


def _write_index(folder, weight_map, total):
    """Writes the index that transformers expects beside shards."""
    index = {"metadata": {"total_size": total}, "weight_map": weight_map}
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps(index, indent=2), encoding="utf-8")
