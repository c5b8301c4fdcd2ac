"""The commands of ``dsim asap``, but for those that place images and extend a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.errors import UsageError
from dsim.ui import options as shared
from dsim_asap.studies import common

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim_asap.studies.coherence import Trial

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
    settings given are then trained again with other seeds, to see whether they differ. Stopped, the same
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
    from dsim.data.phantoms import open_photographs, open_textures

    if none and paths:
        raise UsageError("--foreign and --no-foreign exclude each other", hint="leave one out")
    if none:
        return []
    return open_many(paths) if paths else [open_photographs(), open_textures()]


def _trials(given: common.Options, strangers: Sequence[Dataset], holdout: float) -> list[Trial]:
    from dsim_asap.studies.coherence import train_trials, zoo_trial
    from dsim_asap.trainer import choose, recipe_of

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
    from dsim_asap.studies.tables import show_map
    from dsim_asap.trainer import choose_or_fit

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
