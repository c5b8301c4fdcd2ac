"""Shared fixtures: a private cache for every test, the real images where they are at hand, the --slow switch."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.models import SegmentationRecipe

ROOT = Path(__file__).parents[1]

# Networks as small as those of the tests only lose time to threads that wait for each other, most of all on a busy
# machine. Said before torch is imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the slow checks on real data")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(autouse=True)
def plain_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give commands the width of a pipe, whoever runs the tests: pytest-xdist sets COLUMNS."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts with an empty cache and an empty zoo of its own."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DSIM_CACHE", str(cache))
    monkeypatch.setenv("DSIM_ZOO", str(cache / "zoo"))
    return cache


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images: ``$DSIM_DATA``, or shared/data beside the checkout."""
    folder = Path(os.environ.get("DSIM_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; set DSIM_DATA")
    return folder


@pytest.fixture(scope="session")
def program() -> Callable[[str], ModuleType]:
    """``program("ceiling")`` is benchmarks/ceiling.py, which no installation brings."""

    def load(name: str) -> ModuleType:
        known = f"benchmarks_{name}"
        if known not in sys.modules:
            spec = importlib.util.spec_from_file_location(known, ROOT / "benchmarks" / f"{name}.py")
            assert spec is not None
            assert spec.loader is not None
            # Before it is carried out: its dataclasses look up their module.
            sys.modules[known] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[known])
        return sys.modules[known]

    return load


@pytest.fixture(scope="session")
def parts_of() -> Callable[[str], AbstractContextManager[Callable[[str], ModuleType]]]:
    """``with parts_of("biomed6") as part``: ``part("card")`` is benchmarks/biomed6/card.py, forgotten in the end."""

    @contextmanager
    def load(package: str) -> Iterator[Callable[[str], ModuleType]]:
        before = set(sys.modules)
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(str(ROOT))
            yield lambda name: importlib.import_module(f"benchmarks.{package}.{name}")
        for name in set(sys.modules) - before:
            if name.partition(".")[0] == "benchmarks":
                del sys.modules[name]

    return load


@pytest.fixture(scope="session")
def write_zoo_model() -> Callable[..., dict[str, Any]]:
    """``write_zoo_model(segmenter, folder, **training)`` writes weights and manifest, and returns the manifest."""
    import tomli_w

    from dsim.models import Probed
    from dsim.zoo.model import ask, ramp

    def write(segmenter: Any, folder: Path, id: str = "", **training: Any) -> dict[str, Any]:
        file, side = segmenter.save(folder), segmenter.recipe.side
        manifest = {
            "id": id or folder.name,
            "title": "a U-Net that tests made",
            "builder": "dsim.models.segmenter:build_probed",
            "weights": {
                "file": file.name,
                "size": file.stat().st_size,
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "dtype": "float32",
                "licence": "CC0 1.0",
            },
            "input": {"channels": 3, "side": side, "transform": "tiles@1", "mean": [0.0] * 3, "std": [1.0] * 3},
            "output": {"dim": 1, "kind": "segmentation"},
            "training": {"pool": [{"licence": "CC0 1.0", **entry} for entry in segmenter.trained_on], **training},
            "use": {"intended": "tests"},
            "probe": {
                "recipe": "ramp@1",
                "expected": ask(Probed(segmenter), ramp(2, 3, side)).tolist(),
                "tolerance": 1e-3,
            },
        }
        (folder / "manifest.toml").write_text(tomli_w.dumps(manifest), "utf-8")
        return manifest

    return write


@pytest.fixture
def tiny() -> SegmentationRecipe:
    """A recipe of segmentation that trains in less than a second."""
    from dsim.models import SegmentationRecipe

    return SegmentationRecipe(
        side=16, patch=16, width=8, levels=2, epochs=3, shown=8, batch=4, adapt_epochs=2, blocks=5
    )


@pytest.fixture
def discs() -> Callable[..., Dataset]:
    """Makes datasets of bright discs on dark ground, or dark ones on bright, with their masks of 0 and 255."""

    def make(
        name: str = "discs", n: int = 10, side: int = 16, seed: int = 0, dark: bool = False, **more: Any
    ) -> Dataset:
        import numpy as np

        from dsim.data import from_arrays

        rng = np.random.default_rng(seed)
        rows, columns = np.mgrid[:side, :side]
        centres = rng.uniform(side * 0.3, side * 0.7, (n, 2, 1, 1))
        radius = rng.uniform(side * 0.2, side * 0.3, (n, 1, 1))
        masks = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2 < radius**2
        shade = np.where(masks ^ dark, 200, 60) + rng.integers(-20, 20, masks.shape)
        return from_arrays(shade.astype(np.uint8), masks=masks.astype(np.uint8) * 255, name=name, **more)

    return make


@pytest.fixture
def real_pictures() -> None:
    """Asked for by a test that looks at its pictures, in a file of which all others have ``blank_pictures``."""


@pytest.fixture
def blank_pictures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are composed, but an empty file takes the place of each: drawing is most of what a quick command costs.

    For tests of what commands print and which files they write. What pictures show is tested in ``tests/plots``, and
    that each command's can be drawn in one test of it, which asks for ``real_pictures``.
    """
    if "real_pictures" in request.fixturenames:
        return
    from matplotlib.figure import Figure
    from PIL import Image

    from dsim.plots.names import Names

    def write_blank(figure: Figure, path: Path, *, format: str, **options: Any) -> None:
        Image.new("L", (8, 8)).save(path, format)

    monkeypatch.setattr(Figure, "savefig", write_blank)
    monkeypatch.setattr(Figure, "draw_without_rendering", lambda figure: None)
    monkeypatch.setattr(Names, "place", lambda *arguments, **options: None)


# Without a sandbox and in one process: it opens our own pages, perhaps as root in a container without a display.
CHROMIUM = ("--no-sandbox", "--no-zygote", "--single-process", "--in-process-gpu", "--disable-dev-shm-usage")


@pytest.fixture
def browser() -> Iterator[Any]:
    """Headless Chromium, playwright's own or the one that ``$DSIM_CHROMIUM`` names; the test is skipped without."""
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("no browser: playwright is not installed")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as engines:
        try:
            chromium = engines.chromium.launch(executable_path=os.environ.get("DSIM_CHROMIUM"), args=list(CHROMIUM))
        except Error as error:
            pytest.skip(f"no browser: {error.message.splitlines()[0]}")
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[[Path], Any]]:
    """``open_page(path)`` is the file in the browser; at the end, nothing was loaded nor said on the console.

    A page that breaks its own content policy says so on the console.
    """
    requests: list[str] = []
    messages: list[str] = []
    opened: list[str] = []

    def load(path: Path) -> Any:
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(path.as_uri())
        opened.append(path.as_uri())
        return page

    yield load
    assert [url for url in requests if not url.startswith("data:")] == opened
    assert messages == []


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder where distributions can be laid down: importable, and forgotten with all that was imported from it."""
    from dsim.registry import registry

    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(folder)):
            del sys.modules[module]
    registry.forget()


@pytest.fixture
def install_plugin(site: Path) -> Callable[..., Path]:
    """``install_plugin(name, source)`` lays down a distribution whose module ``name`` is the plugin ``name``.

    It returns the folder, which is importable and found by discovery, in this process and in those it starts.
    """
    from dsim.registry import registry

    def install(name: str, source: str, version: str = "1.0") -> Path:
        (site / f"{name}.py").write_text(dedent(source))
        info = site / f"{name}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[dsim]\n{name} = {name}\n")
        importlib.invalidate_caches()
        registry.forget()
        return site

    return install
