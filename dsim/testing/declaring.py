"""What holds for every declaration, whatever it is of: its names, and that declaring is cheap."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from dsim.errors import PluginError
from dsim.registry import HOOKS, load
from dsim.testing.report import Failure

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
    """Failure where a plugin's module and hooks, alone in a fresh process, fail or import something heavy."""
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
    """Failure that lists each malformed name, empty text and reference that is not ``module:attribute``."""
    faults = [] if NAME.fullmatch(name) else [f"name {name!r} is not lower-case words joined by hyphens"]
    faults += [f"{field} is empty" for field, text in texts.items() if not text.strip()]
    faults += [
        f"{field} {text!r} is not 'module:name'" for field, text in references.items() if not REFERENCE.fullmatch(text)
    ]
    if faults:
        raise Failure("; ".join(faults), "complete the spec that the hook returns")


def loaded(reference: str) -> Any:
    """What a reference names; Failure where it cannot be imported, or cannot be called."""
    try:
        found = load(reference)
    except PluginError as error:
        raise Failure(error.message, "name an importable module and what is in it") from None
    except Exception as error:
        raise Failure(f"importing {reference} raised {type(error).__name__}: {error}", "mend the module") from error
    if not callable(found):
        raise Failure(f"{reference} is a {type(found).__name__}, which cannot be called", "name a function")
    return found
