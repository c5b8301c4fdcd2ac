"""The model of a target as a folder of the zoo: weights, manifest, card, probe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsim.adapt.result import describe_way

if TYPE_CHECKING:
    from dsim.adapt.annotation import Annotation
    from dsim.adapt.result import Adapted
    from dsim.adapt.settings import Settings
    from dsim.models import Segmenter
    from dsim.zoo import Model

BUILDER = "dsim.models.segmenter:build_probed"


def write_segmenter(
    found: Adapted,
    segmenter: Segmenter,
    annotation: Annotation,
    settings: Settings,
    references: Sequence[str],
) -> Model:
    """Write the model into ``found.out``, ready for ``dsim prelabel --model`` and ``dsim zoo add``; return it.

    ``references`` are the models that it was made of. Raises DsimError where the disk refuses.
    """
    from dsim.models.segmenter import FILE
    from dsim.zoo import write_model

    name = f"{found.way}.{_plain_name(found.target)}.r1"
    weights = replace(segmenter, name=name).save(found.out / FILE)
    description = _description(name, found, segmenter, annotation, settings, references)
    return write_model(found.out, description, weights, sections=_sections(found, references), file=FILE, digits=6)


def _description(
    name: str,
    found: Adapted,
    segmenter: Segmenter,
    annotation: Annotation,
    settings: Settings,
    references: Sequence[str],
) -> Any:
    from dsim.zoo import ModelDescription

    recipe = segmenter.recipe
    made = describe_way(found.way, found.models, found.images)
    return ModelDescription(
        id=name,
        title=f"Segmenter of {found.marks} for {found.target}: {made}",
        builder=BUILDER,
        licence=_licence(references),
        side=recipe.patch,
        transform=f"tiles@1[side={recipe.side},patch={recipe.patch}]",
        dim=1,
        kind="segmentation",
        pool=_pool(segmenter, annotation, references),
        use={
            "intended": f"pre-labels of {found.target} and images like them, corrected by people",
            "limits": "judged on the few annotated images only; other images may be harder",
            "marks": found.marks,
        },
        architecture={"network": type(segmenter.network).__name__},
        training={
            "way": found.way,
            "started_from": list(references),
            "annotated_images": found.images,
            "expected_dice": found.to_dict()["expected_dice"],
            "seconds": round(found.seconds, 1),
            "epochs": settings.epochs if found.way in ("finetune", "scratch") else 0,
            "device": segmenter.device,
            "seed": settings.seed,
            "settings": settings.record(),
        },
    )


def _sections(found: Adapted, references: Sequence[str]) -> Mapping[str, str]:
    from dsim.zoo import markdown_table

    expected = (
        f"Expected Dice on images without a mask: {found.expected}, with bounds of 95 %" if found.expected else ""
    )
    source = (
        "It was measured on annotated images that the model of each fold had not seen; models of folds had fewer images"
        " than this one."
        if found.choice
        else "Too few images are annotated to test anything on them: it is that of the chosen candidate, with the usual"
        " lead over it."
    )
    table = markdown_table(("way", "Dice (95 % interval)"), found.rows()) if found.choice else ""
    started = f"Made of: {', '.join(references)}." if references else "It started from no model of the zoo."
    return {
        "How it was made": "\n\n".join(
            part for part in (started, expected and f"{expected}.", source, table, *found.notes) if part
        )
    }


def _plain_name(text: str) -> str:
    """A name as ids of the zoo allow it."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-_") or "target"


def _licence(references: Sequence[str]) -> str:
    known = {model.manifest["weights"]["licence"] for model in _zoo_models(references)}
    return "; ".join([*sorted(map(str, known)), "and as the annotated images allow"]) if known else "not stated"


def _zoo_models(references: Sequence[str]) -> list[Model]:
    from dsim.zoo import find

    return [find(each.removeprefix("zoo:")) for each in references if each.startswith("zoo:")]


def _pool(segmenter: Segmenter, annotation: Annotation, references: Sequence[str]) -> list[dict[str, Any]]:
    """The datasets that its weights were trained on, with the licences that are known."""
    from dsim.zoo import pool_entry

    licences = {e["images_fingerprint"]: e["licence"] for model in _zoo_models(references) for e in model.pool}
    part = annotation.target.subset(annotation.images)
    licences[part.images_fingerprint] = pool_entry(part)["licence"]
    return [
        {
            "name": entry["name"],
            "n": entry["n"],
            "images_fingerprint": entry["images_fingerprint"],
            "licence": licences.get(entry["images_fingerprint"], "not stated"),
        }
        for entry in segmenter.trained_on
    ]
