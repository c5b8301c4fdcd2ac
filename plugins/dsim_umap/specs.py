"""Declaration of the measure SL+PCA+UMAP."""

from __future__ import annotations

from dsim.plugin import EXTRACTOR, Direction, MeasureSpec, Need, Parameter

SL_PCA_UMAP = MeasureSpec(
    name="sl-pca-umap",
    version=1,
    title="Mean distance in a UMAP of supervised features",
    summary=(
        "Features of a network that was trained with labels are laid out as a map (UMAP), and two datasets are as "
        "near as their images on it. It is the baseline of the ASAP paper. Choose it to reproduce that paper, or "
        "for a picture of the datasets; distances on such a map are not faithful."
    ),
    factory="dsim_umap.measure:SlPcaUmap",
    needs=frozenset({Need.FEATURES}),
    direction=Direction.DISTANCE,
    symmetric=True,
    self_is_optimal=False,
    formula="mean over all pairs of |u_i - u_j|, where u is an image's point in the 2-D UMAP of the PCA of features",
    cost="fit on N pool images: N^2 d for neighbours, N epochs for the layout; N d per image to place it;"
    " a pair of datasets costs n m distances in the plane",
    references=(
        "Molina-Moreno, Schilling, Reischl and Mikut: ASAP, IEEE Access 2024 (baseline SL+PCA+UMAP)",
        "McInnes, Healy and Melville 2018, arXiv:1802.03426",
    ),
    min_samples=1,
    bounds=(0.0, float("inf")),
    resamples=True,
    two_sample=True,
    embeds=True,
    fits_pool=True,
    parameters=(
        EXTRACTOR,
        Parameter(
            "variance", "float", 0.95, "share of the pool's variance that PCA keeps (paper)", minimum=0.01, maximum=1
        ),
        Parameter("neighbours", "int", 15, "neighbours of an image in UMAP; its own default", minimum=2, maximum=1000),
        Parameter("min_dist", "float", 0.1, "how close UMAP may put two points; its own default", minimum=0, maximum=1),
    ),
    presets={"paper": {"extractor": "torchvision:resnet18.IMAGENET1K_V1"}},
    blind_to=(
        "what the network's features do not hold; how far apart groups are that are not neighbours: UMAP keeps who is"
        " near whom, not large distances; all that the pool does not show, since every image is placed between the"
        " pool's images; values of different pools or seeds cannot be compared"
    ),
)

SPECS = (SL_PCA_UMAP,)
