"""Training ASAP: dsim beside a plain loop as in the reference code, in one run.

    python benchmarks/timing/asap_training.py [--data FOLDER ...] [--epochs 3] [--side 256] [--count 40]
    python benchmarks/timing/asap_training.py --compile
    python benchmarks/timing/asap_training.py --data FOLDER ... --minutes 8 --epochs 30 [--to 0.6 0.5 0.384]

Prints Markdown: the speed of both loops (``asap_loops.py`` says what each does), the EQC (Eq. 8 to 11) of the training
images after ``--epochs``, and the rates of forward and backward pass alone. Reading the images once counts to dsim's
first epoch. Without ``--data`` phantoms are written to a temporary folder as PNG. ``--compile`` tells, and nothing
else, what torch.compile would change, in processor seconds (bfloat16, channels last).

With ``--minutes`` each trains for that long or for ``--epochs``, and a table tells when its EQC was first as low as
each value of ``--to``. It is taken after every epoch, with the clock stopped. dsim's learning rate falls over the
epochs planned; the plain loop halves it every ten, as the reference does. 0.384 and 0.358 are the paper's values of
EQC, for nine other datasets.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from asap_loops import Epoch, dsim_epochs, plain_epochs, recipe_of
from torch.nn.functional import mse_loss

import dsim
from dsim.data import Dataset
from dsim_asap.model import Autoencoder
from dsim_asap.objective import architecture

LOOPS: dict[str, Callable[[Sequence[Dataset], int], Iterator[Epoch]]] = {
    "dsim": dsim_epochs,
    "plain loop": plain_epochs,
}
#: Seconds of training, and the EQC that they led to.
Curve = list[tuple[float, float]]


def phantoms(folder: Path, count: int, side: int) -> list[Dataset]:
    """Six phantom datasets as files."""
    from dsim.data.phantoms.writer import write

    names = ("fluorescence", "histology", "phase-contrast", "ultrasound", "xray", "fundus")
    made = [dsim.open_dataset(f"phantoms:{name}[count={count},size={side}]") for name in names]
    return [dsim.open_dataset(path) for path in write(made, folder / "phantoms")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=[], help="folders of images; default: phantoms")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--minutes", type=float, help="of training, each: when is which EQC reached?")
    parser.add_argument("--to", type=float, nargs="+", default=[0.8, 0.7, 0.6, 0.5, 0.384, 0.358], help="values of EQC")
    parser.add_argument("--count", type=int, default=40, help="images of each phantom dataset")
    parser.add_argument("--side", type=int, default=256, help="side of the phantoms, pixels")
    parser.add_argument("--compile", action="store_true", help="what torch.compile would change")
    options = parser.parse_args()
    if options.compile:
        print("| forward and backward pass | first step, s | later steps, s |\n| --- | ---: | ---: |")
        for row in compiled_rates():
            print(row, flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        paths = [path for path in options.data if Path(path).is_dir()]
        datasets = [dsim.open_dataset(path) for path in paths]
        datasets = datasets or phantoms(Path(folder), options.count, options.side)
        print(f"{sum(map(len, datasets))} images of {len(datasets)} datasets; {platform.machine()}", end=", ")
        print(f"{torch.get_num_threads()} threads, torch {torch.__version__}\n")
        if options.minutes:
            report_reached(datasets, options.epochs, options.minutes * 60, options.to)
        else:
            report_speed(datasets, options.epochs)


def report_speed(datasets: Sequence[Dataset], epochs: int) -> None:
    """Print rows as they come."""
    n = sum(map(len, datasets))
    print("| training | images/s | seconds per epoch | in all, s | EQC |\n| --- | ---: | ---: | ---: | ---: |")
    medians = []
    for name, loop in LOOPS.items():
        done = list(loop(datasets, epochs))
        seconds = [epoch.seconds for epoch in done]
        medians.append(float(np.median(seconds)))
        rate = f"{n / medians[-1]:.1f} | {medians[-1]:.1f} | {sum(seconds):.1f}"
        print(f"| {name} | {rate} | {done[-1].eqc():.3f} |", flush=True)
    print(f"\nratio of medians: {medians[1] / medians[0]:.1f}\n")
    print("| memory format | precision | images/s, forward and backward |\n| --- | --- | ---: |")
    print("\n".join(step_rates()))


def report_reached(datasets: Sequence[Dataset], epochs: int, budget: float, wanted: Sequence[float]) -> None:
    """Print when each loop's EQC was first as low as each value wanted."""
    curves = [curve(loop(datasets, epochs), budget) for loop in LOOPS.values()]
    for name, points in zip(LOOPS, curves, strict=True):
        print(f"{name}, {len(points)} epochs: {' '.join(f'{eqc:.3f}@{seconds:.0f}' for seconds, eqc in points)}\n")
    print(f"| EQC | {' | '.join(f'{name}, s' for name in LOOPS)} | ratio |\n| ---: | ---: | ---: | ---: |")
    for value in sorted(wanted, reverse=True):
        first = [next((seconds for seconds, eqc in points if eqc <= value), None) for points in curves]
        cells = [f"{at:.0f}" if at else f"not in {points[-1][0]:.0f}" for at, points in zip(first, curves, strict=True)]
        ratio = f"{first[1] / first[0]:.1f}" if first[0] and first[1] else ""
        print(f"| {value:g} | {' | '.join(cells)} | {ratio} |")


def curve(loop: Iterator[Epoch], budget: float) -> Curve:
    """EQC after every epoch, until the seconds of training are spent."""
    points: Curve = []
    for epoch in loop:
        points.append(((points[-1][0] if points else 0.0) + epoch.seconds, epoch.eqc()))
        if points[-1][0] >= budget:
            break
    return points


def step_rates(batch: int = 64, repeats: int = 10) -> list[str]:
    """Images per second of forward and backward pass alone, by memory format and precision; the fastest repeat."""
    rows = []
    for layout, name in ((torch.contiguous_format, "contiguous"), (torch.channels_last, "channels last")):
        for bfloat16 in (False, True):
            network = Autoencoder(architecture(recipe_of())).to(memory_format=layout)
            images = torch.rand(batch, 3, 64, 64).to(memory_format=layout)
            seconds = [one_step(network, images, bfloat16) for _ in range(repeats + 1)][1:]
            rows.append(f"| {name} | {'bfloat16' if bfloat16 else 'float32'} | {batch / min(seconds):.0f} |")
    return rows


def compiled_rates(batch: int = 64, repeats: int = 5) -> Iterator[str]:
    """Processor seconds of the first step, which compiles, and of the fastest later one; as it is, and compiled."""
    for name, change in (("as it is", lambda network: network), ("torch.compile", torch.compile)):
        network = change(Autoencoder(architecture(recipe_of())).to(memory_format=torch.channels_last))
        images = torch.rand(batch, 3, 64, 64).to(memory_format=torch.channels_last)
        first, *later = (one_step(network, images, True, time.process_time) for _ in range(repeats + 1))
        yield f"| {name} | {first:.1f} | {min(later):.2f} |"


def one_step(
    network: Autoencoder, images: torch.Tensor, bfloat16: bool, clock: Callable[[], float] = time.perf_counter
) -> float:
    started = clock()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        reconstruction = network(images).reconstruction
    mse_loss(reconstruction.float(), images).backward()
    return clock() - started


if __name__ == "__main__":
    main()
