"""Commands that pages show: found in their blocks, run in a folder of small datasets, compared with the output shown.

    python tests/pages/page_commands.py docs/tutorial.md    # shows the output and the pictures of now

A block ``console`` holds commands after ``$ `` and, below each, what it prints, if that is shown; ``bash`` and ``sh``
hold commands alone. In shown output ``...`` stands for anything: alone on a line for any lines, within a line for any
text. Numbers may differ by 2 %, since processors round differently. A picture ``images/PAGE/FILE`` is the file that the
page's commands wrote.
"""

from __future__ import annotations

import io
import math
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from not_run import reason

ROOT = Path(__file__).parents[2]
NUMBERS_DIFFER = 0.02
_NUMBER = r"(?<![\w.])\d+(?:\.\d+)?(?!\w|\.\d)"
_BLOCK = re.compile(r"^```(bash|sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: The datasets that pages talk about: a folder, and the phantom that it holds here.
CAST = {
    "annotated/nuclei": "fluorescence",
    "annotated/fundus": "fundus",
    "annotated/chest": "xray",
    "mine": "fluorescence-dim",
    "my/images": "fluorescence-dim",
    "data/nuclei": "fluorescence",
    "data/skin": "dermoscopy",
    "data/polyps": "endoscopy",
    "liver": "ultrasound",
    "kidney": "histology",
    "spleen": "relief",
    "scans/liver": "ultrasound",
    "A": "xray",
    "B": "fundus",
    "C": "histology",
    "MINE": "fluorescence-dim",
}
#: Those that are images alone, without masks and labels.
BARE = ("mine", "my/images", "MINE")


@dataclass(frozen=True)
class Command:
    """A command of a page, the output that is shown for it ("" for none), and where that stands in the page's text."""

    text: str
    shown: str
    span: tuple[int, int]


def commands(text: str) -> list[Command]:
    """The commands of a page, in order."""
    return [command for block in _BLOCK.finditer(text) for command in _of_block(block)]


def _of_block(block: re.Match[str]) -> Iterator[Command]:
    if block[1] != "console":
        for line in block[2].replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield Command(line.strip(), "", (0, 0))
        return
    starts = [found.start() for found in re.finditer(r"^\$ ", block[2], re.MULTILINE)]
    for start, end in zip(starts, [*starts[1:], len(block[2])], strict=True):
        found = re.match(r"\$ ((?:.*\\\n)*.*)\n", block[2][start:end])
        assert found, block[0]
        shown = block[2][start + found.end() : end]
        offset = block.start(2)
        yield Command(found[1].replace("\\\n", " "), shown, (offset + start + found.end(), offset + end))


def lay_down(folder: Path, count: int = 8, size: int = 32) -> None:
    """Write the files that pages talk about."""
    import nibabel
    import numpy as np
    from PIL import Image

    from dsim.data.phantoms import open_phantom

    (folder / "scans" / "ct").mkdir(parents=True)
    for patient in (1, 2):
        voxels = np.random.default_rng(patient).integers(-1000, 1000, (32, 32, 12), dtype=np.int16)
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), folder / "scans" / "ct" / f"patient{patient}.nii")
    truth = re.search(r"```csv\n(.*?)```", (ROOT / "docs" / "truth.md").read_text("utf-8"), re.DOTALL)
    (folder / "my-truth.csv").write_text(truth[1] if truth else "")
    for place, phantom in CAST.items():
        data = open_phantom(phantom, count=count, size=size)
        below = folder / place if place in BARE else folder / place / "images"
        below.mkdir(parents=True)
        for index, name in enumerate(data.ids):
            Image.fromarray(data.native(index).squeeze()).save(below / f"{name}.png")
        if place not in BARE:
            (folder / place / "masks").mkdir()
            for index, name in enumerate(data.ids):
                Image.fromarray(data.mask(index).astype("uint8")).save(folder / place / "masks" / f"{name}.png")


def run(command: str, folder: Path) -> tuple[int, str]:
    """Run one command of dsim in a folder, in this process; its exit code, and what it prints on both streams.

    The terminal has 80 columns, as that of most readers.
    """
    from dsim.cli.main import run as run_dsim

    words = [found for word in shlex.split(command, comments=True) for found in _expanded(word, folder)]
    assert words[0] == "dsim", command
    printed = io.StringIO()
    os.environ["COLUMNS"] = "80"
    with chdir(folder), redirect_stdout(printed), redirect_stderr(printed):
        code = run_dsim(words[1:])
    return code, "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


def _expanded(word: str, folder: Path) -> Sequence[str]:
    """What the shell makes of ``annotated/*``."""
    return sorted(glob(word, root_dir=folder)) or [word] if "*" in word else [word]


def matches(shown: str, printed: str) -> bool:
    """Whether the output is as it is shown.

    >>> matches("a\\n...\\nlast ... seconds\\n", "a\\nb\\nc\\nlast 3.2 seconds\\n")
    True
    >>> matches("a\\n", "a\\nb\\n"), matches("0.301 of 12\\n", "0.302 of 12\\n"), matches("0.3\\n", "0.4\\n")
    (False, True, False)
    """
    shown, printed = (re.sub(r"([ ━─])\1+", r"\1", text) for text in (shown, printed))  # widths of tables
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else f"{_pattern(line.rstrip())}\n" for line in shown.splitlines())
    found = re.fullmatch(pattern, printed)
    numbers = re.findall(_NUMBER, shown)
    return found is not None and all(
        math.isclose(float(first), float(second), rel_tol=NUMBERS_DIFFER)
        for first, second in zip(numbers, found.groups(), strict=True)
    )


def _pattern(line: str) -> str:
    """A regular expression of a line, with a group for each of its numbers."""
    texts = [re.escape(text).replace(r"\.\.\.", ".*") for text in re.split(_NUMBER, line)]
    return r"(\d+(?:\.\d+)?)".join(texts)


def pictures(page: Path) -> list[Path]:
    """The pictures of a page that its commands write."""
    links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text("utf-8"))
    return [path for link in links if (path := page.parent / link).is_relative_to(_images(page))]


def _images(page: Path) -> Path:
    return page.parent / "images" / page.stem


def keep(picture: Path, place: Path) -> None:
    """Copy a picture, in 256 colours: repositories and readers bear small files better."""
    from PIL import Image

    place.parent.mkdir(parents=True, exist_ok=True)
    Image.open(picture).convert("RGB").quantize(256).save(place, optimize=True)


def filled(text: str, folder: Path) -> str:
    """The page with the output of now wherever the one shown differs."""
    parts, end = [], 0
    for command in commands(text):
        if reason(command.text) is not None:
            continue
        _, printed = run(command.text, folder)
        if command.shown and not matches(command.shown, printed):
            parts += [text[end : command.span[0]], printed]
            end = command.span[1]
    return "".join([*parts, text[end:]])


if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as place:
            os.environ["DSIM_CACHE"] = f"{place}/cache"
            lay_down(Path(place))
            Path(name).write_text(filled(Path(name).read_text("utf-8"), Path(place)), "utf-8")
            for picture in pictures(Path(name)):
                keep(Path(place, picture.relative_to(_images(Path(name)))), picture)
