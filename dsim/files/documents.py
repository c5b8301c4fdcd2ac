"""JSON documents that dsim writes and reads: checked against their schemas on the way in; NaN is null."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, DsimError, storable
from dsim.files.atomic import read_text, write_text

if TYPE_CHECKING:
    import numpy as np
    from jsonschema import Draft202012Validator
    from numpy.typing import NDArray

#: Characters of a schema's message on a fault, which may quote whole tables, that are shown.
_LONGEST = 300


def parse(text: str, what: str, hint: str) -> dict[str, Any]:
    """Return the JSON object of a text; raises DataError, which names ``what`` it is, where it is not one.

    >>> parse('{"a": NaN}', "the text", "write null")
    Traceback (most recent call last):
    dsim.errors.DataError: the text is not JSON: it holds NaN; a value that is not known is null
      fix: write null
    """
    try:
        document = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise DataError(f"{what} is not JSON: {error}", hint=hint) from None
    if not isinstance(document, dict):
        raise DataError(f"{what} holds no JSON object", hint=hint)
    return document


def read(path: Path, hint: str) -> dict[str, Any]:
    """Return the JSON object in a file; raises DataError where it cannot be read, or holds none."""
    return parse(read_text(path, hint), str(path), hint)


def read_either(source: str | Path, hint: str) -> tuple[dict[str, Any], str]:
    """Return the JSON object of a text, or of the file at a path, and its name for messages.

    Raises DataError where it cannot be read, or holds no object.
    """
    if isinstance(source, str) and source.lstrip().startswith("{"):
        return parse(source, "the text", hint), "the text"
    return read(Path(source), hint), str(source)


def to_json(document: Mapping[str, Any], path: str | Path | None = None) -> str:
    """Return the JSON text of a document; written atomically, and ended by a line feed, where a path is given.

    Raises ValueError for NaN, which a document holds as null, and DsimError where the file cannot be written.

    >>> print(to_json({"name": "naïve", "values": []}))
    {
      "name": "naïve",
      "values": []
    }
    """
    text = json_text(document)
    if path is not None:
        write_text(Path(path), text + "\n")
    return text


def json_text(document: object, indent: int = 2) -> str:
    r"""Return the JSON text of a value, for people to read. Raises ValueError for NaN, which a document holds as null.

    Bytes of paths that are not UTF-8 are written as Python holds them, so that reading gives them back.

    >>> print(json_text(["naïve"], 0), json_text(["caf\udce9"], 0))
    [
    "naïve"
    ] [
    "caf\udce9"
    ]
    """
    text = json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=False)
    return text if storable(text) else json.dumps(document, indent=indent, allow_nan=False)


def canonical_json(value: object) -> str:
    """Return the one text of a JSON value: keys sorted, no spaces, ASCII; the same before and after it was in a file.

    Raises ValueError for NaN.

    >>> canonical_json({"b": 1, "a": [True, None]})
    '{"a":[true,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: object) -> str:
    """Return the sha256 of the canonical JSON: the identity of whatever depends on exactly this.

    Raises ValueError for NaN.

    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def check(
    document: Mapping[str, Any],
    schema: str,
    what: str,
    hint: str,
    place: Callable[[Sequence[Any]], str] | None = None,
) -> None:
    """Raise DataError unless a document says that it holds to a schema, ``dsim.matrix/1`` say, and does.

    ``place`` puts the path to the fault into words; by default its steps, as in ``values.0.1``.
    """
    if document.get("schema") != schema:
        raise DataError(f"{what} has schema {document.get('schema')!r}, not {schema!r}", hint=hint)
    from jsonschema.exceptions import best_match

    fault = best_match(_validator(schema).iter_errors(document))
    if fault is not None:
        where = (place or _place)(list(fault.absolute_path))
        raise DataError(f"{what} does not hold to {schema}: {where}: {_shortened(fault.message)}", hint=hint)


@cache
def _validator(schema: str) -> Draft202012Validator:
    """Schemas refer to each other by file name; all of them are shipped, none is fetched."""
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    from dsim.files.shipped import shipped

    folder = shipped("schema")
    known = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.schema.json"))}
    name = f"{schema.replace('/', '.')}.schema.json"
    if name not in known:
        raise DsimError(f"{name} is missing in {folder}", hint="the installation is damaged: install dsim again")
    registry: Registry[Any] = Registry().with_resources(
        (contents["$id"], Resource.from_contents(contents)) for contents in known.values()
    )
    return Draft202012Validator(known[name], registry=registry)


def _place(steps: Sequence[Any]) -> str:
    return ".".join(str(step) for step in steps) or "at its top"


def _shortened(message: str) -> str:
    half = _LONGEST // 2
    return message if len(message) <= _LONGEST else f"{message[:half]} ... {message[-half:]}"


def _refuse(constant: str) -> float:
    raise ValueError(f"it holds {constant}; a value that is not known is null")


def number(value: float) -> float | None:
    """Return a number as JSON has it: null for NaN."""
    return None if math.isnan(value) else float(value)


def or_nan(value: float | None) -> float:
    """Return a number of a document: NaN for null."""
    return math.nan if value is None else float(value)


def nullable(values: NDArray[np.float64] | None) -> Any:
    """Return the nested lists of a float64 array (n, ...), null for NaN; null for None.

    >>> import numpy as np
    >>> nullable(np.array([[0.5, np.nan]]))
    [[0.5, None]]
    """
    return None if values is None else _without_nan(values.tolist())


def _without_nan(values: Any) -> Any:
    return [_without_nan(value) for value in values] if isinstance(values, list) else number(values)


def array(rows: Any, what: str, hint: str, dtype: type = float) -> Any:
    """Return the array (n, ...) of nested lists, NaN for null.

    Raises DataError where the rows of ``what`` differ in length.
    """
    import numpy as np

    try:
        return np.array(rows, dtype=dtype)
    except ValueError:
        raise DataError(f"the rows of {what} have different lengths", hint=hint) from None


def plain(value: Any) -> Any:
    """Return mappings and tuples as JSON has them."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def or_null(value: float | None) -> float | None:
    """Return a number as JSON has it: None for NaN, for an infinite one, and for None.

    >>> or_null(float("nan")), or_null(0.5)
    (None, 0.5)
    """
    return None if value is None or not math.isfinite(value) else float(value)


def or_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with every float as ``or_null`` has it."""
    return {name: or_null(value) if isinstance(value, float) else value for name, value in values.items()}
