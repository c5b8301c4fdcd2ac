"""How views of images are changed, as named policies, and policies without some of their changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from dsim.errors import UnknownNameError


@dataclass(frozen=True)
class ViewChange:
    """How probable the changes are in which the views of one policy differ.

    Parameters
    ----------
    blur, solarise, perspective, dropout : probabilities in [0, 1].
    side : the side, in pixels, for which the policy's blur was published.
    """

    blur: float = 0.0
    solarise: float = 0.0
    perspective: float = 0.0
    side: int = 224
    dropout: float = 0.0


@dataclass(frozen=True)
class ViewPolicy:
    """How views are changed after they were cut out: first geometry, then colours, then blur and solarisation.

    Parameters
    ----------
    name : name of the policy. ``source`` : where it was published.
    large : changes of the views of the first ``Crops``, in order; further views are changed like the last.
    small : changes of the views of all further ``Crops``.
    mirror, turn_over : probabilities of a mirror image, left to right and upside down.
    rotation : rotations are uniform from minus to plus this, in degrees. ``distortion`` : corners of a changed
        perspective move inwards by up to half of this share of the side.
    jitter : largest relative change of brightness, contrast and saturation, and shift of the hue (in turns), as in
        torchvision's ``ColorJitter``; with the probability ``jittered``.
    gray : probability of a gray view.
    deviations : smallest and largest standard deviation of the blur, in pixels of a view of the published size
        (``ViewChange.side``). Smaller views are blurred by fewer pixels, so that as much of the picture is blurred.
    radius : where the blur is cut off, in the same pixels.
    interpolation : of crops that are neither turned nor distorted. Others are bilinear.
    quarters : quarter turns counter-clockwise are drawn uniformly from so many, beginning with none: 2 for 0 and 90
        degrees, which with both flips are the 8 symmetries of the square, each as often.
    crops : whether views are cut out; False shows each image as a whole, at the size of the ``Crops``.
    central : views show the middle of each image, of the largest area of the ``Crops``: rotations then show what lies
        around it, and nothing beyond the image up to half of its area. Without effect where ``crops`` is False.
    fill : what lies beyond a rotated image: ``black``, or ``border`` for the mean colour of the borders of a dataset
        (``border_colour``).
    stain : largest relative change and largest shift of each of three stains, in optical density (base 10), for images
        of stained cells and tissue: 0.05 is the light, 0.2 the strong version of Tellez et al. 2019,
        doi:10.1016/j.media.2019.101544. 0: none; images of one channel are not changed.
    holes, hole : of views with dropout (``ViewChange.dropout``) so many squares are black, each with this share of the
        view's side.
    """

    name: str
    source: str
    large: tuple[ViewChange, ...]
    small: ViewChange
    mirror: float = 0.5
    turn_over: float = 0.0
    rotation: float = 0.0
    distortion: float = 0.0
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.2, 0.1)
    jittered: float = 0.8
    gray: float = 0.2
    deviations: tuple[float, float] = (0.1, 2.0)
    radius: int = 6
    interpolation: str = "bicubic"
    quarters: int = 1
    crops: bool = True
    fill: str = "black"
    stain: float = 0.0
    central: bool = False
    holes: int = 8
    hole: float = 0.125

    @property
    def bends(self) -> bool:
        """Whether views are turned or distorted, not only cut out and mirrored."""
        return self.rotation > 0 or self.distortion > 0


_CARON = "Caron et al. 2021, arXiv:2104.14294, the code's DataAugmentationDINO"
_SPARSAM = "the code of the paper on DINO and label efficiency (IPMI-ICNS-UKE/sparsam), DinoAugmentationCropper"
_TSIMCNE = "Nwabufo et al. 2024, arXiv:2402.14566 (t-SimCNE: Boehm et al. 2023, arXiv:2210.09879)"
_TSIMCNE_JITTER = (0.4, 0.4, 0.4, 0.1)
_SIMSEARCH = "Gupta et al., SimSearch; the paper names the changes, the numbers are the defaults of albumentations 1"
_PAPER_LARGE = (
    ViewChange(blur=1.0, perspective=0.75),
    ViewChange(blur=0.1, perspective=0.5, solarise=0.2),
)
_PAPER_SMALL = ViewChange(blur=0.5, perspective=0.5, side=96)

#: Policies by name.
#:
#: - ``original``: DINO's. Mirror images, colour jitter, gray; blur of every first, each tenth second and each other
#:   small view; a fifth of the second views solarised.
#: - ``paper``: like it, and upside down, turned by any angle, perspective changed; blur of up to 5 pixels of 224.
#: - ``upright``: ``paper`` without turning and without upside down, for images that have an upper side.
#: - ``turned``: ``original``, and upside down and turned by any angle; no change of perspective: shapes stay.
#: - ``simclr``: SimCLR's: stronger colour jitter, half of the views blurred, none solarised; all views alike.
#: - ``t-simcne``: t-SimCNE's for photographs. Mirror images, colour jitter, gray; for crops of areas from 0.2 to 1.
#: - ``t-simcne-quarter``: like it, and the 8 symmetries of the square, for tissue: corners stay filled.
#: - ``t-simcne-any``: like it, and turned by any angle, for single cells; corners have the colour of the border.
#: - ``simsearch``: SimSearch's for patches with something around them. Both flips, any angle, brightness and contrast;
#:   half of the views solarised, half with 8 black holes. ``simsearch-supervised``: like it without these two.
VIEW_POLICIES: Mapping[str, ViewPolicy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            ViewPolicy(
                name="original",
                source=_CARON,
                large=(ViewChange(blur=1.0), ViewChange(blur=0.1, solarise=0.2)),
                small=ViewChange(blur=0.5, side=96),
            ),
            ViewPolicy(
                name="paper",
                source=_SPARSAM,
                large=_PAPER_LARGE,
                small=_PAPER_SMALL,
                turn_over=0.5,
                rotation=180.0,
                distortion=0.5,
                deviations=(0.1, 5.0),
                radius=5,
                interpolation="bilinear",
            ),
            ViewPolicy(
                name="upright",
                source=f"{_SPARSAM}, without rotations and without views upside down",
                large=_PAPER_LARGE,
                small=_PAPER_SMALL,
                distortion=0.5,
                deviations=(0.1, 5.0),
                radius=5,
                interpolation="bilinear",
            ),
            ViewPolicy(
                name="turned",
                source=f"{_CARON}, turned by any angle and upside down",
                large=(ViewChange(blur=1.0), ViewChange(blur=0.1, solarise=0.2)),
                small=ViewChange(blur=0.5, side=96),
                turn_over=0.5,
                rotation=180.0,
            ),
            ViewPolicy(
                name="simclr",
                source="Chen et al. 2020, arXiv:2002.05709, appendix A",
                large=(ViewChange(blur=0.5),),
                small=ViewChange(blur=0.5),
                jitter=(0.8, 0.8, 0.8, 0.2),
            ),
            *(
                ViewPolicy(
                    name=name,
                    source=_TSIMCNE,
                    large=(ViewChange(),),
                    small=ViewChange(),
                    turn_over=turn_over,
                    rotation=rotation,
                    jitter=_TSIMCNE_JITTER,
                    interpolation="bilinear",
                    quarters=quarters,
                    fill="border",
                )
                for name, turn_over, quarters, rotation in (
                    ("t-simcne", 0.0, 1, 0.0),
                    ("t-simcne-quarter", 0.5, 2, 0.0),
                    ("t-simcne-any", 0.5, 2, 45.0),
                )
            ),
            *(
                ViewPolicy(
                    name=name,
                    source=_SIMSEARCH,
                    large=(change,),
                    small=change,
                    turn_over=0.5,
                    rotation=45.0,
                    quarters=2,
                    jitter=(0.2, 0.2, 0.0, 0.0),
                    jittered=0.5,
                    gray=0.0,
                    interpolation="bilinear",
                    central=True,
                )
                for name, change in (
                    ("simsearch", ViewChange(solarise=0.5, dropout=0.5)),
                    ("simsearch-supervised", ViewChange()),
                )
            ),
        )
    }
)

#: What ``without`` leaves out of a policy, as in Table S1 of the paper on t-SimCNE, and flips.
VIEW_PARTS = ("crops", "flips", "jitter", "gray")


def without(policy: ViewPolicy, parts: Collection[str]) -> ViewPolicy:
    """Return a policy that leaves out some of its changes; what is drawn for the others stays the same.

    Parameters
    ----------
    parts : some of ``crops`` (images are shown as a whole), ``flips`` (both), ``jitter`` and ``gray``.

    Rotations stay uniform: where a policy has every angle only together with its flips, quarter turns take their place.
    Raises UnknownNameError for another part.

    >>> without(VIEW_POLICIES["t-simcne-quarter"], ["flips", "gray"]).name
    't-simcne-quarter without flips, gray'
    """
    for part in parts:
        if part not in VIEW_PARTS:
            raise UnknownNameError("part of views", part, VIEW_PARTS, hint=f"choose among: {', '.join(VIEW_PARTS)}")
    if not parts:
        return policy
    name, _, before = policy.name.partition(" without ")
    left_out = [part for part in VIEW_PARTS if part in (*parts, *before.split(", "))]
    changed = replace(policy, name=f"{name} without {', '.join(left_out)}")
    if "crops" in parts:
        changed = replace(changed, crops=False)
    if "flips" in parts:
        changed = replace(changed, mirror=0.0, turn_over=0.0, quarters=4 if policy.quarters > 1 else 1)
    if "jitter" in parts:
        changed = replace(changed, jittered=0.0)
    return replace(changed, gray=0.0) if "gray" in parts else changed
