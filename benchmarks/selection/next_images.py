"""How many annotations it takes to choose a model: by images that were chosen, and by images drawn at random.

    python -m benchmarks.selection.next_images --data DATA      # also measures agreement and features of all images
    python -m benchmarks.selection.next_images                  # from benchmarks/selection/images.npz alone

For each target of the record the prior is fitted on the other targets. Images may be chosen among a random two thirds
of the target's, in several draws, so that a rule which always chooses the same is judged by more than one choice.
Images are annotated one after the other; after each the model with the highest expected Dice is taken, and judged on
all images without annotation, those that could not be chosen too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.files.documents import to_json
from dsim.selection import Prior, Record, RecordedTarget, read_record
from dsim.stats.case_choice import agreement_profiles, choose_cases, likeliness, likeness_of_cases

Array = NDArray[np.float64]
HERE = Path(__file__).parent
IMAGES, OUT = HERE / "images.npz", HERE / "next_images.json"
#: Annotated images in a row, draws of each target, and what share of its images may be chosen.
STEPS, DRAWS, SHARE = 12, 20, 2 / 3
#: Principal components that are kept of features: distances of images are exact to some percent.
COMPONENTS = 32


@dataclass(frozen=True)
class Images:
    """Of one target: Dice (n, c, c) of the masks of every two candidates on each image, and features (n, d)."""

    agreements: Array
    features: Array


@dataclass(frozen=True)
class State:
    """What a rule may look at: no score of an image that is not annotated."""

    images: Images
    expected: Array
    annotated: tuple[int, ...]
    rng: np.random.Generator

    @property
    def left(self) -> list[int]:
        return [index for index in range(len(self.images.features)) if index not in self.annotated]


Rule = Callable[[State], int]


def chosen(state: State) -> int:
    """The rule of dsim: the likely candidates agree on the sample as on all images, and images do not repeat."""
    return _choose(state, _agreement(state))


def looks_too(state: State) -> int:
    """The same, and the sample also looks like all images: agreement and features count half each."""
    agreement, looks = _agreement(state), _looks(state)
    return _choose(state, np.hstack([agreement, looks * np.sqrt((agreement**2).sum() / (looks**2).sum())]))


def diversity(state: State) -> int:
    """What stands best for all images by features alone."""
    return _choose(state, _looks(state))


def _agreement(state: State) -> Array:
    return agreement_profiles(state.images.agreements, likeliness(state.expected))


def _looks(state: State) -> Array:
    return state.images.features - state.images.features.mean(axis=0)


def _choose(state: State, profiles: Array) -> int:
    return choose_cases(profiles, likeness_of_cases(state.images.features), 1, state.annotated)[0]


def random(state: State) -> int:
    """Any image."""
    return int(state.rng.choice(state.left))


def uncertainty(state: State) -> int:
    """The image on which the likely candidates differ most."""
    weights = likeliness(state.expected)
    differ = ((1 - state.images.agreements) * np.outer(weights, weights)).sum(axis=(1, 2))
    return max(state.left, key=lambda index: float(differ[index]))


RULES: Mapping[str, Rule] = {
    "chosen": chosen,
    "random": random,
    "chosen, and looks": looks_too,
    "diversity alone": diversity,
    "most disagreement": uncertainty,
}


def study(record: Record, images: Mapping[str, Images], draws: int = DRAWS) -> dict[str, dict[str, Array]]:
    """Return by rule ``regret`` (targets, draws, steps + 1) in points, and ``covered`` and ``bias`` of that shape."""
    found: dict[str, dict[str, list[Any]]] = {rule: {"regret": [], "covered": [], "bias": []} for rule in RULES}
    for target in record.targets:
        prior = Prior.fit(record, without=(target.name,))
        for name, rule in RULES.items():
            runs = [_run(target, images[target.name], prior, rule, draw) for draw in range(draws)]
            for what in found[name]:
                found[name][what].append([run[what] for run in runs])
    return {rule: {what: np.array(values) for what, values in by.items()} for rule, by in found.items()}


def _run(target: RecordedTarget, images: Images, prior: Prior, rule: Rule, draw: int) -> dict[str, list[float]]:
    """One draw of the images that may be chosen, annotated one after the other."""
    count = target.dice.shape[1]
    rng = np.random.default_rng([draw, count, len(target.name)])
    offered = np.sort(rng.choice(count, round(SHARE * count), replace=False))
    part = Images(images.agreements[offered], images.features[offered])
    annotated: tuple[int, ...] = ()
    found: dict[str, list[float]] = {"regret": [], "covered": [], "bias": []}
    for _ in range(STEPS + 1):
        taken = offered[list(annotated)]
        rest = np.setdiff1d(np.arange(count), taken)
        posterior = prior.posterior(
            target.signals, target.agreement, target.dice[:, taken], len(rest), models=target.models
        )
        truth = target.dice[:, rest].mean(axis=1)
        first = int(posterior.order[0])
        found["regret"].append(100 * float(truth.max() - truth[first]))
        found["covered"].append(float(((posterior.low <= truth) & (truth <= posterior.high)).mean()))
        found["bias"].append(100 * float(posterior.expected[first] - truth[first]))
        if len(annotated) < len(offered):
            annotated = (*annotated, rule(State(part, posterior.expected, annotated, rng)))
    return found


def equal_numbers(regret: Array, at_random: Array) -> Array:
    """Return how many images drawn at random reach the mean regret of 1, 2, ... chosen ones, (steps,).

    Both are (targets, draws, steps + 1). The curve of random images is interpolated where it falls below all before it,
    which is in favour of random images; beyond its end the number is that of its end.
    """
    curve, steps = at_random.mean(axis=(0, 1)), np.arange(at_random.shape[2])
    falling = np.minimum.accumulate(curve) - 1e-9 * steps
    return np.interp(-regret.mean(axis=(0, 1))[1:], -falling, steps)


def summary(found: Mapping[str, Mapping[str, Array]], resamples: int = 2000) -> dict[str, Any]:
    """Return curves of all rules, and the share of images that chosen ones take, with 95 % intervals over targets."""
    rng = np.random.default_rng(0)
    targets = len(found["random"]["regret"])
    drawn = [rng.integers(targets, size=targets) for _ in range(resamples)]
    shares, curves = {}, {}
    for rule, by in found.items():
        curves[rule] = {what: values.mean(axis=(0, 1)).round(3).tolist() for what, values in by.items()}
        if rule != "random":
            whole = _share(by["regret"], found["random"]["regret"])
            again = [_share(by["regret"][rows], found["random"]["regret"][rows]) for rows in drawn]
            low, high = np.quantile(again, [0.025, 0.975])
            shares[rule] = {"share": round(whole, 3), "low": round(float(low), 3), "high": round(float(high), 3)}
    return {"steps": STEPS, "draws": found["random"]["regret"].shape[1], "curves": curves, "shares": shares}


def _share(regret: Array, at_random: Array) -> float:
    """Chosen images per random image of equal regret: 1 + ... + 5 over the numbers that they equal; at most 10."""
    return float(np.arange(1, 6).sum() / max(equal_numbers(regret, at_random)[:5].sum(), 1.5))


def read_images(path: Path, record: Record) -> dict[str, Images]:
    """Return what ``write_images`` wrote; raises ValueError where it is of other candidates or images."""
    with np.load(path) as file:
        found = {}
        for target in record.targets:
            if str(file[f"{target.name}/of"]) != _identity(target):
                raise ValueError(
                    f"{path} is of other candidates or images of {target.name}: give --data to measure it again"
                )
            found[target.name] = Images(
                _unpacked(file[f"{target.name}/agreements"]), file[f"{target.name}/features"].astype(float)
            )
    return found


def write_images(path: Path, record: Record, images: Mapping[str, Images]) -> None:
    """Write agreements in hundredths and features in 16 bits."""
    arrays: dict[str, Any] = {}
    for target in record.targets:
        found = images[target.name]
        first, second = np.triu_indices(found.agreements.shape[1], 1)
        arrays[f"{target.name}/of"] = np.array(_identity(target))
        arrays[f"{target.name}/agreements"] = (100 * found.agreements[:, first, second]).round().astype(np.uint8)
        arrays[f"{target.name}/features"] = found.features.astype(np.float16)
    np.savez_compressed(path, **arrays)


def _unpacked(pairs: NDArray[np.uint8]) -> Array:
    count = round((1 + (1 + 8 * pairs.shape[1]) ** 0.5) / 2)
    first, second = np.triu_indices(count, 1)
    whole = np.tile(np.eye(count), (len(pairs), 1, 1))
    whole[:, first, second] = whole[:, second, first] = pairs / 100
    return whole


def _identity(target: RecordedTarget) -> str:
    from dsim.files.documents import digest

    return digest([target.fingerprint, list(target.candidates), target.dice.shape[1]])


def measure_images(record: Record, data: Path, models: Path | None) -> dict[str, Images]:
    """Return agreements and features of all images of the record's targets, from the data and the zoo."""
    from benchmarks.selection.__main__ import candidates_of, file_candidates, zoo_candidates
    from dsim.data import open_dataset
    from dsim.features import extract
    from dsim.measures import EXTRACTOR
    from dsim.models import predict_kept
    from dsim.stats.mask_agreement import pairwise_dice
    from dsim.ui import make_runtime

    runtime = make_runtime("cpu")
    known = [*zoo_candidates(""), *([] if models is None else file_candidates(models))]
    found = {}
    for target in record.targets:
        dataset = open_dataset(data / target.name)
        named = {one.name: one.reference for one in candidates_of(dataset, known)}
        said = [predict_kept(named[name], dataset, runtime).masks() for name in target.candidates]
        agreements = np.stack([pairwise_dice(np.stack(masks)) for masks in zip(*said, strict=True)])
        features = np.asarray(extract(dataset, str(EXTRACTOR.default), runtime), dtype=float)
        found[target.name] = Images(agreements, principal(features))
    return found


