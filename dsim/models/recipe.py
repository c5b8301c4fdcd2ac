"""The recipe of a segmentation model: all that its scores depend on besides the images and the seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError
from dsim.registry import Parameter, parse_bracketed
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from torch import Tensor, nn

    from dsim.runtime import Runtime


RATES = ("cosine", "plateau", "constant")
POLICIES = ("usual", "transfer")
PRECISIONS = ("float32", "tf32", "bfloat16")
#: Raised whenever training or scoring changes, so that nothing finished by another recipe is taken up.
VERSION = 1
#: Settings that came later, with the value that means what was done before: they are not recorded then, so that what
#: was finished earlier is still found.
_LATER: Mapping[str, Any] = {"encoder_share": 1.0, "policy": "usual"}
SETTINGS = (
    Parameter("encoder", "str", "plain", "plain; lite0, of the zoo; or a network of timm as encoder: timm:resnet18"),
    Parameter("pretrained", "bool", False, "start the encoder with its published weights: lite0, or timm:NAME.TAG"),
    Parameter("encoder_share", "float", 1.0, "learning rate of the encoder, as a share of that of all else", minimum=0),
    Parameter("width", "int", 16, "channels of the plain U-Net at full resolution; doubled at each level", minimum=1),
    Parameter("levels", "int", 5, "resolutions of the plain U-Net", minimum=2, maximum=8),
    Parameter(
        "side", "int", 128, "longest side that images are scaled to; 0: native size, cut into patches", minimum=0
    ),
    Parameter("patch", "int", 128, "side of the network's square input, pixels", minimum=16),
    Parameter("epochs", "int", 60, "passes over the training images, at most", minimum=1),
    Parameter("shown", "int", 40, "images shown in an epoch, at least: small sources are repeated", minimum=0),
    Parameter("patience", "int", 0, "stop after so many epochs without a lower validation loss; 0: never", minimum=0),
    Parameter("batch", "int", 4, "images per step", minimum=1),
    Parameter("lr", "float", 2e-3, "learning rate at the start"),
    Parameter("rate", "str", "cosine", "what becomes of the learning rate", choices=RATES),
    Parameter("weight_decay", "float", 1e-4, "of AdamW", minimum=0),
    Parameter("precision", "str", "float32", "arithmetic of training", choices=PRECISIONS),
    Parameter("augment", "bool", True, "change geometry and intensity of training images at random"),
    Parameter("policy", "str", "usual", "how far augment goes: transfer for images of other origin", choices=POLICIES),
    Parameter("validation", "float", 0.2, "share of a source's images that stop its training", minimum=0, maximum=0.5),
    Parameter("holdout", "float", 0.2, "share of a source's images that score its self pair", minimum=0, maximum=0.5),
    Parameter("blocks", "int", 10, "runs of neighbouring images that count as groups where none are known", minimum=0),
    Parameter("threshold", "float", 0.5, "probability from which a pixel is foreground", minimum=0, maximum=1),
    Parameter("adapt_epochs", "int", 20, "epochs of fine-tuning on the annotated images of a target", minimum=1),
    Parameter("adapt_lr", "float", 5e-4, "learning rate of fine-tuning"),
)


@dataclass(frozen=True)
class SegmentationRecipe:
    """Settings of training and applying a segmentation model; ``dsim transfer segmentation --set KEY=VALUE``.

    The defaults train a U-Net of 1.9 million parameters on images of 128 pixels. ``SETTINGS`` explains each.
    Raises UsageError for a setting that is refused, or that contradicts another.

    >>> SegmentationRecipe().changed({"epochs": "30", "side": "256"}).side
    256
    """

    encoder: str = "plain"
    pretrained: bool = False
    width: int = 16
    levels: int = 5
    side: int = 128
    patch: int = 128
    epochs: int = 60
    shown: int = 40
    patience: int = 0
    batch: int = 4
    lr: float = 2e-3
    rate: str = "cosine"
    weight_decay: float = 1e-4
    precision: str = "float32"
    augment: bool = True
    validation: float = 0.2
    holdout: float = 0.2
    blocks: int = 10
    threshold: float = 0.5
    adapt_epochs: int = 20
    adapt_lr: float = 5e-4
    encoder_share: float = 1.0
    policy: str = "usual"
    version: int = VERSION

    def __post_init__(self) -> None:
        for setting in SETTINGS:
            object.__setattr__(self, setting.name, setting.check(getattr(self, setting.name)))
        self._check_encoder()
        if self.validation + self.holdout >= 1:
            raise UsageError("validation and holdout leave nothing to train on", hint="give smaller shares")
        stride = self.stride
        if self.patch % stride:
            near = max(stride, round(self.patch / stride) * stride)
            raise UsageError(f"patch={self.patch} is not a multiple of {stride}", hint=f"give patch={near}")

    def _check_encoder(self) -> None:
        if self.encoder not in ("plain", "lite0") and not self.encoder.startswith("timm:"):
            hint = "write encoder=plain, encoder=lite0, or encoder=timm:NAME"
            raise UnknownNameError("encoder", self.encoder, ["plain", "lite0", "timm:resnet18"], hint=hint)
        if self.pretrained and self.encoder == "plain":
            raise UsageError("a plain U-Net has no published weights", hint="give encoder=lite0, or timm:NAME.TAG")
        if self.encoder_share != 1 and self.encoder == "plain":
            raise UsageError("a plain U-Net has no encoder that could learn otherwise", hint="give encoder=lite0")

    @property
    def stride(self) -> int:
        """The number that the sides of the network's input are multiples of."""
        if self.encoder == "lite0":
            return 16
        # Encoders of timm halve five times; one that does not is refused when it is built.
        return 2 ** (self.levels - 1) if self.encoder == "plain" else 32

    def record(self) -> dict[str, Any]:
        """Return the settings as plain values; later ones only where they change what was done before them."""
        return {name: value for name, value in asdict(self).items() if (name, value) not in _LATER.items()}

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> SegmentationRecipe:
        """Return the recipe of a record; UsageError for settings that this version of dsim does not know."""
        return cls(**_known(record, [*cls.__dataclass_fields__]))

    def changed(self, texts: Mapping[str, str]) -> SegmentationRecipe:
        """Return it with settings as the command line gives them; UsageError names a wrong one."""
        settings = {setting.name: setting for setting in SETTINGS}
        return replace(self, **{name: settings[name].parse(text) for name, text in _known(texts, settings).items()})

    def build(self, seed: int, runtime: Runtime | None = None, weights: bool = True) -> nn.Module:
        """Return the network with random weights of this seed, or with the published ones where ``pretrained``.

        ``weights=False`` loads none: others will be put in their place. Raises UsageError where timm's network cannot
        be an encoder, WeightsError where its published weights cannot be had.
        """
        return _build_unet(self, seed, runtime, weights)


