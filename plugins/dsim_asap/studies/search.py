"""``dsim asap tune`` (Fig. 4, Table 2): a search by EQC alone, without labels or truth; then is the best any better?"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.files.documents import or_null
from dsim.plugin import DsimError, UsageError
from dsim.runtime import VERSION
from dsim.stats.noise import Difference, Spread, difference, spread
from dsim_asap.measure import Asap
from dsim_asap.specs import SPEC, AsapRecipe
from dsim_asap.studies import common
from dsim_asap.trainer import identity

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime

SCHEMA = "dsim.asap-tune/1"
#: Bumped when the rows of the same study would be others.
REVISION = 1
#: The parameters that can be searched over, and the values of a grid unless others are
#: given (Fig. 4 and Table 2 of the paper).
LEVELS: dict[str, tuple[Any, ...]] = {
    "alpha": tuple(step / 10 for step in range(11)),
    "beta": tuple(step / 10 for step in range(11)),
    "w": (),
    "n_emb": (1, 2, 3, 4, 5),
}
#: Steps of the weights w in a grid: quarters, 35 ways to share them among four maps.
_QUARTERS = 4

Setting = dict[str, Any]
Over = dict[str, tuple[Any, ...]]


def parse_over(text: str) -> Over:
    """The parameters to search over, each with its values in a grid where they are given: ``alpha=0/0.5/1,beta``.

    Raises UsageError for one that cannot be searched over, or a value that it cannot have.

    >>> parse_over("n_emb=2/3,w")
    {'n_emb': (2, 3), 'w': ()}
    """
    from dsim.errors import UnknownNameError

    over: Over = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, values = part.partition("=")
        if name not in LEVELS:
            raise UnknownNameError("parameter to search over", name, LEVELS, hint=f"choose from {', '.join(LEVELS)}")
        if name == "w" and values:
            raise UsageError("w is searched over all its shares", hint="write --over w, and --set w=... for fixed ones")
        parsed = tuple(SPEC.parameter(name).parse(value) for value in values.split("/")) if values else LEVELS[name]
        over[name] = parsed
    if not over:
        raise UsageError("nothing to search over", hint=f"give --over {','.join(LEVELS)}")
    return over


def settings_of(search: str, over: Over, base: Mapping[str, Any], trials: int | None, seed: int) -> list[Setting]:
    """The settings to try, the given ones first; each is of the parameters searched over.

    Parameters
    ----------
    search : ``random`` draws alpha and beta evenly from [0, 1], w evenly from all shares (Dirichlet), n_emb from 1 to
        5; ``grid`` is every combination; ``lines`` changes one parameter at a time.
    base : all parameters as they are given. ``trials`` : how many at random, 20 by default; else the most there may be.

    Raises UsageError for a grid of more than ``trials``.

    >>> base = {"alpha": 0.5, "w": (0.5, 0.5)}
    >>> [setting["alpha"] for setting in settings_of("lines", {"alpha": (0.0, 0.5, 1.0)}, base, None, 0)]
    [0.5, 0.0, 1.0]
    """
    given = {name: base[name] for name in over}
    if search == "random":
        found: Iterator[Setting] = (_drawn(over, base, seed, number) for number in range(1, trials or 20))
    else:
        found = _grid(over, base) if search == "grid" else _lines(over, given, base)
    settings = _distinct([given, *found])
    if search != "random" and trials is not None and len(settings) > trials:
        raise UsageError(
            f"--search {search} over {', '.join(over)} is {len(settings)} trainings, more than --trials {trials}",
            hint="search over fewer, give fewer values (--over alpha=0.3/0.5/0.7), or --search random",
        )
    return settings


def _drawn(over: Over, base: Mapping[str, Any], seed: int, number: int) -> Setting:
    """The draw of one trial; it does not depend on how many there are, so that a search can be made longer."""
    from dsim.random import stream

    rng = stream(seed, "asap tune", str(number))
    # All are drawn, whatever is asked for: what is searched over besides does not change the draws of the others.
    drawn: Setting = {
        "alpha": round(float(rng.uniform()), 2),
        "beta": round(float(rng.uniform()), 2),
        "n_emb": int(rng.integers(1, 6)),
        "w": _rounded(rng.dirichlet(np.ones(len(base.get("w", (1,)))))),
    }
    return {name: drawn[name] for name in over}


def _rounded(shares: np.ndarray[Any, Any]) -> tuple[float, ...]:
    """Shares in hundredths that still add up to 1: what is left goes to those that rounding down cost most."""
    hundredths = np.floor(100 * shares).astype(int)
    for place in np.argsort(hundredths - 100 * shares)[: 100 - hundredths.sum()]:
        hundredths[place] += 1
    return tuple(float(part) / 100 for part in hundredths)


def _values(name: str, over: Over, base: Mapping[str, Any]) -> Sequence[Any]:
    return over[name] if name != "w" else list(_shares(len(base["w"])))


def _shares(maps: int) -> Iterator[tuple[float, ...]]:
    """All ways to share quarters among the maps."""
    for cuts in itertools.combinations(range(_QUARTERS + maps - 1), maps - 1):
        edges = (-1, *cuts, _QUARTERS + maps - 1)
        yield tuple((b - a - 1) / _QUARTERS for a, b in itertools.pairwise(edges))


def _grid(over: Over, base: Mapping[str, Any]) -> Iterator[Setting]:
    for values in itertools.product(*(_values(name, over, base) for name in over)):
        yield dict(zip(over, values, strict=True))


def _lines(over: Over, given: Setting, base: Mapping[str, Any]) -> Iterator[Setting]:
    for name in over:
        for value in _values(name, over, base):
            yield {**given, name: value}


def _distinct(settings: Sequence[Setting]) -> list[Setting]:
    return [setting for number, setting in enumerate(settings) if setting not in settings[:number]]


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
        """Return whether the optimum can be distinguished from the others, in words."""
        return [_verdict(other, found) for _, other, found in self.contrasts()]


@dataclass(frozen=True)
class Search:
    """The settings that are tried, of these parameters, and the datasets that they train on.

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
            raise UsageError("one setting is not a search", hint="give more --trials, or more values in --over")

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
    """Return a finished trial from the folder, else train now; an interrupted one goes on from its checkpoint."""
    recipe = AsapRecipe.of(study.measure(setting).params)
    facts = {**study.facts, "recipe": recipe.record()}
    row = common.finished_row(out, facts, ("seed", seed), lambda file: _trained(study, recipe, seed, file, runtime))
    return Trial(setting, seed, **row)


