"""The page of a map in headless Chromium: how soon it shows its points, and how long it takes to answer.

    python benchmarks/timing/map_page.py [--points 100000 1000000] [--repeats 3] [--webgl]

Prints Markdown: milliseconds of processor time of the page's main thread, so that a busy machine does not count, and
the opening by the clock, too. The points are synthetic: 20 clusters, with a class, a group and two numbers each. They
are drawn on a flat canvas, as without a graphics card; with ``--webgl`` by WebGL2, whose drawing is then no work of the
main thread: of a graphics card, or computed by the browser. $DSIM_CHROMIUM names the browser, as in the tests.

| column | what is done |
|---|---|
| opened | the page is read, decoded and drawn |
| hover | the pointer moves, and the tip stands beside the nearest image |
| frame | all points are drawn |
| lasso | a line of 200 corners around a part of the points ends: these are selected and listed |
| filter | a class is hidden, or shown |
| search | text is typed, and the first image that matches is shown |
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsim.pages import MapColumn, MapDataset, PointMap, render_map

FLAGS = ("--no-sandbox", "--disable-dev-shm-usage")
#: The page refuses WebGL2 that is computed without a graphics card, unless it does not hear of it.
WEBGL = """const get = WebGL2RenderingContext.prototype.getExtension;
    WebGL2RenderingContext.prototype.getExtension = function (name) {
        return name === "WEBGL_debug_renderer_info" ? null : get.call(this, name);
    };"""
DRAWN = "() => drawDots(map, performance.now())"
ANSWERS = {
    "lasso": """() => {
        const at = (k, turn) => 32768 + 16000 * turn(k * Math.PI / 100);
        const corners = Array.from({ length: 200 }, (_, k) => [at(k, Math.cos), at(k, Math.sin)]);
        selectInside(map, corners, "new");
    }""",
    "filter": "() => { map.data.columns[1].shown[0] = !map.data.columns[1].shown[0]; filtersChanged(map); }",
    "search": """() => {
        document.getElementById("find").value = "e_00" + Math.floor(9 * Math.random());
        document.getElementById("find").dispatchEvent(new Event("input"));
    }""",
}
HOVER = """() => {
    for (let k = 0; k < 100; k++) {
        const at = { clientX: map.width * Math.random(), clientY: map.height * Math.random(), bubbles: true };
        map.canvas.dispatchEvent(new PointerEvent("pointermove", at));
    }
}"""


def synthetic_map(count: int) -> PointMap:
    """Return a map of so many points in 20 clusters, with four columns."""
    rng = np.random.default_rng(0)
    cluster, group = rng.integers(0, 20, count), rng.integers(0, 400, count)
    points = rng.uniform(-10, 10, (20, 2))[cluster] + rng.normal(size=(count, 2))
    columns = [
        MapColumn("label", "category", [f"class {number}" for number in cluster]),
        MapColumn("group", "category", [f"smear {number}" for number in group]),
        MapColumn("density", "number", rng.random(count)),
        MapColumn("p", "number", np.where(rng.random(count) < 0.1, np.nan, rng.random(count))),
    ]
    ids = [f"smear_{number:03d}/image_{image:07d}" for image, number in enumerate(group)]
    return PointMap(points, ids, np.zeros(count, int), [MapDataset("cells", "#0072B2")], columns=columns)


def measure(browser: Any, file: Path, repeats: int, webgl: bool) -> tuple[dict[str, float], str]:
    """Return milliseconds by what was asked, medians of repeats, and the renderer."""
    opened = []
    for number in range(repeats):
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(300_000)
        if webgl:
            page.add_init_script(WEBGL)
        clock = Clock(page)
        page.goto(file.as_uri())
        page.wait_for_function("() => map.width > 0 && !map.queued")
        opened.append(clock.lap())
        if number < repeats - 1:
            page.close()
    result = {"opened": statistics.median(cpu for _, cpu in opened)}
    result["opened, by the clock"] = statistics.median(wall for wall, _ in opened)
    # Hundred movements in one go: the cost of asking is not counted a hundred times.
    for name, code in {"hover": HOVER, "frame": DRAWN, **ANSWERS}.items():
        laps = []
        for _ in range(max(5, repeats)):
            clock.lap()
            page.evaluate(code)
            laps.append(clock.lap()[1])
        result[name] = statistics.median(laps) / (100 if name == "hover" else 1)
    name = str(page.evaluate("map.renderer.kind"))
    page.close()
    return result, name


class Clock:
    """Milliseconds since the last lap: by the clock, and of processor time of the page's main thread."""

    def __init__(self, page: Any) -> None:
        self.session = page.context.new_cdp_session(page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.last = self._now()

    def _now(self) -> tuple[float, float]:
        metrics = {each["name"]: each["value"] for each in self.session.send("Performance.getMetrics")["metrics"]}
        return 1000 * time.perf_counter(), 1000 * float(metrics["TaskDuration"])

    def lap(self) -> tuple[float, float]:
        """Return both since the last lap."""
        now = self._now()
        lap, self.last = (now[0] - self.last[0], now[1] - self.last[1]), now
        return lap


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table with one row for each number of points."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--webgl", action="store_true", help="draw by WebGL2 even where there is no graphics card")
    given = parser.parse_args(arguments)
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engines:
        browser = engines.chromium.launch(executable_path=os.environ.get("DSIM_CHROMIUM"), args=list(FLAGS))
        for count in given.points:
            file, began = Path(folder) / f"{count}.html", time.perf_counter()
            file.write_text(render_map(synthetic_map(count), "map"), "utf-8")
            written = time.perf_counter() - began
            measured, renderer = measure(browser, file, given.repeats, given.webgl)
            rows.append((count, file.stat().st_size / 1e6, written, measured))
        browser.close()
    heads = list(rows[0][3])
    print(f"Renderer: {renderer}. Milliseconds.\n")
    print(f"| points | MB | written, s | {' | '.join(heads)} |\n|---:|---:|---:|{'---:|' * len(heads)}")
    for count, size, written, measured in rows:
        cells = " | ".join(f"{measured[name]:.3g}" for name in heads)
        print(f"| {count:,} | {size:.1f} | {written:.1f} | {cells} |")


if __name__ == "__main__":
    main()
