"""The card of one zoo model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.biomed16.sets import Annotated
from benchmarks.cards import table
from dsim.truth import TransferMatrix

#: Percent of Dice on its own held-out images below which a source was not learnt.
LEARNT = 50.0


def model_card(manifest: Mapping[str, Any], truth: TransferMatrix, origin: Annotated) -> str:
    """The card as Markdown."""
    training, use = manifest["training"], manifest["use"]
    own = training["dice_held_out"]
    warning = [f"**Not learnt**: Dice {own:.1f} % on images like those it was trained on."] if own < LEARNT else []
    parts = [
        f"# {manifest['id']}",
        f"{manifest['title']}.",
        *warning,
        f"Use: {use['intended']}. Limits: {use['limits']}.",
        f"Licence of the weights: {manifest['weights']['licence']}.",
        f"    dsim prelabel MY/ --model zoo:{manifest['id']} --out masks/",
        "## Dice",
        _dice(manifest, truth),
        "## Data",
        _data(manifest, origin),
        "## Training",
        _training(manifest, truth),
        "## Weights",
        _weights(manifest),
    ]
    return "\n\n".join(parts) + "\n"


def _dice(manifest: Mapping[str, Any], truth: TransferMatrix) -> str:
    training, every = manifest["training"], truth.provenance["all foreground"]
    name = training["pool"][0]["name"]
    held = training["images"]["test"]
    rows = [[f"`{name}`, {held} held-out images", f"{training['dice_held_out']:.1f}", f"{every[name]:.1f}"]]
    ranked = sorted(training["dice"].items(), key=lambda pair: -pair[1])
    rows += [[f"`{target}`", f"{value:.1f}", f"{every[target]:.1f}"] for target, value in ranked]
    return (
        f"Percent, mean over images, as [{truth.name}](../../benchmarks/truth/{truth.name}/card.md) measured it; on "
        f"the {training['images']['training']} images that trained it: {training['dice_training']:.1f}. *all*: every "
        "pixel called foreground; a model below it is worse than not looking.\n\n"
    ) + table(["images", "Dice", "*all*"], rows)


def _data(manifest: Mapping[str, Any], origin: Annotated) -> str:
    entry, images = manifest["training"]["pool"][0], manifest["training"]["images"]
    lines = [
        f"`{entry['name']}`: {entry['n']} images of {origin.collection}; {origin.modality}. Masks: "
        f"{origin.foreground}.",
        f"{images['training']} trained the model, {images['validation']} chose the epoch, {images['test']} were held "
        "out.",
        f"Taken from {origin.repository} at commit {origin.commit[:12]}, {origin.path}.",
        *([f"Notes: {origin.notes}."] if origin.notes else []),
        f"Licence: {origin.licence}.",
        f"Citation: {origin.citation}.",
        f"Fingerprint of the images: `{entry['images_fingerprint']}`. A target that has images the model was trained "
        "on is noticed, whatever it is called.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _training(manifest: Mapping[str, Any], truth: TransferMatrix) -> str:
    training = manifest["training"]
    settings = ", ".join(f"{name}={value}" for name, value in training["settings"].items())
    versions = ", ".join(f"{name} {version}" for name, version in training["versions"].items())
    chosen = f"Seed {training['seed']}, validation loss {training['validation_loss']:.3f}."
    if truth.repetitions > 1:
        chosen = (
            f"Repetition {training['repetition'] + 1} of {truth.repetitions}, seed {training['seed']}: the one with "
            f"the least validation loss ({training['validation_loss']:.3f}); no target's score entered the choice."
        )
    return (
        f"{chosen} {training['epochs']} epochs in {training['seconds'] / 60:.1f} minutes on {training['device']}, one "
        f"thread; the weights of epoch {training['kept_epoch']} were kept.\n\nSettings: {settings}.\n\n"
        f"Under: {versions}."
    )


def _weights(manifest: Mapping[str, Any]) -> str:
    training, weights = manifest["training"], manifest["weights"]
    return (
        f"{manifest['architecture']['network']}, {manifest['architecture']['parameters']} parameters; "
        f"{weights['dtype']}, {weights['size'] / 1e6:.2f} MB, sha256 `{weights['sha256']}`. Half precision changes no "
        f"probability by more than {training['half_precision_change']:.2g}, "
        f"{100 * training['half_precision_flipped']:.2g} % of the pixels change side, and Dice on the held-out images "
        f"changes by {training['half_precision_dice']:.2g} points."
    )