def _trained(study: Search, recipe: AsapRecipe, seed: int, checkpoint: Path, runtime: Runtime) -> dict[str, Any]:
    from dsim.plugin import MeasureError
    from dsim_asap.trainer import train

    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    try:
        trained = train(study.pool, recipe, seed, checkpoint, runtime)
    except MeasureError as error:
        # A setting under which training diverges is a result of the search, and no reason to stop it.
        return {"eqc": None, "reason": error.message, "epochs": 0, "kept_epoch": 0, "seconds": 0.0}
    row = trained.curves[trained.best_epoch - 1]
    eqc = or_null(row.get("val_eqc"))
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
    """Return the meaning of the difference in EQC to another finalist, in words."""
    against = {"runner-up": "the runner-up", "given": "the settings given"}[other.role]
    if found.n < 2:
        return f"whether the optimum is better than {against} is not known: {found.note}"
    bounds = f"EQC {found.mean:+.3f}, 95 % {found.low:+.3f} to {found.high:+.3f} over {found.n} seeds"
    if found.high < 0:
        return f"the optimum is better than {against}: {bounds}"
    if found.low > 0:
        return f"the optimum of the search is worse than {against}, with other seeds: {bounds}"
    return f"the optimum cannot be distinguished from {against}: {bounds}"


def document(tuning: Tuning, search: str) -> dict[str, Any]:
    """Return the whole search as JSON of schema ``dsim.asap-tune/1``; what is not known is null."""
    study = tuning.study
    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "search": search,
        "over": list(tuning.trials[0].setting),
        "settings": AsapRecipe.of(study.params).record(),
        "seed": study.seed,
        "sources": common.datasets_of(study.sources),
        "trials": [{**_setting(study, trial.setting), **_result(trial)} for trial in tuning.trials],
        "finalists": [
            {
                "role": finalist.role,
                **_setting(study, finalist.setting),
                "eqc": finalist.spread.to_dict(),
                "trials": [_result(trial) for trial in finalist.trials],
            }
            for finalist in tuning.finalists
        ],
        "contrasts": [
            {"first": first.role, "second": second.role, **found.to_dict()}
            for first, second, found in tuning.contrasts()
        ],
        "verdicts": tuning.verdicts(),
        "measure": repr(study.measure(tuning.finalists[0].setting)),
    }


def _setting(study: Search, setting: Setting) -> dict[str, Any]:
    """Return a setting, and the measure that has it as one types it."""
    from dsim.files.documents import plain

    return {"setting": plain(setting), "measure": repr(study.measure(setting))}


def _result(trial: Trial) -> dict[str, Any]:
    return {name: value for name, value in vars(trial).items() if name != "setting"}
