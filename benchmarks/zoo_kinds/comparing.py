"""What a target can get from the zoo: the best candidate's Dice, before and after models were replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchmarks.cards import table
from dsim.random import stream
from dsim.zoo import Model

REPLICATES = 10_000


def best_of_old(models: Sequence[Model], target: str) -> tuple[float, str]:
    """Dice of the best of these models, of one source each, and its source; never the target's own."""
    return max(
        (model.manifest["training"]["dice"][target], _source(model)) for model in models if _source(model) != target
    )


def candidates(models: Sequence[Model]) -> list[Model]:
    """The models that are to be taken today: they segment, have learnt their source, and no other replaces them."""
    return [model for model in models if model.segments and model.learnt and model.replaced_by is None]


def best_of_new(models: Sequence[Model], target: str) -> tuple[float, str]:
    """The same of today's candidates; of a model of several sources, the target among them, what it scores without."""
    return max(pair for model in models if (pair := _unseen(model, target)) is not None)


def _unseen(model: Model, target: str) -> tuple[float, str] | None:
    training = model.manifest["training"]
    if target in training.get("dice_left_out", {}):
        return training["dice_left_out"][target], f"{model.id}, without it"
    known = training["dice"].get(target)
    return None if known is None or _source(model) == target else (known, model.id)


def _source(model: Model) -> str:
    return model.id.split(".")[1]


def comparison(models: Sequence[Model], old_family: str) -> str:
    """Markdown: a row for each target, the means, and their difference with its interval."""
    old = [model for model in models if model.id.startswith(f"{old_family}.")]
    new = candidates(models)
    targets = sorted(_source(model) for model in old)
    rows = [(target, best_of_old(old, target), best_of_new(new, target)) for target in targets]
    before, after = (np.array([pair[side][0] for pair in rows]) for side in (1, 2))
    low, high = interval(after - before)
    lines = [
        [
            f"`{target}`",
            f"{was:.1f}",
            f"`{by}`",
            f"{now:.1f}",
            f"`{of}`".replace(", without it`", "`, without it"),
            f"{now - was:+.1f}",
        ]
        for target, (was, by), (now, of) in rows
    ]
    lines.append(["mean", f"{before.mean():.1f}", "", f"{after.mean():.1f}", "", f"{(after - before).mean():+.1f}"])
    head = ["target", f"best of `{old_family}`", "source", "best of today's", "model", "difference"]
    difference = after - before
    return table(head, lines) + (
        f"\n\nMean difference {difference.mean():+.1f} points, 95 % interval {low:+.1f} to {high:+.1f} (bootstrap of "
        f"the {len(rows)} targets); better for {int((difference > 0).sum())}, worse for {int((difference < 0).sum())}."
    )


def own_dice(models: Sequence[Model], families: Sequence[str], learnt: Mapping[str, float]) -> Iterator[list[str]]:
    """A row for each source: Dice on its own held-out images, by family; ``learnt`` knows of models not in the zoo."""
    known = {model.id: model.manifest["training"]["dice_held_out"] for model in models if model.segments}
    names = sorted({id.split(".")[1] for id in known})
    for name in names:
        yield [f"`{name}`", *(_own(known, family, name, learnt) for family in families)]


def _own(known: Mapping[str, float], family: str, name: str, learnt: Mapping[str, float]) -> str:
    value = next((dice for id, dice in known.items() if id.startswith(f"{family}.{name}.")), learnt.get(name))
    return "" if value is None else f"{value:.1f}"


def interval(differences: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """95 % percentile interval of the mean, by bootstrap of the targets."""
    rng, values = stream(0, "zoo", "comparison"), np.asarray(differences)
    means = values[rng.integers(len(values), size=(REPLICATES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
