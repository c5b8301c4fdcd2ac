"""Checks of what is declared: of any plugin that declaring is cheap, of a measure that its spec is complete."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from dsim.errors import DsimError, PluginError, UsageError, repeated
from dsim.registry import HOOKS, Direction, Law, MeasureSpec, Need, Parameter, Plugin, catalogue, default, load
from dsim.testing.report import Failure, NotApplicable
from dsim.testing.subject import Subject

#: Libraries that cost every command time and memory when a plugin imports them only to declare itself.
HEAVY = ("torch", "torchvision", "timm", "sklearn", "scipy", "matplotlib", "h5py", "pandas", "ot", "skimage", "cv2")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_DECLARE = """
import importlib, json, sys
module, _, attribute = {target!r}.partition(":")
plugin = importlib.import_module(module)
plugin = getattr(plugin, attribute) if attribute else plugin
declared = [list(getattr(plugin, hook)()) for hook in {hooks!r} if hasattr(plugin, hook)]
print("\\n" + json.dumps(sorted(set(sys.modules) & set({heavy!r}))))
"""


def declares_alone(target: str) -> None:
    """Raise Failure where a plugin's module and hooks, alone in a fresh process, fail or import something heavy."""
    code = _DECLARE.format(target=target, hooks=tuple(HOOKS), heavy=HEAVY)
    code = f"import sys; sys.path[:] = {sys.path!r}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Failure(f"importing {target} fails: {done.stderr.strip().splitlines()[-1]}", "run it by hand")
    imported = json.loads(done.stdout.splitlines()[-1])
    if imported:
        raise Failure(
            f"{target} imports {', '.join(imported)} when it only declares",
            "declare in a module of its own, and name the code by strings only",
        )


def check_texts(name: str, texts: Mapping[str, str], references: Mapping[str, str]) -> None:
    """Raise Failure with every malformed name, empty text and reference that is not ``module:attribute``."""
    faults = [] if NAME.fullmatch(name) else [f"name {name!r} is not lower-case words joined by hyphens"]
    faults += [f"{field} is empty" for field, text in texts.items() if not text.strip()]
    faults += [
        f"{field} {text!r} is not 'module:name'" for field, text in references.items() if not REFERENCE.fullmatch(text)
    ]
    if faults:
        raise Failure("; ".join(faults), "complete the spec that the hook returns")


def loaded(reference: str) -> Any:
    """Return the object that a reference names. Raises Failure where it cannot be imported or called."""
    try:
        found = load(reference)
    except PluginError as error:
        raise Failure(error.message, "name an importable module and what is in it") from None
    except Exception as error:
        raise Failure(f"importing {reference} raised {type(error).__name__}: {error}", "mend the module") from error
    if not callable(found):
        raise Failure(f"{reference} is a {type(found).__name__}, which cannot be called", "name a function")
    return found


def _spec(subject: Subject) -> str:
    """The spec is complete: names, texts, needs, bounds and references are sensible."""
    problems = list(_problems(subject.spec))
    if problems:
        raise Failure("; ".join(problems), "complete the MeasureSpec that the class and the hook share")
    return f"needs {', '.join(sorted(subject.spec.needs))}; {subject.spec.direction}"


