"""Measures of what models do: the right model wins, a useless mask is worst, and what is lacking has its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import dsim
from dsim.data import Dataset, from_arrays
from dsim.errors import NeedError, WeightsError
from dsim.models import SegmentationRecipe, Segmenter, VoteNetwork
from dsim.runtime import Runtime

RECIPE = SegmentationRecipe(width=8, levels=2, side=0, patch=32)


class Rule(nn.Module):
    """A network that follows a rule, with a part that can be disturbed as a U-Net's coarsest features can."""

    def __init__(self, rule: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.rule = rule
        self.down = nn.ModuleList([nn.Identity()])

    def forward(self, images: Tensor) -> Tensor:
        return self.rule(self.down[-1](images))


#: Logits (n, h, w) of images (n, 3, h, w): bright pixels; dark ones; none; all; the left half, wherever it lies.
RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "bright": lambda images: (images.mean(1) - 0.5) * 100,
    "brightish": lambda images: (images.mean(1) - 0.45) * 100,
    "dark": lambda images: (0.5 - images.mean(1)) * 100,
    "nothing": lambda images: torch.full_like(images[:, 0], -9.0),
    "everything": lambda images: torch.full_like(images[:, 0], 9.0),
    "left": lambda images: (
        (torch.arange(images.shape[3]) < 12).float().expand(images.shape[0], images.shape[2], -1) * 9 - 4
    ),
}


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(device="cpu", cache=tmp_path / "cache")


def squares(name: str = "mine", n: int = 4, seed: int = 0) -> Dataset:
    """Bright squares on dark ground, with their masks."""
    rng, images, masks = np.random.default_rng(seed), [], []
    for _ in range(n):
        mask = np.zeros((32, 32), np.uint8)
        top, left = rng.integers(2, 18, 2)
        mask[top : top + 12, left : left + 12] = 1
        images.append((40 + 170 * mask + rng.integers(0, 20, mask.shape)).astype(np.uint8))
        masks.append(mask)
    return from_arrays(images, masks=masks, name=name)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Dataset]:
    """A source whose model follows a rule; its own images are others than the target's."""

    def load(reference: str, *_: object) -> Segmenter:
        return Segmenter(Rule(RULES[Path(reference).stem.partition("-")[0]]), RECIPE, name=reference)

    monkeypatch.setattr("dsim.models.segmenter.load_segmenter", load)

    def make(rule: str, *, annotated: bool = False, trained_on: Dataset | None = None) -> Dataset:
        path = tmp_path / f"{rule}-{trained_on is not None}.safetensors"
        seen = () if trained_on is None else ({"name": "x", "image_digests": trained_on.image_digests[:3]},)
        Segmenter(RECIPE.build(len(rule)), RECIPE, seen, name=rule).save(path)
        plain = squares(rule, seed=1) if annotated else from_arrays(features=np.eye(2), name=rule)
        return plain.with_model(path)

    return make


def values(sources: list[Dataset], target: Dataset, measure: str, runtime: Runtime) -> dict[str, float]:
    found = dsim.compare(sources, [target], measure=measure, bootstrap=0, floor=False, runtime=runtime)
    return dict(zip(found.sources, found.values[:, 0].tolist(), strict=True))


ALL = ("consistency", "consistency:perturb=dropout", "consensus", "edge-agreement")


@pytest.mark.parametrize("measure", ALL)
def test_a_mask_of_nothing_or_of_everything_is_worst(
    measure: str, source: Callable[..., Dataset], runtime: Runtime
) -> None:
    found = values(
        [source(rule) for rule in ("bright", "brightish", "nothing", "everything")], squares(), measure, runtime
    )
    assert found["nothing"] == found["everything"] == 0
    assert min(found["bright"], found["brightish"]) > 0.5 * (measure != "consensus")


def test_features_of_every_member_of_a_vote_are_dropped_and_come_back() -> None:
    """A vote, which adapt may write, is a candidate like any other."""
    from dsim_models.perturbations import dropped

    members = [RECIPE.build(seed).eval() for seed in (0, 1)]
    vote = Segmenter(VoteNetwork(members, [RECIPE, RECIPE], [1, 1]).eval(), RECIPE, name="vote")
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain = [network(image) for network in (*members, vote.network)]
        for changed in dropped(vote, 1.0, 0):
            assert not torch.equal(changed.network(image), plain[2])
            assert not any(torch.equal(member(image), was) for member, was in zip(members, plain, strict=False))
        assert all(
            torch.equal(network(image), was) for network, was in zip((*members, vote.network), plain, strict=True)
        )


def test_consistency_falls_with_the_strength_and_sees_what_turns_with_the_image(
    source: Callable[..., Dataset], runtime: Runtime
) -> None:
    sources, target = [source("bright"), source("left")], squares()
    weak, strong = (values(sources, target, f"consistency:strength={s}", runtime) for s in (0.1, 1.0))
    assert weak["bright"] > 0.95
    assert weak["bright"] > strong["bright"]
    # The left part stays where it is while the image is turned: not what the image shows.
    assert weak["left"] < 0.9
    dice = values(sources, target, "consistency:strength=0.1,agree=dice", runtime)
    assert weak["left"] < dice["left"] < 1


