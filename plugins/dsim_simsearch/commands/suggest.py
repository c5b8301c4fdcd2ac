"""``dsim roi suggest`` and ``flag``: look at candidates, and flag those that are wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.errors import UsageError
from dsim.ui import options
from dsim_simsearch.commands import arguments
from dsim_simsearch.session.checks import index_of

if TYPE_CHECKING:
    from dsim.annotations import Region
    from dsim_simsearch.commands.gallery import Crop
    from dsim_simsearch.session.session import Session

SCHEMA = "dsim.roi-candidates/1"
#: Rows of the table and crops of the picture, unless others are asked for.
_ROWS, _CROPS = 20, 100


@click.command(short_help="Show candidates of a class, the most similar first.")
@arguments.session
@click.option("--class", "label", metavar="NAME", help="The class.")
@click.option("--background", is_flag=True, help="Instead of a class: what would be taken for background.")
@click.option("--image", "only", metavar="ID", help="Only of this image; default: all displayed ones.")
@click.option("--rerank", is_flag=True, help="Let flags and other classes correct the similarity at once.")
@click.option("--below", type=float, metavar="X", help="Begin with candidates of at most this similarity.")
@click.option("--count", type=click.IntRange(min=1), default=_ROWS, show_default=True, help="Rows of the table.")
@options.out_file(help="Also a picture: crops sorted by similarity, a line at the threshold (.png, .jpg).")
@click.option("--crops", type=click.IntRange(min=1), default=_CROPS, show_default=True, help="Crops of the picture.")
@options.device
@options.offline
@options.wide
@options.as_json
def suggest(
    session: str,
    images: str | None,
    label: str | None,
    background: bool,
    only: str | None,
    rerank: bool,
    below: float | None,
    count: int,
    out: Path | None,
    crops: int,
    device: str,
    offline: bool,
    as_json: bool,
) -> None:
    """Show places that resemble the prototypes of a class, the most similar first.

    Choose a threshold below which most of them are wrong, and flag those above it that are wrong. With --background:
    places that would be taken for background; flag those that are none.
    """
    from dsim.ui import emit_json, make_runtime, say_written
    from dsim_simsearch.commands.gallery import draw_gallery

    if background == (label is not None):
        raise UsageError("give either --class NAME or --background", hint="dsim roi show lists the classes")
    with arguments.open_session(session, images, make_runtime(device, offline), writing=False) as opened:
        found, threshold = _background(opened, only) if label is None else _candidates(opened, label, only, rerank)
        shown = [crop for crop in found if below is None or crop.region.score <= below]
        what = "background" if label is None else label
        if out is not None:
            title = f"{what} in {opened.path.name}: {len(found)} by similarity"
            search = opened.engine.search(opened.state, opened.runtime)
            draw_gallery(out, search.images, shown[:crops], title, threshold)
        if as_json:
            return emit_json(_to_dict(opened, label, threshold, shown))
        _print(opened, label, found, shown[:count], threshold)
    if out is not None:
        say_written([out])
    return None


def _candidates(opened: Session, label: str, only: str | None, rerank: bool) -> tuple[list[Crop], float | None]:
    """The candidates of a class by falling similarity, and its threshold."""
    one = opened.state.class_of(label)
    found = opened.candidates(label, None if only is None else [only], rerank=rerank)
    regions = sorted((region for each in found for region in each.regions(label)), key=lambda region: -region.score)
    radius = opened.settings.radius(opened.state.patch or (0, 0))
    return _marked(regions, one.prototypes, one.flagged, radius), one.threshold


def _background(opened: Session, only: str | None) -> tuple[list[Crop], None]:
    if only is not None:
        index_of(only, opened.ids)
    regions = [region for region in opened.background() if only in (None, region.image)]
    radius = opened.settings.radius(opened.state.patch or (0, 0))
    return _marked(regions, (), opened.state.background_flags, radius), None


def _marked(
    regions: Sequence[Region], prototypes: Sequence[Region], flagged: Sequence[Region], radius: float
) -> list[Crop]:
    from dsim_simsearch.commands.gallery import Crop

    def near(region: Region, others: Sequence[Region]) -> bool:
        same = (other for other in others if other.image == region.image)
        return any(math.dist(region.centre, other.centre) <= radius for other in same)

    return [
        Crop(region, "flagged" if near(region, flagged) else "prototype" if near(region, prototypes) else "")
        for region in regions
    ]


def _print(
    opened: Session, label: str | None, crops: Sequence[Crop], shown: Sequence[Crop], threshold: float | None
) -> None:
    from dsim.ui import print_behind, print_table

    print_behind("", sentence(label, crops, threshold))
    rows = [
        [crop.region.image, *(f"{value:.1f}" for value in crop.region.centre), f"{crop.region.score:.3f}", crop.mark]
        for crop in shown
    ]
    numbers = ["x", "y", "similarity"]
    print_table("", ["image", *numbers, "mark"], rows, right=numbers, whole=["image"])
    if label is not None and threshold is None:
        print(f"Next: dsim roi threshold {opened.path} --class {label} VALUE")


def sentence(label: str | None, crops: Sequence[Crop], threshold: float | None) -> str:
    """Return how many candidates there are, in words."""
    places = len({crop.region.image for crop in crops})
    if label is None:
        return f"{len(crops)} places in {places} images would be background; flag those that are none."
    if threshold is None:
        return f"{len(crops)} candidates of {label} in {places} images, and no threshold yet."
    above = [crop for crop in crops if crop.region.score >= threshold]
    flagged = sum(crop.mark == "flagged" for crop in above)
    return (
        f"{len(above)} of {len(crops)} candidates of {label} are at or above {threshold:g}, {flagged} of them flagged."
    )


def _to_dict(opened: Session, label: str | None, threshold: float | None, crops: Sequence[Crop]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "session": str(opened.path),
        "rev": opened.rev,
        "class": label,
        "threshold": threshold,
        "candidates": [
            {"region": [crop.region.image, *crop.region[1:5]], "similarity": crop.region.score, "mark": crop.mark}
            for crop in crops
        ],
    }


@click.command(short_help="Flag candidates that are wrong.")
@arguments.session
@click.option("--class", "label", metavar="NAME", help="The class that they are not of.")
@click.option("--background", is_flag=True, help="Instead of a class: suggested background that is none.")
@click.option("--at", "places", cls=options.SeveralValues, required=True, metavar="IMAGE,X,Y...", help="Their places.")
@click.option("--remove", is_flag=True, help="Take these flags back.")
@options.device
@options.offline
@options.as_json
def flag(
    session: str,
    images: str | None,
    label: str | None,
    background: bool,
    places: Sequence[str],
    remove: bool,
    device: str,
    offline: bool,
    as_json: bool,
) -> None:
    """Flag the candidates at these places: they resemble the prototypes, but are not objects of the class.

    The nearest candidate is flagged; a place must lie within it. Flagged candidates are negatives of the training.
    """
    from dsim.ui import make_runtime
    from dsim_simsearch.commands.show import print_state

    if background == (label is not None):
        raise UsageError("give either --class NAME or --background", hint="dsim roi show lists the classes")
    with arguments.open_session(session, images, make_runtime(device, offline)) as opened:
        given = arguments.given_regions(opened, places, "--at")
        if label is None:
            _flag_background(opened, given, remove)
        else:
            _flag_class(opened, label, given, remove)
        print_state(opened, as_json)


def _flag_class(opened: Session, label: str, given: Sequence[Region], remove: bool) -> None:
    one = opened.state.class_of(label)
    if remove:
        opened.unflag(label, [opened.nearest(one.flagged, place, f"flag of {label!r}") for place in given])
    else:
        opened.flag(label, [opened.nearest_candidate(label, place) for place in given])


def _flag_background(opened: Session, given: Sequence[Region], remove: bool) -> None:
    if remove:
        flagged = opened.state.background_flags
        opened.unflag_background([opened.nearest(flagged, place, "flag of the background") for place in given])
    else:
        found = opened.background()
        opened.flag_background([opened.nearest(found, place, "suggested background") for place in given])
