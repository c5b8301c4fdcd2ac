"""Declarations of plugins: plain, cheap data. The code behind it is named by a string and imported on first use."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dsim.errors import UnknownNameError, UsageError


class Need(enum.StrEnum):
    """Parts of a dataset that a measure or a trainer reads. Reading anything else raises PluginError.

    Images are (H, W, C), features (n, d), masks (H, W); the model is a segmentation model trained on the dataset.
    """

    IMAGES = "images"
    FEATURES = "features"
    LABELS = "labels"
    MASKS = "masks"
    ATTRIBUTES = "attributes"
    MODEL = "model"


class Direction(enum.StrEnum):
    """Whether small or large values mean similar."""

    DISTANCE = "distance"
    SIMILARITY = "similarity"

    @property
    def sign(self) -> int:
        """Factor that turns a value into a distance: only the sign is ever flipped, never 1/x."""
        return 1 if self is Direction.DISTANCE else -1


class Law(enum.StrEnum):
    """How a measure's value changes with the features of both datasets, (n, d) and (m, d)."""

    #: The same vector added to all features leaves the value as it is.
    SHIFT_INVARIANT = "shift-invariant"
    #: The same factor on all features leaves the value as it is, multiplies it, or multiplies it twice.
    SCALE_INVARIANT = "scale-invariant"
    SCALE_EQUIVARIANT = "scale-equivariant"
    SCALE_SQUARED = "scale-squared"

    @property
    def degree(self) -> int:
        """The power of the factor that multiplies the value."""
        return {Law.SCALE_EQUIVARIANT: 1, Law.SCALE_SQUARED: 2}.get(self, 0)


#: The types of parameters: how their text is read, and which Python types pass.
_TYPES: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "bool": (bool,),
    "floats": (tuple, list),
    "extractor": (str,),
}
#: Of computations in float32, relative to bounds.
_ROUNDING = 1e-6
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True)
class Parameter:
    """One typed, documented parameter of a measure or a trainer.

    ``type`` is one of ``int float str bool floats extractor``; ``floats`` is written ``0.2/0.2/0.3/0.3``.
    ``attribute`` is where the measure keeps the value, when a method has the parameter's name.

    >>> Parameter("size", "int", 64, "side of the common form, pixels", minimum=8).parse("128")
    128
    """

    name: str
    type: str
    default: Any
    help: str
    choices: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    attribute: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "attribute", self.attribute or self.name)

    def parse(self, text: str) -> Any:
        """Return the value of a text from the command line. Raises UsageError that names the parameter."""
        try:
            value = self._read(text)
        except ValueError:
            raise UsageError(f"parameter {self.name!r} takes {self.type}, not {text!r}", hint=self.help) from None
        return self.check(value)

    def _read(self, text: str) -> Any:
        if self.type == "bool":
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError(text)
            return text.lower() in _TRUE
        if self.type == "floats":
            return tuple(float(part) for part in text.split("/"))
        readers: dict[str, Callable[[str], Any]] = {"int": int, "float": float}
        return readers.get(self.type, str)(text)

    def check(self, value: Any) -> Any:
        """Return the value in its canonical type, or raise UsageError."""
        is_bool_for_number = isinstance(value, bool) and self.type != "bool"
        if not isinstance(value, _TYPES[self.type]) or is_bool_for_number:
            raise UsageError(f"parameter {self.name!r} takes {self.type}, not {value!r}", hint=self.help)
        value = self._canonical(value)
        if self.choices and value not in self.choices:
            known = ", ".join(map(str, self.choices))
            raise UsageError(f"parameter {self.name!r} cannot be {value!r}", hint=f"choose one of: {known}")
        self._check_bounds(value)
        return value

    def _canonical(self, value: Any) -> Any:
        if self.type == "floats":
            return tuple(float(part) for part in value)
        return float(value) if self.type == "float" else value

    def _check_bounds(self, value: Any) -> None:
        numbers = value if self.type == "floats" else (value,) if self.type in ("int", "float") else ()
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if any(not low <= number <= high for number in numbers):
            raise UsageError(f"parameter {self.name!r} must lie in [{low:g}, {high:g}], not {value!r}", hint=self.help)

    def format(self, value: Any) -> str:
        """The canonical text of a value: ``parse(format(v)) == v``.

        >>> Parameter("w", "floats", (0.2,), "weights").format((0.2, 0.3))
        '0.2/0.3'
        """
        if self.type == "floats":
            return "/".join(repr(part) for part in value)
        if self.type == "bool":
            return "true" if value else "false"
        return repr(value) if self.type == "float" else str(value)