def test_consensus_is_agreement_with_the_others(source: Callable[..., Dataset], runtime: Runtime) -> None:
    found = values([source("bright"), source("brightish"), source("dark")], squares(), "consensus", runtime)
    assert found["bright"] == pytest.approx(0.5, abs=0.02)
    assert found["dark"] < 0.05


def test_a_model_trained_on_the_target_is_noted_and_does_not_judge_the_others(
    source: Callable[..., Dataset], runtime: Runtime
) -> None:
    target = squares()
    sources = [source("bright"), source("dark"), source("brightish", trained_on=target)]
    found = dsim.compare(sources, [target], measure="consensus", bootstrap=0, floor=False, runtime=runtime)
    assert "3 of 4 images" in found.notes[2][0]
    assert not found.notes[0][0]
    assert found.values[0, 0] < 0.05  # it agrees with the one that has seen the target, and that does not count


def test_one_model_has_nobody_to_agree_with(source: Callable[..., Dataset], runtime: Runtime) -> None:
    found = dsim.compare(
        [source("bright")], [squares()], measure="consensus", bootstrap=0, floor=False, runtime=runtime
    )
    assert np.isnan(found.values[0, 0])
    assert "no other model" in found.notes[0][0]


def test_outlines_on_edges_score_above_one_half(source: Callable[..., Dataset], runtime: Runtime) -> None:
    found = values([source("bright"), source("left")], squares(), "edge-agreement", runtime)
    assert found["bright"] > 0.7
    assert found["left"] < 0.6


def test_masks_that_teach_the_source_score_high_and_wrong_ones_low(
    source: Callable[..., Dataset], runtime: Runtime
) -> None:
    sources = [source(rule, annotated=True) for rule in ("bright", "dark", "nothing")]
    found = values(sources, squares(n=8), "reverse-accuracy:steps=25,side=32,width=4", runtime)
    assert found["bright"] > 0.7
    assert found["dark"] < 0.3
    assert found["nothing"] == 0


def test_reverse_accuracy_needs_annotated_images_and_says_so(source: Callable[..., Dataset], runtime: Runtime) -> None:
    measure = "reverse-accuracy:steps=1,side=16,width=2"
    sources = [source("bright", annotated=True), source("dark")]
    found = dsim.compare(sources, [squares()], measure=measure, bootstrap=20, floor=False, runtime=runtime)
    assert np.isfinite(found.values[0, 0])
    assert found.low is not None
    assert found.low[0, 0] <= found.values[0, 0]
    assert np.isnan(found.values[1, 0])
    assert "annotated images" in found.notes[1][0]


def test_a_dataset_may_be_source_and_target_and_is_then_itself(
    source: Callable[..., Dataset], runtime: Runtime
) -> None:
    both = [source(rule, annotated=True) for rule in ("bright", "dark", "left")]
    both = [one.subset(range(k + 1)) for k, one in enumerate(both)]
    found = dsim.compare(both, measure="edge-agreement", bootstrap=0, floor=False, runtime=runtime)
    assert np.array_equal(found.same, np.eye(3, dtype=bool))
    assert np.isfinite(found.values).all()


def test_intervals_are_over_the_images_of_the_target(source: Callable[..., Dataset], runtime: Runtime) -> None:
    from dsim_models.behaviour import Behaviour
    from dsim_models.edges import EdgeAgreement

    target = Behaviour("", ("a", "b"), np.array([[0.1, 0.5], [0.2, 0.4]]), np.array([0, 1]), (0, 0), 3)
    own = Behaviour("b", (), np.zeros((0, 0)), np.arange(2), images=2)
    measure = EdgeAgreement()
    assert measure.compare(own, measure.resample(target, np.arange(3))) == measure.compare(own, target)
    drawn = measure.resample(target, np.array([2, 2, 0]))
    assert measure.compare(measure.resample(own, np.array([1, 1])), drawn) == pytest.approx(0.4)
    # An image that was not looked at is stood for by the one before it, so that no resample is empty.
    assert measure.compare(own, measure.resample(target, np.array([2, 2, 2]))) == pytest.approx(0.4)


@pytest.mark.parametrize("measure", ["consistency", "consensus", "edge-agreement", "reverse-accuracy"])
def test_what_is_lacking_is_refused_with_the_fix(
    measure: str, source: Callable[..., Dataset], runtime: Runtime, tmp_path: Path
) -> None:
    with pytest.raises(NeedError, match=f"'x' has no model, and measure '{measure}' needs one") as caught:
        dsim.compare([squares("x")], [squares()], measure=measure, runtime=runtime)
    assert "x[model=FILE]" in (caught.value.hint or "")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no weights")
    with pytest.raises(WeightsError, match=r"broken\.safetensors") as wrong:
        dsim.compare([squares("x").with_model(broken)], [squares()], measure=measure, runtime=runtime)
    assert "dsim transfer segmentation" in (wrong.value.hint or "")


def test_images_of_many_channels_have_no_value_and_the_reason(source: Callable[..., Dataset], runtime: Runtime) -> None:
    many = from_arrays(np.zeros((2, 32, 32, 5), np.uint8), name="many")
    for measure in ("edge-agreement", "consistency"):
        found = dsim.compare([source("bright")], [many], measure=measure, bootstrap=0, floor=False, runtime=runtime)
        assert np.isnan(found.values[0, 0])
        assert "5 channels" in found.notes[0][0]
