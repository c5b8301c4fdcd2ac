"""Views for self-supervised training: dsim beside the pipelines of DINO and of the paper's code, in one run.

    python benchmarks/timing/views.py [--data FOLDER] [--sides 64 224] [--images 32] [--repeats 5]

Prints Markdown: images per second and milliseconds per image of processor time, on one thread, the least of
``--repeats`` rounds in which all take turns. An image becomes 2 large and 5 small views: 64 and 32 pixels of a source
of 64 pixels, 224 and 96 of one of 224. Without ``--data`` the images are phantoms.

The others are written out here from the operations that their code uses: torchvision and PIL, one image and one view
at a time, on 8 bits. ``original`` is DINO's ``DataAugmentationDINO``, ``paper`` is sparsam's
``DinoAugmentationCropper``. Their blur has the number of pixels of the published sizes at every size; dsim's is scaled
with the views. All begin with images in memory (theirs as PIL images, dsim's as a tensor of bytes, which it divides by
255) and end with float tensors in [0, 1]; the normalisation, which dsim's networks do themselves, is left out of all.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from itertools import islice

import torch
from PIL import Image, ImageFilter, ImageOps
from torch import Tensor
from torchvision import transforms

import dsim
from dsim.features import Square
from dsim.learning import VIEW_POLICIES, Crops, build_bank, draw_views, read_images
from dsim.runtime import Runtime

#: Sides of large and small views by the side of the source.
SIZES = {64: (64, 32), 224: (224, 96)}
#: Areas of large and small crops: those of each code.
AREAS = {"original": ((0.4, 1.0), (0.05, 0.4)), "paper": ((0.5, 1.0), (0.1, 0.5))}
SMALL_VIEWS = 5
PipelineOfOne = Callable[[Image.Image], list[Tensor]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a folder of images; default: phantoms")
    parser.add_argument("--sides", type=int, nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| source | policy | code | ms per image | images/s | ratio |\n| --- | --- | --- | ---: | ---: | ---: |")
    for side in options.sides:
        batch = read_batch(options.data, options.images, side)
        for policy in AREAS:
            theirs, ours = least_seconds(pipelines(policy, side, batch), options.repeats)
            for code, seconds in ((f"{policy}'s, PIL", theirs), ("dsim", ours)):
                row = f"{side} | {policy} | {code} | {1e3 * seconds / len(batch):.2f} | {len(batch) / seconds:.0f}"
                print(f"| {row} | {theirs / seconds:.1f} |", flush=True)


def read_batch(folder: str | None, count: int, side: int) -> Tensor:
    """Colour images, uint8 (count, 3, side, side)."""
    dataset = dsim.open_dataset(folder or f"phantoms:histology[count={count},size=256]")
    images = islice(read_images(dataset, Square(side=side, channels=3), Runtime()), count)
    return build_bank(images).images


def pipelines(policy: str, side: int, batch: Tensor) -> list[Callable[[], object]]:
    """The pipeline of a policy's own code, one image at a time, and dsim's."""
    large, small = SIZES[side]
    areas = AREAS[policy]
    single = (original if policy == "original" else paper)(large, small, *areas)
    pictures = [Image.fromarray(pixels) for pixels in batch.permute(0, 2, 3, 1).numpy()]
    crops = [Crops(2, large, areas[0]), Crops(SMALL_VIEWS, small, areas[1])]
    generator = torch.Generator().manual_seed(0)

    def theirs() -> list[Tensor]:
        views = [single(picture) for picture in pictures]
        return [torch.stack(view) for view in zip(*views, strict=True)]

    def ours() -> list[Tensor]:
        return draw_views(batch.float() / 255, crops, VIEW_POLICIES[policy], generator)

    return [theirs, ours]


def least_seconds(functions: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Least processor seconds of each, by turns."""
    seconds = [[] for _ in functions]
    for _ in range(repeats):
        for taken, function in zip(seconds, functions, strict=True):
            start = time.process_time()
            function()
            taken.append(time.process_time() - start)
    return [min(taken) for taken in seconds]


# ---- the others ----------------------------------------------------------------------------------------------------


def sometimes(probability: float, change: Callable[[Image.Image], Image.Image]) -> Callable[[Image.Image], Image.Image]:
    """A change of some images."""
    return lambda picture: change(picture) if random.random() <= probability else picture


def colours(*flips: object) -> list[object]:
    """Flips, jitter and gray, as both codes have them."""
    jitter = transforms.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.2, hue=0.1)
    return [*flips, transforms.RandomApply([jitter], p=0.8), transforms.RandomGrayscale(p=0.2)]


def original(large: int, small: int, large_area: tuple[float, float], small_area: tuple[float, float]) -> PipelineOfOne:
    """DINO's: crops by bicubic resizing, PIL's blur with a radius of .1 to 2."""

    def blur(picture: Image.Image) -> Image.Image:
        return picture.filter(ImageFilter.GaussianBlur(radius=random.uniform(0.1, 2.0)))

    def view(size: int, area: tuple[float, float], *last: object) -> Callable[[Image.Image], Tensor]:
        crop = transforms.RandomResizedCrop(size, scale=area, interpolation=Image.Resampling.BICUBIC)
        changes = [crop, *colours(transforms.RandomHorizontalFlip()), *last, transforms.ToTensor()]
        return transforms.Compose(changes)

    return seven(
        view(large, large_area, sometimes(1.0, blur)),
        view(large, large_area, sometimes(0.1, blur), sometimes(0.2, ImageOps.solarize)),
        view(small, small_area, sometimes(0.5, blur)),
    )


def paper(large: int, small: int, large_area: tuple[float, float], small_area: tuple[float, float]) -> PipelineOfOne:
    """The paper's: perspective and rotation of the whole image before the crop, a blur of 11 pixels, sigma .1 to 5."""

    def blur(picture: Image.Image) -> Image.Image:
        return transforms.GaussianBlur(kernel_size=11, sigma=random.uniform(0.1, 5.0))(picture)

    def view(size: int, area: tuple[float, float], bent: float, *last: object) -> Callable[[Image.Image], Tensor]:
        geometry = [
            transforms.RandomPerspective(distortion_scale=0.5, p=bent),
            transforms.RandomRotation(180),
            transforms.RandomResizedCrop(size, scale=area),
        ]
        flips = transforms.RandomHorizontalFlip(), transforms.RandomVerticalFlip()
        return transforms.Compose([*geometry, *colours(*flips), *last, transforms.ToTensor()])

    return seven(
        view(large, large_area, 0.75, sometimes(1.0, blur)),
        view(large, large_area, 0.5, sometimes(0.1, blur), sometimes(0.2, ImageOps.solarize)),
        view(small, small_area, 0.5, sometimes(0.5, blur)),
    )


def seven(
    first: Callable[[Image.Image], Tensor],
    second: Callable[[Image.Image], Tensor],
    small: Callable[[Image.Image], Tensor],
) -> PipelineOfOne:
    """Two large and five small views of one image."""
    return lambda picture: [first(picture), second(picture), *(small(picture) for _ in range(SMALL_VIEWS))]


if __name__ == "__main__":
    main()
