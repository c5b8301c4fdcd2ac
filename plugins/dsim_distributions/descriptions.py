"""Descriptions of the measures in plain words: the first paragraph of ``dsim explain``."""

from __future__ import annotations

from collections.abc import Mapping

DESCRIPTIONS: Mapping[str, str] = {
    "frechet": (
        "Each dataset is summed up by the mean and the spread of its features, and the two are compared; with the "
        "features of Inception it is the well-known FID. Choose it when you have a few hundred images or more and "
        "want a distance that others report too. With few images it is too large, so compare only datasets of "
        "similar size."
    ),
    "kid": (
        "The features of all images of one dataset are compared with all of the other, and it is asked whether "
        "both could be drawn from one population; it is FID's sibling for small datasets. Choose it when you have "
        "few images: its expected value does not depend on how many."
    ),
    "mmd": (
        "It asks how easily two clouds of features can be distinguished by a smooth function. Choose it for a test "
        "whether two datasets are samples of one population, with a p-value; as a ranking of sources it does much "
        "the same as energy, which has no bandwidth to choose."
    ),
    "energy": (
        "How much farther are images of different datasets from each other than images of one dataset? It is zero "
        "only where both come from one population, and there is nothing to tune. Choose it as the first measure "
        "to try on features: it is quick, works with few images, and has intervals, a noise floor and a test."
    ),
    "wasserstein": (
        "How far must the images of one dataset be moved, as points in the space of features, to become those of "
        "the other? Choose it when you want a distance with a plain meaning, in the unit of the features, and "
        "have up to some thousands of images. Where there are few images in many dimensions, even two halves of "
        "one dataset lie far apart."
    ),
    "sliced-wasserstein": (
        "It looks at the two clouds of features from many random directions, and measures in each how far one "
        "must be moved to become the other. Choose it instead of wasserstein for large datasets: it is much "
        "quicker, and close to it in what it ranks first."
    ),
    "marginal-wasserstein": (
        "Each feature is compared by itself: how far must its values be moved to become those of the other "
        "dataset? The mean over features is the distance. Choose it for many images and wide features, when "
        "quickness counts; it does not see how features occur together."
    ),
    "prdc": (
        "It asks whether the images of one dataset lie among those of the other: how many do (precision, "
        "density), and how much of the other they cover (recall, coverage). Choose it when you want to know in "
        "which way two datasets differ: that a source lacks some of your images' kinds, or holds much that you do "
        "not need."
    ),
    "c2st": (
        "A simple classifier tries to distinguish the images of the two datasets, on images that it has not seen. "
        "Half right: they cannot be distinguished. Always right: they can. Choose it to judge whether two "
        "datasets are alike at all; it ranks sources poorly once all of them can be distinguished from your images "
        "without error."
    ),
}
