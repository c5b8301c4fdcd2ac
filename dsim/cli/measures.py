"""``dsim measures`` and ``dsim explain``: what can be measured, and what it means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.registry import MeasureSpec, Parameter


@click.command()
@click.option("--needs", multiple=True, metavar="WHAT", help="Only those that need nothing else: images, labels, ...")
@options.as_json
@click.option("--markdown", is_flag=True, help="Print the page of all measures: docs/measures.md.")
def measures(needs: Sequence[str], as_json: bool, markdown: bool) -> None:
    """List the similarity measures."""
    from dsim.registry import default
    from dsim.ui import emit_json, print_columns

    chosen = [spec for spec in default().measures.values() if not needs or spec.needs <= _needs(needs)]
    if as_json:
        return emit_json([_document(spec) for spec in chosen])
    if markdown:
        from dsim.cli.measure_table import page

        return click.echo(page(default(), chosen))
    return print_columns(
        [(f"{s.name}@{s.version}", ", ".join(sorted(s.needs)), str(s.direction), s.title) for s in chosen]
    )


@click.command()
@click.argument("name", shell_complete=completion.measures)
@options.as_json
def explain(name: str, as_json: bool) -> None:
    """Tell what a measure computes: formula, direction, range, cost, references, parameters, presets."""
    from dsim.registry import default

    if name not in default().measures and name in default().trainers:
        from dsim.cli.train import explain_trainer

        return explain_trainer(name, as_json)
    spec = default().measure_spec(name)
    if as_json:
        from dsim.ui import emit_json

        return emit_json(_document(spec))
    plugin = default().origin(name)
    click.echo(f"{spec.name}@{spec.version}: {spec.title}   (plugin {plugin.name}, {plugin.dist} {plugin.version})\n")
    facts = {
        "formula": spec.formula,
        "direction": f"{spec.direction}: {'small' if spec.direction == 'distance' else 'large'} means similar",
        "range": f"{spec.bounds[0]:g} to {spec.bounds[1]:g}{' ' + spec.unit if spec.unit else ''}",
        "symmetric": "yes" if spec.symmetric else "no: source and target are not interchangeable",
        "itself": "nearest to itself" if spec.self_is_optimal else "a dataset need not be nearest to itself",
        "needs": f"{', '.join(sorted(spec.needs))}; at least {spec.min_samples} samples",
        "intervals": f"by bootstrap, {spec.replicates or 'no'} replicates unless told" if spec.resamples else "none",
        "halves": "noise floor, and permutation test with --test N" if spec.two_sample else "no floor, no test",
        "cost": spec.cost,
        "blind to": spec.blind_to or "not stated",
    }
    for label, text in facts.items():
        click.echo(f"{label:>10}  {text}")
    _list("references", spec.references)
    _list("parameters", [_parameter_line(parameter) for parameter in spec.parameters])
    return _list("presets", [f"{preset}: {_settings(spec, preset)}" for preset in spec.presets])


def _needs(names: Sequence[str]) -> set[Any]:
    from dsim.errors import UnknownNameError
    from dsim.registry import Need

    known = [str(need) for need in Need]
    wanted = [part.strip() for name in names for part in name.split(",")]
    for name in wanted:
        if name not in known:
            raise UnknownNameError("need", name, known, hint=f"choose of: {', '.join(known)}")
    # Features can always be computed from images.
    found = {Need(name) for name in wanted}
    return found | {Need.FEATURES} if Need.IMAGES in found else found


def _list(title: str, lines: Sequence[str]) -> None:
    if lines:
        click.echo(f"\n{title}:")
        for line in lines:
            click.echo(f"  {line}")


def _parameter_line(parameter: Parameter) -> str:
    choices = f", one of {'|'.join(map(str, parameter.choices))}" if parameter.choices else ""
    return f"{parameter.name}={parameter.format(parameter.default)}  ({parameter.type}{choices}) {parameter.help}"


def _settings(spec: MeasureSpec, preset: str) -> str:
    values = spec.presets[preset]
    return ",".join(f"{key}={spec.parameter(key).format(value)}" for key, value in values.items()) or "the defaults"


def _document(spec: MeasureSpec) -> dict[str, Any]:
    import math

    return {
        "name": spec.name,
        "version": spec.version,
        "title": spec.title,
        "needs": sorted(spec.needs),
        "direction": str(spec.direction),
        "range": [bound if math.isfinite(bound) else None for bound in spec.bounds],
        "unit": spec.unit,
        "symmetric": spec.symmetric,
        "self_is_optimal": spec.self_is_optimal,
        "min_samples": spec.min_samples,
        "resamples": spec.resamples,
        "replicates": spec.replicates,
        "two_sample": spec.two_sample,
        "embeds": spec.embeds,
        "fits_pool": spec.fits_pool,
        "formula": spec.formula,
        "cost": spec.cost,
        "blind_to": spec.blind_to,
        "references": list(spec.references),
        "parameters": [
            {"name": p.name, "type": p.type, "default": p.default, "choices": list(p.choices), "help": p.help}
            for p in spec.parameters
        ],
        "presets": {name: dict(values) for name, values in spec.presets.items()},
    }
