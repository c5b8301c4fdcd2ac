"""Colours of stained cells and tissue, changed stain by stain."""

from __future__ import annotations

import torch
from torch import Tensor

#: Optical densities of hematoxylin, eosin and DAB in red, green and blue, each of unit length: Ruifrok and Johnston
#: 2001, Analytical and quantitative cytology and histology 23(4), table 1.
STAINS = ((0.65, 0.70, 0.29), (0.07, 0.99, 0.11), (0.27, 0.57, 0.78))
#: Light below which optical densities end: black has one of 2.4.
_DARKEST = 1 / 255


def change_stains(images: Tensor, factors: Tensor, shifts: Tensor) -> Tensor:
    """Return images whose amounts of three stains are times a factor and plus a shift.

    Colours become optical densities, -log10 of the light, which the stains add to; each stain's amount a becomes
    ``factor * a + shift``. A shift also tints the background, as another thickness or washing does. The stains are
    those of Ruifrok and Johnston; blue and red of a blood smear lie near the first two.

    Parameters
    ----------
    images : float32 (n, 3, h, w) in [0, 1]; 0 is treated as 1/255.
    factors, shifts : (n, 3). Factors of 1 and shifts of 0 change nothing.

    Source: Tellez et al. 2019, doi:10.1016/j.media.2019.101544.

    >>> white = torch.ones(1, 3, 2, 2)
    >>> change_stains(white, torch.ones(1, 3), torch.tensor([[0.1, 0.0, 0.0]]))[0, :, 0, 0].round(decimals=2)
    tensor([0.8600, 0.8500, 0.9400])
    """
    stains = torch.tensor(STAINS, dtype=torch.float64)
    stains = stains / stains.norm(dim=1, keepdim=True)
    # Amounts are densities @ inverse(stains); both steps are one 3 x 3 matrix for each image.
    change = (torch.linalg.inv(stains) @ (factors.double()[:, :, None] * stains)).mT.to(images)
    density = images.clamp_min(_DARKEST).log10_().neg_().flatten(2)
    density = change @ density + (shifts.double() @ stains).to(images)[:, :, None]
    return torch.pow(10, -density).clamp_(0, 1).view_as(images)
