"""Descriptions of the measures in plain words: the first paragraph of ``dsim explain``."""

from __future__ import annotations

from collections.abc import Mapping

DESCRIPTIONS: Mapping[str, str] = {
    "logme": (
        "It asks how well the target's labels can be foretold from what a model of the source's classes sees in "
        "the target's images. Choose it for classification, when source and target have labels and you want a "
        "score that grows with the expected accuracy. The source is represented by a simple model on shared "
        "features, not by a network of its own."
    ),
    "leep": (
        "A model of the source's classes is shown the target's images; if its answers, although they name the "
        "source's classes, separate the target's classes well, the source promises transfer. Choose it for "
        "classification with labels on both sides, where the classes of source and target are related."
    ),
    "nleep": (
        "It is leep with groups found among the target's images in place of the source's classes, so that it "
        "works where the classes of source and target have nothing to do with each other. Choose it for "
        "classification with labels on both sides."
    ),
    "h-score": (
        "It asks how much of the variety that a model of the source's classes sees in the target lies between the "
        "target's classes rather than within them. Choose it for classification with labels on both sides, as a "
        "quick score without iteration."
    ),
    "gbc": (
        "It asks how much the target's classes overlap, in the eyes of a model of the source's classes. Little "
        "overlap promises transfer. Choose it for classification with labels on both sides and several images of "
        "each class."
    ),
    "parc": (
        "Are images that a model of the source's classes finds alike also labelled alike in the target? Choose it "
        "for classification with labels on both sides, and few images: it compares pairs, and fits nothing to the "
        "target."
    ),
    "cc-fv": (
        "For segmentation: it asks whether the foreground of the target looks alike from image to image, and "
        "whether the pixels of an image do not all look alike, in the eyes of a model of the source's masks. "
        "Choose it when source and target have masks."
    ),
}
