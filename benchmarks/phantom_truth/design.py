"""What is trained on, what is scored on, and the one recipe by which all networks are trained."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

from dsim.data import Dataset
from dsim.data.phantoms import open_phantom
from dsim.data.phantoms.catalogue import source_names, target_names
from dsim.data.phantoms.opener import STYLE_GOAL
from dsim.registry import format_bracketed

#: Raise it whenever training or scoring changes, so that finished trainings of another recipe are not taken up.
VERSION = 1
#: Scenes that no network has seen: of a source's self pair, and of the targets whose style has drifted.
HELD_OUT_SEED, DRIFTED_SEED = 1, 2


@dataclass(frozen=True)
class Recipe:
    """Everything that the scores depend on, besides the datasets.

    Parameters
    ----------
    images, side : of every dataset: how many, and their size in pixels.
    channels : of the U-Net, from full resolution down.
    epochs, patience : at most so many; stop after so many without a lower validation loss.
    validation : share of a source's groups that are held back for it.
    brightness, contrast : largest shift of intensities in [0, 1], and largest relative change of their spread.
    threshold : of the predicted probability, from which a pixel is foreground.
    """

    images: int = 48
    side: int = 64
    channels: tuple[int, ...] = (8, 16, 32, 64)
    epochs: int = 150
    patience: int = 40
    batch: int = 12
    learning_rate: float = 2e-3
    validation: float = 0.25
    brightness: float = 0.2
    contrast: float = 0.3
    threshold: float = 0.5
    version: int = VERSION


QUICK = Recipe(images=8, side=16, channels=(4, 8), epochs=2, patience=2, batch=4)


@dataclass(frozen=True)
class Design:
    """The datasets of one benchmark, by name.

    Parameters
    ----------
    sources, targets : what is trained on and what is scored on; a source is a target too, for the others.
    held_out : for each source other scenes of the same phantom, on which it is scored itself.
    """

    recipe: Recipe
    sources: dict[str, Dataset]
    targets: dict[str, Dataset]
    held_out: dict[str, Dataset]

    def scored_on(self, source: str) -> dict[str, Dataset]:
        """The images on which the networks of a source are scored, by target."""
        return self.targets | ({source: self.held_out[source]} if source in self.targets else {})

    def key(self, source: str) -> str:
        """sha256 of all that the scores of a source depend on but the seed."""
        used = {"trained": self.sources[source], **self.scored_on(source)}
        prints = {name: (each.images_fingerprint, each.masks_fingerprint) for name, each in used.items()}
        text = json.dumps({"recipe": asdict(self.recipe), "datasets": prints}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def design(recipe: Recipe) -> Design:
    """Nine sources; as targets the same nine, the six target phantoms, and the nine in a style that drifted away."""
    sources = {name: _phantom(recipe, name) for name in source_names()}
    shifted = {name: _phantom(recipe, name) for name in target_names()}
    drifted = {f"{name}-drifted": _phantom(recipe, name, seed=DRIFTED_SEED, **STYLE_GOAL) for name in sources}
    held_out = {name: _phantom(recipe, name, seed=HELD_OUT_SEED) for name in sources}
    targets = sources | shifted | drifted
    return Design(recipe, sources, {name: each.renamed(name) for name, each in targets.items()}, held_out)


def quick_design() -> Design:
    """Three sources and five targets, tiny: it shows that everything runs, and its scores mean nothing."""
    whole = design(QUICK)
    sources = dict(list(whole.sources.items())[:3])
    kept = (*sources, "fluorescence-dim", "relief-drifted")
    return replace(whole, sources=sources, targets={name: whole.targets[name] for name in kept})


def _phantom(recipe: Recipe, name: str, **options: float) -> Dataset:
    given = {"count": recipe.images, "size": recipe.side, **options}
    location = format_bracketed(name, {key: f"{value:g}" for key, value in given.items()})
    return open_phantom(location).renamed(name)
