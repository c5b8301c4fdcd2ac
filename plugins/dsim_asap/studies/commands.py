"""The commands of ``dsim asap``, but for that of the extension."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.errors import UsageError
from dsim.ui import options as shared
from dsim_asap.studies import common

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.embeddings import Cloud, LatentModel
    from dsim_asap.studies.coherence import Trial
    from dsim_asap.studies.placement import Stray

_VARIANTS = "ae,ae-t,ae-s,asap"
_SEARCHES = ("random", "grid", "lines")
_OVER = "alpha,beta,w,n_emb"
_SHARES = "0.05,0.1,0.2,0.5"
#: Images of a dataset that the page of a map shows at most, by default.
_PICTURES = 120
_MAP_SCHEMA = "dsim.asap-map/1"
_MAP_MEANING = (
    "distances between marks are those of the measure asap, which averages them over all pairs of images of two"
    " datasets"
)
#: Measures of a robustness study that names none.
_MEASURES = ("asap:fit=pool", "frechet", "kid", "mmd", "cc")


@common.command(
    common.sources,
    common.targets,
    common.judge,
    common.out,
    click.option("--variants", default=_VARIANTS, show_default=True, help="Which ones, with commas."),
    common.settings,
    common.preset,
    common.seeds(3, "Trainings of each variant, from --seed on."),
)
def ablate_command(given: common.Options, variants: str) -> None:
    """Train AE, AE-T, AE-S and ASAP on one pool with the same seeds, and hold them against each other.

    AE only rebuilds images; AE-T adds triplets, AE-S style, ASAP both (Table 3 of the paper, lower half). Stopped, the
    same command goes on, and repeats no training. The folder gets ablate.json and ablate.png.
    """
    from dsim_asap.studies.ablation import Study, ablate, document, read_variants
    from dsim_asap.studies.pictures import draw_ablation
    from dsim_asap.studies.tables import show_ablation

    judge = given.judge
    study = Study(given.pool, given.wanted, given.params, read_variants(variants), given.all_seeds)
    ablation = ablate(study, given.out, given.runtime, judge, given.intersect)
    written = document(ablation)
    given.finish(
        "ablate", written, lambda path: draw_ablation(ablation, written, path), show_ablation, written["notes"]
    )


@common.command(
    common.sources,
    common.out,
    click.option(
        "--search",
        type=click.Choice(_SEARCHES),
        default="random",
        show_default=True,
        help="At random, every combination, or one parameter at a time.",
    ),
    click.option(
        "--trials",
        type=click.IntRange(min=2),
        metavar="N",
        help="Random settings, default 20; of a grid, the most allowed.",
    ),
    click.option(
        "--over",
        default=_OVER,
        show_default=True,
        metavar="NAME[=V/V...],...",
        help="Parameters to search over; with values, those of a grid: alpha=0.3/0.5/0.7,beta.",
    ),
    common.settings,
    common.preset,
    common.seeds(5, "Trainings of the optimum, afterwards."),
)
def tune_command(given: common.Options, search: str, trials: int | None, over: str) -> None:
    """Search alpha, beta, w and the dimension of the latent space by EQC alone: no labels, no measured transfer.

    Every setting is trained once and judged by the EQC of its validation images. The best, the runner-up and the
    settings given are then trained again with other seeds, to see whether they can be told apart. Stopped, the same
    command goes on. The folder gets tune.json and tune.png.
    """
    import shlex

    from dsim.ui import say
    from dsim_asap.studies.pictures import draw_tuning
    from dsim_asap.studies.search import Search, document, parse_over, settings_of, tune
    from dsim_asap.studies.tables import show_tuning

    params = given.params
    tried = settings_of(search, parse_over(over), params, trials, given.seed)
    tuning = tune(Search(given.pool, params, tried, given.seed, given.seeds), given.out, given.runtime)
    written = document(tuning, search)
    given.finish("tune", written, lambda path: draw_tuning(written, path), show_tuning, written["verdicts"])
    compare = ["dsim", "compare", "--measure", written["measure"], "--sources", *given.sources, "--targets", "MINE"]
    say(f"next: {shlex.join(compare)}")


@common.command(
    common.sources,
    common.targets,
    common.out,
    click.option(
        "--measure",
        "measures",
        multiple=True,
        metavar="NAME[:PARAM=VALUE,...]",
        help=f"Measure; may be repeated. Default: {', '.join(_MEASURES)}.",
    ),
    click.option("--shares", default=_SHARES, show_default=True, help="Shares of the images, with commas."),
    common.seeds(3, "Repetitions, from --seed on."),
    common.judge,
)
def robustness_command(given: common.Options, measures: Sequence[str], shares: str) -> int:
    """Change images of the sources for images of other sources, and measure again.

    Targets stay as they are. Stopped, the same command goes on, and repeats nothing. The folder gets robustness.json
    and robustness.png.
    """
    from dsim.measures import build_measure
    from dsim_asap.studies.pictures import draw_robustness
    from dsim_asap.studies.robustness import Study, read_shares, robustness
    from dsim_asap.studies.tables import show_robustness

    chosen = [build_measure(text) for text in dict.fromkeys(measures or _MEASURES)]
    spoilt = read_shares(shares)
    study = Study(given.pool, given.wanted, chosen, spoilt, given.all_seeds, given.judge, given.intersect)
    written = robustness(study, given.out, given.runtime)
    given.finish("robustness", written, lambda path: draw_robustness(written, path), show_robustness)
    return 3 if written["failed"] else 0


@common.command(
    common.sources,
    click.option(
        "--foreign",
        multiple=True,
        metavar="PATH",
        help="Images of another world; may be repeated. Default: crops of two photographs, and drawn textures.",
    ),
    click.option("--no-foreign", is_flag=True, help="Only unseen images."),
    click.option("--model", metavar="zoo:ID|file:FOLDER", help="Judge this model instead of training."),
    click.option(
        "--holdout",
        type=click.FloatRange(0, 0.5, min_open=True),
        default=0.2,
        show_default=True,
        help="Share of each dataset that the model does not see.",
    ),
    common.seeds(1, "Trainings, from --seed on."),
    common.settings,
    common.out,
)
def coherence_command(given: common.Options, foreign: Sequence[str], no_foreign: bool, holdout: float) -> None:
    """Train without some images, then see whether they fall among their own, and where foreign ones fall.

    Held out are whole groups (patients, videos) or, where a dataset has none, runs of neighbours. Writes coherence.json
    and coherence.png. The same command goes on where it was interrupted, and trains nothing twice.
    """
    from dsim_asap.studies.coherence import document
    from dsim_asap.studies.pictures import draw_coherence
    from dsim_asap.studies.tables import show_coherence

    trials = _trials(given, _foreign(foreign, no_foreign), holdout)
    written = document(trials, holdout)
    placed, first = written["all_unseen"]["by_centre"], trials[0]
    seeds = f" Seed {first.seed} of {len(trials)}." if len(trials) > 1 else ""
    note = (
        f"Of unseen images {placed['share']:.1%} ({placed['low']:.1%} to {placed['high']:.1%}) have their own dataset's"
        f" centre nearest.{seeds}"
    )

    def draw(path: Path) -> None:
        draw_coherence(first, path, f"Coherence: {first.chosen.title}", note)

    given.finish("coherence", written, draw, show_coherence)


def _foreign(paths: Sequence[str], none: bool) -> list[Dataset]:
    from dsim.data.opener import open_many
    from dsim_asap.studies.coherence import photographs, textures

    if none and paths:
        raise UsageError("--foreign and --no-foreign exclude each other", hint="leave one out")
    if none:
        return []
    return open_many(paths) if paths else [photographs(), textures()]


def _trials(given: common.Options, strangers: Sequence[Dataset], holdout: float) -> list[Trial]:
    from dsim_asap.fitting import choose, recipe_of
    from dsim_asap.studies.coherence import train_trials, zoo_trial

    if given.model is None:
        recipe = recipe_of(given.settings)
        return train_trials(given.pool, strangers, recipe, given.runtime, given.all_seeds, holdout)
    if given.settings or given.seeds > 1:
        raise UsageError("--model judges a trained model: there is nothing to set", hint="leave out --set and --seeds")
    return [zoo_trial(given.pool, strangers, choose(given.model), given.runtime, holdout)]


@common.command(
    common.sources,
    shared.targets("Datasets of interest; drawn as strokes."),
    common.model,
    click.option(
        "--fit",
        type=click.Choice(["all", "sources"]),
        is_flag=False,
        flag_value="all",
        help="Train first: on all datasets, as Fig. 8 does, or on the sources alone.",
    ),
    common.settings,
    common.out,
    click.option("--title", default="", help="Above the pictures; default: how many datasets and images."),
    click.option(
        "--pictures",
        type=click.IntRange(min=1),
        default=_PICTURES,
        show_default=True,
        help="Images of a dataset that the page holds at most.",
    ),
)
def map_command(given: common.Options, fit: str | None, title: str, pictures: int) -> None:
    """Draw the latent map of all datasets, with typical images and ellipses by modality.

    Writes map.png, map.svg, map.json, and map.html: one file that needs no network, in which every mark shows its
    image. A dataset states its modality as an attribute, or in a META.json in its folder.
    """
    from dsim.data.opener import open_many
    from dsim.embeddings import embed_datasets, lay_out_map
    from dsim.plots import write_map
    from dsim.ui import emit_json, say_written
    from dsim_asap.fitting import choose_or_fit
    from dsim_asap.studies.tables import show_map

    opened, runtime = open_many([*given.sources, *given.targets]), given.runtime
    known, wanted = opened[: len(given.sources)], opened[len(given.sources) :]
    pool = opened if fit == "all" else known
    chosen = choose_or_fit(given.model, pool, fit is not None, given.settings, given.seed, runtime)
    clouds = embed_datasets(known, chosen, runtime) + embed_datasets(wanted, chosen, runtime, "target")
    layout, words = lay_out_map(clouds, chosen), {"schema": _MAP_SCHEMA, "meaning": _MAP_MEANING}
    files = write_map(layout, given.out, runtime, **words, title=title, pictures=pictures)
    written = layout.to_dict(_MAP_SCHEMA)
    if given.as_json:
        return emit_json(written)
    show_map(written)
    return say_written(files)


@common.command(
    click.argument("images", nargs=-1, metavar="[IMAGE]..."),
    shared.sources("Known datasets."),
    click.option("--dataset", metavar="PATH", help="Find the images of this dataset that do not belong to it."),
    common.model,
    click.option(
        "--out",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the result as JSON and, with --dataset, the contact sheet.",
    ),
    click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Datasets shown per image."),
)
def place_command(
    given: common.Options, images: Sequence[str], dataset: str | None, folder: Path | None, top: int
) -> None:
    """Rank datasets for each IMAGE, or find the images of a dataset that do not belong to it.

    IMAGE is an image file, or a folder of them. The distance to a dataset is the mean over its images; p is the share
    of its own images that lie at least as far from all others.
    """
    from dsim.embeddings import embed_datasets
    from dsim_asap.fitting import choose

    _check(images, given.sources, dataset)
    chosen = choose(given.model)
    known = embed_datasets(given.pool, chosen, given.runtime)
    if dataset is not None:
        return _find(dataset, known, chosen, given, folder)
    return _rank(images, known, chosen, given, folder, top)


def _check(images: Sequence[str], sources: Sequence[str], dataset: str | None) -> None:
    if bool(images) == (dataset is not None):
        raise UsageError("give images to place, or --dataset to look through", hint="one of both; --help shows how")
    if images and not sources:
        raise UsageError("there is nothing to place images among", hint="give known datasets: --sources PATH...")


def _rank(
    images: Sequence[str],
    known: Sequence[Cloud],
    chosen: LatentModel,
    given: common.Options,
    out: Path | None,
    top: int,
) -> None:
    from dsim.data.opener import open_dataset
    from dsim.embeddings import embed_datasets
    from dsim.files.documents import to_json
    from dsim.ui import emit_json
    from dsim_asap.studies.placement import place_images, placement_document
    from dsim_asap.studies.tables import show_placement

    # One by one: two files may have the same name.
    clouds = [embed_datasets([open_dataset(image)], chosen, given.runtime)[0] for image in images]
    documents = [
        placement_document(cloud, known, place_images(cloud, known), chosen.title, image)
        for image, cloud in zip(images, clouds, strict=True)
    ]
    whole = {**documents[0], "images": [row for document in documents for row in document["images"]]}
    whole["expected_unusual_at_home"] = sum(document["expected_unusual_at_home"] for document in documents)
    if out is not None:
        to_json(whole, out / "place.json")
    if given.as_json:
        return emit_json(whole)
    show_placement(whole, top)
    n, expected = len(whole["images"]), whole["expected_unusual_at_home"]
    given.runtime.progress.note(
        f"p: how usual the image would be in that dataset; of {n} images, {expected:.2g} would have p of 0.05 or less"
        " even in their own"
    )
    return None


def _find(path: str, known: Sequence[Cloud], chosen: LatentModel, given: common.Options, out: Path | None) -> None:
    from dsim.data.opener import open_dataset
    from dsim.embeddings import embed_datasets
    from dsim.files.documents import to_json
    from dsim.plots import draw_sheet
    from dsim.random import stream
    from dsim.ui import emit_json, say
    from dsim_asap.studies.placement import find_strays
    from dsim_asap.studies.tables import show_strays

    cloud = embed_datasets([open_dataset(path)], chosen, given.runtime)[0]
    fingerprint = cloud.dataset.images_fingerprint
    # The dataset may be among the known ones, and is not another dataset than itself.
    others = [other for other in known if other.dataset.images_fingerprint != fingerprint]
    strays = find_strays(cloud, others, stream(given.seed, fingerprint, "strays"))
    written = strays.document(cloud.name, chosen.title)
    note = _counts(written)
    if out is not None:
        to_json(written, out / "strays.json")
        captions = {stray.index: _caption(stray) for stray in strays.found}
        draw_sheet(cloud.dataset, captions, out / "strays.png", f"{cloud.name}: images that may not belong", note)
    if given.as_json:
        return emit_json(written)
    show_strays(written)
    return say(note)


def _counts(written: dict[str, Any]) -> str:
    """Return how many were found beside how many are found where nothing is wrong."""
    far, nearer = written["far"], written["nearer_to_another"]
    expected = nearer["expected"]
    chance = "" if expected is None else f", where a Gaussian cloud of its shape would have {expected:.1f}"
    return (
        f"Of {written['images']} images {far['found']} are farther than all but 5 %, as in any dataset; "
        f"{nearer['found']} are nearer to another dataset{chance}."
    )


def _caption(stray: Stray) -> list[str]:
    """Four short lines: who, how strongly, and both reasons where they hold."""
    from dsim.plots import drawable

    lines = [drawable(stray.id, 24), f"strength {stray.strength:.2f}"]
    if stray.nearer:
        lines.append(f"nearer to {drawable(stray.nearest, 15)}")
    if stray.far:
        lines.append(f"far: p {stray.p_own:.2g}")
    return lines
