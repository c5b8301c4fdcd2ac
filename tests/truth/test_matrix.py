"""A truth's own arithmetic, against closed forms; that it checks itself and cannot be changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dsim.errors import DataError
from dsim.truth import TransferMatrix, TruthDataset, bounds_of

NAN = float("nan")


def truth(**changed: Any) -> TransferMatrix:
    given: dict[str, Any] = {
        "name": "toy", "score": "AUC", "unit": "", "sources": ("a", "b"), "targets": ("t", "u", "v"),
        "values": [[[0.5, 0.7], [0.9, NAN], [0.3, 0.5]], [[0.8, 0.6], [NAN, NAN], [1.0, 0.0]]], "bounds": (0, 1),
        "repetition": "fold", "baseline": [[0.5, 0.5], [0.8, NAN], [0.0, 0.0]],
    }  # fmt: skip
    return TransferMatrix(**(given | changed))


def test_the_mean_is_over_known_repetitions_and_nan_without_any():
    np.testing.assert_allclose(truth().mean, [[0.6, 0.9, 0.4], [0.7, NAN, 0.5]])
    assert truth().repetitions == 2


def test_transferability_is_eq_1_of_the_means_and_undefined_for_a_baseline_of_0():
    gain = truth().transferability
    np.testing.assert_allclose(gain, [[20, 12.5, NAN], [40, NAN, NAN]])
    assert truth(baseline=None).transferability is None
    assert truth(baseline=None).baseline_mean is None


def test_missing_pairs_have_their_reason_and_incomplete_ones_are_not_missing():
    assert truth().missing == [("b", "u", "not measured")]
    assert truth(reasons={("b", "u"): "no labels"}).missing == [("b", "u", "no labels")]


def test_arrays_are_copied_and_cannot_be_written_to():
    values = np.full((1, 1, 1), 0.5)
    made = truth(sources=["a"], targets=["t"], values=values, repetition="", baseline=None)
    values[:] = 0.1
    assert made.values[0, 0, 0] == 0.5
    with pytest.raises(ValueError, match="read-only"):
        made.values[0, 0, 0] = 0.2
    assert made.sources == ("a",)


CHANGES: dict[str, dict[str, Any]] = {
    "a value": {"values": truth().values * 0.5},
    "a name": {"sources": ("a", "c")},
    "the order": {"sources": ("b", "a")},
    "the baseline": {"baseline": None},
    "what was repeated": {"repetition": "seed"},
    "the score": {"score": "accuracy"},
    "unit and bounds": {"unit": "%", "bounds": (0, 100)},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_digest_changes_with_what_judges(change):
    assert truth(**change).digest != truth().digest
    assert truth(**change) != truth()


def test_the_digest_does_not_change_with_what_only_tells():
    told = truth(name="other", provenance={"source": "x"}, datasets={"a": TruthDataset(3)}, imagenet="a")
    assert told.digest == truth().digest
    assert told == truth()
    assert len({told, truth()}) == 1


def test_a_restricted_truth_has_the_same_cells_in_the_asked_order():
    full = truth(imagenet="a", datasets={"a": TruthDataset(3), "v": TruthDataset(4)})
    part = full.restrict(["b", "a"], ["v", "t"])
    assert (part.sources, part.targets, part.imagenet) == (("b", "a"), ("v", "t"), "a")
    np.testing.assert_array_equal(part.values, full.values[::-1][:, [2, 0]])
    np.testing.assert_array_equal(part.baseline, full.baseline[[2, 0]])
    assert full.restrict(["b"], ["t"]).imagenet == ""
    assert full.restrict(["b"], ["t"]).datasets == {}


def test_a_restricted_truth_keeps_a_source_without_values_and_its_reason():
    part = truth(reasons={("b", "u"): "no labels"}).restrict(["a", "b"], ["u"])
    assert part.missing == [("b", "u", "no labels")]
    assert truth().restrict(["a", "b"], ["u"]).missing == [("b", "u", "not measured")]


def test_a_restricted_truth_has_no_baseline_where_none_is_known():
    only = truth(baseline=[[0.5, 0.5], [NAN, NAN], [0.5, 0.5]])
    assert only.restrict(["a"], ["u"]).baseline is None


def test_restricting_to_an_unknown_name_suggests_a_known_one():
    with pytest.raises(DataError, match=r"truth 'toy' has no source 'bb'\. Did you mean 'b'\?"):
        truth().restrict(["a", "bb"], ["t"])


def test_the_table_is_of_means_by_name():
    frame = truth().to_frame()
    assert frame.loc["b", "t"] == pytest.approx(0.7)
    assert (frame.index.name, frame.columns.name) == ("source", "target")


def test_bounds_are_known_or_asked_for():
    assert bounds_of("AUC") == (0, 1)
    assert bounds_of("accuracy", "%") == (0, 100)
    with pytest.raises(DataError, match=r"score 'dsc' are not known\. Did you mean 'DSC'\?\n  fix: give its bounds"):
        bounds_of("dsc")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "above its bounds": (
        {"values": [[[0.5, 0.7], [62, NAN], [0.3, 0.5]], [[0.8, 0.6], [NAN, NAN], [1.0, 0.0]]]},
        "truth 'toy': the AUC of a -> u, fold 1 is 62, outside 0 to 1\n"
        "  fix: give the unit '%' if scores run to 100 (in a CSV: the column AUC%); else correct the value",
    ),
    "below its bounds": (
        {"values": [[[0.5, 0.7], [0.9, NAN], [0.3, 0.5]], [[0.8, -0.6], [NAN, NAN], [1.0, 0.0]]]},
        "truth 'toy': the AUC of b -> t, fold 2 is -0.6, outside 0 to 1\n"
        "  fix: correct the value, or leave the cell out (NaN) if it was not measured",
    ),
    "an infinite value": ({"values": np.full((2, 3, 2), np.inf)}, "the AUC of a -> t, fold 1 is inf, outside 0 to 1"),
    "a baseline above its bounds": (
        {"baseline": [[0.5, 0.5], [0.8, 1.5], [0.5, 0.5]]},
        "the AUC of the baseline on u, fold 2 is 1.5, outside 0 to 1",
    ),
    "bounds of another unit": (
        {"bounds": (0, 100)},
        "truth 'toy' has the bounds 0 to 100, and AUC as a share 0 to 1\n"
        "  fix: the unit is '%' where the scores run to 100, and '' where they run to 1",
    ),
    "bounds upside down": (
        {"score": "kappa", "bounds": (1, -1)},
        "has the bounds 1 to -1\n  fix: bounds are two finite",
    ),
    "no bounds": ({"score": "likelihood", "bounds": (-np.inf, 0)}, "has the bounds -inf to 0"),
    "an unknown unit": ({"unit": "percent"}, "has the unit 'percent'\n  fix: the unit is '%' or ''"),
    "a score without a name": ({"score": ""}, "has a score named ''"),
    "a source twice": ({"sources": ("a", "a")}, "truth 'toy' names source 'a' more than once"),
    "a target twice": ({"targets": ("t", "u", "t")}, "truth 'toy' names target 't' more than once"),
    "an empty name": ({"sources": ("a", "")}, "truth 'toy' has a source named ''"),
    "a name in blanks": ({"targets": ("t", "u ", "v")}, "truth 'toy' has a target named 'u '"),
    "no sources": ({"sources": (), "values": np.zeros((0, 3, 1))}, "truth 'toy' has no sources"),
    "a transposed table": (
        {"values": np.full((3, 2, 2), 0.5)},
        "truth 'toy' has values of shape (3, 2, 2) for 2 sources and 3 targets\n"
        "  fix: values have the shape (sources, targets, repetitions); is the table transposed?",
    ),
    "two axes": ({"values": np.full((2, 3), 0.5)}, "has values of shape (2, 3) for 2 sources and 3 targets"),
    "no repetition": ({"values": np.zeros((2, 3, 0))}, "has values of shape (2, 3, 0)"),
    "no numbers": ({"values": "high"}, "truth 'toy' has values that are not an array of numbers"),
    "a baseline of another shape": (
        {"baseline": [[0.5], [0.5], [0.5]]},
        "truth 'toy' has a baseline of shape (3, 1), not (3, 2)",
    ),
    "an empty baseline": (
        {"baseline": np.full((3, 2), NAN)},
        "truth 'toy' has a baseline without any value\n  fix: give None for no baseline",
    ),
    "no value at all": ({"values": np.full((2, 3, 2), NAN)}, "truth 'toy' has no value at all"),
    "a source without any": (
        {"values": [[[0.5, 0.7], [0.9, 0.9], [0.3, 0.5]], np.full((3, 2), NAN)]},
        "truth 'toy' has no value of source 'b'\n  fix: leave the source out, or say in reasons why",
    ),
    "an unknown repetition": ({"repetition": "folds"}, "truth 'toy' repeats 'folds'. Did you mean 'fold'?"),
    "repetitions without a word": (
        {"repetition": ""},
        "truth 'toy' has 2 repetitions, but does not say what was repeated",
    ),
    "a reason of a known cell": (
        {"reasons": {("a", "u"): "lost"}},
        "truth 'toy' gives as the reason of a -> u why it is missing, but it is there",
    ),
    "a reason without words": ({"reasons": {("b", "u"): ""}}, "gives as the reason of b -> u no words"),
    "a reason of nothing": ({"reasons": {("c", "u"): "lost"}}, "gives a reason for c -> u, which it does not have"),
    "a stranger's dataset": (
        {"datasets": {"tt": TruthDataset(3)}},
        "describes a dataset 'tt' that is neither source nor target. Did you mean 't'?",
    ),
    "images below 0": ({"datasets": {"t": TruthDataset(-3)}}, "truth 'toy': t has -3 images"),
    "an ImageNet that is no source": (
        {"imagenet": "ImageNet"},
        "truth 'toy' has no source 'ImageNet', which it calls ImageNet.",
    ),
}


@pytest.mark.parametrize(("change", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_as_it_should_be_is_refused_in_words(change, said):
    with pytest.raises(DataError) as error:
        truth(**change)
    assert said in str(error.value)
    assert error.value.hint, "an error without a fix"


@pytest.mark.parametrize("make", [lambda: truth(values=[[[0.0]]], sources="a", targets="t", baseline=None)])
def test_a_value_on_its_bound_is_fine(make: Callable[[], TransferMatrix]):
    assert make().mean.tolist() == [[0.0]]
