"""Who may import whom, how long a module and a function may be, and what no file may contain."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from dsim import plugin

ROOT = Path(__file__).parents[1]

#: A module of dsim may import what stands in lines above its own, and the rest of its own package.
LAYERS = (
    {"errors", "stats", "random"},
    {"runtime", "files"},
    {"registry"},
    {"pages", "ui"},
    {"store"},
    {"data"},
    {"zoo", "annotations"},
    {"features"},
    {"models"},
    {"measures", "embeddings", "learning"},
    {"truth"},
    {"plugin", "comparison", "transfer", "doctor"},
    {"evaluation"},
    {"plots"},
    {"selection"},
    {"adapt", "efficiency", "maps"},
    {"leaderboard", "prelabel", "recommend"},
    {"report"},
    {"testing", "scaffold"},
    {"cli", "builtin"},
    {"__main__"},
)
#: What a plugin may import of dsim: the door, and the parts that it names.
OFFERED = {"plugin", *plugin.PUBLISHED}

#: Imported inside functions, where used. numpy may stand at the top of modules that are about arrays.
LAZY = {
    "PIL",
    "h5py",
    "joblib",
    "matplotlib",
    "nibabel",
    "openTSNE",
    "ot",
    "pandas",
    "pydicom",
    "rich",
    "roifile",
    "scipy",
    "sklearn",
    "tifffile",
    "timm",
    "torch",
    "torchvision",
    "umap",
}
#: Classes of networks need torch when they are defined: such modules are imported when a network is built.
TORCH_MODULES = ("models.", "learning.")
ABOUT_ARRAYS = ("efficiency", "maps", "stats", "embeddings", "features", "plots", "store", "data.phantoms", "learning")

MODULE_LINES, FUNCTION_LINES, SHORT = 400, 45, 30
#: Modules beside the packages of dsim, ``__init__`` not counted.
LOOSE_MODULES = 6


@dataclass(frozen=True)
class Import:
    """One import of ``name``; ``top`` where it stands at module level, ``typing`` where only type checkers see it."""

    name: str
    top: bool
    typing: bool


def imports(tree: ast.AST, top: bool = True, typing: bool = False) -> Iterator[Import]:
    """All imports of a module, wherever they stand."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, top, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "dsim":
            yield from (Import(f"dsim.{alias.name}", top, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import("." * node.level + (node.module or ""), top, typing)
        else:
            inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            yield from imports(node, top and not inside, typing or checking)


def trees(folder: str) -> dict[str, ast.Module]:
    """The modules below a folder by dotted name."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removeprefix("plugins.").removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


DSIM, PLUGINS = trees("dsim"), trees("plugins")
PLUGIN_PACKAGES = {name.partition(".")[0] for name in PLUGINS}
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}


def part_of(module: str) -> str:
    """``dsim.data.readers`` belongs to ``data``."""
    return module.split(".")[1] if "." in module else ""


def layering_faults(module: str, tree: ast.Module) -> list[str]:
    """Imports of a module of dsim that go upwards or sideways."""
    here = part_of(module)
    if here not in LEVEL:
        return [f"{module} has no place in LAYERS"]
    faults = []
    for found in imports(tree):
        there = part_of(found.name)
        if not found.name.startswith("dsim.") or there == here:
            continue
        if there not in LEVEL or LEVEL[there] >= LEVEL[here]:
            faults.append(f"{module} imports {found.name}")
    return faults


def faults_of_layers() -> list[str]:
    """Imports of dsim that go upwards or sideways."""
    return [fault for name, tree in DSIM.items() if name != "dsim" for fault in layering_faults(name, tree)]


def test_every_part_of_dsim_has_its_layer() -> None:
    parts = {part_of(name) for name in DSIM} - {""}
    assert parts <= set(LEVEL), "give new parts a place in LAYERS"


def test_imports_go_downwards_only() -> None:
    assert faults_of_layers() == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("dsim.stats.ranks", "import dsim.errors"),
        ("dsim.data.readers", "def read():\n    from dsim.comparison import compare"),
        ("dsim.features.store", "from dsim import plots"),
        ("dsim.registry.registry", "import dsim.measures.view"),
        ("dsim.data.dataset", "if TYPE_CHECKING:\n    from dsim.measures import SimilarityMatrix"),
    ],
)
def test_an_import_that_goes_upwards_is_seen(module: str, source: str) -> None:
    assert layering_faults(module, ast.parse(source))


def test_the_package_itself_imports_nothing_but_its_version_before_it_is_asked() -> None:
    assert [found.name for found in imports(DSIM["dsim"]) if found.name.startswith("dsim")] == ["dsim.runtime"]


def test_dsim_never_names_a_plugin() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in (ROOT / "dsim").rglob("*.py")}
    assert [(path, name) for path, text in texts.items() for name in PLUGIN_PACKAGES if name in text] == []


def faults_of_plugins() -> list[str]:
    """Imports of built-in plugins that are not offered to plugins, or that are of each other."""
    faults = []
    for name, tree in PLUGINS.items():
        own = name.partition(".")[0]
        for found in imports(tree):
            top = found.name.partition(".")[0]
            stranger = top in PLUGIN_PACKAGES - {own}
            if stranger or (top == "dsim" and part_of(found.name) not in OFFERED):
                faults.append(f"{name} imports {found.name}")
    return faults


def test_plugins_import_only_what_is_offered_to_plugins_and_nothing_of_each_other() -> None:
    assert faults_of_plugins() == []


def test_what_is_published_is_there_and_documented() -> None:
    parts = {part_of(name) for name in DSIM}
    assert set(plugin.PUBLISHED) <= parts
    page = (ROOT / "docs" / "plugin-api.md").read_text("utf-8")
    assert [name for name, use in plugin.PUBLISHED.items() if f"| `dsim.{name}` | {use} |" not in page] == []


def imported_modules(name: str, tree: ast.Module, known: set[str]) -> set[str]:
    """Modules that a module imports, wherever the import stands; a package only where no module of it is meant."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= below & known
            if below - known:
                found.add(node.module)
    return (found & known) - {name}


def circle(modules: dict[str, ast.Module]) -> list[str]:
    """One circle of imports among modules; empty where there is none."""
    sorter = TopologicalSorter({name: imported_modules(name, tree, set(modules)) for name, tree in modules.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        return [str(module) for module in error.args[1]]
    return []


def test_no_import_goes_in_a_circle() -> None:
    assert circle({**DSIM, **PLUGINS}) == []


@pytest.mark.parametrize(
    "source", ["import b", "from b import x", "def f():\n    import b", "if TYPE_CHECKING:\n    from b import X"]
)
def test_a_circle_is_seen_wherever_its_imports_stand(source: str) -> None:
    assert set(circle({"a": ast.parse(source), "b": ast.parse("from a import y")})) == {"a", "b"}
    assert circle({"a": ast.parse(source), "b": ast.parse("import os")}) == []


def test_few_modules_are_loose_at_the_root() -> None:
    loose = {path.name for path in (ROOT / "dsim").glob("*.py")} - {"__init__.py"}
    assert len(loose) <= LOOSE_MODULES, loose


def test_imports_are_absolute() -> None:
    relative = [
        f"{name}: {i.name}" for name, tree in {**DSIM, **PLUGINS}.items() for i in imports(tree) if i.name[:1] == "."
    ]
    assert relative == []


def faults_of_heavy_imports() -> list[str]:
    """Heavy libraries that a module of dsim imports at its top."""
    faults = []
    for name, tree in DSIM.items():
        about_arrays = name.removeprefix("dsim.").startswith(ABOUT_ARRAYS)
        lazy = LAZY if about_arrays else LAZY | {"numpy"}
        lazy = lazy - {"torch"} if name.removeprefix("dsim.").startswith(TORCH_MODULES) else lazy
        at_top = {found.name.partition(".")[0] for found in imports(tree) if found.top and not found.typing}
        faults += [f"{name} imports {heavy} at its top" for heavy in sorted(at_top & lazy)]
    return faults


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    assert faults_of_heavy_imports() == []


def lengths_of_modules() -> dict[str, int]:
    """Lines of each module, by its path."""
    paths = [path for folder in ("dsim", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in paths}


def test_modules_are_short() -> None:
    assert {path: lines for path, lines in lengths_of_modules().items() if lines > MODULE_LINES} == {}


def function_lengths(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Lines of each function, without its docstring."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(node) else 0
            yield node.name, (node.end_lineno or 0) - node.lineno + 1 - told


def lengths_of_functions() -> dict[str, int]:
    """Lines of each function of dsim and of the built-in plugins, the longest first."""
    found = {
        f"{name}.{function}": n for name, tree in {**DSIM, **PLUGINS}.items() for function, n in function_lengths(tree)
    }
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def share_of_short(lengths: dict[str, int]) -> float:
    """Which part of all functions is short."""
    return sum(n <= SHORT for n in lengths.values()) / len(lengths)


def test_functions_are_short() -> None:
    lengths = lengths_of_functions()
    longest = list(lengths.items())[:5]
    assert longest[0][1] <= FUNCTION_LINES, f"the longest: {longest}"
    short = share_of_short(lengths)
    assert short >= 0.9, f"only {short:.0%} of functions have {SHORT} lines or fewer; the longest: {longest}"


def test_the_length_of_a_function_leaves_out_its_docstring() -> None:
    tree = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n')
    assert list(function_lengths(tree)) == [("f", 2)]


# Written in pieces, so that this file does not contain what it looks for.
FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.$}/])/" + r"(?:work|root|tmp|home)/\w",
            "py" + r"pi\.(?:org|python)",
            "python" + "hosted",
            "anaconda" + r"\.(?:org|com)",
            "index" + r"-url",
        ]
    )
)


def tracked_texts() -> dict[str, str]:
    """Texts of all files under version control; of the shipped folders where there is none."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    names = (
        done.stdout.split("\0")
        if done.returncode == 0
        else [
            str(path.relative_to(ROOT))
            for folder in ("dsim", "plugins", "zoo", "tests", "benchmarks", "docs")
            for path in (ROOT / folder).rglob("*")
        ]
    )
    suffixes = {".py", ".md", ".toml", ".json", ".yml", ".yaml", ".cfg", ".txt", ""}
    paths = [ROOT / name for name in names if name and Path(name).suffix in suffixes]
    return {str(path.relative_to(ROOT)): path.read_text("utf-8", errors="replace") for path in paths if path.is_file()}


def test_no_file_names_a_machine_path_or_a_package_host() -> None:
    texts = tracked_texts()
    assert len(texts) > 50
    assert {name: found.group() for name, text in texts.items() if (found := FOREIGN.search(text))} == {}


@pytest.mark.parametrize("text", ["see /" + "work/main", '"/' + 'tmp/x"', "https://py" + "pi.org/simple"])
def test_a_machine_path_is_seen(text: str) -> None:
    assert FOREIGN.search(text)
