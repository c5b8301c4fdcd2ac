"""Settings of a search: what has no meaning is refused by name, and JSON brings the same settings back."""

from __future__ import annotations

import pytest

from dsim.errors import UnknownNameError, UsageError
from dsim_simsearch.settings import PRESETS, SearchSettings


def test_presets_survive_json():
    import json

    for name in PRESETS:
        settings = SearchSettings.preset(name)
        assert SearchSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


@pytest.mark.parametrize(
    ("changes", "culprit"),
    [
        ({"region": 0}, "region"),
        ({"whiten": 1.5}, "whiten"),
        ({"suppression": -1}, "suppression"),
        ({"suppression": float("nan")}, "suppression"),
        ({"scales": ()}, "scales"),
        ({"scales": (1, 0)}, "scales"),
        ({"mode": "paper"}, "whitening"),
        ({"mode": "paper", "whiten": 0, "scales": (1, 2)}, "scales"),
    ],
)
def test_values_without_meaning_are_refused(changes, culprit):
    with pytest.raises(UsageError, match=culprit) as caught:
        SearchSettings(**changes)
    assert caught.value.hint


@pytest.mark.parametrize("changes", [{"mode": "exact"}, {"over": "median"}])
def test_unknown_choices_are_refused(changes):
    with pytest.raises(UnknownNameError) as caught:
        SearchSettings(**changes)
    assert next(iter(changes.values())) in str(caught.value)


def test_unknown_presets_and_keys_are_refused():
    with pytest.raises(UnknownNameError, match="fast"):
        SearchSettings.preset("fast")
    with pytest.raises(UnknownNameError, match="regoin"):
        SearchSettings.from_dict({"regoin": 96})


def test_distances_follow_the_patch():
    """A step is a tenth of the width; suppression is a share of the longer side."""
    settings = SearchSettings()
    assert settings.stride((40, 20)) == pytest.approx(2)
    assert settings.radius((40, 20)) == pytest.approx(14)
