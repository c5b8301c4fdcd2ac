"""``dsim measures`` lists the measures, ``dsim explain`` describes one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from dsim.registry import OWN
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.registry import MeasureSpec, Parameter, Plugin, Registry


@click.command()
@click.option(
    "--needs",
    multiple=True,
    metavar="WHAT",
    help="Only those that need nothing else: images, labels, ...; label-free: those that --measure label-free runs.",
)
@options.wide
@options.as_json
@click.option("--markdown", is_flag=True, help="Print the page of all measures: docs/measures.md.")
def measures(needs: Sequence[str], as_json: bool, markdown: bool) -> None:
    """List the similarity measures, with what each needs as it is by default (and reads where there is some)."""
    from dsim.cli.measure_words import reads
    from dsim.registry import default
    from dsim.ui import emit_json, print_table, say

    wanted = _needs(needs)
    chosen = [(spec, found) for spec in default().measures.values() if (found := reads(spec)).every <= wanted]
    if as_json:
        return emit_json([_document(spec) for spec, _ in chosen])
    if markdown:
        return click.echo(page(default(), [spec for spec, _ in chosen]))
    if not chosen:
        return say(f"note: no measure needs only {', '.join(sorted(wanted))}; most need images or features too")
    columns = ["measure", "needs", "direction", "what it is"]
    rows = [[f"{spec.name}@{spec.version}", str(found), str(spec.direction), spec.title] for spec, found in chosen]
    print_table("", columns, rows, whole=["measure"], prose=["what it is"], optional=["direction"])
    free = sum(found.label_free for _, found in chosen)
    return say(f"note: compare --measure label-free runs the {free} of these that need only images or features")


@click.command()
@click.argument("name", shell_complete=completion.measures)
@options.as_json
def explain(name: str, as_json: bool) -> None:
    """Explain a measure: what it does and for whom, formula, range, cost, parameters, how well it did, its page.

    A trainer is explained, too; where both have the name, first the measure, then the trainer.
    """
    from dsim.cli.train import document, explain_trainer
    from dsim.registry import default

    has_trainer = name in default().trainers
    if name not in default().measures and has_trainer:
        return explain_trainer(name, as_json)
    spec = default().measure_spec(name)
    if as_json:
        from dsim.ui import emit_json

        trainer = {"trainer": document(default().trainer_spec(name))} if has_trainer else {}
        return emit_json(_document(spec) | trainer)
    _explain(spec, default().origin(name))
    if has_trainer:
        click.echo("\nThe trainer of that name, dsim train:\n")
        explain_trainer(name, as_json)
    return None


def _explain(spec: MeasureSpec, plugin: Plugin) -> None:
    """Print what it does in plain words, then all that is declared, how well it did, and its page."""
    from dsim.cli.measure_standings import standings
    from dsim.ui import print_behind

    click.echo(f"{spec.name}@{spec.version}: {spec.title}   (plugin {plugin.name}, {plugin.dist} {plugin.version})\n")
    if spec.summary:
        print_behind("", spec.summary)
        click.echo()
    for label, text in _facts(spec).items():
        print_behind(f"{label:>10}  ", text)
    _list("references", spec.references)
    _list("parameters", [_parameter_line(parameter) for parameter in spec.parameters])
    _list("presets", [f"{preset}: {_settings(spec, preset)}" for preset in spec.presets])
    _list("on the stored leaderboards", standings(spec.name, spec.version))
    if plugin.dist == OWN:
        click.echo(f"\nmore: docs/measures/{spec.name}.md")


def _facts(spec: MeasureSpec) -> dict[str, str]:
    from dsim.cli.measure_words import reads

    return {
        "formula": spec.formula,
        "direction": f"{spec.direction}: {'small' if spec.direction == 'distance' else 'large'} means similar",
        "range": f"{spec.bounds[0]:g} to {spec.bounds[1]:g}{' ' + spec.unit if spec.unit else ''}",
        "symmetric": "yes" if spec.symmetric else "no: source and target are not interchangeable",
        "itself": "nearest to itself" if spec.self_is_optimal else "a dataset need not be nearest to itself",
        "needs": f"{reads(spec)}; at least {spec.min_samples} {'sample' if spec.min_samples == 1 else 'samples'}",
        "intervals": f"by bootstrap, {spec.replicates or 'no'} replicates by default" if spec.resamples else "none",
        "halves": "noise floor, and permutation test with --test N" if spec.two_sample else "no floor, no test",
        "cost": spec.cost,
        "blind to": spec.blind_to or "not stated",
    }


def _needs(names: Sequence[str]) -> set[Any]:
    """Return the needs that these names allow, all without names. Raises UnknownNameError for another name."""
    from dsim.cli.measure_words import WORDS
    from dsim.errors import UnknownNameError
    from dsim.registry import Need

    if not names:
        return set(Need)
    known = [*map(str, Need), *WORDS]
    wanted = [part.strip() for name in names for part in name.split(",")]
    for name in wanted:
        if name not in known:
            raise UnknownNameError("need", name, known, hint=f"choose of: {', '.join(known)}")
    # Features can always be computed from images.
    found = {need for name in wanted for need in WORDS.get(name, frozenset([name]))}
    return found | {Need.FEATURES} if Need.IMAGES in found else found


def _list(title: str, lines: Sequence[str]) -> None:
    from dsim.ui import print_behind

    if lines:
        click.echo(f"\n{title}:")
        for line in lines:
            print_behind("  ", line, deeper=4)


def _parameter_line(parameter: Parameter) -> str:
    choices = f", one of {'|'.join(map(str, parameter.choices))}" if parameter.choices else ""
    return f"{parameter.name}={parameter.format(parameter.default)}  ({parameter.type}{choices}) {parameter.help}"


def _settings(spec: MeasureSpec, preset: str) -> str:
    values = spec.presets[preset]
    return ",".join(f"{key}={spec.parameter(key).format(value)}" for key, value in values.items()) or "the defaults"


def _document(spec: MeasureSpec) -> dict[str, Any]:
    from dsim.cli.measure_words import reads

    return {
        "name": spec.name,
        "version": spec.version,
        "title": spec.title,
        "summary": spec.summary,
        "needs": sorted(spec.needs),
        "source_needs": sorted(spec.source_needs or spec.needs),
        "label_free": reads(spec).label_free,
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


_HEAD = """\
# Measures

