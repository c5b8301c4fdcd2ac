"""The map of datasets as files: its lines never cross, and its page is whole and harmless."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import dsim
from dsim.data import Dataset
from dsim.embeddings import Cloud, DatasetMap, lay_out_map, open_latent_model
from dsim.files.documents import check
from dsim.plots import write_map
from dsim.plots.map_picture import Frame, assign_ports
from dsim.runtime import Runtime

MODEL = "zoo:asap-resnet18.biomed16.r1"
WORDS = {"schema": "dsim.asap-map/1", "meaning": "distances are distances"}
HOSTILE = '</script><img src=x onerror="alert(1)">&'


def dataset(name: str, n: int, **options: object) -> Dataset:
    pixels = np.random.default_rng(n).integers(0, 255, (n, 20, 30, 3)).astype(np.uint8)
    return dsim.from_arrays(pixels, name=name, **options)  # type: ignore[arg-type]


@pytest.fixture
def clouds() -> list[Cloud]:
    rng = np.random.default_rng(0)
    sets = [
        dataset("cells", 6, attributes={"modality": "confocal fluorescence"}),
        dataset("nuclei", 5, attributes={"modality": "wide-field fluorescence"}),
        dataset(HOSTILE, 4, ids=[f"<b>{number}" for number in range(4)]),
        dataset("single", 1),
    ]
    roles = ("source", "source", "target", "target")
    return [
        Cloud(one, place + rng.standard_normal((len(one), 2)), role)  # type: ignore[arg-type]
        for one, role, place in zip(sets, roles, ([0, 0], [3, 0], [0, 5], [8, 8]), strict=True)
    ]


@pytest.fixture
def found(clouds: list[Cloud]) -> DatasetMap:
    return lay_out_map(clouds, open_latent_model(MODEL))


def cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("count", [2, 16, 41])
def test_leader_lines_never_cross(count: int) -> None:
    frame = Frame.of(count)
    ports, _ = frame.ports()
    sites = np.random.default_rng(count).uniform(0, (frame.width, frame.height), (count, 2))
    place = assign_ports(sites, ports)
    assert len(set(place)) == count
    lines = list(zip(sites, ports[place], strict=True))
    assert not any(cross(*one, *other) for one, other in itertools.combinations(lines, 2))


def test_the_files_are_whole_and_the_same_again(found: DatasetMap, tmp_path: Path) -> None:
    written = write_map(found, tmp_path / "a", Runtime(), **WORDS)
    assert [path.name for path in written] == ["map.json", "map.png", "map.svg", "map.html"]
    ET.fromstring((tmp_path / "a" / "map.svg").read_text())
    document = json.loads((tmp_path / "a" / "map.json").read_text())
    check(document, "dsim.asap-map/1", "the map", "")
    assert document["datasets"][3]["representative"] == "0"
    assert document["mean_distances"][3][3] is None
    assert document["eqc"]["paper"] is None
    write_map(found, tmp_path / "b", Runtime(), **WORDS)
    assert all((tmp_path / "b" / path.name).read_bytes() == path.read_bytes() for path in written)


def test_the_page_loads_nothing_and_no_name_becomes_markup(found: DatasetMap, tmp_path: Path) -> None:
    write_map(found, tmp_path, Runtime(), **WORDS, title=HOSTILE)
    page = (tmp_path / "map.html").read_text()
    assert page.count("</script>") == 2
    assert "<img src=x" not in page
    assert "<b>0" not in page
    sources = re.findall(r'(?:src|href)="([^"]{0,11})', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    policy = re.search(r'Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert body is not None
        assert base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode() in policy[1]
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    assert data["datasets"][2]["name"] == HOSTILE
    assert data["ids"].split("\n")[11] == "<b>0"


def test_pictures_are_limited_and_the_page_says_so(found: DatasetMap, tmp_path: Path) -> None:
    write_map(found, tmp_path, Runtime(), **WORDS, pictures=3)
    page = (tmp_path / "map.html").read_text()
    assert "pictures of 10 of the 16 images" in page
    assert "at most 3 of each dataset" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    pictures = data["pictures"]
    pictured = np.frombuffer(base64.b64decode(pictures["images"][1]), "<u1")
    ranks = np.argsort(found.clouds[0].distances)
    assert len(pictured) == 10
    assert {int(ranks[0]), int(ranks[-1])} <= set(pictured.tolist())
