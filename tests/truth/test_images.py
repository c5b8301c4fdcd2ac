"""Promise: a truth opens the datasets that it names below the data folder, and nothing elsewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dsim.errors import DsimError
from dsim.truth import open_located


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 16), dtype=np.uint8)).save(path)


@pytest.mark.parametrize("options", ["[max_pixels=90x90]", "[masks=none,images=img]"])
def test_a_location_with_options_opens_again_however_they_are_written(tmp_path: Path, options: str) -> None:
    draw(tmp_path / "cells" / "img" / "a.png")
    found = open_located("cells", f"cells{options}", tmp_path, "mine")
    assert found.location == "cells"
    assert open_located("cells", found.reference, tmp_path, "mine").ids == found.ids


@pytest.mark.parametrize("location", ["/etc", "../other", "cells[images=../../other,masks=none]", ".[masks=../other]"])
def test_neither_a_location_nor_its_options_lead_outside_the_data_folder(tmp_path: Path, location: str) -> None:
    draw(tmp_path / "data" / "cells" / "a.png")
    draw(tmp_path / "other" / "a.png")
    with pytest.raises(DsimError) as caught:
        open_located("cells", location, tmp_path / "data", "mine")
    assert "other" in caught.value.message or "/etc" in caught.value.message


def test_an_absolute_folder_in_options_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "data" / "cells" / "a.png")
    draw(tmp_path / "other" / "a.png")
    with pytest.raises(DsimError) as caught:
        open_located("cells", f"cells[images={tmp_path}/other,masks=none]", tmp_path / "data", "mine")
    assert f"{tmp_path}/other" in caught.value.message