Made by `dsim measures --markdown`. `dsim explain NAME` describes one measure: formula, parameters, presets.

- **needs**: what is read of a dataset. Features are computed from the images where they are not given. Some parameters
  need less; the page of the measure says so.
- **symmetric**: source and target can be interchanged. **itself**: no other dataset is nearer to a dataset than itself.
- **uncertainty**: *intervals* by bootstrap; *floor*, the value between two halves of a dataset; *test*, a p-value by
  permutation, unless the measure was fitted on the sources. See [results](results.md).
- **cost** is in images n, m and numbers per image d, of a summary or a pair of datasets.
"""
_COLUMNS = ("measure", "needs", "direction", "range", "symmetric", "itself", "uncertainty", "cost", "references")
_NUMBER = re.compile(r"\bdoi:(?P<doi>10\.\d{4,}/[^\s,;]+)|\barXiv[: ](?P<arxiv>\d{4}\.\d{4,5})")


def page(registry: Registry, specs: Sequence[MeasureSpec]) -> str:
    """Return the Markdown page of these measures, with links to the pages of dsim's own measures."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *(tuple(_cells(registry, spec)) for spec in specs)]
    return "\n".join([_HEAD, *(f"| {' | '.join(row)} |" for row in rows)])


def _cells(registry: Registry, spec: MeasureSpec) -> Iterator[str]:
    name = f"{spec.name}@{spec.version}"
    linked = f"[{name}](measures/{spec.name}.md)" if registry.origin(spec.name).dist == "dsim" else name
    yield f"{linked}<br>{_plain(spec.title)}"
    of_sources = f"; of sources: {', '.join(sorted(spec.source_needs))}" if spec.source_needs else ""
    yield ", ".join(sorted(spec.needs)) + of_sources
    yield str(spec.direction)
    yield " to ".join(_bound(bound) for bound in spec.bounds) + (f" {spec.unit}" if spec.unit else "")
    yield "yes" if spec.symmetric else "no"
    yield "nearest" if spec.self_is_optimal else "not always"
    yield ", ".join(uncertainty(spec)) or "none"
    yield _plain(spec.cost)
    yield "<br>".join(_linked(reference) for reference in spec.references)


def uncertainty(spec: MeasureSpec) -> list[str]:
    """Return the kinds of uncertainty that a measure gives: intervals, floor, test."""
    return [*(["intervals"] if spec.resamples else []), *(["floor", "test"] if spec.two_sample else [])]


def _bound(bound: float) -> str:
    return f"{bound:g}" if math.isfinite(bound) else "∞" if bound > 0 else "-∞"


def _linked(reference: str) -> str:
    """Return the reference with its DOI or arXiv number as a link.

    >>> _linked("Pearson 1895, doi:10.1098/rspl.1895.0041")
    'Pearson 1895, [doi:10.1098/rspl.1895.0041](https://doi.org/10.1098/rspl.1895.0041)'
    """
    parts, end = [], 0
    for found in _NUMBER.finditer(reference):
        doi, arxiv = found["doi"], found["arxiv"]
        address = f"https://doi.org/{quote(doi, safe='/:;.-_')}" if doi else f"https://arxiv.org/abs/{arxiv}"
        parts += [_plain(reference[end : found.start()]), f"[{_plain(found[0])}]({address})"]
        end = found.end()
    return "".join([*parts, _plain(reference[end:])])


def _plain(text: str) -> str:
    """Return text that stays within its cell, and is read neither as emphasis nor as HTML.

    >>> _plain("k <= n_classes")
    'k &lt;= n\\\\_classes'
    """
    # Not every reader of Markdown takes a backslash before < for an escape.
    return re.sub(r"([|*_\[\]])", r"\\\1", re.sub(r"\s+", " ", text)).replace("<", "&lt;")
