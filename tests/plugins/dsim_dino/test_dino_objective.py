"""Promises of the objective: the teacher is the student's moving average, and the last layer waits as it is asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dsim.learning import Position, UnlabelledImages, build_bank, fit
from dsim.models import build_backbone
from dsim.runtime import Runtime
from dsim_dino.objective import DinoObjective, clip_gradients, without_drop_path
from dsim_dino.recipe import resolve
from dsim_dino.training_specs import TRAINER

CPU = Runtime(device="cpu")


def images(count: int = 8) -> UnlabelledImages:
    bank = build_bank(torch.rand(count, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    return UnlabelledImages(bank, (torch.arange(count),))


def objective(**given: Any) -> DinoObjective:
    tiny = {
        "network": "test_resnet",
        "epochs": 2,
        "size": 16,
        "local_size": 8,
        "local_crops": 1,
        "batch": 4,
        "outputs": 8,
        "hidden": 8,
        "bottleneck": 4,
    }
    recipe = resolve(TRAINER.values(tiny | given), 8, 2)
    backbone = build_backbone(recipe.network, recipe.size, "random", 0, CPU, drop_path=recipe.drop_path)
    return DinoObjective(images(), backbone, recipe, 1, "cpu")


def copied(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def test_the_teacher_begins_as_the_student_head_included() -> None:
    made = objective()
    student, teacher = made.student.state_dict(), made.teacher.state_dict()
    assert student.keys() == teacher.keys()
    assert all(torch.equal(student[name], teacher[name]) for name in student)


def test_after_a_step_the_teacher_is_the_moving_average_of_the_student() -> None:
    made = objective(momentum=0.75)
    before = copied(made.teacher)
    with torch.no_grad():
        for parameter in made.student.parameters():
            parameter.add_(1.0)
    made.after_step(Position(0, 2, 0, 4))
    name = "head.mlp.0.weight"
    wanted = 0.75 * before[name] + 0.25 * made.student.state_dict()[name]
    torch.testing.assert_close(made.teacher.state_dict()[name], wanted)
    assert made.left == 0.75


@pytest.mark.parametrize(("freeze", "epochs", "moves"), [(1, 1, False), (1, 2, True), (0, 1, True)])
def test_the_last_layer_learns_after_the_epochs_in_which_it_is_frozen(freeze: int, epochs: int, moves: bool) -> None:
    made = objective(freeze_last=freeze, epochs=epochs, warmup=0.0)
    before = copied(made.student)
    fit(made, made.recipe.config, seed=0, runtime=CPU)
    after = made.student.state_dict()
    assert torch.equal(before["head.last_layer.weight_v"], after["head.last_layer.weight_v"]) is not moves
    assert not torch.equal(before["head.mlp.0.weight"], after["head.mlp.0.weight"])


def test_biases_and_norms_do_not_decay() -> None:
    groups = objective().parameter_groups()
    for group in groups:
        vectors = [parameter.ndim <= 1 for parameter in group.parameters]
        assert all(vectors) or not any(vectors)
        assert (group.settings.get("weight_decay") == 0.0) == all(vectors)


def test_the_teachers_norms_keep_statistics_of_its_own_views() -> None:
    made = objective(epochs=1)
    fit(made, made.recipe.config, seed=0, runtime=CPU)
    norms = [m for m in made.teacher.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.num_batches_tracked == 2 for norm in norms)  # a pass of global crops for each step
    students = [m for m in made.student.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.num_batches_tracked == 4 for norm in students)  # one more for local crops


def test_the_centre_follows_the_loss_that_used_the_one_before() -> None:
    made = objective()
    made.begin_epoch(Position(0, 2, 0, 4))
    losses = made.losses(torch.arange(4), torch.Generator().manual_seed(0), Position(0, 2, 0, 4))
    assert made.centre.abs().sum() > 0
    assert losses["loss"].dtype == torch.float32
    kl_and_entropy = losses["kl"] + losses["teacher_entropy"] * torch.log(torch.tensor(8.0))
    torch.testing.assert_close(kl_and_entropy, losses["loss"].detach())


def test_gradients_are_clipped_by_tensor_as_in_the_original() -> None:
    layer = nn.Linear(3, 2)
    layer.weight.grad, layer.bias.grad = torch.full((2, 3), 10.0), torch.full((2,), 0.1)
    clip_gradients(layer, 3.0, "tensor")
    assert layer.weight.grad.norm().item() == pytest.approx(3.0, rel=1e-5)
    assert torch.equal(layer.bias.grad, torch.full((2,), 0.1))


def test_a_teacher_leaves_out_no_branches() -> None:
    made = objective(network="test_vit", size=32, local_size=16, drop_path=0.5)
    assert any(getattr(layer, "drop_prob", 0.0) for layer in made.student.modules())
    assert not any(getattr(layer, "drop_prob", 0.0) for layer in without_drop_path(made.teacher).modules())


@pytest.mark.parametrize("clipping", ["tensor", "norm", "adaptive"])
def test_a_transformer_with_stochastic_depth_trains_alike_twice(clipping: str) -> None:
    made = [
        objective(network="test_vit", size=32, local_size=16, drop_path=0.5, clipping=clipping, epochs=1)
        for _ in range(2)
    ]
    for one in made:
        torch.manual_seed(id(one) % 1000)
        fit(one, one.recipe.config, seed=0, runtime=CPU)
    first, second = (one.student.state_dict() for one in made)
    assert all(torch.equal(first[name], second[name]) for name in first)
