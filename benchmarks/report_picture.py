"""The picture of a report in the documentation, from phantoms.

    python benchmarks/report_picture.py [--out FILE.png]

Needs playwright with Chromium (``$DSIM_CHROMIUM`` names another one). The line with the time of the comparison is left
out, so that the picture changes only where the page does.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from pathlib import Path

from dsim.cli.main import run
from dsim.files import replacing

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "report.png"
SOURCES = ("fluorescence", "histology", "fundus", "xray", "dermoscopy", "ultrasound")
TARGETS = ("fluorescence-dim", "xray-bedside")
WIDTH, HEIGHT = 1200, 2640
ARGUMENTS = ("--no-sandbox", "--no-zygote", "--single-process", "--in-process-gpu", "--disable-dev-shm-usage")


def write(folder: Path) -> Path:
    """The report on a comparison of phantoms."""
    page = folder / "report.html"
    named = [f"phantoms:{name}" for name in SOURCES], [f"phantoms:{name}" for name in TARGETS]
    asked = ["--sources", *named[0], "--targets", *named[1], "--out", str(folder), "--report", str(page)]
    if run(["compare", *asked]):
        raise SystemExit("the comparison failed")
    return page


def photograph(page: Path) -> bytes:
    """The upper part of a page as PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engines:
        browser = engines.chromium.launch(executable_path=os.environ.get("DSIM_CHROMIUM"), args=list(ARGUMENTS))
        view = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}, bypass_csp=True).new_page()
        view.goto(page.as_uri())
        view.add_style_tag(content=".made { visibility: hidden; }")
        taken: bytes = view.screenshot()
        browser.close()
    return taken


def main() -> None:
    from PIL import Image

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PICTURE, help="default: docs/images/report.png")
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as folder:
        taken = Image.open(io.BytesIO(photograph(write(Path(folder))))).convert("RGB")
    with replacing(out) as temporary:
        taken.quantize(192).save(temporary, optimize=True)
    print(out)


if __name__ == "__main__":
    main()
