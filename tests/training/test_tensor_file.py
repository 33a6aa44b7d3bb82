"""Files of tensors: exact, aligned, and refused when damaged."""

import json
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from suimon.errors import CheckpointError
from suimon.training import tensor_file
from suimon.training.tensor_file import read_tensors, write_tensors


def tensors() -> dict[str, torch.Tensor]:
    tied = torch.randn(3, 5)
    return {
        "odd": torch.randn(7),  # so that what follows it in the file is not aligned
        "matrix": torch.randn(4, 9).T,
        "half": torch.randn(3).bfloat16(),
        "double": torch.tensor(torch.pi, dtype=torch.float64),
        "bytes": torch.arange(11, dtype=torch.uint8),
        "count": torch.tensor(2**40),
        "empty": torch.empty(0, 3),
        "tied": tied,
        "tied too": tied,
        "not a number": torch.tensor([torch.nan, torch.inf]),
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x.safetensors"
    write_tensors(path, tensors(), {"step": 3, "name": "水門"})
    return path


def test_everything_comes_back_bit_for_bit(file: Path, seed: int) -> None:
    torch.manual_seed(seed)  # the fixture drew the same numbers
    expected = tensors()
    found, header = read_tensors(file)
    assert header == {"step": 3, "name": "水門"}
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name].nan_to_num(7), tensor.nan_to_num(7)), name


def test_loaded_tensors_are_aligned_and_alone(file: Path) -> None:
    found, _ = read_tensors(file)
    for tensor in found.values():
        assert tensor.data_ptr() % 64 == 0
        assert tensor.untyped_storage().nbytes() == tensor.nbytes


def test_any_safetensors_reader_can_read_it(file: Path) -> None:
    assert load_file(file)["count"].item() == 2**40


@pytest.mark.parametrize("kept", [0, 5, 8, 60, -1])
def test_a_truncated_file_is_refused(file: Path, kept: int) -> None:
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"x\.safetensors is damaged .* restore it from a"):
        read_tensors(file)


def test_every_flipped_byte_is_noticed(file: Path) -> None:
    good = file.read_bytes()
    for place in range(0, len(good), 7):
        file.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        with pytest.raises(CheckpointError):
            read_tensors(file)


def test_a_renamed_tensor_is_noticed(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b'"tied too"', b'"tied two"'))
    with pytest.raises(CheckpointError, match="its contents do not match its checksum"):
        read_tensors(file)


def test_a_changed_header_is_noticed(file: Path) -> None:
    changed = file.read_bytes().replace(rb"\"step\": 3", rb"\"step\": 9")
    assert changed != file.read_bytes()
    file.write_bytes(changed)
    with pytest.raises(CheckpointError, match="its contents do not match its checksum"):
        read_tensors(file)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    with pytest.raises(CheckpointError, match="not written by suimon"):
        read_tensors(tmp_path / "a.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"model\.safetensors is missing: .* --resume"):
        read_tensors(tmp_path / "model.safetensors")


def test_a_newer_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.safetensors"
    with monkeypatch.context() as later:
        later.setattr(tensor_file, "FORMAT_VERSION", 9)
        write_tensors(path, {"a": torch.ones(1)}, {})
    with pytest.raises(CheckpointError, match=r"format version 9, .* up to 1: upgrade suimon"):
        read_tensors(path)


def test_a_lying_header_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    path.write_bytes(struct.pack("<Q", 2**40) + header + bytes(16))
    with pytest.raises(CheckpointError, match="is damaged"):
        read_tensors(path)
