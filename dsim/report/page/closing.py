"""The end of the page: how far to trust it, what to do next, and what every number depends on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dsim.measures import SimilarityMatrix
from dsim.report.contents import Part, Report
from dsim.report.page.text import bullets, name, scrolling, text


def trust(report: Report) -> str:
    """By measure: how such choices fared where transfer was measured, what it is blind to, what must be said."""
    return "\n".join(_trust(part, several=len(report.parts) > 1) for part in report.parts)


def _trust(part: Part, several: bool) -> str:
    heading = f"<h3>{name(part.matrix.measure)}</h3>\n" if several else ""
    lines = [text(sentence) for sentence in part.reliability]
    lines += [f"Blind to: {text(part.blind_to)}."] if part.blind_to else []
    lines += [text(note) for note in part.notes]
    return heading + (bullets(lines) or "<p>Nothing is known of how such choices fared.</p>")


def steps(report: Report) -> str:
    """What to do next, in order; commands as they are typed."""
    items = "".join(f"<li><p>{text(step.said)}</p>{_command(step.command)}</li>" for step in report.steps)
    return f'<ol class="steps">{items}</ol>' if items else ""


def _command(typed: str) -> str:
    """A command whose words are kept whole where lines break."""
    words = " ".join(f"<span>{text(word)}</span>" for word in typed.split(" "))
    return f"<pre><code>{words}</code></pre>" if typed else ""


def provenance(report: Report) -> str:
    """What every number depends on, by measure, then the datasets."""
    several = len(report.parts) > 1
    parts = [
        (f"<h3>{name(part.matrix.measure)}</h3>\n" if several else "") + _measure(part.matrix) for part in report.parts
    ]
    return "\n".join([*parts, "<h3>Datasets</h3>", _datasets(report.first)])


def _measure(matrix: SimilarityMatrix) -> str:
    rows = "".join(
        f'<tr><th scope="row" class="text">{text(key)}</th><td>{value}</td></tr>' for key, value in _facts(matrix)
    )
    return f'<table class="facts"><tbody>{rows}</tbody></table>'


def _facts(matrix: SimilarityMatrix) -> Iterator[tuple[str, str]]:
    record = matrix.provenance
    yield "measure", f"<code>{text(matrix.measure)}</code>, {text(record.get('plugin', ''))}"
    yield "computed", f"{text(record.get('created', ''))} by dsim {text(record.get('dsim', ''))}"
    yield "parameters", _pairs(record.get("parameters", {}))
    for recipe in record.get("extractors", ()):
        yield "features", _pairs(recipe)
    yield "draws", f"seed {record.get('seed')}, bootstrap {matrix.replicates}, permutations {matrix.permutations}"
    for condition in record.get("conditions", ()):
        libraries = ", ".join(f"{library} {version}" for library, version in condition.get("libraries", {}).items())
        yield "under", text(f"{condition.get('device')}, dsim {condition.get('dsim')}, {libraries}")
    if record.get("fitted"):
        yield "fitted", f"<code>{text(json.dumps(record['fitted'], sort_keys=True))}</code>"


def _pairs(values: Mapping[str, Any]) -> str:
    if not values:
        return "none"
    return f"<code>{text(', '.join(f'{key}={_value(value)}' for key, value in values.items()))}</code>"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _datasets(matrix: SimilarityMatrix) -> str:
    rows = "\n".join(_dataset(key, told) for key, told in matrix.provenance["datasets"].items())
    heads = "".join(
        f'<th scope="col" class="text">{head}</th>' for head in ("dataset", "where", "fingerprint", "notes")
    )
    table = f'<table class="record"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
    said = f"Fingerprints are of what {text(matrix.measure)} reads."
    return f'{scrolling("Record of the datasets", table)}\n<p class="small">{said}</p>'


def _dataset(key: str, told: Mapping[str, Any]) -> str:
    notes = [*told.get("notes", ())]
    notes += [f"unreadable, left out: {', '.join(told['skipped'])}"] if told.get("skipped") else []
    where = f"{told['location']}{told.get('options', '')}"
    return (
        f'<tr><th scope="row" class="text">{name(key)}</th><td><code>{text(where)}</code><br>{text(told["format"])}, '
        f"{told['samples']:,} images, resampled by {text(told['resampled_by'])}</td>"
        f"<td><code>{text(told['fingerprint'])}</code></td><td>{text('; '.join(notes))}</td></tr>"
    )
