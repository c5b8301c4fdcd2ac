"""The checks of the installation, in order; a check that fails itself is a finding and does not stop the others."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dsim.doctor.versions import Finding, Status, libraries, optional
from dsim.errors import DsimError, WeightsError
from dsim.files.shipped import shipped
from dsim.registry import OWN, MeasureSpec, default
from dsim.runtime import Runtime, cores, default_cache
from dsim.store.maintenance import format_size, usage, verify

#: Bytes of free memory below which a note is given: torch with a small network takes about as much.
LITTLE_MEMORY = 10**9


def device() -> Iterator[Finding]:
    """Yield the device that ``--device auto`` takes; an NVIDIA driver that torch cannot use is a note."""
    import torch

    chosen = Runtime().resolved_device()
    if chosen == "cuda":
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            yield Finding("device", Status.OK, f"cuda:{number}: {card.name}, {format_size(card.total_memory)}")
    elif chosen == "cpu" and shutil.which("nvidia-smi"):
        text = f"cpu, though there is an NVIDIA driver: torch {torch.__version__} cannot use it"
        yield Finding("device", Status.NOTE, text, "install a torch that is built for this driver's CUDA")
    else:
        yield Finding("device", Status.OK, f"{chosen}, {cores()} cores")


def memory() -> Iterator[Finding]:
    """Yield total and free memory, where the system reports them."""
    total, free = _total(), _free()
    if total is None:
        return
    text = f"{format_size(total)}" if free is None else f"{format_size(free)} free of {format_size(total)}"
    if free is not None and free < LITTLE_MEMORY:
        yield Finding("memory", Status.NOTE, text, "end other work first, and leave --jobs at 1")
    else:
        yield Finding("memory", Status.OK, text)


def _total() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _free() -> int | None:
    """Return the bytes available without swapping, as Linux reports them; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


#: Seconds to wait for a host.
_TIMEOUT = 5.0


def network() -> Iterator[Finding]:
    """Yield whether the host of timm's weights answers."""
    from huggingface_hub import constants, get_session

    try:
        get_session().head(constants.ENDPOINT, timeout=_TIMEOUT)
    except Exception as error:
        text = f"{constants.ENDPOINT} cannot be reached: {type(error).__name__}"
        yield Finding(
            "network", Status.NOTE, text, "shipped weights need no network; for others: docs/howto/offline.md"
        )
    else:
        yield Finding("network", Status.OK, f"{constants.ENDPOINT} answers")


#: Contents of the shipped folders.
_SHIPPED_FOLDERS = {
    "zoo": "models",
    "truth": "truths",
    "distances": "published distances",
    "schema": "schemas of documents",
}


def shipped_files() -> Iterator[Finding]:
    """Yield whether the folders that are shipped with the code are there."""
    empty = [name for name in _SHIPPED_FOLDERS if not _holds_something(name)]
    for name in empty:
        text = f"the shipped {_SHIPPED_FOLDERS[name]} are not at {shipped(name)}"
        yield Finding("files", Status.BROKEN, text, "the installation is damaged: install dsim again")
    if not empty:
        yield Finding("files", Status.OK, f"{', '.join(_SHIPPED_FOLDERS.values())} are at hand")


def _holds_something(name: str) -> bool:
    folder = shipped(name)
    return folder.is_dir() and any(folder.iterdir())


def plugins() -> Iterator[Finding]:
    """Yield the plugins in use, and for each broken one the phase, the cause and a fix."""
    registry = default()
    strange = [f"{one.name} ({one.dist} {one.version})" for one in registry.plugins.values() if one.dist != OWN]
    built_in = len(registry.plugins) - len(strange)
    text = f"{built_in} built in; {', '.join(strange) or 'no others'}; {len(registry.measures)} measures"
    yield Finding("plugins", Status.OK, text)
    for failure in registry.failures:
        text = f"{failure.name} ({failure.dist} {failure.version}) is not in use: {failure.phase}: {failure.error}"
        yield Finding("plugins", Status.BROKEN, text, failure.hint or "report it to its authors, or remove it")


#: Bytes of cache up to which every file is checked against its checksum; more would take too long.
CHECKED = 300 * 10**6
#: Bytes of free disk below which a note is given.
LITTLE_DISK = 10**9


def cache() -> Iterator[Finding]:
    """Yield place, size and soundness of the default cache."""
    root = default_cache()
    fault = _not_writable(root)
    if fault:
        text = f"{root} cannot be written: {fault}"
        yield Finding("cache", Status.BROKEN, text, "set DSIM_CACHE to a folder that you may write to")
        return
    held = usage(root)
    size = sum(found.bytes for found in held)
    chosen = " ($DSIM_CACHE)" if os.environ.get("DSIM_CACHE") else ""
    yield Finding(
        "cache", Status.OK, f"{root}{chosen}: {sum(found.count for found in held)} files, {format_size(size)}"
    )
    yield from _soundness(root, size)
    yield from _room(root)