def principal(features: Array) -> Array:
    """Return the first principal components (n, at most 32) of features (n, d)."""
    centred = features - features.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    return (left * values)[:, :COMPONENTS]


def table(document: Mapping[str, Any], steps: Sequence[int] = (0, 1, 2, 3, 5, 8, 12)) -> str:
    """Return the table of the documentation, in Markdown."""
    rows = ["| images | " + " | ".join(map(str, steps)) + " | images per random image of equal regret |"]
    rows.append("|---|" + "---:|" * (len(steps) + 1))
    for rule, curve in document["curves"].items():
        share = document["shares"].get(rule)
        text = "1" if share is None else f"{share['share']:.2f} ({share['low']:.2f} to {share['high']:.2f})"
        rows.append(f"| {rule} | " + " | ".join(f"{curve['regret'][step]:.1f}" for step in steps) + f" | {text} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, judge, write and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the record's datasets")
    parser.add_argument("--models", type=Path, help="with --data: folder of further models, as for the record")
    parser.add_argument("--record", type=Path, default=HERE / "biomed16.json")
    parser.add_argument("--images", type=Path, default=IMAGES)
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    record = read_record(given.record)
    if given.data is not None:
        write_images(given.images, record, measure_images(record, given.data, given.models))
    document = summary(study(record, read_images(given.images, record), given.draws))
    to_json({"record": record.name, **document}, given.out)
    print(table(document))
    for rule, curve in document["curves"].items():
        print(f"{rule}: 95 % intervals cover {curve['covered']}; expected less true Dice of the first {curve['bias']}")


if __name__ == "__main__":
    main()
