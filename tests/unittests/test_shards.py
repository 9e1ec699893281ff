"""Weight files of many tensors, and of types that few files have."""

import pytest
import torch
from safetensors.torch import save_file

from speechbrain_relm.utils.sources import weights
from speechbrain_relm.utils.sources.streamed import StreamedSafetensors
from speechbrain_relm.utils.sources.weights import Weights, read_shard

FLOAT8 = [
    torch.float8_e4m3fn,
    torch.float8_e4m3fnuz,
    torch.float8_e5m2,
    torch.float8_e5m2fnuz,
]


def save(tensors, path):
    """Writes a file of either format."""
    if path.suffix == ".safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path)
    return path


@pytest.fixture
def openings(monkeypatch):
    """Counts how often a file is opened."""
    found = []
    opened = weights._opened_to_read

    def counting(shard, zipped):
        """Opens as before."""
        found.append(shard)
        return opened(shard, zipped)

    monkeypatch.setattr(weights, "_opened_to_read", counting)
    return found


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_file_is_opened_by_bytes_not_by_tensors(
    name, tmp_path, openings, monkeypatch
):
    """Once for 600 small tensors; anew after so many bytes, none lost."""
    tensors = {f"t{i:03}": torch.full((8,), float(i)) for i in range(600)}
    path = save(tensors, tmp_path / name)
    found = dict(read_shard(path))
    assert len(openings) == 1 and found.keys() == tensors.keys()
    assert all(torch.equal(found[n], tensors[n]) for n in tensors)
    openings.clear()
    monkeypatch.setattr(weights, "READ_AT_ONCE", 32 * 99)  # 100 tensors
    without = [f"t{i:03}" for i in range(100)]
    found = dict(read_shard(path, without))
    assert len(openings) == 5
    assert sorted(found) == [f"t{i:03}" for i in range(100, 600)]
    assert all(torch.equal(found[n], tensors[n]) for n in found)


@pytest.mark.parametrize("dtype", FLOAT8)
def test_float8(dtype, tmp_path):
    """Outlined, read and written again, byte by byte the same."""
    tensor = torch.arange(6.0).reshape(2, 3).to(dtype)
    save_file({"a": tensor}, tmp_path / "model.safetensors")
    found = Weights(tmp_path)
    assert found.outline["a"].dtype == dtype and found.total == 6
    (tmp_path / "again").mkdir()
    path = tmp_path / "again/model.safetensors"
    with StreamedSafetensors(path, found.outline) as file:
        for name, read in found:
            file.write(name, read)
    file.verify()
    again = dict(read_shard(path))["a"]
    assert again.dtype == dtype
    assert torch.equal(again.float(), tensor.float())


def test_a_type_that_torch_lacks_is_named(tmp_path):
    """In one line, not as a KeyError."""
    header = b'{"a":{"dtype":"F8_E8M0","shape":[2],"data_offsets":[0,2]}}'
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(ValueError, match="'a' is of the type F8_E8M0"):
        Weights(tmp_path)
