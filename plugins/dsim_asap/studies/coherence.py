"""``dsim asap coherence`` (Fig. 7): unseen images should fall among their own, and foreign ones anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.embeddings import Cloud, LatentModel, Placement, embed_datasets, place
from dsim.errors import UsageError
from dsim.files.documents import or_null
from dsim.stats.noise import CONFIDENCE

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim_asap.evaluation import Part
    from dsim_asap.specs import AsapRecipe

SCHEMA = "dsim.asap-coherence/1"
#: An image lies in a dataset's region unless all but this share of the dataset's images are nearer to the others.
OUTSIDE = 0.05


@dataclass(frozen=True)
class Trial:
    """One model, what it knows, what it has never seen (None where nothing was held out), and what is foreign."""

    seed: int
    chosen: LatentModel
    known: tuple[Cloud, ...]
    unseen: tuple[Cloud | None, ...]
    foreign: tuple[Cloud, ...]

    def measure(self) -> dict[str, Any]:
        """Placement of unseen images per dataset, and spread and places of each foreign dataset."""
        clouds = [cloud.points for cloud in self.known]
        unseen = {
            cloud.name: _unseen(place(held.points, clouds), number, held)
            for number, (cloud, held) in enumerate(zip(self.known, self.unseen, strict=True))
            if held is not None
        }
        return {
            "seed": self.seed,
            "unseen": unseen,
            "foreign": {cloud.name: self._foreign(cloud) for cloud in self.foreign},
        }

    def _foreign(self, cloud: Cloud) -> dict[str, Any]:
        from dsim.stats.euclidean import mean_distance_within

        spreads = np.array([mean_distance_within(known.points) for known in self.known])
        own = mean_distance_within(cloud.points)
        found = place(cloud.points, [known.points for known in self.known])
        lands = np.bincount(found.nearest, minlength=len(self.known)) / len(cloud)
        return {
            "images": len(cloud),
            "trained_on": cloud.seen,
            "spread": or_null(own),
            "spread_over_median": or_null(own / float(np.nanmedian(spreads))),
            "spread_over_widest": or_null(own / float(np.nanmax(spreads))),
            "inside": _share((found.p > OUTSIDE).any(axis=1)),
            "nearest": {
                known.name: round(float(share), 4) for known, share in zip(self.known, lands, strict=True) if share
            },
        }


def _unseen(found: Placement, owner: int, held: Cloud) -> dict[str, Any]:
    inside = found.p > OUTSIDE
    return {
        "images": len(held),
        "groups": len(set(held.dataset.groups)) if held.dataset.groups else None,
        "by_centre": _share(found.nearest_centre == owner),
        "by_mean_distance": _share(found.nearest == owner),
        "inside_own": _share(inside[:, owner]),
        "inside_any": _share(inside.any(axis=1)),
    }


def _share(hits: Any) -> float:
    return float(hits.mean())


def train_trials(
    sources: Sequence[Dataset],
    foreign: Sequence[Dataset],
    recipe: AsapRecipe,
    runtime: Runtime,
    seeds: Sequence[int] = (0,),
    holdout: float = 0.2,
) -> list[Trial]:
    """Per seed a model trained without the images held out: whole groups or, without groups, runs of neighbours.

    Finished models are taken from the cache, interrupted ones go on: the same call repeats nothing.
    """
    from dsim_asap.trainer import hold_out, train_once

    trials = []
    for seed in seeds:
        parts = [hold_out(dataset, seed, holdout) for dataset in sources]
        folder = train_once([part.known for part in parts], recipe, seed, runtime)
        chosen = LatentModel(f"file:{folder}", f"trained on {len(sources)} datasets without the images held out")
        trials.append(_trial(seed, chosen, parts, foreign, runtime))
    return trials


def zoo_trial(
    sources: Sequence[Dataset], foreign: Sequence[Dataset], chosen: LatentModel, runtime: Runtime, holdout: float = 0.2
) -> Trial:
    """A model that is there: unseen are the images that it held out of a dataset of its own.

    Of a dataset that it was not trained on all images are unseen: then a part is held out of the dataset's centre.
    Raises UsageError for a dataset that it was trained on as a whole.
    """
    from dsim_asap.trainer import hold_out

    held_out: Mapping[str, Sequence[str]] = chosen.model.manifest["training"].get("heldout", {})
    names = {entry["images_fingerprint"]: entry["name"] for entry in chosen.model.pool}
    parts = []
    for dataset in sources:
        if dataset.images_fingerprint not in names:
            parts.append(hold_out(dataset, 0, holdout))
            continue
        held = set(held_out.get(names[dataset.images_fingerprint], ()))
        if not held:
            raise UsageError(
                f"{chosen.title} was trained on all images of {dataset.name!r}: none is unseen",
                hint="leave out --model, to train without some of them",
            )
        parts.append(_by_ids(dataset, held))
    return _trial(0, chosen, parts, foreign, runtime)


def _by_ids(dataset: Dataset, held: set[str]) -> Part:
    from dsim_asap.evaluation import Part

    out = [index for index, name in enumerate(dataset.ids) if name in held]
    rest = [index for index, name in enumerate(dataset.ids) if name not in held]
    return Part(dataset.subset(rest), dataset.subset(out))


def _trial(
    seed: int, chosen: LatentModel, parts: Sequence[Part], foreign: Sequence[Dataset], runtime: Runtime
) -> Trial:
    unseen = [None if part.held is None else embed_datasets([part.held], chosen, runtime)[0] for part in parts]
    if all(cloud is None for cloud in unseen):
        raise UsageError("no image of these datasets was held out", hint="give more images, or a larger --holdout")
    known = embed_datasets([part.known for part in parts], chosen, runtime)
    return Trial(seed, chosen, tuple(known), tuple(unseen), tuple(embed_datasets(foreign, chosen, runtime, "target")))


def document(trials: Sequence[Trial], holdout: float) -> dict[str, Any]:
    """All trials, and over them the means; intervals are Wilson's, for the images of one trial.

    More seeds make no interval narrower: the images held out by several seeds overlap.
    """
    rows = [trial.measure() for trial in trials]
    names = list(dict.fromkeys(name for row in rows for name in row["unseen"]))
    foreign = list(dict.fromkeys(name for row in rows for name in row["foreign"]))
    return {
        "schema": SCHEMA,
        "model": trials[0].chosen.title,
        "holdout": holdout,
        "seeds": [trial.seed for trial in trials],
        "confidence": CONFIDENCE,
        "unseen": {name: _summary([row["unseen"][name] for row in rows if name in row["unseen"]]) for name in names},
        "all_unseen": _summary([_together(row["unseen"]) for row in rows]),
        "foreign": {name: _mean_of([row["foreign"][name] for row in rows]) for name in foreign},
        "trials": rows,
    }


_SHARES = ("by_centre", "by_mean_distance", "inside_own", "inside_any")


def _together(unseen: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """All unseen images of a trial as one dataset: every image counts the same."""
    rows = list(unseen.values())
    images = sum(row["images"] for row in rows)
    shares = {name: sum(row[name] * row["images"] for row in rows) / images for name in _SHARES}
    return {"images": images, "groups": _groups(rows, sum), **shares}


def _groups(rows: Sequence[Mapping[str, Any]], together: Callable[[list[int]], int]) -> int | None:
    """Groups of unseen images; None where they are not known: then neighbours may resemble each other unnoticed."""
    counts = [row["groups"] for row in rows]
    return None if None in counts else together(counts)


def _summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean shares over seeds, each with Wilson's interval and, where there are several seeds, smallest and largest."""
    from dsim.stats.shares import wilson_interval

    images = round(float(np.mean([row["images"] for row in rows])))
    summary: dict[str, Any] = {"images": images, "groups": _groups(rows, lambda counts: round(float(np.mean(counts))))}
    for name in _SHARES:
        values = [row[name] for row in rows]
        low, high = wilson_interval(float(np.mean(values)), images, CONFIDENCE)
        summary[name] = {"share": float(np.mean(values)), "low": low, "high": high}
        if len(rows) > 1:
            summary[name] |= {"smallest": min(values), "largest": max(values)}
    return summary


def _mean_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    from dsim.stats.shares import wilson_interval

    numbers = ("spread", "spread_over_median", "spread_over_widest")
    summary = {name: _mean([row[name] for row in rows]) for name in numbers}
    inside = float(np.mean([row["inside"] for row in rows]))
    low, high = wilson_interval(inside, rows[0]["images"], CONFIDENCE)
    shares = {"inside": {"share": inside, "low": low, "high": high}}
    return {"images": rows[0]["images"], "trained_on": any(row["trained_on"] for row in rows), **summary, **shares}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None