def _not_writable(root: Path) -> str:
    """Return why the folder cannot be written, or "" if it can; a folder made for the test is removed again."""
    made = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=root, prefix=".doctor-"):
            pass
        if made:
            root.rmdir()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _soundness(root: Path, size: int) -> Iterator[Finding]:
    if size > CHECKED:
        text = f"its files were not checked: they are more than {format_size(CHECKED)}"
        yield Finding("cache", Status.NOTE, text, "dsim cache verify checks them all")
        return
    corrupt = verify(root)
    for item, reason in corrupt:
        text = f"{item.path} is corrupt: {reason}"
        yield Finding("cache", Status.BROKEN, text, "remove it; it is computed again when next needed")
    if size and not corrupt:
        yield Finding("cache", Status.OK, "every file is what was written")


def _room(root: Path) -> Iterator[Finding]:
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < LITTLE_DISK:
        text = f"{format_size(free)} of disk are free"
        yield Finding("cache", Status.NOTE, text, "dsim cache prune --max-size 1GB; or set DSIM_CACHE to another disk")


#: Kinds of extractors that need no weights from elsewhere.
_NEEDS_NO_WEIGHTS = ("zoo", "pixels")
_ELSEWHERE = "it is downloaded on first use; without network: --weights FILE, or docs/howto/offline.md"


def zoo() -> Iterator[Finding]:
    """Yield whether each model's weights match its manifest. (``dsim zoo verify`` also runs the probe.)"""
    from dsim.zoo import models

    try:
        known = models()
    except DsimError as error:
        yield Finding("zoo", Status.BROKEN, error.message, error.hint or "install dsim again")
        return
    sound = 0
    for model in known:
        try:
            model.verify()
        except DsimError as error:
            yield Finding("zoo", Status.BROKEN, error.message, error.hint or "install dsim again")
        else:
            sound += 1
    yield Finding("zoo", Status.OK, f"{sound} models with the weights that their manifests promise")


def preset_weights() -> Iterator[Finding]:
    """Yield the networks of defaults and presets that are not shipped: present, or to be downloaded."""
    from dsim.features import prepare

    at_hand = []
    for reference, users in named(default().measures.values()).items():
        for_whom = f"for {', '.join(users)}"
        try:
            prepare(reference, Runtime(offline=True))
        except WeightsError:
            yield Finding("weights", Status.NOTE, f"{reference} is not on this machine; {for_whom}", _ELSEWHERE)
        except DsimError as error:
            yield Finding("weights", Status.BROKEN, f"{error.message} ({reference}; {for_whom})", error.hint or "")
        else:
            at_hand.append(reference)
    if at_hand:
        yield Finding("weights", Status.OK, f"on this machine: {', '.join(at_hand)}")


def named(specs: Iterable[MeasureSpec]) -> dict[str, list[str]]:
    """Return the references of networks whose weights are not shipped, each with the calls that name it."""
    found: dict[str, list[str]] = {}
    for spec in specs:
        networks = [parameter for parameter in spec.parameters if parameter.type == "extractor"]
        calls = {spec.name: {parameter.name: parameter.default for parameter in networks}}
        calls |= {f"{spec.name}:preset={preset}": dict(values) for preset, values in spec.presets.items()}
        for call, values in calls.items():
            for parameter in networks:
                reference = str(values.get(parameter.name, ""))
                if reference and reference.partition(":")[0] not in _NEEDS_NO_WEIGHTS:
                    found.setdefault(reference, []).append(call)
    return found


Examination = Callable[[], Iterator[Finding]]


def examinations(online: bool) -> dict[str, Examination]:
    """Return the checks by topic, in order of dependence."""
    found: dict[str, Examination] = {
        "versions": libraries,
        "files": shipped_files,
        "device": device,
        "memory": memory,
        "cache": cache,
        "plugins": plugins,
        "zoo": zoo,
        "weights": preset_weights,
        "optional": optional,
    }
    return {**found, "network": network} if online else found


def examine(*, online: bool = False) -> Iterator[Finding]:
    """Yield findings one by one; no error is raised, and without ``online`` no network is used."""
    for topic, look in examinations(online).items():
        try:
            yield from look()
        except Exception as error:
            text = f"could not be checked: {type(error).__name__}: {error}"
            yield Finding(topic, Status.BROKEN, text, "install dsim again; if that does not help, report this line")
