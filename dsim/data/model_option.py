"""The segmentation model of a dataset, ``PATH[model=FILE]`` or ``PATH[model=zoo:ID]``: named here, loaded elsewhere."""

from __future__ import annotations

from pathlib import Path

from dsim.errors import UsageError, WeightsError
from dsim.files import file_sha256
from dsim.files.documents import digest

NAME = "model"
ZOO = "zoo:"
#: Name of the weights within a model's folder.
FILE = "segmenter.safetensors"
_HOW = "give zoo:ID (dsim zoo list), or the file or folder of a model that dsim trained"


def checked_model(reference: str) -> str:
    """Return the reference of a model as it is. Raises WeightsError where it names a file that is not there.

    >>> checked_model("zoo:unet8.drive.r1")
    'zoo:unet8.drive.r1'
    """
    if not reference.strip():
        raise UsageError("model cannot be empty", hint=_HOW)
    if not reference.startswith(ZOO):
        model_file(reference)
    return reference


def model_file(reference: str) -> Path:
    """Return the file of a model, which is one or a folder that holds one; WeightsError where there is none."""
    path = Path(reference).expanduser()
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(f"there is no segmentation model at {path}", hint=_HOW)
    return file


def model_identity(reference: str) -> str:
    """Return the sha256 of a model's file, or of its zoo id, which never changes what it names.

    Raises WeightsError where there is no file.
    """
    return digest([reference]) if reference.startswith(ZOO) else file_sha256(model_file(reference))
