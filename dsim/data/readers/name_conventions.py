"""Naming conventions of images and masks: folders, and endings or beginnings of file names."""

from __future__ import annotations

import re
from dataclasses import dataclass

IMAGE, MASK = "image", "mask"

#: Whole names of folders, in lower case and without separators.
_IMAGE_FOLDERS = frozenset(
    {
        *("image", "images", "img", "imgs", "im", "ims", "raw", "raws", "photo", "photos", "picture", "pictures"),
        *("input", "inputs", "x", "scan", "scans", "original", "originals", "orig", "jpegimages", "frames"),
    }
)
_MASK_FOLDERS = frozenset(
    {
        *("mask", "masks", "label", "labels", "lbl", "lbls", "gt", "gts", "groundtruth", "groundtruths", "annotation"),
        *("annotations", "annot", "annots", "ann", "anns", "seg", "segs", "segmentation", "segmentations", "target"),
        *("targets", "manual", "segmentationclass", "segmentationobject", "segmentationmasks"),
    }
)
#: The endings of nnU-Net's folders, for training and for testing.
_NNUNET = {"Tr": "train", "Ts": "test"}

#: Between a stem and what marks it.
SEPARATORS = (" ", ".", "_", "-")
_SEPARATOR = "[ ._-]"
_MASK_WORDS = (
    "cp_masks?|masks?|segmentations?|segs?|annotations?|annot|ground[_-]?truths?|gts?|labels?|lbl|manual\\d?|instances?"
)
_IMAGE_WORDS = "images?|imgs?|raw|photo|picture|input|original|orig|scan"
_MASK_ENDING = re.compile(rf"(?P<key>.+?){_SEPARATOR}({_MASK_WORDS})({_SEPARATOR}?(?P<number>\d+))?", re.IGNORECASE)
_MASK_BEGINNING = re.compile(rf"({_MASK_WORDS})({_SEPARATOR}|(?=\d))(?P<key>.+)", re.IGNORECASE)
_IMAGE_ENDING = re.compile(rf"(?P<key>.+?){_SEPARATOR}({_IMAGE_WORDS})", re.IGNORECASE)
_IMAGE_BEGINNING = re.compile(rf"({_IMAGE_WORDS})({_SEPARATOR}|(?=\d))(?P<key>.+)", re.IGNORECASE)
_MASK_ALONE = re.compile(rf"({_MASK_WORDS})({_SEPARATOR}?\d+)?", re.IGNORECASE)
_IMAGE_ALONE = re.compile(_IMAGE_WORDS, re.IGNORECASE)
_CHANNEL = re.compile(r"(?P<key>.+)_(?P<channel>\d{4})")
_NUMBERED = re.compile(rf"(?P<key>.+){_SEPARATOR}(?P<number>\d+)")


@dataclass(frozen=True)
class FolderRole:
    """The contents that a folder's name states, and ``part``: the rest of its name, which its partner shares."""

    role: str
    part: str = ""


def folder_role(name: str) -> FolderRole | None:
    """Return the contents that the name of a folder states; None where it says nothing.

    >>> folder_role("imagesTr"), folder_role("train_masks"), folder_role("Ground Truth")
    (FolderRole(role='image', part='train'), FolderRole(role='mask', part='train'), FolderRole(role='mask', part=''))
    >>> folder_role("benign") is None
    True
    """
    for ending, part in _NNUNET.items():
        if name in (f"images{ending}", f"labels{ending}"):
            return FolderRole(IMAGE if name.startswith("images") else MASK, part)
    words = [word for word in re.split(f"{_SEPARATOR}+", name.lower()) if word]
    for role, known in ((IMAGE, _IMAGE_FOLDERS), (MASK, _MASK_FOLDERS)):
        if "".join(words) in known:
            return FolderRole(role)
    for role, known in ((MASK, _MASK_FOLDERS), (IMAGE, _IMAGE_FOLDERS)):
        named = [place for place, word in enumerate(words) if word in known and len(word) > 1]
        if len(named) == 1:
            return FolderRole(role, " ".join(word for place, word in enumerate(words) if place != named[0]))
    return None


def keys_of_mask(stem: str) -> tuple[str, ...]:
    """Return what remains of a stem without the ending or beginning that marks a mask; nothing where it has none.

    >>> keys_of_mask("benign (1)_mask_1"), keys_of_mask("mask_007"), keys_of_mask("mask"), keys_of_mask("nucleus")
    (('benign (1)',), ('007', ''), ('',), ())
    """
    return _keys(stem, _MASK_ENDING, _MASK_BEGINNING, _MASK_ALONE)


def keys_of_image(stem: str) -> tuple[str, ...]:
    """Return the stem itself, and what remains of it without an ending or beginning that marks an image.

    >>> keys_of_image("007_img"), keys_of_image("image_007"), keys_of_image("image"), keys_of_image("nucleus")
    (('007_img', '007'), ('image_007', '007'), ('image', ''), ('nucleus',))
    """
    return (stem, *_keys(stem, _IMAGE_ENDING, _IMAGE_BEGINNING, _IMAGE_ALONE))


def _keys(stem: str, *patterns: re.Pattern[str]) -> tuple[str, ...]:
    """The matches of the group ``key`` of all patterns that fit, in their order; empty where a pattern has none."""
    found = (pattern.fullmatch(stem) for pattern in patterns)
    return tuple(dict.fromkeys(match.groupdict().get("key") or "" for match in found if match))


def channel_of(stem: str) -> tuple[str, str] | None:
    """Return case and channel of a stem as nnU-Net writes them; None where it has no channel.

    >>> channel_of("BRATS_001_0003"), channel_of("cell_12")
    (('BRATS_001', '0003'), None)
    """
    match = _CHANNEL.fullmatch(stem)
    return (match["key"], match["channel"]) if match else None


def without_number(stem: str) -> str | None:
    """Return a stem without the number at its end; None where it has none.

    >>> without_number("cell_12"), without_number("12")
    ('cell', None)
    """
    match = _NUMBERED.fullmatch(stem)
    return match["key"] if match else None
