"""Checks that values follow the declared laws for features of any size, or are refused with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dsim.random import stream
from dsim.registry import Law, Need
from dsim.testing.report import Failure, NotApplicable
from dsim.testing.specimens import Specimen
from dsim.testing.subject import Outcome, Subject, require_repeats

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Features = NDArray[np.float64]
    Change = Callable[[Features], Features]

#: Shifts of features of about 1, as powers of two, and the share of a value that may be lost there.
_SHIFTS = {4: 1e-6, 20: 1e-6, 40: 1e-3}
#: Factors on all features, as powers of two: to 1e-150 and 1e150.
_SCALES = (3, -30, 30, -500, 500)
#: Where one image lies ever farther from the others, and how far the value may leave a power law.
_OUTLIERS, _POWER_LAW = (20, 40, 60), 0.1
#: Values that differ by less are equal.
_ROUNDING = 1e-6


def _shift(subject: Subject) -> str:
    """As declared by laws: the same shift of all features, by up to 1e12, leaves the value as it is, or is refused."""
    if Law.SHIFT_INVARIANT not in subject.given.laws:
        raise NotApplicable("no law of shifts is declared; see the check extremes")
    return _keeps_law(subject, {f"shifted by 2^{k}": (_shifted(k), 0, loss) for k, loss in _SHIFTS.items()})


def _scale(subject: Subject) -> str:
    """As declared by laws: a factor on all features, from 1e-150 to 1e150, changes the value so, or is refused."""
    laws = subject.given.laws - {Law.SHIFT_INVARIANT}
    if not laws:
        raise NotApplicable("no law of scales is declared; see the check extremes")
    degree = max(law.degree for law in laws)
    return _keeps_law(subject, {f"times 2^{k}": (_scaled(k), k * degree, _ROUNDING) for k in _SCALES})


def _keeps_law(subject: Subject, changes: dict[str, tuple[Change, int, float]]) -> str:
    """The changes that were refused. Raises Failure where a value breaks the law, or the first change is refused."""
    require_repeats(subject)
    start, target = subject.specimens.ladder[0], subject.specimens.ladder[2]
    before, refused = _Changed(subject).outcome(start, target), []
    for what, (change, exponent, loss) in changes.items():
        after = _Changed(subject, change).outcome(start, target)
        if after.refused and what != next(iter(changes)):
            refused.append(what)
            continue
        expected = math.ldexp(before.value, exponent)
        unit = max(abs(expected), math.ldexp(subject.scale, exponent))
        if after.error is not None or not abs(after.value - expected) <= loss * unit:
            raise Failure(
                f"features {what} give {after}, and {expected:.6g} is expected",
                "move and scale features before you square them: dsim.stats.frames; or raise MeasureError",
            )
    return "refused: " + ", ".join(refused) if refused else f"{len(changes)} changes"


def _extremes(subject: Subject) -> str:
    """Where no law is declared: features of any size never make a near and a far dataset equal, without a reason."""
    _require_features(subject)
    changes: dict[str, Change] = {}
    if Law.SHIFT_INVARIANT not in subject.given.laws:
        changes["shifted by 2^40"] = _shifted(40)
    if not subject.given.laws - {Law.SHIFT_INVARIANT}:
        changes |= {f"times 2^{k}": _scaled(k) for k in (-500, 500)}
    if not changes:
        raise NotApplicable("laws of shifts and of scales are declared: see their checks")
    start, near, far = (subject.specimens.ladder[rung] for rung in (0, 1, 4))
    for what, change in changes.items():
        changed = _Changed(subject, change)
        outcomes = [changed.outcome(other, start) for other in (near, far)]
        if any(outcome.error and not outcome.refused for outcome in outcomes):
            raise Failure(f"features {what} raised {outcomes[0]}, {outcomes[1]}", "raise MeasureError with the reason")
        one, other = (outcome.value for outcome in outcomes)
        if abs(one - other) <= _ROUNDING * max(abs(one), abs(other)):
            raise Failure(
                f"features {what} make a near and a far dataset equal, {one:.6g} and {other:.6g}",
                "compute in float64, around a common origin; or raise MeasureError with the reason",
            )
    return ", ".join(changes)


def _outlier(subject: Subject) -> str:
    """One image ever farther from all others changes the value by a power of how far, or not; or is refused."""
    _require_features(subject)
    require_repeats(subject)
    start, target = subject.specimens.ladder[0], subject.specimens.ladder[2]
    outcomes = [_Changed(subject).outcome(start, target, far=2.0**k) for k in _OUTLIERS]
    for exponent, outcome in zip(_OUTLIERS, outcomes, strict=True):
        if outcome.error and not outcome.refused:
            raise Failure(f"an image at 2^{exponent} raised {outcome}", "raise MeasureError with the reason")
    first, second, third = (outcome.value for outcome in outcomes)
    outliers = "an image at 2^20, 2^40, 2^60: " + ", ".join(map(str, outcomes))
    lost = [later for later in (second, third) if (later == 0) != (first == 0) or later * first < 0]
    # Not second**2, which raises where a product is infinite.
    bent = abs(second * second - first * third) > _POWER_LAW * second * second
    if (lost and not math.isnan(first)) or bent:
        raise Failure(f"{outliers} follow no power law: rounding decides", "raise MeasureError where digits are lost")
    return outliers


def _require_features(subject: Subject) -> None:
    if Need.FEATURES not in subject.given.needs:
        raise NotApplicable("it reads no features that come with a dataset")


def _shifted(exponent: int) -> Change:
    return lambda features: features + 2.0**exponent


def _scaled(exponent: int) -> Change:
    def scale(features: Features) -> Features:
        import numpy as np

        return np.ldexp(features, exponent)

    return scale


class _Changed:
    """The measure and its specimens with changed features."""

    def __init__(self, subject: Subject, change: Change | None = None) -> None:
        self._subject, self._change = subject, change
        self._measure = subject.measure
        if subject.given.fits_pool and change is not None:
            self._measure = subject.unfitted()
            pool = [subject.view(self._specimen(rung)) for rung in subject.specimens.ladder]
            self._measure.fit(pool, stream(0, "fit"))

    def outcome(self, source: Specimen, target: Specimen, far: float | None = None) -> Outcome:
        """The value of a pair, or what was raised; ``far`` is where the source's first image lies."""
        try:
            summaries = self._summary(source, far), self._summary(target)
            return Outcome(float(self._measure.compare(*summaries)))
        except Exception as error:
            return Outcome(math.nan, error)

    def _summary(self, specimen: Specimen, far: float | None = None) -> Any:
        # From one stream whatever the features are: what is drawn must not change with them.
        view = self._subject.view(self._specimen(specimen, far))
        return self._measure.summarise(view, stream(0, specimen.name, "summarise"))

    def _specimen(self, specimen: Specimen, far: float | None = None) -> Specimen:
        import numpy as np

        # On a grid, so that shifts by powers of two round nothing.
        features = np.round(np.asarray(specimen.parts[Need.FEATURES], dtype=np.float64) * 256) / 256
        if far is not None:
            features[0] = far
        return specimen.changed(specimen.name, features=self._change(features) if self._change else features)


LAWS = (_shift, _scale, _extremes, _outlier)
