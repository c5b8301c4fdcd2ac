"""expert and expert-choice: majority, ties that are told, rules for what is missing, and published distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dsim
from dsim.data import Dataset, from_arrays
from dsim.data.attributes import attach
from dsim.measures import DatasetView, SimilarityMatrix, build_measure
from dsim.random import stream
from dsim.runtime import Runtime
from dsim_expert.measures import majority

#: Answers, one per property, from which every distance below follows. The study's own answers are not published:
#: these were constructed, and show that its 24 distances are Hamming distances of six properties.
CONSTRUCTED = {
    "Chest-Xray": "aaaaaa",
    "ISIC2018": "bbaaaa",
    "PCam-middle": "bcbbaa",
    "PCam-small": "bcbbaa",
    "KimiaPath960": "bcbbaa",
    "ImageNet": "bdbcbb",
    "STL-10": "bdbcbb",
    "STI-10": "bcbcbb",
    "DTD": "bcbcbb",
}
#: Published with "Cats, not CAT scans" (arXiv:2107.05940): expert distance of source and target.
PUBLISHED = {
    "ISIC2018": {
        "ImageNet": 5, "STL-10": 5, "STI-10": 5, "DTD": 5, "ISIC2018": 0, "Chest-Xray": 2, "PCam-middle": 3,
        "PCam-small": 3,
    },
    "Chest-Xray": {
        "ImageNet": 6, "STL-10": 6, "STI-10": 6, "DTD": 6, "ISIC2018": 2, "Chest-Xray": 0, "PCam-middle": 4,
        "PCam-small": 4,
    },
    "PCam-middle": {
        "ImageNet": 4, "STL-10": 4, "STI-10": 3, "DTD": 3, "ISIC2018": 3, "Chest-Xray": 4, "PCam-middle": 0,
        "KimiaPath960": 0,
    },
}  # fmt: skip


def dataset(name: str, /, **attributes: str) -> Dataset:
    images = np.full((1, 8, 8), sum(name.encode()) % 256, np.uint8)
    return from_arrays(images, name=name, attributes={key.replace("_by_", "@"): v for key, v in attributes.items()})


def compare(*datasets: Dataset, measure: str = "expert") -> SimilarityMatrix:
    return dsim.compare(list(datasets), measure=measure)


def remark(text: str, data: Dataset) -> str:
    measure = build_measure(text)
    view = DatasetView(data, measure.needs, text, Runtime())
    return measure.remark(measure.summarise(view, stream(0)))


def test_the_majority_wins_and_a_tie_goes_to_the_first_by_alphabet() -> None:
    assert majority(["gray", "colour", "gray"]) == ("gray", False)
    assert majority(["gray", "colour"]) == ("colour", True)
    assert majority(["  Colour", "COLOUR ", "gray"]) == ("colour", False)


def test_published_distances_follow_from_answers_of_five_observers() -> None:
    properties = ("origin", "colour", "content", "kind", "diversity", "classes")
    table: dict[str, dict[str, str]] = {}
    for name, answers in CONSTRUCTED.items():
        # Two of five observers err, each time others: the majority does not.
        for place, (property_, answer) in enumerate(zip(properties, answers, strict=True)):
            for observer in range(5):
                errs = (observer + place) % 5 < 2
                table.setdefault(name, {})[f"{property_}@{observer}"] = f"error {observer}" if errs else answer
    datasets = attach([dataset(name) for name in CONSTRUCTED], table)
    matrix = dsim.compare(datasets, measure="expert")
    found = {t: {s: matrix.value(s, t) for s in sources} for t, sources in PUBLISHED.items()}
    assert sum(map(len, PUBLISHED.values())) == 24
    assert found == PUBLISHED


def test_hamming_counts_and_normalised_divides() -> None:
    a, b = dataset("a", colour="gray", kind="cells", classes="2"), dataset("b", colour="Gray", kind="bone", classes="3")
    assert compare(a, b).value("a", "b") == 2
    assert compare(a, b, measure="expert:normalised=true").value("a", "b") == pytest.approx(2 / 3)
    assert compare(a, b, measure="expert:properties=colour/kind").value("a", "b") == 1


@pytest.mark.parametrize(("missing", "expected"), [("differ", 2.0), ("skip", 1.0)])
def test_a_property_that_one_dataset_lacks_counts_as_told(missing: str, expected: float) -> None:
    a, b = dataset("a", colour="gray", kind="cells"), dataset("b", colour="red")
    assert compare(a, b, measure=f"expert:missing={missing}").value("a", "b") == expected


def test_a_property_that_one_dataset_lacks_is_refused_unless_told() -> None:
    matrix = compare(dataset("a", colour="gray", kind="cells"), dataset("b", colour="gray"))
    assert np.isnan(matrix.values[0, 1])
    assert "only one of the two datasets has kind" in matrix.notes[0][1]
    asked = compare(
        dataset("a", colour="gray", kind="x"), dataset("b", colour="gray"), measure="expert:properties=kind"
    )
    assert "'b' has no answers on kind" in asked.notes[0][1]
    apart = compare(dataset("a", colour="gray"), dataset("b", kind="x"), measure="expert:missing=skip")
    assert "no property in common" in apart.notes[0][1]


def test_ties_are_told() -> None:
    tied = dataset("a", colour_by_ann="gray", colour_by_bob="colour", kind_by_ann="cells", kind_by_bob="cells")
    assert "no majority of the 2 observers for colour" in remark("expert", tied)
    assert remark("expert", dataset("a", colour="gray")) == ""


def test_names_and_choices_are_no_properties() -> None:
    a, b = dataset("a", colour="gray", name="a", choice_by_ann="b"), dataset("b", colour="gray", name="b")
    assert compare(a, b).value("a", "b") == 0


def choosing(**choices: str) -> list[Dataset]:
    table = {"mine": {f"choice@{observer}": source for observer, source in choices.items()}}
    return attach([dataset("eye"), dataset("lung"), dataset("mine")], table)


def test_a_sources_value_is_the_share_of_experts_who_named_it() -> None:
    eye, lung, mine = choosing(ann="eye", bob="eye", cem="lung", dee="heart")
    matrix = dsim.compare([eye, lung], [mine], measure="expert-choice")
    assert matrix.values.tolist() == [[0.5], [0.25]]
    assert matrix.ranking("mine").entries[0].source == "eye"


def test_what_the_experts_chose_is_told() -> None:
    *_, mine = choosing(ann="eye", bob="eye", cem="heart")
    assert remark("expert-choice", mine) == "3 experts chose: 2 eye, 1 heart"


def test_a_target_without_choices_and_a_source_without_name_have_no_value() -> None:
    eye, lung, mine = choosing(ann="eye")
    matrix = dsim.compare([eye, mine], [lung, mine], measure="expert-choice")
    assert "no expert chose a source for 'lung'" in matrix.notes[0][0]
    unnamed = dataset("bone", colour="gray")
    notes = dsim.compare([unnamed], [mine], measure="expert-choice").notes
    assert "by which name experts speak of the source" in notes[0][0]


def test_a_dataset_without_attributes_is_refused_with_the_ways_to_give_them() -> None:
    from dsim.errors import NeedError

    with pytest.raises(NeedError) as caught:
        compare(dataset("a"), dataset("b", colour="gray"))
    assert "--attributes FILE.csv" in str(caught.value.hint)
    assert "dsim expert rate" in str(caught.value.hint)


def test_cached_values_do_not_outlive_a_changed_answer() -> None:
    values = [
        compare(dataset("a", colour=colour), dataset("b", colour="gray")).value("a", "b") for colour in ("gray", "red")
    ]
    assert values == [0, 1]


def test_a_choice_follows_the_name_and_not_the_images() -> None:
    """Two names for the same images are two sources: a cached value of one must not answer for the other."""
    table = {"mine": {"choice@ann": "eye"}}
    found: list[Any] = []
    for name in ("eye", "also-eye"):
        twin, mine = attach([dataset("eye").renamed(name), dataset("mine")], table)
        found.append(dsim.compare([twin], [mine], measure="expert-choice").values[0, 0])
    assert found == [1, 0]