def _known(given: Mapping[str, Any], known: Any) -> dict[str, Any]:
    for name in given:
        if name not in known:
            raise UnknownNameError("setting", name, known, hint=f"settings are: {', '.join(known)}")
    return dict(given)


_OTHER = "give encoder=plain, or another network of timm, such as timm:resnet18"


def _build_unet(
    recipe: SegmentationRecipe, seed: int, runtime: Runtime | None = None, weights: bool = True
) -> nn.Module:
    import torch

    from dsim.features import seeded
    from dsim.models.unet import UNet

    network: nn.Module
    if recipe.encoder == "plain":
        with seeded(seed):
            network = UNet([recipe.width * 2**level for level in range(recipe.levels)])
    elif recipe.encoder == "lite0":
        network = _with_lite0(seed, recipe.pretrained and weights)
    else:
        network = _with_encoder(recipe, seed, runtime, weights)
    made: nn.Module = network.to(memory_format=torch.channels_last)
    return made


def _with_lite0(seed: int, pretrained: bool) -> nn.Module:
    from dsim.features import seeded
    from dsim.models import lite0
    from dsim.models.unet import EncoderUNet

    channels = 3
    with seeded(seed):
        encoder = lite0.Lite0Encoder()
        mean, std = (lite0.MEAN,) * channels, (lite0.STD,) * channels
        network = EncoderUNet(encoder, lite0.WIDTHS, lite0.REDUCTIONS, mean, std)
    if pretrained:
        encoder.load_state_dict(lite0.imagenet_state())
    return network


def _with_encoder(recipe: SegmentationRecipe, seed: int, runtime: Runtime | None, weights: bool) -> nn.Module:
    from dsim.features import seeded
    from dsim.models.unet import EncoderUNet, timm_encoder

    name, options = parse_bracketed(recipe.encoder.removeprefix("timm:"))

    state = _published_state(name, options, runtime or Runtime()) if recipe.pretrained and weights else {}
    try:
        with seeded(seed):
            encoder, facts = timm_encoder(name)
            network: Any = EncoderUNet(encoder, **facts)
    except (RuntimeError, AttributeError, ValueError, IndexError) as error:
        raise UsageError(f"timm's {name!r} cannot be an encoder here: {error}", hint=_OTHER) from error
    if recipe.stride % network.stride:
        raise UsageError(f"timm's {name!r} makes sides {network.stride} times smaller", hint=_OTHER)
    if state:
        _load(network.encoder, state, name)
    return network  # type: ignore[no-any-return]


def _published_state(name: str, options: Mapping[str, str], runtime: Runtime) -> dict[str, Tensor]:
    """Weights as the extractor of that name has them: from a file, a cache, or the network."""
    from dsim.features.timm_backend import prepare

    extractor: Any = prepare(name, options, runtime).open("cpu")
    state: dict[str, Tensor] = extractor.module.state_dict()
    return state


def _load(encoder: nn.Module, state: dict[str, Tensor], name: str) -> None:
    """The encoder lacks the last layers of the whole network, but nothing else."""
    own = encoder.state_dict()
    # Some of timm's networks are cut into a list of stages, whose dots have become underscores.
    plain = {key.replace("_", "."): value for key, value in state.items()}
    found = {key: state.get(key, plain.get(key.replace("_", "."))) for key in own}
    lost = [key for key, value in found.items() if value is None or value.shape != own[key].shape]
    if lost:
        raise UsageError(f"the weights of timm's {name!r} do not fit it as an encoder: {lost[0]}", hint=_OTHER)
    encoder.load_state_dict(found)
