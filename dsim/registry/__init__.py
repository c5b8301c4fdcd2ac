"""How a plugin is found, what it declares, and how a name becomes an object."""

from dsim.registry.blame import describe_failure, innermost_package, line_of
from dsim.registry.hooks import API_VERSION, hookimpl
from dsim.registry.loader import HOOKS, Plugin, PluginFailure, load_plugin, name_of
from dsim.registry.notation import (
    format_bracketed,
    format_call,
    parse_bracketed,
    parse_call,
    parse_options,
    split_outside_brackets,
)
from dsim.registry.registry import GROUP, OWN, Registry, default, forget, load
from dsim.registry.specs import (
    BuilderSpec,
    CommandSpec,
    Direction,
    ExtractorSpec,
    Law,
    MeasureSpec,
    Need,
    Parameter,
    Product,
    ReaderSpec,
    TrainerSpec,
)

__all__ = [
    "API_VERSION",
    "GROUP",
    "HOOKS",
    "OWN",
    "BuilderSpec",
    "CommandSpec",
    "Direction",
    "ExtractorSpec",
    "Law",
    "MeasureSpec",
    "Need",
    "Parameter",
    "Plugin",
    "PluginFailure",
    "Product",
    "ReaderSpec",
    "Registry",
    "TrainerSpec",
    "default",
    "describe_failure",
    "forget",
    "format_bracketed",
    "format_call",
    "hookimpl",
    "innermost_package",
    "line_of",
    "load",
    "load_plugin",
    "name_of",
    "parse_bracketed",
    "parse_call",
    "parse_options",
    "split_outside_brackets",
]
