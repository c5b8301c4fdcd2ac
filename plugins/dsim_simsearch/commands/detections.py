"""``dsim roi train``, ``detect``, ``export`` and ``apply``: from marks to detections and their files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.errors import UsageError
from dsim.ui import completion, options
from dsim_simsearch.commands import arguments

if TYPE_CHECKING:
    from dsim_simsearch.detection import Detections
    from dsim_simsearch.session.session import Session

#: Rows of the table of images.
_ROWS = 12

formats = click.option(
    "--format",
    "formats",
    cls=options.SeveralValues,
    metavar="FORMAT...",
    help="Of geojson (QuPath), coco, fiji, csv, napari. Default: all.",
)
semantic = click.option("--semantic", is_flag=True, help="Also the class of each pixel, as PNG.")
jobs = click.option(
    "--jobs", type=int, default=1, show_default=True, help="Images that are searched side by side; -1: all cores."
)


@click.command(short_help="Train a detector on what is marked.")
@arguments.session
@click.option(
    "--preset",
    type=click.Choice(["quick", "paper"]),
    default="quick",
    show_default=True,
    help="quick: minutes on two cores; paper: as published.",
)
@click.option(
    "--strategy",
    type=click.Choice(["pos", "pos+neg", "pos+selflearn", "all"]),
    default="all",
    show_default=True,
    help="Without flagged candidates (neg), without images that are not displayed (selflearn).",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed of the training. Default: that of the session.")
@options.device
@options.offline
@options.as_json
def train(
    session: str,
    images: str | None,
    preset: str,
    strategy: str,
    seed: int | None,
    device: str,
    offline: bool,
    as_json: bool,
) -> None:
    """Train a detector: on candidates above the thresholds without those that are flagged, and on background.

    A training that was interrupted goes on when the same command is given again.
    """
    from dsim.ui import make_runtime, print_behind
    from dsim_simsearch.commands.show import print_state
    from dsim_simsearch.training_settings import TrainingSettings

    with arguments.open_session(session, images, make_runtime(device, offline)) as opened:
        opened.train(TrainingSettings.preset(preset, strategy), seed)
        if not as_json:
            print_behind("", _trained(opened))
        print_state(opened, as_json)


def _trained(opened: Session) -> str:
    """Return a sentence on the patches and seconds of each step of a training."""
    steps = opened.model.open(opened.runtime).training["steps"]
    parts = [f"{name} on {step['patches']} patches in {step['seconds']:.0f} s" for name, step in steps.items()]
    return f"Trained: {', '.join(parts)}."


@click.command(short_help="Detect objects in all images of a session.")
@arguments.session
@click.option(
    "--confidence",
    "confidences",
    cls=options.SeveralValues,
    metavar="[NAME=]X...",
    help="Set the least confidence of detections: of one class, or of all.",
)
@jobs
@options.device
@options.offline
@options.wide
@options.as_json
def detect(
    session: str,
    images: str | None,
    confidences: Sequence[str],
    jobs: int,
    device: str,
    offline: bool,
    as_json: bool,
) -> None:
    """Count the detections of each class in all images of SESSION, displayed or not.

    Confidences are remembered, and can be changed without another search: images that were searched are looked up.
    """
    from dsim.ui import emit_json, make_runtime
    from dsim_simsearch.session.export import to_dict

    runtime = make_runtime(device, offline)
    # Detecting alone writes nothing but caches.
    with arguments.open_session(session, images, runtime, writing=bool(confidences)) as opened:
        for name, value in _parse_confidences(confidences, opened.state.labels):
            opened.set_confidence(name, value)
        _note_changes(opened)
        found = opened.detect(jobs)
        if as_json:
            return emit_json(to_dict(found, opened.facts))
        print_detections(found)
        print(f"Next: dsim roi export {opened.path} --out detections")
    return None


def _parse_confidences(texts: Sequence[str], labels: Sequence[str]) -> list[tuple[str, float]]:
    """(class, value) of each ``NAME=X``; of all classes for ``X`` alone. Raises UsageError for anything else.

    >>> _parse_confidences(["0.5", "egg=0.7"], ["disc", "egg"])
    [('disc', 0.5), ('egg', 0.5), ('egg', 0.7)]
    """
    found = []
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            raise UsageError(f"--confidence {text!r} is no number", hint="give X, or NAME=X") from None
        found += [(one, value) for one in ([name] if name else labels)]
    return found


def _note_changes(opened: Session) -> None:
    state = opened.state
    if state.trained is not None and not state.is_trained:
        opened.runtime.progress.note("the session was changed since it was trained; these are the detections of before")


def print_detections(found: Detections) -> None:
    """Print how many detections there are, and counts by class and image."""
    from dsim.ui import print_behind, print_table

    images = found.counts
    totals = {name: sum(counts[name] for counts in images.values()) for name in found.classes}
    listed = ", ".join(f"{count:,} {name}" for name, count in totals.items())
    print_behind("", f"{sum(totals.values()):,} detections in {len(images):,} images: {listed}.")
    rows = [[image, *(str(counts[name]) for name in found.classes)] for image, counts in images.items()]
    title = f"the first {_ROWS} of {len(rows):,} images" if len(rows) > _ROWS else ""
    print_table(title, ["image", *found.classes], rows[:_ROWS], right=found.classes, whole=["image"])


@click.command(short_help="Write detections for other tools.")
@arguments.session
@options.out_folder(required=True, help="Folder of the files.")
@formats
@semantic
@jobs
@options.device
@options.offline
def export(
    session: str,
    images: str | None,
    out: Path,
    formats: Sequence[str],
    semantic: bool,
    jobs: int,
    device: str,
    offline: bool,
) -> None:
    """Write the detections of SESSION as QuPath GeoJSON, COCO, Fiji ROIs, CSV and napari points, with counts.csv."""
    from dsim.ui import make_runtime, say_written

    with arguments.open_session(session, images, make_runtime(device, offline), writing=False) as opened:
        _note_changes(opened)
        say_written(_short(out, opened.export(out, formats, semantic=semantic, jobs=jobs)))


@click.command(short_help="Detect objects in other images.")
@click.argument("session", metavar="SESSION")
@click.argument("images", shell_complete=completion.datasets)
@options.out_folder(required=True, help="Folder of the files.")
@jobs
@formats
@semantic
@options.device
@options.offline
@options.skip_unreadable
@options.wide
@options.as_json
def apply(
    session: str,
    images: str,
    out: Path,
    jobs: int,
    formats: Sequence[str],
    semantic: bool,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Detect objects in IMAGES by the detector of SESSION, whose own images are not needed.

    The same command again goes on where it was interrupted. IMAGES is a folder, an image file, a .csv, .npz or .h5
    file, or phantoms:NAME.
    """
    from dsim.plugin import open_dataset
    from dsim.ui import emit_json, make_runtime, say_written
    from dsim_simsearch.session.application import TrainedSession, detection_facts
    from dsim_simsearch.session.export import to_dict

    trained = TrainedSession(session)
    dataset = open_dataset(images, skip_unreadable=skip_unreadable)
    runtime = make_runtime(device, offline)
    found, paths = trained.apply(dataset, out, runtime, jobs=jobs, formats=formats, semantic=semantic)
    if as_json:
        return emit_json(to_dict(found, detection_facts(trained.path, trained.state, dataset)))
    print_detections(found)
    return say_written(_short(out, paths))


def _short(out: Path, paths: Sequence[Path]) -> list[str]:
    """Files of the folder, and its folders: a name for each, not for each image."""
    names = dict.fromkeys(path.relative_to(out).parts[0] for path in paths)
    return [str(out / name) for name in names]
