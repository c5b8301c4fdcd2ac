"""The content store: whole records or none, verified, safe with several processes and on bad disks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsim.errors import StoreError
from dsim.files.documents import canonical_json, digest
from dsim.store import ContentStore

KEY = {"images": "abc", "layer": None, "size": 3}
ARRAYS = {"features": np.arange(12, dtype=np.float32).reshape(4, 3), "n": np.array(4), "none": np.zeros((0, 3))}
ATTRIBUTES = {"ids": ["ä", "b"], "nested": {"x": 1.5}}


def run_python(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, notes: list[str]) -> ContentStore:
    return ContentStore(tmp_path / "cache", notes.append)


def files(store: ContentStore) -> list[Path]:
    return [path for path in store.root.rglob("*") if path.is_file()]


def test_a_record_comes_back_as_it_was_put(store: ContentStore) -> None:
    assert store.get("features", KEY) is None
    store.put("features", KEY, ARRAYS, ATTRIBUTES)
    record = store.get("features", dict(reversed(KEY.items())))
    assert record is not None
    assert record.attributes == ATTRIBUTES
    assert record.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert record.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(record.arrays[name], array)


def test_kinds_and_keys_do_not_mix(store: ContentStore) -> None:
    store.put("features", KEY, ARRAYS, {})
    assert store.get("summaries", KEY) is None
    assert store.get("features", {**KEY, "size": 4}) is None


def test_the_layout_is_one_file_per_key_named_by_its_digest(store: ContentStore) -> None:
    store.put("features", KEY, ARRAYS, {})
    name = digest(KEY)
    assert files(store) == [store.root / "features" / name[:2] / f"{name}.h5"]
    with h5py.File(files(store)[0], locking=False) as file:
        assert json.loads(file["key"].asstr()[()]) == KEY


def test_the_digest_is_frozen() -> None:
    """A changed digest would orphan every cache in the world."""
    assert canonical_json(KEY) == '{"images":"abc","layer":null,"size":3}'
    assert digest(KEY) == "63df49c58b22e5e05213ac469db1fbb052fb571579199aa263ed3c796e7752f3"


def test_non_contiguous_and_big_endian_arrays_are_kept(store: ContentStore) -> None:
    arrays = {"t": np.arange(6.0).reshape(2, 3).T, "big": np.arange(3, dtype=">i4"), "flag": np.array([True, False])}
    store.put("summaries", KEY, arrays, {})
    record = store.get("summaries", KEY)
    assert record is not None
    for name, array in arrays.items():
        np.testing.assert_array_equal(record.arrays[name], array)


def test_texts_as_arrays_are_refused_and_leave_nothing(store: ContentStore) -> None:
    with pytest.raises(StoreError, match=r"array 'labels' has dtype <U1, and only numbers"):
        store.put("summaries", KEY, {"labels": np.array(["a"])}, {})
    assert files(store) == []


def test_many_ids_exceed_the_attribute_limit_of_hdf5_and_are_kept(store: ContentStore) -> None:
    ids = [f"sample-{index:09d}" for index in range(10_000)]
    store.put("features", KEY, {}, {"ids": ids})
    record = store.get("features", KEY)
    assert record is not None
    assert record.attributes["ids"] == ids


def test_a_streamed_record_equals_one_put_whole(store: ContentStore) -> None:
    features = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    with store.writer("features", KEY, ATTRIBUTES) as writer:
        for start in range(0, 10, 4):
            writer.append("features", features[start : start + 4])
    record = store.get("features", KEY)
    assert record is not None
    np.testing.assert_array_equal(record.arrays["features"], features)
    assert record.attributes == ATTRIBUTES


def test_an_error_while_writing_leaves_nothing_and_passes_through(store: ContentStore) -> None:
    def fail() -> None:
        with store.writer("features", KEY, {}) as writer:
            writer.append("features", np.zeros((2, 2)))
            raise OSError("the image went away")

    with pytest.raises(OSError, match="the image went away"):
        fail()
    assert files(store) == []


def test_a_killed_writer_leaves_only_a_part_that_is_never_read(store: ContentStore, tmp_path: Path) -> None:
    code = """
        import os, sys
        from pathlib import Path
        import numpy as np
        from dsim.store.content import ContentStore
        with ContentStore(Path(sys.argv[1])).writer("features", {"k": 1}, {}) as writer:
            writer.append("features", np.zeros((1000, 100)))
            os._exit(9)
    """
    assert run_python(code, store.root).returncode == 9
    assert [path.suffix for path in files(store)] == [".part"]
    assert store.get("features", {"k": 1}) is None


def damage(path: Path, how: str) -> None:
    content = bytearray(path.read_bytes())
    if how == "truncated":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = bytearray()
    elif how == "text":
        content = bytearray(b"not HDF5 at all")
    elif how == "flipped":
        position = content.index(np.float32(11).tobytes())
        content[position] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["truncated", "empty", "text", "flipped"])
def test_a_corrupt_file_is_quarantined_and_a_miss(store: ContentStore, notes: list[str], how: str) -> None:
    store.put("features", KEY, ARRAYS, {})
    path = store.path("features", KEY)
    damage(path, how)
    assert store.get("features", KEY) is None
    assert not path.exists()
    assert [found.parent.name for found in files(store)] == ["quarantine"]
    assert len(notes) == 1
    assert str(path) in notes[0]
    assert "corrupt" in notes[0]
    store.put("features", KEY, ARRAYS, {})
    assert store.get("features", KEY) is not None


@pytest.mark.parametrize("where", ["attributes", "arrays/n"])
def test_an_altered_attribute_or_a_missing_array_is_noticed(store: ContentStore, where: str) -> None:
    store.put("features", KEY, ARRAYS, ATTRIBUTES)
    with h5py.File(store.path("features", KEY), "r+", locking=False) as file:
        del file[where]
        if where == "attributes":
            file[where] = "{}"
    assert store.get("features", KEY) is None


def test_a_record_of_another_key_is_not_taken(store: ContentStore) -> None:
    store.put("features", KEY, ARRAYS, {})
    other = {**KEY, "size": 4}
    store.path("features", other).parent.mkdir(parents=True, exist_ok=True)
    os.rename(store.path("features", KEY), store.path("features", other))
    assert store.get("features", other) is None


def test_an_unwritable_store_is_an_error_that_names_path_and_fix(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("in the way")
    store = ContentStore(blocker / "cache")
    with pytest.raises(StoreError) as caught:
        store.put("features", KEY, ARRAYS, {})
    assert str(blocker) in caught.value.message
    assert "DSIM_CACHE" in str(caught.value.hint)


def test_try_put_only_notes_what_put_refuses(tmp_path: Path, notes: list[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert not ContentStore(tmp_path / "file" / "cache", notes.append).try_put("features", KEY, ARRAYS, {})
    assert "not kept in the cache" in notes[0]
    assert ContentStore(tmp_path / "cache", notes.append).try_put("features", KEY, ARRAYS, {})


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX resource limits")
def test_a_full_disk_is_an_error_and_leaves_nothing(store: ContentStore) -> None:
    code = """
        import resource, sys
        from pathlib import Path
        import numpy as np
        from dsim.errors import StoreError
        from dsim.store.content import ContentStore
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        store = ContentStore(Path(sys.argv[1]))
        for attempt in range(2):
            try:
                store.put("features", {"k": 1}, {"features": np.ones((1000, 1000))}, {})
            except StoreError as error:
                print(error)
        store.put("features", {"k": 2}, {"features": np.ones(10)}, {})
    """
    done = run_python(code, store.root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("cannot write") == 2
    assert done.stdout.count("free some space") == 2
    assert files(store) == [store.path("features", {"k": 2})]


def test_processes_may_hammer_one_store(store: ContentStore) -> None:
    """Several processes write and read the same keys; every read is a miss or the right record, at the end all are."""
    code = """
        import sys
        from pathlib import Path
        import numpy as np
        from dsim.store.content import ContentStore
        def fail(text): raise SystemExit(text)
        store = ContentStore(Path(sys.argv[1]), fail)
        for turn in range(30):
            k = (turn * int(sys.argv[2])) % 7
            record = store.get("features", {"k": k})
            if record is not None and not (record.arrays["x"] == k).all():
                fail("a wrong record")
            store.put("features", {"k": k}, {"x": np.full(2000, k)}, {})
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(store.root)]
    running = [subprocess.Popen([*command, str(step)], stderr=subprocess.PIPE) for step in (1, 2, 3, 4)]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    assert len(files(store)) == 7
    for k in range(7):
        record = store.get("features", {"k": k})
        assert record is not None
        assert (record.arrays["x"] == k).all()


def test_a_file_that_a_reader_holds_open_may_be_replaced(store: ContentStore) -> None:
    store.put("features", KEY, ARRAYS, {})
    with h5py.File(store.path("features", KEY), locking=False) as held:
        store.put("features", KEY, ARRAYS, {})
        np.testing.assert_array_equal(held["arrays/features"][()], ARRAYS["features"])


@pytest.mark.parametrize("kind", ["quarantine", "../x", "", "A"])
def test_a_kind_that_is_no_folder_name_is_refused(store: ContentStore, kind: str) -> None:
    with pytest.raises(ValueError, match="not a kind of record"):
        store.put(kind, KEY, {}, {})
