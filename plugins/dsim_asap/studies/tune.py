"""Tuning by EQC alone (Fig. 4, Table 2): no labels, no truth; then is the best any better than the next?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.plugin import DsimError, UsageError
from dsim_asap.measure import Asap
from dsim_asap.recipe import Recipe
from dsim_asap.studies.kept import rows_of
from dsim_asap.studies.search import Setting
from dsim_asap.studies.spread import Difference, Spread, difference, spread
from dsim_asap.studies.trained import identity

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime

#: Bumped when the rows of the same study would be others.
REVISION = 1


@dataclass(frozen=True)
class Trial:
    """One training with a setting: EQC of its validation images, None with the reason; lower is better."""

    setting: Setting
    seed: int
    eqc: float | None
    reason: str
    epochs: int
    kept_epoch: int
    seconds: float


@dataclass(frozen=True)
class Finalist:
    """A setting that was trained again, with seeds that the search has not used."""

    role: str
    setting: Setting
    trials: tuple[Trial, ...]

    @property
    def eqcs(self) -> list[float | None]:
        """EQC of each seed."""
        return [trial.eqc for trial in self.trials]

    @property
    def spread(self) -> Spread:
        """Mean and spread of EQC over the seeds."""
        return spread(self.eqcs)


@dataclass(frozen=True)
class Tuning:
    """The finished search: its trials in order, the given setting first, and the settings that were trained again."""

    study: Search
    trials: tuple[Trial, ...]
    finalists: tuple[Finalist, ...]

    def contrasts(self) -> list[tuple[Finalist, Finalist, Difference]]:
        """EQC of the optimum less that of each other finalist, paired by seed: below 0, the optimum is better."""
        best, *others = self.finalists
        return [(best, other, difference(best.eqcs, other.eqcs)) for other in others]

    def verdicts(self) -> list[str]:
        """Whether the optimum can be told from the others, in words."""
        return [_verdict(other, found) for _, other, found in self.contrasts()]


@dataclass(frozen=True)
class Search:
    """What is searched: settings over these parameters, trained on these datasets.

    ``seed`` is that of every trial, so that all start alike and are judged on the same validation images; the seeds
    after it are those of the finalists, ``seeds`` of them.
    """

    sources: Sequence[Dataset]
    params: Mapping[str, Any]
    settings: Sequence[Setting]
    seed: int
    seeds: int

    def check(self) -> None:
        """Raise UsageError where nothing can be chosen: without validation images, or with a single setting."""
        if not self.params["split"]:
            raise UsageError(
                "EQC is measured on validation images, and split=0 sets none apart", hint="give --set split=0.2"
            )
        if len(self.settings) < 2:
            raise UsageError("one setting is no search", hint="give more --trials, or more values in --over")

    def measure(self, setting: Setting) -> Asap:
        """The measure with this setting."""
        return Asap(**{**self.params, **setting})

    @cached_property
    def pool(self) -> list[Dataset]:
        """The datasets in the order of their fingerprints: the order in which they are named does not matter."""
        return sorted(self.sources, key=identity)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """All that a trial depends on besides its setting and seed."""
        return {"study": "tune", "revision": REVISION, "pool": [identity(one) for one in self.pool]}


def tune(study: Search, out: Path, runtime: Runtime) -> Tuning:
    """Try every setting once, then train the best, the runner-up and the given one again, with other seeds.

    The best of many trials is partly luck: seeds that had no say in the choice show how good it is.

    Parameters
    ----------
    out : folder of the study: finished trainings are kept there, and not repeated.

    Raises
    ------
    UsageError
        Without validation images, or with one setting. DsimError where fewer than two settings have an EQC.
    """
    study.check()
    with runtime.progress.task("tuning", len(study.settings), "trials") as task:
        trials = []
        for setting in study.settings:
            trials.append(_trial(study, setting, study.seed, out, runtime))
            task.advance(1, eqc=trials[-1].eqc if trials[-1].eqc is not None else "none")
    chosen = _chosen(trials)
    seeds = range(study.seed + 1, study.seed + 1 + study.seeds)
    done: dict[str, list[Trial]] = {role: [] for role in chosen}
    with runtime.progress.task("again with other seeds", len(chosen) * len(seeds), "trainings") as task:
        for seed in seeds:
            for role, setting in chosen.items():
                done[role].append(_trial(study, setting, seed, out, runtime))
                task.advance(1)
    finalists = tuple(Finalist(role, setting, tuple(done[role])) for role, setting in chosen.items())
    return Tuning(study, tuple(trials), finalists)


def _chosen(trials: Sequence[Trial]) -> dict[str, Setting]:
    """The best setting, the next, and the given one where it is neither."""
    ranked = sorted((trial for trial in trials if trial.eqc is not None), key=lambda trial: trial.eqc or 0.0)
    if len(ranked) < 2:
        why = next((trial.reason for trial in trials if trial.reason), "")
        raise DsimError(
            f"{len(ranked)} of {len(trials)} trials have an EQC: {why}",
            hint="give more images, so that two of each dataset validate",
        )
    given = trials[0].setting
    chosen = {"optimum": ranked[0].setting, "runner-up": ranked[1].setting}
    return chosen if given in chosen.values() else {**chosen, "given": given}


def _trial(study: Search, setting: Setting, seed: int, out: Path, runtime: Runtime) -> Trial:
    """A finished trial from the folder, else trained now; an interrupted one goes on from its checkpoint."""
    measure = study.measure(setting)
    recipe = Recipe.of(measure.params)
    kept, job = rows_of(out, {**study.facts, "recipe": recipe.record()}), ("seed", seed)
    row = kept.find(job)
    if row is None:
        row = _trained(study, recipe, seed, kept.checkpoint(job), runtime)
        kept.add(job, row)
        kept.done(job)
    return Trial(setting, seed, **row)


def _trained(study: Search, recipe: Recipe, seed: int, checkpoint: Path, runtime: Runtime) -> dict[str, Any]:
    from dsim.plugin import MeasureError
    from dsim_asap.fitting import train
    from dsim_asap.studies.cost import finite

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    try:
        trained = train(study.pool, recipe, seed, checkpoint, runtime)
    except MeasureError as error:
        # A setting under which training diverges is a result of the search, and no reason to stop it.
        return {"eqc": None, "reason": error.message, "epochs": 0, "kept_epoch": 0, "seconds": 0.0}
    row = trained.curves[trained.best_epoch - 1]
    eqc = finite(row.get("val_eqc"))
    return {
        "eqc": eqc,
        "reason": "" if eqc is not None else _why(row),
        "epochs": len(trained.curves),
        "kept_epoch": trained.best_epoch,
        "seconds": trained.seconds,
    }


def _why(row: Mapping[str, float]) -> str:
    if "val_eqc" not in row:
        return "fewer than two datasets have two validation images"
    return "the latent points of two datasets coincide"


def _verdict(other: Finalist, found: Difference) -> str:
    """What the difference in EQC says of another finalist."""
    against = {"runner-up": "the runner-up", "given": "the settings given"}[other.role]
    if found.n < 2:
        return f"whether the optimum is better than {against} is not known: {found.note}"
    bounds = f"EQC {found.mean:+.3f}, 95 % {found.low:+.3f} to {found.high:+.3f} over {found.n} seeds"
    if found.high < 0:
        return f"the optimum is better than {against}: {bounds}"
    if found.low > 0:
        return f"the optimum of the search is worse than {against}, with other seeds: {bounds}"
    return f"the optimum cannot be told from {against}: {bounds}"
