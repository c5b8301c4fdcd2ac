"""The measure without any network: parameters that contradict each other, distances, resampling."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.errors import MeasureError, UsageError
from dsim.measures import build_measure
from dsim_asap.measure import Asap, LatentCloud
from dsim_asap.specs import REFERENCE, SPEC, TRAINING, ZOO_MODEL, AsapRecipe


def cloud(n: int, seed: int) -> LatentCloud:
    return LatentCloud(np.random.default_rng(seed).normal(size=(n, 2)))


def test_training_parameters_are_refused_beside_a_trained_model() -> None:
    """They would change nothing, silently."""
    with pytest.raises(UsageError, match="margin") as caught:
        Asap(margin=2.0)
    assert caught.value.hint == "train on the sources: asap:fit=pool,margin=2.0"


def test_a_model_is_refused_beside_training() -> None:
    with pytest.raises(UsageError, match="takes none"):
        Asap(fit="pool", model="timm:resnet18")


def test_the_identity_names_what_was_asked_for_and_nothing_else() -> None:
    assert repr(Asap()) == "asap"
    assert repr(Asap(fit="pool", lr=0.002)) == "asap:fit=pool,lr=0.002"
    assert Asap().extractors() == (ZOO_MODEL,)
    assert not Asap().fits_pool
    assert Asap(fit="pool").fits_pool


def test_every_training_parameter_reaches_the_recipe() -> None:
    record = AsapRecipe.of(Asap(fit="pool").params).record()
    assert set(record) == {parameter.name for parameter in TRAINING}


def test_presets_name_parameters_that_exist_and_train_on_the_pool() -> None:
    reference = build_measure("asap:preset=reference")
    assert {name: reference.params[name] for name in REFERENCE} == REFERENCE
    assert repr(build_measure("asap:preset=paper")) == "asap:draws=1,epochs=200,fit=pool,schedule=plateau"
    assert all(SPEC.parameter(name).check(value) == value for name, value in REFERENCE.items())


def test_the_distance_is_the_mean_over_all_pairs() -> None:
    a, b = cloud(5, 0), cloud(7, 1)
    expected = np.mean([np.linalg.norm(p - q) for p in a.points for q in b.points])
    assert Asap().compare(a, b) == pytest.approx(expected, rel=1e-12)
    assert Asap().compare(a, b) == pytest.approx(float(Asap().pairwise(a, b).mean()), rel=1e-12)


def test_a_broad_dataset_can_be_nearer_to_a_compact_one_than_to_itself() -> None:
    """Why the spec declares that a dataset need not be its own nearest."""
    broad, compact = LatentCloud(np.array([[-1.0, 0.0], [1.0, 0.0]] * 50)), LatentCloud(np.zeros((100, 2)))
    broad = LatentCloud(np.concatenate([broad.points, 3 * broad.points]))
    assert Asap().compare(broad, compact) < Asap().compare(broad, broad)
    assert not SPEC.self_is_optimal


def test_an_unfitted_measure_says_so() -> None:
    with pytest.raises(MeasureError, match="not fitted"):
        Asap(fit="pool").summarise(None, np.random.default_rng())  # type: ignore[arg-type]
