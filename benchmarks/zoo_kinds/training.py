"""Segmentation models of several sources of one kind, and, for measuring, the same without one of them each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dsim.data import Dataset
from dsim.files import write_text
from dsim.models import SegmentationRecipe, Segmenter
from dsim.runtime import Runtime
from dsim.transfer.jobs import describe_conditions, describe_training, run_side_by_side
from dsim.transfer.segmentation.experiment import Scenario, SegmentationExperiment, describe_seen, dice_of_images
from dsim.transfer.segmentation.objective import SourceImages, train_on_several

#: By kind: what its models mark, in the plural, and the sources that mark it.
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "nuclei": (
        "nuclei",
        ("bbbc039", "dsb2018_fluo", "fluo_n2dh_sim", "dsb2018_histo", "monuseg", "tcga_glioma_nuclei"),
    )
}
#: That of the single sources, with as many images shown, in fewer and longer epochs.
RECIPE = SegmentationRecipe(
    encoder="lite0",
    pretrained=True,
    encoder_share=0.2,
    policy="transfer",
    batch=4,
    lr=1e-3,
    epochs=24,
    shown=120,
)
SEED = 0


@dataclass(frozen=True)
class Job:
    """A model of several sources: ``left_out`` is the member of the kind that it was not trained on, if any."""

    kind: str
    members: tuple[str, ...]
    left_out: str = ""

    @property
    def name(self) -> str:
        """As its files are called."""
        return f"{self.kind}-without-{self.left_out}" if self.left_out else self.kind


def jobs_of(kind: str) -> list[Job]:
    """The model of all sources of a kind, and those without one of them."""
    _, members = KINDS[kind]
    without = [Job(kind, tuple(other for other in members if other != name), name) for name in members]
    return [Job(kind, members), *without]


def train_all(
    kind: str, datasets: Mapping[str, Dataset], folder: Path, processes: int, recipe: SegmentationRecipe
) -> None:
    """Train what is not finished in ``folder``: for each model its weights and a record, NAME.safetensors and .json."""
    todo = [job for job in jobs_of(kind) if not (folder / f"{job.name}.json").exists()]
    folder.mkdir(parents=True, exist_ok=True)
    calls = [(job, {name: datasets[name] for name in KINDS[kind][1]}, folder, recipe) for job in todo]
    for name in run_side_by_side(train_one, calls, processes):
        print(name, flush=True)


def train_one(job: Job, datasets: Mapping[str, Dataset], folder: Path, recipe: SegmentationRecipe) -> str:
    """Train one model and score it on all that it has not seen of the kind; returns its name."""
    runtime = Runtime(device="cpu")
    experiment = plan([datasets[name] for name in job.members], recipe, runtime)
    parts = {source.name: experiment.split(source, 0) for source in experiment.sources}
    shares = [
        SourceImages(source, parts[source.name].training, parts[source.name].validation)
        for source in experiment.sources
    ]
    done = train_on_several(
        shares,
        recipe,
        seed=experiment.seed_of(0, *experiment.sources),
        runtime=runtime,
        foreground={},
        checkpoint=folder / f"{job.name}.checkpoint.safetensors",
        identity={"job": job.name, "images": [source.images_fingerprint for source in experiment.sources]},
    )
    seen = [describe_seen(each.dataset, (*each.training, *each.validation)) for each in shares]
    model = Segmenter(done.network, recipe, tuple(seen), job.name)
    model.save(folder / f"{job.name}.safetensors")
    scored = {name: part.test for name, part in parts.items()}
    if job.left_out:
        scored[job.left_out] = tuple(range(len(datasets[job.left_out])))
    dice = {name: _mean_dice(model, datasets[name], rows) for name, rows in scored.items()}
    record = {
        **describe_training(done),
        **describe_conditions("cpu"),
        "dice": dice,
        "left_out": job.left_out,
    }
    write_text(folder / f"{job.name}.json", json.dumps(record, indent=1) + "\n")
    (folder / f"{job.name}.checkpoint.safetensors").unlink(missing_ok=True)
    return job.name


def plan(sources: Sequence[Dataset], recipe: SegmentationRecipe, runtime: Runtime) -> SegmentationExperiment:
    """The experiment whose divisions and seeds single sources have: held-out images are the same."""
    return SegmentationExperiment(tuple(sources), (), recipe, Scenario("prelabel"), Path(), SEED, {}, runtime)


def records(kind: str, folder: Path) -> Iterator[tuple[Job, dict[str, Any]]]:
    """Each model of a kind with its record; FileNotFoundError where it is not finished."""
    for job in jobs_of(kind):
        yield job, json.loads((folder / f"{job.name}.json").read_text("utf-8"))


def _mean_dice(model: Segmenter, dataset: Dataset, rows: Sequence[int]) -> float:
    scores = list(dice_of_images(model, dataset, rows, {}))
    return round(100 * sum(scores) / len(scores), 4)
