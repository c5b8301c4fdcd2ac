"""The kind of extractor ``asap-style:REFERENCE[form=gram,dims=512]``: an image's style, before the bottleneck.

The latent points of an ASAP model are two numbers per image, made of its deepest feature map. This gives what its
losses call style, of all P maps, with the weights and the normalisation by which the model was trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError
from dsim.features.extractor import Blueprint, Recipe, check_options
from dsim.features.network import Network
from dsim.plugin import format_bracketed
from dsim_asap.specs import Style

if TYPE_CHECKING:
    from torch import nn

    from dsim.runtime import Runtime
    from dsim.zoo import Model

FORMS = ("gram", "moments")
#: Dimensions of each map's sketch. A squared distance then has a standard error of at most sqrt(8 / 512), 12.5 %.
DIMS = 512
_HOW = "write asap-style:zoo:ID or asap-style:file:FOLDER, an ASAP model"


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """The style of an ASAP model, float32 (n, d); ``name`` is ``zoo:ID`` or ``file:FOLDER``.

    Parameters
    ----------
    options : ``form=gram``, a sketch of each map's Gram matrix with ``dims`` numbers (default 512, d = P dims), or
        ``form=moments``, mean and standard deviation of each channel (d = 2 sum K_p).

    Squared distances estimate sum_p w_p |S_p - S'_p|^2 (Eq. 6) for ``gram``; for ``moments`` they are sum_p w_p times
    the mean over channels of (m - m')^2 + (s - s')^2.
    Raises UsageError for what is not an ASAP model or not an option of it.

    References
    ----------
    Gatys et al. 2016, doi:10.1109/CVPR.2016.265 (Gram matrices); Huang and Belongie 2017, arXiv:1703.06868 (moments).

    >>> from dsim.runtime import Runtime
    >>> prepare("zoo:asap-resnet18.biomed16.r1", {"form": "moments"}, Runtime()).recipe.reference
    'asap-style:zoo:asap-resnet18.biomed16.r1[form=moments]'
    """
    from dsim.features.transforms import parse_transform

    check_options("asap-style", options, ("form", "dims"))
    form = options.get("form", FORMS[0])
    if form not in FORMS:
        raise UnknownNameError("form", form, FORMS, hint=f"choose one of: {', '.join(FORMS)}")
    model = _model(name)
    settings = model.manifest["training"]["settings"]
    style = Style(form, _dims(form, options), settings["gram_norm"], tuple(settings["w"]))
    architecture = model.manifest["architecture"]
    defaults = {"form": FORMS[0], "dims": str(DIMS)}
    recipe = Recipe(
        reference=format_bracketed(f"asap-style:{name}", {k: v for k, v in options.items() if v != defaults[k]}),
        network=f"asap-style:{architecture['backbone']}",
        weights=model.sha256,
        transform=parse_transform(model.transform).id,
        layer=f"{architecture['n_maps']} {architecture['maps']}",
        pooling=style.id,
    )
    return Blueprint(recipe, lambda device: Network(_built(model, style), device))


def _model(name: str) -> Model:
    from dsim.zoo import find, read_model

    kind, _, rest = name.partition(":")
    if kind not in ("zoo", "file") or not rest:
        raise UsageError(f"asap-style takes a trained model, not {name!r}", hint=_HOW)
    if kind == "file" and not Path(rest).expanduser().is_dir():
        raise UsageError(f"there is no folder {rest}", hint=_HOW)
    model = find(rest) if kind == "zoo" else read_model(Path(rest).expanduser())
    # The builder's own name would be imported with torch, and a recipe is asked for without it.
    if not model.manifest["builder"].startswith("dsim_asap."):
        raise UsageError(f"{name} is not an ASAP model, so it has no style of it", hint=_HOW)
    return model


def _dims(form: str, options: Mapping[str, str]) -> int:
    text = options.get("dims", str(DIMS))
    if form != "gram":
        if "dims" in options:
            raise UsageError(f"dims={text} is of form=gram; form={form} is not a sketch", hint="leave dims out")
        return 0
    if not text.isdecimal() or not 1 <= int(text) <= 65536:
        raise UsageError(f"dims cannot be {text!r}", hint=f"give a whole number from 1 to 65536: dims={DIMS}")
    return int(text)


def _built(model: Model, style: Style) -> nn.Module:
    from dsim_asap.model import Encoder, StyleOf

    encoder = model.build()
    assert isinstance(encoder, Encoder), "the builder was checked"
    return StyleOf(encoder, style)
