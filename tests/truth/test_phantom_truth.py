"""The phantom benchmark: what is stored is what the trainer measured, on the phantoms as they are drawn today."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dsim.data import open_dataset
from dsim.truth import TransferMatrix, open_truth, truth_names

Part = Callable[[str], ModuleType]

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "benchmarks" / "truth" / "phantoms-dsc"


@pytest.fixture(scope="module")
def stored() -> TransferMatrix:
    return open_truth("phantoms-dsc")


@pytest.fixture(scope="module")
def part(parts_of: Callable[[str], AbstractContextManager[Part]]) -> Iterator[Part]:
    with parts_of("phantom_truth") as part:
        yield part


def test_it_opens_by_name_and_every_score_was_measured(stored: TransferMatrix) -> None:
    assert "phantoms-dsc" in truth_names()
    assert (stored.score, stored.unit, stored.repetition, stored.imagenet) == ("DSC", "%", "seed", "")
    assert stored.values.shape == (9, 24, 5)
    assert stored.repetitions == 5
    assert not np.isnan(stored.values).any()
    assert stored.baseline is None


def test_its_fingerprints_are_those_of_the_phantoms_as_they_are_drawn_now(stored: TransferMatrix) -> None:
    assert set(stored.datasets) == {*stored.sources, *stored.targets}
    for name, known in stored.datasets.items():
        dataset = open_dataset(known.location, name=name)
        assert (dataset.name, len(dataset)) == (name, known.images)
        assert dataset.images_fingerprint == known.fingerprint, f"{name} is drawn differently: measure the truth anew"


def test_its_datasets_and_recipe_are_those_of_the_trainer(stored: TransferMatrix, part: Part) -> None:
    design = part("design")
    plan = design.design(design.Recipe())
    assert (tuple(plan.sources), tuple(plan.targets)) == (stored.sources, stored.targets)
    assert {name: each.location for name, each in plan.targets.items()} == {
        name: each.location for name, each in stored.datasets.items()
    }
    assert stored.provenance["recipe"] == json.loads(json.dumps(asdict(plan.recipe)))
    assert stored.provenance["held_out"] == {name: each.location for name, each in plan.held_out.items()}


def test_every_training_is_on_record_once(stored: TransferMatrix) -> None:
    trainings = [(each["source"], each["seed"]) for each in stored.provenance["trainings"]]
    assert sorted(trainings) == sorted((source, seed) for source in stored.sources for seed in range(5))


def test_no_source_is_scored_on_images_that_it_was_trained_on(part: Part) -> None:
    plan = part("design").design(part("design").Recipe())
    for source, dataset in plan.sources.items():
        seen = set(dataset.image_digests)
        assert not any(seen & set(each.image_digests) for each in plan.scored_on(source).values())


def test_the_card_is_the_one_of_these_numbers(stored: TransferMatrix, part: Part) -> None:
    assert (FOLDER / "card.md").read_text("utf-8") == part("card").card(stored)


def test_all_sources_were_learnt_and_the_best_source_is_not_always_of_the_same_modality(
    stored: TransferMatrix, part: Part
) -> None:
    told = part("facts").facts(stored)
    assert (told.own >= part("facts").LEARNT).all()
    with_kin = [(best, kin) for best, kin in zip(told.best, told.kin, strict=True) if kin]
    assert 0 < sum(best == kin for best, kin in with_kin) < len(with_kin)
    assert told.regret_fixed[0] > 5  # selecting is worth something


def test_facts_of_a_matrix_that_can_be_judged_by_hand(part: Part) -> None:
    values = np.array(
        [  # targets xray, xray-bedside, relief; two seeds
            [[99, 99], [80, 90], [10, 20]],  # xray
            [[40, 60], [50, 50], [90, 90]],  # relief
            [[70, 70], [20, 20], [40, 40]],  # fundus
        ],
        dtype=float,
    )
    names = ("xray", "relief", "fundus")
    told = part("facts").facts(
        TransferMatrix("t", "DSC", "%", names, ("xray", "xray-bedside", "relief"), values, (0, 100), "seed")
    )
    assert told.best == ("fundus", "xray", "fundus")
    assert told.kin == ("", "xray", "")
    assert told.own.tolist() == [99, 90]
    # Means without self pairs: xray 50, relief 50, fundus 43.3; the first of equals.
    assert told.fixed == "xray"
    # For xray itself the next best stands in: 70 - 50; then nothing, and 40 - 15.
    assert told.regret_fixed == pytest.approx((15, 0, 22.5))
    # Lost by chance: 70 - 60, 85 - 155 / 3, 40 - 27.5.
    assert told.regret_random == pytest.approx(((10 + 100 / 3 + 12.5) / 3, 100 / 3, 11.25))
    assert (told.seeds_agree, told.best_again) == (1.0, 1.0)


def test_dice_by_hand_and_of_empty_masks(part: Part) -> None:
    import torch

    masks = torch.tensor([[[1, 1, 0]], [[0, 0, 0]], [[0, 0, 0]], [[1, 0, 0]]]).bool()
    predicted = torch.tensor([[[1, 0, 0]], [[0, 0, 0]], [[1, 0, 0]], [[0, 0, 0]]]).bool()
    assert part("training").dice(predicted, masks).tolist() == pytest.approx([2 / 3, 1, 0, 0])


def test_images_and_masks_are_turned_together(part: Part) -> None:
    import torch

    training, recipe = part("training"), part("design").Recipe(brightness=0, contrast=0)
    masks = (torch.rand(64, 8, 8, generator=torch.Generator().manual_seed(0)) > 0.5).float()
    images = masks[:, None].expand(-1, 3, -1, -1)
    seen, wanted = training.augment(images, masks, recipe, torch.Generator().manual_seed(1))
    assert torch.equal(seen[:, 0] > 0.5, wanted > 0.5)
    turns = {
        next(turn for turn in range(8) if torch.equal(training._turned(before, turn), after))
        for before, after in zip(masks, wanted, strict=True)
    }
    assert turns == set(range(8))


def test_validation_takes_whole_groups(part: Part) -> None:
    import torch

    dataset = open_dataset("phantoms:relief[count=48,size=16]")
    held_back = part("training")._validation(dataset, 0.25, torch.Generator().manual_seed(0))
    assert int(held_back.sum()) == 12
    sides = {(group, bool(out)) for group, out in zip(dataset.groups or (), held_back, strict=True)}
    assert len(sides) == 12


def test_the_same_seed_gives_the_same_scores_and_another_seed_others(part: Part) -> None:
    plan, work = part("design").quick_design(), part("work")
    first, again, other = (work.carry_out(plan, "fluorescence", seed) for seed in (0, 0, 1))
    assert first.scores == again.scores
    assert first.validation_loss != other.validation_loss
    assert set(first.scores) == set(plan.targets)


def test_a_line_cut_short_or_of_another_recipe_is_trained_anew(part: Part, tmp_path: Path) -> None:
    work, plan, path = part("work"), part("design").quick_design(), tmp_path / "work.jsonl"
    done = work.carry_out(plan, "fluorescence", 0)
    work.append(path, done)
    whole = path.read_text("utf-8")
    path.write_text(whole + whole.replace('"seed": 0', '"seed": 1')[:80], "utf-8")
    work.append(path, replace(done, seed=2))
    work.append(path, replace(done, seed=3, key="another recipe"))
    known = work.read(path, plan)
    assert sorted(known) == [("fluorescence", 0), ("fluorescence", 2)]
    assert known["fluorescence", 0] == done
    assert ("fluorescence", 1) in work.missing(plan, range(3), known)
    assert ("fluorescence", 2) not in work.missing(plan, range(3), known)


def test_a_quick_run_gives_a_valid_truth_and_taken_up_again_it_repeats_nothing(
    part: Part, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main, out = part("__main__").main, tmp_path / "out"
    places = ["--quick", "--out", str(out), "--work", str(tmp_path / "work.jsonl")]
    main([*places, "--seeds", "2"])
    assert "6 of 6 trainings to do" in capsys.readouterr().err
    main([*places, "--seeds", "3"])
    assert "3 of 9 trainings to do" in capsys.readouterr().err
    made, before = TransferMatrix.from_json(out / "truth.json"), (out / "truth.json").read_bytes()
    assert made.values.shape == (3, 5, 3)
    assert ((made.values >= 0) & (made.values <= 100)).all()
    assert (out / "card.md").read_text("utf-8") == part("card").card(made)
    main([*places, "--seeds", "3"])
    captured = capsys.readouterr()
    assert "0 of 9 trainings to do" in captured.err
    assert captured.out == ""
    assert (out / "truth.json").read_bytes() == before


def test_the_command_of_the_card_runs_and_never_replaces_what_was_measured(stored: TransferMatrix) -> None:
    program, *arguments = stored.provenance["command"].split()
    assert program == "python"
    command = [sys.executable, *arguments, "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--out of its own" in done.stderr