@dataclass(frozen=True, kw_only=True)
class MeasureSpec:
    """All that is known of a measure without importing it.

    Parameters
    ----------
    name, version : ``name@version`` identifies the numbers; a changed number bumps the version.
    summary : two or three sentences in plain words: what it does, and for whom. ``dsim explain`` begins with them.
    factory : ``"module:Class"``, imported on first use.
    needs : what it reads. ``direction``, ``symmetric``, ``self_is_optimal`` are tested as declared.
    source_needs : what it reads of a source, where that is something else than of a target; then ``needs`` are those
        of a target. Empty where it reads the same of both.
    resamples : whether it implements ``resample`` (or ``compare_resampled``), so that intervals can be had.
    replicates : how many bootstrap replicates the command line draws by default; 0 where each costs too much.
    two_sample : whether it is a statistic of two samples of images, which any of them may belong to: it implements
        ``resample`` and ``merge``, so that its noise floor (two halves of one dataset) and a permutation test follow.
    embeds : whether its summary holds a cloud of points that can be drawn.
    fits_pool : whether it trains on the pool of sources before it summarises.
    bounds : smallest and largest possible value. ``unit`` is "" for a pure number.
    laws : how the value at the default parameters follows a shift and a scale of all features; at most one of scales.
    presets : named sets of parameter values, chosen by ``name:preset=NAME``.
    blind_to : what the measure cannot see, in words.
    expected_failures : checks of the conformance kit that it fails by intent, each with its reason.
    """

    name: str
    version: int
    title: str
    factory: str
    needs: frozenset[Need]
    direction: Direction
    symmetric: bool
    self_is_optimal: bool
    formula: str
    cost: str
    references: tuple[str, ...]
    summary: str = ""
    source_needs: frozenset[Need] = frozenset()
    min_samples: int = 2
    bounds: tuple[float, float] = (-math.inf, math.inf)
    unit: str = ""
    laws: frozenset[Law] = frozenset()
    resamples: bool = False
    replicates: int = 200
    two_sample: bool = False
    embeds: bool = False
    fits_pool: bool = False
    parameters: tuple[Parameter, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    blind_to: str = ""
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    def parameter(self, name: str) -> Parameter:
        """Return the declared parameter of that name; raises UnknownNameError with the nearest known one."""
        return _parameter(f"measure {self.name!r}", self.parameters, name)

    def within_bounds(self, value: float) -> bool:
        """Return whether a value is finite and within the declared bounds, but for rounding."""
        slack = _ROUNDING * max([1.0, *(abs(bound) for bound in self.bounds if math.isfinite(bound))])
        return math.isfinite(value) and self.bounds[0] - slack <= value <= self.bounds[1] + slack


def _parameter(owner: str, parameters: tuple[Parameter, ...], name: str) -> Parameter:
    for parameter in parameters:
        if parameter.name == name:
            return parameter
    known = [parameter.name for parameter in parameters]
    hint = f"it takes: {', '.join(known)}" if known else "it takes none"
    raise UnknownNameError(f"parameter of {owner}", name, known, hint=hint)


@dataclass(frozen=True, kw_only=True)
class ExtractorSpec:
    """A kind of feature extractor: ``kind:name[options]`` is opened by the factory ``"module:function"``.

    ``example`` is a reference that needs no download, for the conformance kit; empty: ``kind:``.
    """

    kind: str
    title: str
    factory: str
    example: str = ""


#: Parameters that only name a trained model.
_LABELS = ("title", "id", "licence")


class Product(enum.StrEnum):
    """Kinds of models that a trainer writes."""

    EXTRACTOR = "extractor"
    MEASURE_MODEL = "measure model"
    MAP = "map"
    SEGMENTER = "segmenter"


@dataclass(frozen=True, kw_only=True)
class TrainerSpec:
    """A training that ``dsim train NAME`` offers, described without importing it.

    Parameters
    ----------
    name, version : ``name@version`` identifies the numbers; a changed number bumps the version.
    title : what it trains, in one line. ``blind_to`` : what the model cannot see, or is not meant for.
    factory : ``"module:function"``, a ``dsim.plugin.Trainer``; imported when it is used.
    produces : kinds of models that one run writes; it must write each of them.
    cost : how long a run takes, in words. ``references`` : where the method is published.
    needs : what it reads of its datasets. ``min_datasets`` : how many of them a run takes at least.
    parameters : what can be set, with defaults; ``presets`` are named sets of values.
    example : parameter values of a run that takes seconds, for the conformance kit.
    """

    name: str
    version: int
    title: str
    factory: str
    produces: tuple[Product, ...]
    cost: str
    references: tuple[str, ...]
    needs: frozenset[Need] = frozenset({Need.IMAGES})
    min_datasets: int = 1
    parameters: tuple[Parameter, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    blind_to: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)

    def parameter(self, name: str) -> Parameter:
        """Return the declared parameter of that name; raises UnknownNameError with the nearest known one."""
        return _parameter(f"trainer {self.name!r}", self.parameters, name)

    def values(self, given: Mapping[str, Any], preset: str = "") -> dict[str, Any]:
        """Return every parameter with its value: the default, else the preset's, else the given one.

        Raises UnknownNameError for an unknown parameter or preset, UsageError for a value that is refused.

        >>> size = Parameter("size", "int", 64, "side, pixels")
        >>> TrainerSpec(name="t", version=1, title="", factory="", produces=(), cost="", references=(),
        ...             parameters=(size,), presets={"large": {"size": 224}}).values({}, "large")
        {'size': 224}
        """
        if preset and preset not in self.presets:
            hint = f"it has: {', '.join(self.presets)}" if self.presets else "it has none"
            raise UnknownNameError(f"preset of trainer {self.name!r}", preset, self.presets, hint=hint)
        values = {parameter.name: parameter.default for parameter in self.parameters}
        chosen = {**(self.presets[preset] if preset else {}), **given}
        return values | {name: self.parameter(name).check(value) for name, value in chosen.items()}

    def command_line(self, values: Mapping[str, Any], seed: int) -> str:
        """Return the command that trains the same: all of ``values`` that differ from the defaults.

        What names the model, and changes nothing in it (id, title, licence), is left out.

        >>> size = Parameter("size", "int", 64, "side, pixels")
        >>> spec = TrainerSpec(name="t", version=1, title="", factory="", produces=(), cost="", references=(),
        ...                    parameters=(size,))
        >>> spec.command_line({"size": 224}, 0)
        'dsim train t DATASET... --out RUN --seed 0 -p size=224'
        """
        texts = [
            f"-p {parameter.name}={parameter.format(values[parameter.name])}"
            for parameter in self.parameters
            if values[parameter.name] != parameter.default and parameter.name not in _LABELS
        ]
        return " ".join([f"dsim train {self.name} DATASET... --out RUN --seed {seed}", *texts])


@dataclass(frozen=True, kw_only=True)
class ReaderSpec:
    """A reader of datasets.

    ``accepts`` names a function ``(path) -> bool`` that is cheap; ``read`` names ``(path, ReadOptions) -> Dataset``.
    Readers are asked in order of ``priority``, the smallest first. ``example`` names ``(folder) -> path``, which writes
    a small dataset of this format into an empty folder, for the conformance kit.
    """

    name: str
    title: str
    accepts: str
    read: str
    priority: int = 50
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class BuilderSpec:
    """A function that makes the network of a zoo model.

    ``name`` is ``"module:function"``, as manifests name it: it takes a ``dsim.zoo.Model`` and returns a torch module.
    What no installed plugin declares is never imported: a model's folder comes from anywhere.
    """

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class CommandSpec:
    """A subcommand of ``dsim``: ``command`` is ``"module:click_command"``, imported when it is called."""

    name: str
    help: str
    command: str
