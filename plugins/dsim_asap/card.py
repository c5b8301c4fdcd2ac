"""The card of a trained model: what a reader must know, written from its manifest and curves."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsim.files import replacing, write_text
from dsim_asap.specs import TRAINING

#: Columns of the curves that are drawn.
_CURVES = ("mse", "style", "triplet", "style_triplet", "eqc")


def write_card(folder: Path) -> None:
    """Write ``card.md`` and ``curves.png`` from the folder's ``manifest.toml`` and ``curves.json``."""
    manifest = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    curves = json.loads((folder / "curves.json").read_text(encoding="utf-8"))
    draw(curves, manifest["training"]["kept_epoch"], folder / "curves.png", _CURVES)
    write_text(folder / "card.md", _text(manifest))


def _text(manifest: Mapping[str, Any]) -> str:
    training, weights = manifest["training"], manifest["weights"]
    precision = f"{weights['dtype']}, {weights['size'] / 1e6:.1f} MB"
    sections = [
        f"# {manifest['id']}",
        manifest["title"] + ".",
        f"Use: {manifest['use']['intended']}.\nLimits: {manifest['use']['limits']}.",
        f"Licence of the weights: {weights['licence']}.",
        "## Network",
        f"Encoder `{manifest['architecture']['backbone']}`, {manifest['input']['side']} x {manifest['input']['side']}"
        f" pixels, RGB, `{manifest['input']['transform']}`, to {manifest['output']['dim']} latent dimensions."
        f" Weights: {precision}, sha256 `{weights['sha256']}`."
        f" Half precision changes no distance of two datasets by more than {training['half_precision_change']:.2%}.",
        "## Quality",
        table(("measure", "value"), _quality(training)),
        "## Training",
        how(training),
        "![losses and EQC by epoch](curves.png)",
        _command(manifest),
        *settings(training),
        "## Data",
        "Images only: no label and no mask was read. Held-out images neither trained the model nor chose its weights. "
        + _held_out(training),
        table(("dataset", "images", "held out", "placed right", "licence"), _data(training)),
    ]
    return "\n\n".join(sections) + "\n"


def _command(manifest: Mapping[str, Any]) -> str:
    """The command line that trained the model; only settings that differ from the defaults."""
    training = manifest["training"]
    texts = {parameter.name: parameter.format(_setting(training, parameter.name)) for parameter in TRAINING}
    changed = {p.name: texts[p.name] for p in TRAINING if texts[p.name] != p.format(p.default)}
    options = {"id": manifest["id"], "holdout": training["holdout"], "blocks": training["blocks"], **changed}
    settings = " ".join(f"--set {name}={value}" for name, value in options.items())
    return f"    dsim zoo train asap --sources ... --out ... --seed {training['seed']} {settings}"


def _setting(training: Mapping[str, Any], name: str) -> Any:
    value = training["settings"][name]
    return tuple(value) if isinstance(value, list) else value


def _held_out(training: Mapping[str, Any]) -> str:
    if not training["blocks"]:
        return f"{training['holdout']:.0%} of each dataset were held out: whole groups where it has any."
    return (
        f"{training['holdout']:.0%} of each dataset were held out: whole groups or, where it has none, runs of"
        f" 1/{training['blocks']} of its images in the order of their names: neighbours can be frames of one video."
        " A set that is a single sequence has neighbours on both sides even so."
    )


def _quality(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = {
        "eqc_paper": "EQC of the training pool, Eq. 8 to 11 (lower is better)",
        "eqc_reference": "EQC of the training pool, form of the reference code",
        "eqc_heldout_paper": "EQC of the held-out images, Eq. 8 to 11",
    }
    rows = [(text, f"{training[name]:.3f}") for name, text in names.items() if name in training]
    if "heldout_placement" in training:
        rows.append(
            ("held-out images whose nearest dataset centre is their own's", f"{training['heldout_placement']:.1%}")
        )
    return rows


def _data(training: Mapping[str, Any]) -> list[tuple[str, ...]]:
    held, shares = training["heldout"], training["heldout_placement_per_dataset"]
    return [
        (
            entry["name"],
            str(entry["n"]),
            str(len(held.get(entry["name"], ()))),
            f"{shares[entry['name']]:.0%}" if entry["name"] in shares else "",
            entry["licence"],
        )
        for entry in training["pool"]
    ]


def how(training: Mapping[str, Any]) -> str:
    """A sentence on the training: time, device, arithmetic, seed, epoch."""
    time = f"{training['seconds'] / 60:.0f} minutes for {training['epochs']} epochs on {training['device']}"
    arithmetic = "bfloat16 where it is safe" if training["bfloat16"] else "float32"
    return f"{time} ({arithmetic}), seed {training['seed']}; the weights of epoch {training['kept_epoch']} were kept."


def settings(training: Mapping[str, Any]) -> list[str]:
    """Every setting and the versions of the libraries, a paragraph each."""
    return [
        "All settings: " + ", ".join(f"{name}={_plain(value)}" for name, value in training["settings"].items()) + ".",
        "Libraries: " + ", ".join(f"{name} {version}" for name, version in training["versions"].items()) + ".",
    ]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def _plain(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def draw(curves: Sequence[Mapping[str, float]], kept: int, path: Path, names: Sequence[str]) -> None:
    """These columns by epoch, in training and, where there is any, validation; a line where weights were kept."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * len(names), 2.4), layout="constrained")
    epochs = range(1, len(curves) + 1)
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        for column, label, colour in ((name, "training", "C0"), (f"val_{name}", "validation", "C1")):
            if column in curves[0]:
                axes.plot(epochs, [row[column] for row in curves], label=label, color=colour, linewidth=1)
        axes.axvline(kept, color="0.7", linewidth=1, linestyle=":")
        axes.set(title=name.replace("_", " "), xlabel="epoch", ylim=(0, None))
    figure.axes[0].legend(fontsize=7)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