def _problems(declared: MeasureSpec) -> Iterator[str]:
    if not NAME.fullmatch(declared.name):
        yield f"name {declared.name!r} is not lower-case words joined by hyphens"
    if declared.version < 1 or declared.min_samples < 1:
        yield "version and min_samples must be at least 1"
    for field in ("title", "formula", "cost"):
        if not getattr(declared, field).strip():
            yield f"{field} is empty"
    if not declared.references or not all(text.strip() for text in declared.references):
        yield "references is empty: name the source, or 'this plugin'"
    if not declared.needs or not all(isinstance(need, Need) for need in declared.needs):
        yield "needs must hold at least one Need"
    if declared.source_needs and declared.two_sample:
        yield "source_needs differ from needs, so sources and targets are not two samples of one kind"
    if not isinstance(declared.direction, Direction):
        yield f"direction {declared.direction!r} is not a Direction"
    if strangers := sorted(str(law) for law in declared.laws if not isinstance(law, Law)):
        yield f"laws hold {', '.join(strangers)}, which is no Law"
    elif len(declared.laws - {Law.SHIFT_INVARIANT}) > 1:
        yield f"laws name more than one of scales: {', '.join(sorted(declared.laws))}"
    if declared.laws and Need.FEATURES not in declared.needs:
        yield "laws are of features that come with a dataset, which needs do not name"
    low, high = declared.bounds
    if math.isnan(low) or math.isnan(high) or low >= high:
        yield f"bounds {declared.bounds} are not in order"
    if not catalogue.keeps(Plugin("", "", "", "", {"dsim_measures": [declared]})):
        yield "it cannot be catalogued: use tuples, not lists, and plain numbers and texts as defaults"


def _parameters(subject: Subject) -> str:
    """Every parameter has help and a valid default that survives being written and read; every preset builds."""
    names = [parameter.name for parameter in subject.spec.parameters]
    problems = [f"{name!r} is declared twice" for name in sorted(repeated(names))]
    for parameter in subject.spec.parameters:
        problems += parameter_problems(parameter)
    for name, values in subject.spec.presets.items():
        problems += _preset_problems(subject, name, values)
    if problems:
        raise Failure("; ".join(problems), "mend the parameters and presets of the MeasureSpec")
    return f"{len(names)} parameters, {len(subject.spec.presets)} presets"


def parameter_problems(parameter: Parameter) -> Iterator[str]:
    """Yield what is wrong with a declared parameter: its name, its help, its default."""
    if not parameter.name.isidentifier():
        yield f"parameter {parameter.name!r} is not an identifier"
    if not parameter.help.strip():
        yield f"parameter {parameter.name!r} has no help"
    try:
        read = parameter.parse(parameter.format(parameter.check(parameter.default)))
    except (DsimError, KeyError, TypeError) as error:
        yield f"the default of parameter {parameter.name!r} is not valid: {error}"
        return
    if read != parameter.default:
        yield f"the default of parameter {parameter.name!r} is read back as {read!r}"


def _preset_problems(subject: Subject, name: str, values: Any) -> Iterator[str]:
    try:
        type(subject.given)(**values)
    except Exception as error:
        yield f"preset {name!r} does not build: {type(error).__name__}: {error}"


def _factory(subject: Subject) -> str:
    """The factory can be imported, and its class carries the very spec that is declared."""
    reference = subject.spec.factory
    if not REFERENCE.fullmatch(reference):
        raise Failure(f"factory {reference!r} is not 'module:Class'", "name the class that carries the spec")
    try:
        built = load(reference)
    except PluginError as error:
        raise Failure(error.message, "name an importable module and the class in it") from None
    if getattr(built, "spec", None) != subject.spec:
        raise Failure(f"{reference} carries another spec", "give the class the declared MeasureSpec as spec")
    return reference


def _registration(subject: Subject) -> str:
    """Declaring the measure imports nothing heavy: in a fresh process, the plugin's module and its hook run alone."""
    plugin = _plugin(subject.spec)
    if plugin is None:
        raise NotApplicable("the measure is not registered: no entry point names a plugin that declares it")
    declares_alone(plugin.target)
    return plugin.target


def _plugin(declared: MeasureSpec) -> Plugin | None:
    registry = default()
    return registry.origin(declared.name) if registry.measures.get(declared.name) == declared else None


def _unknown_parameter(subject: Subject) -> None:
    """A parameter that is not declared is refused with UsageError, never swallowed."""
    hint = "leave the constructor to SimilarityMeasure"
    try:
        type(subject.given)(no_such_parameter=1)
    except UsageError:
        return
    except Exception as error:
        raise Failure(f"it raised {type(error).__name__}: {error}", hint) from None
    raise Failure("no_such_parameter=1 was accepted", hint)


DECLARATION = (_spec, _parameters, _factory, _registration, _unknown_parameter)
