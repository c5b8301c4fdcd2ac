"""The notation ``name:param=value,param=value`` of measures and extractors, the same everywhere."""

from __future__ import annotations

from collections.abc import Mapping

from dsim.errors import UsageError


def split_outside_brackets(text: str, separator: str) -> list[str]:
    """Split at a separator, except within square brackets. Raises UsageError for unbalanced brackets.

    >>> split_outside_brackets("extractor=timm:resnet18[init=random:0,layer=2],size=64", ",")
    ['extractor=timm:resnet18[init=random:0,layer=2]', 'size=64']
    """
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth < 0:
            break
        if character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth != 0:
        raise UsageError(f"unbalanced brackets in {text!r}", hint="close every [ with a ]")
    return [*parts, text[start:]]


def parse_options(text: str) -> dict[str, str]:
    """Return the mapping of ``a=1,b=2``. Raises UsageError for duplicates and stray text.

    >>> parse_options("entreg=0.1,p=2")
    {'entreg': '0.1', 'p': '2'}
    """
    options: dict[str, str] = {}
    for part in split_outside_brackets(text, ","):
        key, equals, value = part.partition("=")
        key = key.strip()
        if not equals or not key:
            raise UsageError(f"cannot read {part!r} as param=value", hint="write name:param=value,param=value")
        if key in options:
            raise UsageError(f"parameter {key!r} is given twice in {text!r}", hint="give it once")
        options[key] = value.strip()
    return options


def parse_call(text: str) -> tuple[str, dict[str, str]]:
    """Return name and options of ``name`` or ``name:param=value,...``. Raises UsageError where it cannot be read.

    >>> parse_call("otdd:entreg=0.1")
    ('otdd', {'entreg': '0.1'})
    >>> parse_call("cc")
    ('cc', {})
    """
    name, colon, options = text.partition(":")
    name = name.strip()
    if not name:
        raise UsageError(f"no name in {text!r}", hint="write name:param=value,param=value")
    return name, parse_options(options) if colon and options.strip() else {}


def format_call(name: str, options: Mapping[str, str]) -> str:
    """Return the canonical text of a call: options in alphabetical order.

    >>> format_call("otdd", {"p": "2", "entreg": "0.1"})
    'otdd:entreg=0.1,p=2'
    """
    if not options:
        return name
    return f"{name}:" + ",".join(f"{key}={options[key]}" for key in sorted(options))


def parse_bracketed(text: str) -> tuple[str, dict[str, str]]:
    """Return head and options of ``head[key=value,...]``, the notation of extractors. Raises UsageError for other text.

    >>> parse_bracketed("timm:resnet18.a1_in1k[init=random:0]")
    ('timm:resnet18.a1_in1k', {'init': 'random:0'})
    """
    head, bracket, rest = text.strip().partition("[")
    if not bracket:
        return head, {}
    if not rest.endswith("]"):
        raise UsageError(f"cannot read {text!r}", hint="write kind:name[option=value,...]")
    return head, parse_options(rest[:-1]) if rest[:-1] else {}


def format_bracketed(head: str, options: Mapping[str, str]) -> str:
    """Return the canonical text of ``head[key=value,...]``.

    >>> format_bracketed("timm:resnet18", {"init": "random:0"})
    'timm:resnet18[init=random:0]'
    """
    if not options:
        return head
    return f"{head}[" + ",".join(f"{key}={options[key]}" for key in sorted(options)) + "]"
