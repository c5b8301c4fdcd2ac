"""Time and peak memory of a comparison as the number of samples grows, features streamed from HDF5 files.

    python benchmarks/timing/scaling.py [--measures frechet kid ...] [--largest 1000000] [--picture FILE.png]

Each point is a process of its own that opens two HDF5 files with features float32 (n, d) and calls ``dsim.compare``
with an empty cache. The files of one n at a time lie in a temporary folder (2 GB each for n = 10^6, d = 512). Prints a
Markdown table. Memory is the peak of the resident set; what the imports alone take is told below the table.
A measure that has not finished after ``--limit`` seconds is not tried at larger n.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from memory import peak_megabytes

MEASURES = ("frechet", "kid", "sliced-wasserstein", "kld-tf")
BLOCK = 8192


@dataclass(frozen=True)
class Point:
    """One comparison; seconds and megabytes are NaN where it did not finish."""

    measure: str
    n: int
    seconds: float
    megabytes: float
    outcome: str


def write_features(path: Path, n: int, d: int, seed: int) -> None:
    """Rectified Gaussians of decaying scales, as networks give, float32 (n, d); written block by block."""
    rng = np.random.default_rng(seed)
    scales = ((1 + np.arange(d)) ** -0.5).astype(np.float32)
    with h5py.File(path, "w") as file:
        features = file.create_dataset("features", (n, d), np.float32)
        for start in range(0, n, BLOCK):
            rows = rng.standard_normal((min(BLOCK, n - start), d), dtype=np.float32)
            features[start : start + len(rows)] = np.maximum(rows + 0.2 * seed, 0) * scales


def run_point(measure: str, source: str, target: str, floor: bool) -> None:
    """The child: prints seconds, memory and value as JSON."""
    import dsim
    from dsim.data import open_dataset
    from dsim.measures import build_measure

    chosen, imported = build_measure(measure), peak_megabytes()
    started = time.perf_counter()
    matrix = dsim.compare([open_dataset(source)], [open_dataset(target)], measure=chosen, bootstrap=0, floor=floor)
    seconds = time.perf_counter() - started
    told = {"seconds": seconds, "megabytes": peak_megabytes(), "imported": imported}
    print(json.dumps({**told, "value": float(matrix.values[0, 0]), "note": matrix.notes[0][0]}))


def measured(measure: str, n: int, folder: Path, limit: float, floor: bool) -> tuple[Point, float]:
    """A point, and the memory of the imports."""
    with tempfile.TemporaryDirectory(dir=folder) as cache:
        command = [sys.executable, __file__, "--point", measure, str(folder / "a.h5"), str(folder / "b.h5")]
        command += ["--floor"] if floor else []
        try:
            done = subprocess.run(
                command, env={**os.environ, "DSIM_CACHE": cache}, capture_output=True, text=True, timeout=limit
            )
        except subprocess.TimeoutExpired:
            return Point(measure, n, np.nan, np.nan, f"over {limit:g} s"), np.nan
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Point(measure, n, np.nan, np.nan, reason[:120]), np.nan
    told = json.loads(done.stdout.splitlines()[-1])
    outcome = told["note"] or f"{told['value']:.6g}"
    return Point(measure, n, told["seconds"], told["megabytes"], outcome), told["imported"]


def sizes(smallest: int, largest: int) -> list[int]:
    """Powers of ten, and the largest.

    >>> sizes(100, 5000)
    [100, 1000, 5000]
    """
    powers = [10**k for k in range(1, 10) if smallest <= 10**k < largest]
    return [*powers, largest]


def scaled(options: argparse.Namespace) -> list[Point]:
    """All points, each printed as it is done."""
    print(f"| measure | n | seconds | peak, MB | value (d = {options.dimension}) |\n|---|---:|---:|---:|---|")
    points: list[Point] = []
    imports: list[float] = []
    given_up: set[str] = set()
    for n in sizes(options.smallest, options.largest):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            folder = Path(name)
            for seed, file in enumerate(("a.h5", "b.h5")):
                write_features(folder / file, n, options.dimension, seed)
            for measure in (measure for measure in options.measures if measure not in given_up):
                point, imported = measured(measure, n, folder, options.limit, options.floor)
                if np.isnan(point.seconds):
                    given_up.add(measure)
                points.append(point)
                imports.append(imported)
                print(
                    f"| {measure} | {n} | {point.seconds:.3g} | {point.megabytes:.0f} | {point.outcome} |", flush=True
                )
    if not np.isnan(imports).all():
        print(f"\nThe imports alone take {np.nanmedian(imports):.0f} MB.")
    return points


def draw(points: list[Point], path: Path) -> None:
    """Time and memory against n, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 2)
    for measure, marker in zip(dict.fromkeys(point.measure for point in points), "osD^vPX", strict=False):
        own = [point for point in points if point.measure == measure]
        for axes, values in zip(panels, ([p.seconds for p in own], [p.megabytes for p in own]), strict=True):
            axes.loglog([p.n for p in own], values, marker=marker, label=measure)
    for axes, title in zip(panels, ("time, s", "peak memory, MB"), strict=True):
        axes.set(xlabel="samples per dataset", title=title)
        axes.grid(alpha=0.3)
    panels[1].set_ylim(bottom=10)
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", nargs="+", default=MEASURES, metavar="NAME")
    parser.add_argument("--smallest", type=int, default=100)
    parser.add_argument("--largest", type=int, default=10**6)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds after which a measure is given up")
    parser.add_argument(
        "--floor", action="store_true", help="with the noise floor, which the command line computes too"
    )
    parser.add_argument("--folder", type=Path, help="where the temporary files go: 4 GB for n = 10^6")
    parser.add_argument("--picture", type=Path, help="draw time and memory into this file")
    parser.add_argument("--point", nargs=3, metavar=("MEASURE", "A", "B"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.point:
        return run_point(*options.point, floor=options.floor)
    points = scaled(options)
    if options.picture:
        draw(points, options.picture)
    return None


if __name__ == "__main__":
    main()
