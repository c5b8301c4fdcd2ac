"""Sources of weights: a given file, the caches of Hugging Face and torch, and only then a download."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DsimError, WeightsError
from dsim.files import file_sha256, replacing

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim.store import JsonStore

#: Seconds to wait for a host before saying that it cannot be reached.
_TIMEOUT = 10.0


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights at hand."""

    path: Path
    sha256: str


def memory(runtime: Runtime) -> JsonStore:
    """Return the store of small facts about files and libraries that are costly to find out again."""
    from dsim.store import JsonStore

    return JsonStore(runtime.cache / "known.sqlite", runtime.progress.note)


def given(path: Path, runtime: Runtime) -> WeightsFile:
    """Return the file that the user names; raises WeightsError where it is missing."""
    if not path.is_file():
        raise WeightsError(f"weights file {path} does not exist", hint="give the path of a .safetensors or .pth file")
    return WeightsFile(path, sha256_of(path, runtime))


def from_hub(wanted_by: str, repository: str, names: Sequence[str], runtime: Runtime) -> WeightsFile:
    """Return the first of these files of a Hugging Face repository: from its cache, else downloaded.

    Raises WeightsError where it cannot be reached.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    repo_id, _, revision = repository.partition("@")
    for name in names:
        cached = try_to_load_from_cache(repo_id, name, revision=revision or None)
        if isinstance(cached, str):
            return WeightsFile(Path(cached), sha256_of(Path(cached), runtime))
    reason = "offline"
    if not (runtime.offline or constants.HF_HUB_OFFLINE):
        try:
            path = _download_from_hub(repo_id, names, revision or None)
            return WeightsFile(path, sha256_of(path, runtime))
        except (OSError, DsimError) as error:
            reason = str(error)
    place = f"{repo_id}/{names[0]} in the Hugging Face cache ({constants.HF_HUB_CACHE})"
    raise _unreachable(wanted_by, place, reason)


def _download_from_hub(repo_id: str, names: Sequence[str], revision: str | None) -> Path:
    from huggingface_hub import get_session, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    try:
        # One attempt: the library itself would retry an unreachable host for half a minute.
        get_session().head(hf_hub_url(repo_id, names[0], revision=revision), timeout=_TIMEOUT)
    except Exception as error:
        raise WeightsError(str(error)) from error
    for name in names:
        try:
            return Path(hf_hub_download(repo_id, name, revision=revision))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            continue
    raise WeightsError(f"{repo_id} holds none of {', '.join(names)}")


def from_torch_hub(wanted_by: str, url: str, runtime: Runtime) -> WeightsFile:
    """Return the file of a torch hub address: from torch's cache, else downloaded and checked against its name.

    Raises WeightsError where it cannot be reached.
    """
    path = _torch_home() / "hub" / "checkpoints" / url.rpartition("/")[2]
    reason = "offline"
    if not path.is_file() and not runtime.offline:
        try:
            _download(url, path)
        except (OSError, DsimError) as error:
            reason = str(error)
    if not path.is_file():
        raise _unreachable(wanted_by, str(path), reason)
    return WeightsFile(path, sha256_of(path, runtime))


def _torch_home() -> Path:
    """torch's own rule, without importing it."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("TORCH_HOME") or Path(cache) / "torch").expanduser()


def _download(url: str, path: Path) -> None:
    import urllib.request

    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, replacing(path) as temporary:
        with open(temporary, "wb") as file:
            shutil.copyfileobj(response, file)
        # By torch's custom the name carries the beginning of the sha256: resnet18-f37072fd.pth.
        promised = re.search(r"-([0-9a-f]{8,})\.", path.name)
        if promised and not file_sha256(temporary).startswith(promised[1]):
            raise WeightsError(f"what came from {url} does not match the hash in its name")


def sha256_of(path: Path, runtime: Runtime) -> str:
    """Return the sha256 of a file; remembered as long as its path, size and time of change stay.

    Raises OSError where it cannot be read.
    """
    status = path.stat()
    key = json.dumps(["sha256", str(path.resolve()), status.st_size, status.st_mtime_ns])
    known = memory(runtime).get(key)
    if known is not None:
        return str(known["sha256"])
    sha256 = file_sha256(path)
    memory(runtime).put_many({key: {"sha256": sha256}})
    return sha256


def _unreachable(wanted_by: str, place: str, reason: str) -> WeightsError:
    return WeightsError(
        f"the weights of {wanted_by} cannot be reached: {reason}",
        hint=f"give them with --weights FILE, or put them at {place}, or use a zoo model (dsim zoo list)",
    )
