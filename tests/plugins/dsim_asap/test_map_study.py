"""``dsim asap map``: what it computes, that its lines never cross, and that its page is whole and harmless."""

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
from dsim.data.dataset import Dataset
from dsim.errors import UsageError
from dsim.files.documents import check
from dsim.runtime import Runtime
from dsim_asap.latent import Cloud, choose, choose_or_fit, family, stated
from dsim_asap.studies.map import LatentMap, build_map, ellipse
from dsim_asap.studies.map_files import write_map
from dsim_asap.studies.map_picture import Frame, assign

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
def found(clouds: list[Cloud]) -> LatentMap:
    return build_map(clouds, choose(None))


def test_datasets_of_one_family_share_an_ellipse_and_others_have_their_own(found: LatentMap) -> None:
    told = [(region.kind, region.members) for region in found.regions]
    assert told == [("modality", ("cells", "nuclei")), ("dataset", (HOSTILE,)), ("dataset", ("single",))]
    assert found.regions[-1].ellipse is None


def test_a_modality_is_read_from_attributes_of_most_observers_or_from_the_folder(tmp_path: Path) -> None:
    votes = {"modality@a": "CT scan", "modality@b": "MRI", "modality@c": "MRI"}
    assert stated(dataset("x", 1, attributes=votes)) == "MRI"
    from PIL import Image

    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    assert stated(dsim.open_dataset(tmp_path)) == ""
    (tmp_path / "META.json").write_text('{"modality": "breast ultrasound gray"}')
    assert family(stated(dsim.open_dataset(tmp_path))) == "ultrasound"
    (tmp_path / "META.json").write_text("not JSON")
    assert stated(dsim.open_dataset(tmp_path)) == ""


def test_the_ellipse_holds_what_two_standard_deviations_of_a_gaussian_hold() -> None:
    points = np.random.default_rng(0).multivariate_normal([1, 2], [[4, 1.5], [1.5, 1]], 20000)
    shape = ellipse(points)
    assert shape is not None
    turn = np.radians(-shape.angle)
    rotated = (points - shape.centre) @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    inside = ((rotated / (np.array([shape.width, shape.height]) / 2)) ** 2).sum(axis=1) <= 1
    assert inside.mean() == pytest.approx(1 - np.exp(-2), abs=0.01)
    assert ellipse(points[:2]) is None
    assert ellipse(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])) is None


def cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


@pytest.mark.parametrize("count", [2, 16, 41])
def test_leader_lines_never_cross(count: int) -> None:
    frame = Frame.of(count)
    ports, _ = frame.ports()
    sites = np.random.default_rng(count).uniform(0, (frame.width, frame.height), (count, 2))
    place = assign(sites, ports)
    assert len(set(place)) == count
    lines = list(zip(sites, ports[place], strict=True))
    assert not any(cross(*one, *other) for one, other in itertools.combinations(lines, 2))


def test_more_dimensions_are_projected_and_said(clouds: list[Cloud]) -> None:
    deep = [Cloud(c.dataset, np.pad(c.points, ((0, 0), (0, 2))), c.role) for c in clouds]
    found = build_map(deep, choose(None))
    assert found.projection.startswith("first two principal components of 4 dimensions")
    assert found.to_dict()["dimensions"] == 4


def test_the_files_are_whole_and_the_same_again(found: LatentMap, tmp_path: Path) -> None:
    written = write_map(found, tmp_path / "a", Runtime())
    assert [path.name for path in written] == ["map.json", "map.png", "map.svg", "map.html"]
    ET.fromstring((tmp_path / "a" / "map.svg").read_text())
    told = json.loads((tmp_path / "a" / "map.json").read_text())
    check(told, "dsim.asap-map/1", "the map", "")
    assert told["datasets"][3]["representative"] == "0"
    assert told["mean_distances"][3][3] is None
    assert told["eqc"]["paper"] is None
    write_map(found, tmp_path / "b", Runtime())
    assert all((tmp_path / "b" / path.name).read_bytes() == path.read_bytes() for path in written)


def test_the_page_loads_nothing_and_no_name_becomes_markup(found: LatentMap, tmp_path: Path) -> None:
    write_map(found, tmp_path, Runtime(), title=HOSTILE)
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
    assert data["datasets"][2]["ids"][0] == "<b>0"


def test_pictures_are_limited_and_the_page_says_so(found: LatentMap, tmp_path: Path) -> None:
    write_map(found, tmp_path, Runtime(), pictures=3)
    page = (tmp_path / "map.html").read_text()
    assert "pictures of 10 of the 16 images" in page
    assert "at most 3 of each dataset" in page
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    ranks = np.argsort(found.clouds[0].distances)
    shown = {index for index, cell in enumerate(data["datasets"][0]["cells"]) if cell >= 0}
    assert {int(ranks[0]), int(ranks[-1])} <= shown


@pytest.mark.parametrize("reference", ["asap", "timm:resnet18", "zoo:"])
def test_only_models_of_a_latent_space_are_taken(reference: str) -> None:
    with pytest.raises(UsageError, match="not a model of a latent space"):
        choose(reference)


def test_settings_without_a_training_are_refused() -> None:
    with pytest.raises(UsageError, match="only a training reads this"):
        choose_or_fit(None, [], False, ["epochs=3"], 0, Runtime())
    with pytest.raises(UsageError, match="--fit trains a model"):
        choose_or_fit("zoo:x", [], True, [], 0, Runtime())


def test_the_command_trains_on_all_sets_and_writes_the_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dsim.cli.main import run

    tiny = ["backbone=test_resnet", "size=32", "epochs=1", "batch=8", "precision=float32"]
    sets = [f"phantoms:{name}[count=6,size=32]" for name in ("histology", "fundus", "xray")]
    call = ["asap", "map", "--sources", *sets[:2], "--targets", sets[2], "--fit", "--json", "--device", "cpu"]
    assert run([*call, *(part for one in tiny for part in ("--set", one)), "--out", str(tmp_path / "map")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["trained_on"] for one in told["datasets"]] == [True] * 3
    assert [region["name"] for region in told["regions"]] == ["histology", "fundus", "X-ray"]
