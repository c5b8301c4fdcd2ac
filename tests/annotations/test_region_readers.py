"""Annotations of other programs, as these write them, and damaged ones, which are refused by name."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import roifile

from dsim.annotations import Region, faults_of, match_images, read_regions
from dsim.errors import DataError


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return path


def fields(found: list[Region]) -> list[tuple[object, ...]]:
    return [tuple(region[:6]) for region in found]


@pytest.mark.parametrize(
    "text",
    [
        "image,xmin,ymin,xmax,ymax,class\na.png,1,2,4,6.5,cell\n",
        "\ufefffilename;X1;Y1;X2;Y2;Label\r\na.png;1;2;4;6.5;cell\r\n",
        "file\tx\ty\twidth\theight\tcategory\n\na.png\t1\t2\t3\t4.5\tcell\n",
        'image,x,y,w,h,class\n"a.png", 1, 2, 3, 4.5, cell\n',
    ],
)
def test_tables_of_boxes(tmp_path: Path, text: str) -> None:
    found = read_regions(write(tmp_path / "boxes.csv", text))
    assert fields(found) == [("a.png", 1, 2, 3, 4.5, "cell")]
    assert math.isnan(found[0].score)


def test_tables_of_points(tmp_path: Path) -> None:
    found = read_regions(write(tmp_path / "points.csv", "image,x,y,class,confidence\na,10,20,x,0.5\na,1.5,2,,\n"))
    assert fields(found) == [("a", 10, 20, 0, 0, "x"), ("a", 1.5, 2, 0, 0, "")]
    assert found[0].score == 0.5
    assert all(region.is_point for region in found)


def test_points_of_napari_are_of_the_image_that_names_the_file(tmp_path: Path) -> None:
    """Napari writes row and column, and counts from the centre of the first pixel."""
    found = read_regions(write(tmp_path / "slide.csv", "index,axis-0,axis-1\n0.0,20.0,10.0\n1.0,-0.5,-0.5\n"))
    assert fields(found) == [("slide", 10.5, 20.5, 0, 0, ""), ("slide", 0, 0, 0, 0, "")]


def test_shapes_of_napari_are_boxes(tmp_path: Path) -> None:
    corners = [(9.5, 4.5), (9.5, 14.5), (29.5, 14.5), (29.5, 4.5)]
    rows = [f"0.0,rectangle,{vertex}.0,{y},{x}" for vertex, (y, x) in enumerate(corners)]
    text = "\n".join(["index,shape-type,vertex-index,axis-0,axis-1", *rows, "1.0,ellipse,0.0,0,0", "1.0,ellipse,1,3,4"])
    found = read_regions(write(tmp_path / "slide.csv", text))
    assert fields(found) == [("slide", 5, 10, 10, 20, ""), ("slide", 0.5, 0.5, 4, 3, "")]


def coco() -> dict[str, list[dict[str, object]]]:
    return {
        "images": [{"id": 7, "file_name": "train/a.png"}, {"id": "8", "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "cell"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4.5], "score": 0.5},
            {"id": 2, "image_id": 8, "category_id": 3, "segmentation": [[1, 1, 5, 1, 5, 9], [7, 2, 8, 2, 8, 3]]},
        ],
    }


def test_coco(tmp_path: Path) -> None:
    found = read_regions(write(tmp_path / "coco.json", coco()))
    assert fields(found) == [("train/a.png", 1, 2, 3, 4.5, "cell"), ("b.png", 1, 1, 7, 8, "cell")]
    assert found[0].score == 0.5


FEATURES = [
    {
        "type": "Feature",
        "id": "c1",
        "geometry": {"type": "Polygon", "coordinates": [[[10, 5], [30, 5], [30, 25.5], [10, 25.5], [10, 5]]]},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": "Tumor", "color": [200, 0, 0]},
            "measurements": {"Score": 0.75, "Area": 3},
        },
    },
    {
        "type": "Feature",
        "geometry": {"type": "MultiPoint", "coordinates": [[1.5, 2.5], [3.5, 4.5]]},
        "properties": {"objectType": "annotation", "classification": {"names": ["Immune", "Positive"]}},
    },
    {
        "type": "Feature",
        "geometry": {
            "type": "MultiPolygon",
            "coordinates": [[[[0, 0], [2, 0], [2, 2], [0, 0]]], [[[8, 8], [9, 8], [9, 9.5], [8, 8]]]],
        },
        "properties": {},
    },
]


@pytest.mark.parametrize("document", [FEATURES, {"type": "FeatureCollection", "features": FEATURES}])
def test_geojson_of_qupath(tmp_path: Path, document: object) -> None:
    """A list or a collection; classes as name and as names; measurements as an object, as since 0.4."""
    found = read_regions(write(tmp_path / "slide.geojson", document))
    assert fields(found) == [
        ("slide", 10, 5, 20, 20.5, "Tumor"),
        ("slide", 1.5, 2.5, 0, 0, "Immune: Positive"),
        ("slide", 3.5, 4.5, 0, 0, "Immune: Positive"),
        ("slide", 0, 0, 9, 9.5, ""),
    ]
    assert found[0].score == 0.75


def test_a_folder_has_one_file_for_each_image(tmp_path: Path) -> None:
    write(tmp_path / "plate/a.png.geojson", FEATURES[0])
    write(tmp_path / "b.json", [FEATURES[0]])
    (tmp_path / "b.json").rename(tmp_path / "b.geojson")
    write(tmp_path / ".hidden/c.geojson", "damaged")
    found = read_regions(tmp_path)
    assert [region.image for region in found] == ["b", "plate/a.png"]
    assert [region.image for region in match_images(found, ["plate/a", "b"])] == ["b", "plate/a"]


def test_rois_of_imagej(tmp_path: Path) -> None:
    """Rectangles and ovals of whole pixels, polygons, several points; the class is the name without its number."""
    kinds = roifile.ROI_TYPE
    box = roifile.ImagejRoi(roitype=kinds.RECT, name="red cell-12", left=10, top=20, right=40, bottom=60)
    oval = roifile.ImagejRoi(roitype=kinds.OVAL, name="0123-0456", left=1, top=2, right=4, bottom=6)
    polygon = roifile.ImagejRoi.frompoints(np.array([[5, 6], [15, 6], [15, 16]]), name="wbc")
    points = roifile.ImagejRoi(roitype=kinds.POINT, name="p", n_coordinates=2, left=3, top=4, right=9, bottom=9)
    points.integer_coordinates = np.array([[0, 0], [5, 4]], np.int32)
    points.props = "score: high\nother: 3\n"
    with zipfile.ZipFile(tmp_path / "slide.zip", "w") as archive:
        for number, roi in enumerate([box, oval, polygon, points]):
            archive.writestr(f"{number}.roi", roi.tobytes())
    found = read_regions(tmp_path / "slide.zip")
    assert fields(found) == [
        ("slide", 10, 20, 30, 40, "red cell"),
        ("slide", 1, 2, 3, 4, ""),
        ("slide", 5, 6, 10, 10, "wbc"),
        ("slide", 3.5, 4.5, 0, 0, "p"),
        ("slide", 8.5, 8.5, 0, 0, "p"),
    ]
    assert all(math.isnan(region.score) for region in found)
    (tmp_path / "one.roi").write_bytes(box.tobytes())
    assert fields(read_regions(tmp_path / "one.roi")) == [("one", 10, 20, 30, 40, "red cell")]


# Damaged files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "culprit"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "image,class\na,b\n", "image, class"),
        ("a.csv", "image,x,y\na,1,2\na,1\n", "line 3"),
        ("a.csv", "image,x,y\na,1,two\n", "line 2.*y.*'two'"),
        ("a.csv", "image,x,y\na,nan,2\n", "line 2.*x"),
        ("a.csv", "image,x,y\n,1,2\n", "line 2.*image"),
        ("a.csv", "image,x,y,score\na,1,2,good\n", "line 2.*score.*good"),
        ("a.csv", "index,axis-0,axis-1,axis-2\n0,1,2,3\n", "axes"),
        ("a.json", '{"images": [', "line 1"),
        ("a.json", "[" * 100_000, "nested"),
        ("a.json", '{"annotations": []}', "images"),
        ("a.json", '[{"image_id": 1, "bbox": [1, 2, 3, 4]}]', "results"),
        ("a.json", '{"some": "other"}', "features"),
        ("a.json", "[3]", "feature 1"),
        ("a.geojson", '{"features": [{"geometry": null}]}', "feature 1.*geometry"),
        (
            "a.geojson",
            '[{"geometry": {"type": "LineString", "coordinates": [[1, 2], [3, 4]]}}]',
            "feature 1.*LineString",
        ),
        ("a.geojson", '[{"geometry": {"type": "Polygon", "coordinates": []}}]', "feature 1.*Polygon"),
        ("a.geojson", '[{"geometry": {"type": "Point", "coordinates": [1, "2"]}}]', "feature 1.*'2'"),
        ("a.geojson", '[{"geometry": {"type": "Point", "coordinates": [1]}}]', "feature 1"),
        ("a.geojson", '[{"geometry": {"type": "Point", "coordinates": [1, Infinity]}}]', "feature 1.*inf"),
        ("a.roi", "Iout", "a.roi"),
        ("a.roi", "no roi of any kind, but as long as a header of sixty-four bytes is", "a.roi"),
        ("a.zip", "no zip", "a.zip"),
        ("a.xml", "<a/>", "a.xml"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path: Path, name: str, text: str, culprit: str) -> None:
    with pytest.raises(DataError, match=culprit) as caught:
        read_regions(write(tmp_path / name, text))
    assert name in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("part", "row", "culprit"),
    [
        ("annotations", {"image_id": 9, "category_id": 3, "bbox": [1, 2, 3, 4]}, "annotation 3.*image 9"),
        ("annotations", {"image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4]}, "annotation 3.*category 4"),
        ("annotations", {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3]}, "annotation 3.*bbox"),
        ("annotations", {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, None]}, "annotation 3.*None"),
        ("annotations", {"image_id": 7, "category_id": 3, "segmentation": [[1, 2, 3]]}, "annotation 3"),
        ("annotations", {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "score": "a"}, "annotation 3.*score"),
        ("annotations", 5, "annotation 3"),
        ("images", {"id": 7, "file_name": "c.png"}, "id 7"),
        ("images", {"id": 9}, "images 3.*file_name"),
        ("categories", {"name": "x"}, "categories 2"),
    ],
)
def test_damaged_coco_is_refused_by_place(tmp_path: Path, part: str, row: object, culprit: str) -> None:
    document: dict[str, list[object]] = {name: list(rows) for name, rows in coco().items()}
    document[part].append(row)
    with pytest.raises(DataError, match=culprit):
        read_regions(write(tmp_path / "coco.json", document))


def test_cut_rois_and_zips_are_refused(tmp_path: Path) -> None:
    whole = roifile.ImagejRoi.frompoints(np.arange(40).reshape(20, 2), name="a").tobytes()
    (tmp_path / "cut.roi").write_bytes(whole[:90])
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("b.roi", b"xx")
    for name, culprit in (("cut.roi", "cut.roi"), ("none.zip", "none.zip"), ("bad.zip", r"bad.zip, b.roi")):
        with pytest.raises(DataError, match=culprit):
            read_regions(tmp_path / name)


def test_missing_empty_and_mixed_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone"):
        read_regions(tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        read_regions(tmp_path / "empty")
    write(tmp_path / "mixed/a.csv", "image,x,y\n")
    write(tmp_path / "mixed/b.geojson", [])
    with pytest.raises(DataError, match=r"a\.csv, b\.geojson"):
        read_regions(tmp_path / "mixed")


# Real files -------------------------------------------------------------------------------------------------------


def test_boxes_of_blood_cells_name_the_degenerate_one(real_data: Path) -> None:
    if not (real_data / "boxes/bccd/boxes.csv").is_file():
        pytest.skip("no boxes of bccd")
    found = read_regions(real_data / "boxes/bccd/boxes.csv")
    assert len(found) == 3585
    assert {region.label for region in found} == {"RBC", "WBC", "Platelets"}
    ids = sorted(path.stem for path in (real_data / "boxes/bccd/images").iterdir())
    faults = faults_of(match_images(found, ids), dict.fromkeys(ids, (480, 640)))
    assert [region.image for region, _ in faults] == ["BloodImage_00338"]


def test_points_of_red_cells_lie_in_their_images(real_data: Path) -> None:
    if not (real_data / "points/chula_rbc12/points.csv").is_file():
        pytest.skip("no points of chula_rbc12")
    found = read_regions(real_data / "points/chula_rbc12/points.csv")
    assert len(found) == 7139
    assert faults_of(found, {region.image: (480, 640) for region in found}) == []
