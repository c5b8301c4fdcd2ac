"""Declarations of the three classical measures."""

from __future__ import annotations

from dsim.plugin import Direction, MeasureSpec, Need, Parameter

_SIZE = Parameter(
    "size", "int", 64, "side in pixels of the gray square that every image becomes first", minimum=8, maximum=1024
)

CC = MeasureSpec(
    name="cc",
    version=1,
    title="Cross-correlation",
    summary=(
        "Images are shrunk to small gray squares and compared pixel by pixel: do bright and dark places coincide? "
        "Choose it as a quick baseline that needs no network, for images that are aligned with each other, such "
        "as radiographs of one body part; it sees little of textures, or of objects that lie anywhere."
    ),
    factory="dsim_classical.measures:CrossCorrelation",
    needs=frozenset({Need.IMAGES}),
    direction=Direction.SIMILARITY,
    symmetric=True,
    self_is_optimal=False,
    formula="mean over all image pairs of sum (x - mean x)(y - mean y) / (|x - mean x| |y - mean y|)",
    cost="n images of p pixels: n p to summarise; p per pair of datasets, n^2 p log p with shift=true",
    references=("Pearson 1895, doi:10.1098/rspl.1895.0041",),
    bounds=(-1.0, 1.0),
    resamples=True,
    two_sample=True,
    parameters=(
        _SIZE,
        Parameter("shift", "bool", False, "take the largest correlation over all circular shifts of each image pair"),
    ),
    blind_to=(
        "brightness and contrast of whole images; colour; and all but the mean standardised image of each dataset: "
        "textures and objects whose place varies average out"
    ),
)

NMI = MeasureSpec(
    name="nmi",
    version=1,
    title="Normalised mutual information",
    summary=(
        "Images are shrunk to small gray squares, and it is measured how well the gray value of a pixel in one "
        "image foretells that in the other, even where contrast is inverted. Choose it as a baseline without a "
        "network, for aligned images of different modalities; for images of objects that lie anywhere it says "
        "little."
    ),
    factory="dsim_classical.measures:NormalisedMutualInformation",
    needs=frozenset({Need.IMAGES}),
    direction=Direction.SIMILARITY,
    symmetric=True,
    self_is_optimal=False,
    formula="mean over all image pairs of (H(A) + H(B)) / H(A, B), entropies of the gray-level histograms",
    cost="n images of p pixels: n p to summarise; n^2 (p + bins^2) per pair of datasets",
    references=("Studholme, Hill and Hawkes 1999, doi:10.1016/S0031-3203(98)00091-0",),
    bounds=(1.0, 2.0),
    resamples=True,
    two_sample=True,
    parameters=(
        _SIZE,
        Parameter("bins", "int", 100, "bins of each image's own intensity range", minimum=2, maximum=256),
    ),
    blind_to=(
        "linear changes of intensity; colour; where pixels lie, as long as both images move together; values depend on "
        "size and bins by histogram bias, and compare only at equal settings"
    ),
)

FRC = MeasureSpec(
    name="frc",
    version=1,
    title="Fourier ring correlation",
    summary=(
        "Images are shrunk to small gray squares and compared by their fine and coarse structure, one spatial "
        "frequency after another. Choose it as a baseline without a network, for aligned images, where sharpness "
        "or resolution matters more than brightness."
    ),
    factory="dsim_classical.measures:FourierRingCorrelation",
    needs=frozenset({Need.IMAGES}),
    direction=Direction.SIMILARITY,
    symmetric=True,
    self_is_optimal=False,
    formula="mean over all image pairs and rings r < N/2 of Re sum_r F1 conj(F2) / sqrt(sum_r |F1|^2 sum_r |F2|^2)",
    cost="n images of p pixels: n p log p to summarise; p per pair of datasets",
    references=(
        "Saxton and Baumeister 1982, doi:10.1111/j.1365-2818.1982.tb00405.x",
        "van Heel 1987, doi:10.1016/0304-3991(87)90010-6",
    ),
    bounds=(-1.0, 1.0),
    resamples=True,
    two_sample=True,
    parameters=(_SIZE,),
    blind_to=(
        "brightness and contrast of whole images and of each frequency band; colour; power spectra, so texture itself: "
        "only phases that agree across images count"
    ),
)

SPECS = (CC, NMI, FRC)
