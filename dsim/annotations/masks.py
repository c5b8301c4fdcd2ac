"""Masks and maps of probabilities as pictures: PNG and TIFF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsim.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def write_mask(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a mask, bool (H, W), as a PNG of 8 bits: 0 and 255. Raises DsimError where it cannot be written."""
    import numpy as np
    from PIL import Image

    with replacing(path) as temporary:
        Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(temporary)


def write_probabilities(path: Path, probabilities: NDArray[np.float32]) -> None:
    """Write probabilities, float32 (H, W) in [0, 1]. Raises DsimError where it cannot be written.

    A PNG has 16 bits, in which 65,535 is 1; where the name ends in .tif, a TIFF holds them as they are.
    """
    import numpy as np
    from PIL import Image

    with replacing(path) as temporary:
        if path.suffix == ".tif":
            import tifffile

            tifffile.imwrite(temporary, probabilities, compression="zlib")
        else:
            Image.fromarray(np.rint(probabilities * np.float32(65535)).astype(np.uint16)).save(temporary)
