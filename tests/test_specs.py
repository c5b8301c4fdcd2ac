"""What plugins declare: parameters read, check and write their values; specs are plain data."""

from __future__ import annotations

import math
from typing import Any

import pytest

from dsim.errors import UnknownNameError, UsageError
from dsim.registry import Direction, MeasureSpec, Need, Parameter

SIZE = Parameter("size", "int", 64, "side in pixels", minimum=8, maximum=1024)
RATE = Parameter("rate", "float", 0.1, "learning rate", minimum=0.0)
WEIGHTS = Parameter("weights", "floats", (0.2, 0.8), "weights of the maps", minimum=0.0, maximum=1.0)
FLAG = Parameter("shift", "bool", False, "search shifts")
KIND = Parameter("kind", "str", "paper", "whose definition", choices=("paper", "reference"))
MODEL = Parameter("model", "extractor", "timm:resnet18", "network")


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (SIZE, "128", 128),
        (RATE, "1", 1.0),
        (RATE, "1e-3", 0.001),
        (RATE, "inf", math.inf),
        (WEIGHTS, "0.2/0.3/0.5", (0.2, 0.3, 0.5)),
        (WEIGHTS, "1", (1.0,)),
        (FLAG, "YES", True),
        (FLAG, "0", False),
        (KIND, "reference", "reference"),
        (MODEL, "zoo:asap[weights=w.safetensors]", "zoo:asap[weights=w.safetensors]"),
    ],
)
def test_text_becomes_a_typed_value_and_text_again(parameter: Parameter, text: str, value: Any) -> None:
    read = parameter.parse(text)
    assert read == value
    assert type(read) is type(value)
    assert parameter.parse(parameter.format(read)) == read


@pytest.mark.parametrize(
    ("parameter", "text", "culprit"),
    [
        (SIZE, "big", "'big'"),
        (SIZE, "64.0", "'64.0'"),
        (SIZE, "4", "[8, 1024]"),
        (SIZE, "2048", "[8, 1024]"),
        (RATE, "-1", "[0, inf]"),
        (RATE, "nan", "nan"),
        (WEIGHTS, "0.2/2", "[0, 1]"),
        (WEIGHTS, "0.2,0.3", "'0.2,0.3'"),
        (FLAG, "maybe", "'maybe'"),
        (KIND, "other", "'other'"),
    ],
)
def test_text_that_does_not_fit_is_refused_by_name(parameter: Parameter, text: str, culprit: str) -> None:
    with pytest.raises(UsageError) as caught:
        parameter.parse(text)
    assert culprit in caught.value.message
    assert repr(parameter.name) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("parameter", "value", "canonical"),
    [(RATE, 1, 1.0), (WEIGHTS, [0, 1], (0.0, 1.0)), (FLAG, True, True), (SIZE, 64, 64)],
)
def test_values_from_python_become_canonical(parameter: Parameter, value: Any, canonical: Any) -> None:
    assert parameter.check(value) == canonical
    assert type(parameter.check(value)) is type(canonical)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(SIZE, True), (SIZE, 64.0), (SIZE, "64"), (RATE, "0.1"), (FLAG, 1), (KIND, None), (WEIGHTS, 0.5)],
)
def test_values_of_another_type_are_refused(parameter: Parameter, value: Any) -> None:
    with pytest.raises(UsageError, match=f"parameter '{parameter.name}' takes {parameter.type}"):
        parameter.check(value)


def test_a_choice_is_refused_with_the_choices() -> None:
    with pytest.raises(UsageError) as caught:
        KIND.check("other")
    assert caught.value.hint == "choose one of: paper, reference"


def test_a_parameter_is_kept_under_its_name_unless_told_otherwise() -> None:
    assert SIZE.attribute == "size"
    assert Parameter("fit", "str", "zoo", "which model", attribute="trained_on").attribute == "trained_on"


@pytest.mark.parametrize(("direction", "sign"), [(Direction.DISTANCE, 1), (Direction.SIMILARITY, -1)])
def test_a_direction_only_flips_the_sign(direction: Direction, sign: int) -> None:
    assert direction.sign == sign


def spec(**changed: Any) -> MeasureSpec:
    """A spec with the least that must be declared."""
    least: dict[str, Any] = {
        "name": "m",
        "version": 1,
        "title": "M",
        "factory": "m:M",
        "needs": frozenset({Need.IMAGES}),
        "direction": Direction.DISTANCE,
        "symmetric": True,
        "self_is_optimal": True,
        "formula": "f",
        "cost": "c",
        "references": ("r",),
    }
    return MeasureSpec(**{**least, **changed})


def test_a_spec_finds_its_parameters_by_name() -> None:
    assert spec(parameters=(SIZE, RATE)).parameter("rate") is RATE


@pytest.mark.parametrize(
    ("parameters", "name", "expected", "hint"),
    [
        (
            (SIZE, RATE),
            "sise",
            "no parameter of measure 'm' named 'sise'. Did you mean 'size'?",
            "it takes: size, rate",
        ),
        ((), "size", "no parameter of measure 'm' named 'size'.", "it takes none"),
    ],
)
def test_an_unknown_parameter_is_refused_with_the_known(
    parameters: tuple[Parameter, ...], name: str, expected: str, hint: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        spec(parameters=parameters).parameter(name)
    assert (caught.value.message, caught.value.hint) == (expected, hint)


def test_specs_are_values() -> None:
    assert spec() == spec()
    assert spec() != spec(version=2)
    with pytest.raises(AttributeError):
        spec().version = 2  # type: ignore[misc]
