"""Writing: the old file or the new one, on a full disk too."""

import errno
import os
import resource
from pathlib import Path

import pytest

from suimon.errors import CheckpointError
from suimon.training.atomic import append_line, write_atomically


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    write_atomically(file, b"old")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_left_over_of_a_kill_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".a.json.partial").write_bytes(b"half of someth")
    write_atomically(tmp_path / "a.json", b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_file_reaches_the_disk_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        kind = "directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"  # noqa: PTH112
        order.append(f"fsync {kind}")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        order.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    write_atomically(tmp_path / "a", b"x")
    assert order == ["fsync file", "rename", "fsync directory"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    file = tmp_path / "a"
    write_atomically(file, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(CheckpointError, match=r"cannot write .*a: No space left on device; what"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_write_cut_by_the_system_keeps_the_old_file(tmp_path: Path) -> None:
    """The kernel itself refuses here, in the middle of the data."""
    file = tmp_path / "a"
    write_atomically(file, b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(CheckpointError, match="File too large; what was there before is kept"):
            write_atomically(file, bytes(1_000_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_lines_are_added_at_the_end(tmp_path: Path) -> None:
    append_line(tmp_path / "log", "one")
    append_line(tmp_path / "log", "水門")
    assert (tmp_path / "log").read_text() == "one\n水門\n"


def test_a_line_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot write .*No such file or directory"):
        append_line(tmp_path / "missing" / "log", "one")
