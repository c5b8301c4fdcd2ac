"""Promise: a disk that is full never takes the process with it; what was refused is still read back, and told."""

from __future__ import annotations

import errno
import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsim.files.deferred_errors import DeferringFile


class _FullDisk(io.FileIO):
    """Takes ``room`` bytes and refuses the rest, as a full disk does."""

    room = 1000

    def write(self, data):
        free = self.room - self.tell()
        if free <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(memoryview(data)[:free])


@pytest.fixture
def full(tmp_path: Path) -> DeferringFile:
    file = DeferringFile(tmp_path / "file")
    file._file.close()
    file._file = _FullDisk(tmp_path / "file", "w+")
    return file


def test_what_the_disk_takes_is_on_the_disk(tmp_path):
    with DeferringFile(tmp_path / "file") as file:
        file.write(b"abc")
        file.seek(5)
        file.write(b"de")
        file.seek(0)
        assert file.read() == b"abc\0\0de"
        file.check()
    assert (tmp_path / "file").read_bytes() == b"abc\0\0de"


def test_what_the_disk_refuses_is_read_back_and_its_error_raised_when_asked_for(full):
    content = bytes(range(256)) * 8
    full.write(content)
    full.seek(990)
    full.write(b"later")
    full.seek(0)
    assert full.read() == content[:990] + b"later" + content[995:]
    with pytest.raises(OSError, match="No space left"):
        full.check()


def test_hdf5_closes_on_a_full_disk(full):
    with h5py.File(full, "w") as file:
        file["rows"] = np.arange(10_000)
        file["more"] = "text"
        assert file["rows"][9_999] == 9_999
    with pytest.raises(OSError, match="No space left"):
        full.check()
