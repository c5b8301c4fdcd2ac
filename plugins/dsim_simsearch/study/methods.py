"""How each method of a study detects objects in the test images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dsim.stats.detection_scores import MatchedDetections, match_detections
from dsim.stats.peaks import local_maxima
from dsim_simsearch.study.cells import METHODS, Cell
from dsim_simsearch.study.experiment import Experiment
from dsim_simsearch.study.template_matching import correlate_templates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.annotations import Region
    from dsim_simsearch.candidates import Candidates
    from dsim_simsearch.similarity import Search

    Floats = NDArray[np.float64]
    Floats32 = NDArray[np.float32]

#: Pixels that a patch spans when templates are matched: details that are finer do not repeat between objects.
TEMPLATE_SIDE = 32
#: Neighbours that score a candidate.
NEIGHBOURS = 5


class Found(NamedTuple):
    """Detections of one class in one image: centres (n, 2), x and y in pixels, and scores (n,)."""

    centres: Floats
    scores: Floats


#: Scores (n,) of features (n, d).
Scorer = Callable[["Floats32"], "Floats"]
#: By class, for each test image.
Detected = Mapping[str, list[Found]]


def detect(experiment: Experiment, cell: Cell) -> Detected:
    """Return what the method of a cell detects in the test images."""
    return _DETECT.get(cell.method, detect_trained)(experiment, cell)


def score_detections(experiment: Experiment, detected: Detected) -> dict[str, MatchedDetections]:
    """Return the matched detections of each class in the test images."""
    problem = experiment.problem
    return {
        name: match_detections(
            [each.centres for each in found],
            [np.asarray(each.scores, dtype=np.float64) for each in found],
            problem.truth(name),
            problem.distance,
        )
        for name, found in detected.items()
    }


def detect_similar(experiment: Experiment, cell: Cell) -> Detected:
    """Return the candidates of the search, scored by their similarity."""
    return _by_similarity(experiment, experiment.search, cell)


def detect_by_random_weights(experiment: Experiment, cell: Cell) -> Detected:
    """Return the candidates of a network that was never trained."""
    return _by_similarity(experiment, experiment.random_search, cell)


def _by_similarity(experiment: Experiment, search: Search, cell: Cell) -> Detected:
    return {
        name: [_found(each) for each in experiment.candidates(search, name, cell.prototypes)]
        for name in experiment.problem.classes
    }


def _found(candidates: Candidates) -> Found:
    return Found(candidates.centres, candidates.score.astype(np.float64))


def detect_by_templates(experiment: Experiment, cell: Cell) -> Detected:
    """Return the local maxima of the normalised cross-correlation: the largest over prototypes and their turns."""
    problem, images = experiment.problem, experiment.images
    scale = min(1.0, TEMPLATE_SIDE / problem.patch)
    radius = experiment.settings.search.suppression * problem.patch * scale
    templates = {name: _templates(experiment, name, cell.prototypes, scale) for name in problem.classes}
    detected: dict[str, list[Found]] = {name: [] for name in problem.classes}
    for image in problem.test:
        height, width = images.shape(image)
        half = problem.patch // 2 + 1
        seen = images.window(image, -half, -half, width + 2 * half, height + 2 * half)
        small = _resized(seen, scale)
        for name, of_class in templates.items():
            values = correlate_templates(small, of_class).max(axis=0)
            rows, columns, scores = local_maxima(values, radius)
            side = of_class.shape[-1]
            # Corners of windows of the small image, to centres of windows of the image.
            exact = [small.shape[2] / seen.shape[2], small.shape[1] / seen.shape[1]]
            centres = (np.stack([columns, rows], axis=1) + side / 2) / exact - half
            inside = (centres >= 0).all(axis=1) & (centres < (width, height)).all(axis=1)
            detected[name].append(Found(centres[inside], scores[inside].astype(np.float64)))
    return detected


def _templates(experiment: Experiment, name: str, count: int, scale: float) -> Floats32:
    """The prototypes of a class and their turns, (4 n, c, s, s)."""
    images = experiment.images
    side = experiment.problem.patch
    crops = []
    for region in experiment.prototypes(name, count):
        x, y = round(region.x), round(region.y)
        crops.append(_resized(images.window(images.index(region.image), x, y, side, side), scale))
    turned = [np.rot90(crop, turns, axes=(1, 2)) for crop in crops for turns in range(4)]
    return np.stack(turned).astype(np.float32)


def _resized(pixels: Floats32, scale: float) -> Floats32:
    """An image (c, h, w) made smaller, with as much blur as that takes."""
    import torch

    if scale >= 1:
        return pixels
    size = [max(1, round(side * scale)) for side in pixels.shape[1:]]
    small = torch.nn.functional.interpolate(
        torch.from_numpy(pixels)[None], size=size, mode="bilinear", antialias=True, align_corners=False
    )
    found: Floats32 = small[0].numpy()
    return found


def detect_reranked(experiment: Experiment, cell: Cell) -> Detected:
    """Return the candidates of the similarity that is corrected by what the user judged."""
    from dsim_simsearch.reranker import fit_reranker

    marked = experiment.marked(cell.prototypes, cell.negatives)
    reranker = fit_reranker(experiment.search, experiment.displayed, marked.classes, marked.background)
    return {
        one.name: [_found(reranker.candidates(image, at)) for image in experiment.problem.test]
        for at, one in enumerate(marked.classes)
    }


def detect_by_neighbours(experiment: Experiment, cell: Cell) -> Detected:
    """Return the candidates, scored by the mean cosine to the nearest positives less that to the nearest others."""
    units = experiment.search.units

    def fit(positives: Floats32, others: Floats32) -> Scorer:
        own, foreign = units(positives), units(others)
        return lambda features: _nearest(units(features), own) - _nearest(units(features), foreign)

    return _by_judged_patches(experiment, cell, fit)


def detect_by_discriminant(experiment: Experiment, cell: Cell) -> Detected:
    """Return the candidates, scored by a linear discriminant (LDA) of positives and others, covariances shrunk."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    def fit(positives: Floats32, others: Floats32) -> Scorer:
        discriminant = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.5, 0.5])
        labels = np.repeat([1, 0], [len(positives), len(others)])
        discriminant.fit(np.concatenate([positives, others]).astype(np.float64), labels)
        return lambda features: np.asarray(discriminant.decision_function(features.astype(np.float64)))

    return _by_judged_patches(experiment, cell, fit)


def _by_judged_patches(
    experiment: Experiment, cell: Cell, fit: Callable[[Floats32, Floats32], Scorer]
) -> dict[str, list[Found]]:
    """Candidates of the similarity, scored by what is fitted to features of judged patches of the displayed images.

    Others than positives of a class are its flagged patches, background, and positives of other classes.
    """
    marked, search = experiment.marked(cell.prototypes, cell.negatives), experiment.search
    positives = {one.name: [*one.prototypes, *marked.accepted[one.name]] for one in marked.classes}
    detected = {}
    for one in marked.classes:
        elsewhere = [region for name, regions in positives.items() if name != one.name for region in regions]
        others = [*marked.background, *one.flagged, *elsewhere]
        score = fit(_features(experiment, positives[one.name]), _features(experiment, others))
        shown = experiment.candidates(search, one.name, cell.prototypes)
        detected[one.name] = [
            Found(each.centres, score(search.features(image, each.centres)).astype(np.float64))
            for image, each in zip(experiment.problem.test, shown, strict=True)
        ]
    return detected


def _features(experiment: Experiment, regions: Sequence[Region]) -> Floats32:
    """Features (n, d) of regions of displayed images."""
    search = experiment.search
    by_image: dict[str, list[tuple[float, float]]] = {}
    for region in regions:
        by_image.setdefault(region.image, []).append(region.centre)
    found = [search.features(experiment.images.index(image), np.array(centres)) for image, centres in by_image.items()]
    return np.concatenate([np.zeros((0, search.blocks.width), np.float32), *found])


def _nearest(units: Floats32, known: Floats32) -> Floats:
    """The mean of the largest cosines of each row (n, d) with known ones (m, d); 0 without any."""
    if not len(known):
        return np.zeros(len(units))
    cosines = np.sort(units.astype(np.float64) @ known.T.astype(np.float64), axis=1)
    nearest: Floats = cosines[:, -NEIGHBOURS:].mean(axis=1)
    return nearest


def detect_trained(experiment: Experiment, cell: Cell) -> Detected:
    """Return the detections of a network that is trained as the cell's method says, of any confidence.

    All local maxima of a class's confidence count: that a place has one class only is decided by thresholds.
    """
    from dsim_simsearch.detection import detect as detect_regions
    from dsim_simsearch.training import train_detector
    from dsim_simsearch.training_settings import TrainingSettings

    problem, images, runtime = experiment.problem, experiment.images, experiment.runtime
    settings = TrainingSettings.preset(experiment.settings.training, _STRATEGIES[cell.method])
    if METHODS[cell.method].supervised:
        clean, noisy = experiment.annotated_patches(cell.training), None
    else:
        clean = experiment.clean(cell.prototypes, cell.negatives)
        noisy = experiment.noisy(cell.prototypes, cell.negatives) if settings.self_learning else None
    detector = train_detector(experiment.search.maps, clean, noisy, settings, experiment.seed_of(cell), runtime)
    regions = detect_regions(detector, images, 0.0, runtime, problem.test, floor=0.0).candidates
    return {name: _by_image(experiment, [one for one in regions if one.label == name]) for name in problem.classes}


def _by_image(experiment: Experiment, regions: Sequence[Region]) -> list[Found]:
    """Detections of one class, for each test image."""
    held: dict[int, list[Region]] = {image: [] for image in experiment.problem.test}
    for region in regions:
        held[experiment.images.index(region.image)].append(region)
    return [
        Found(
            np.array([region.centre for region in here], dtype=np.float64).reshape(-1, 2),
            np.array([region.score for region in here], dtype=np.float64),
        )
        for here in held.values()
    ]


#: Which steps of a training each method has.
_STRATEGIES = {
    "Pos": "pos",
    "Pos+Neg": "pos+neg",
    "Pos+Selflearn": "pos+selflearn",
    "Pos+Neg+Selflearn": "all",
    "supervised": "pos",
}
#: Those that train no network.
_DETECT: Mapping[str, Callable[[Experiment, Cell], Detected]] = {
    "template matching": detect_by_templates,
    "random weights": detect_by_random_weights,
    "similarity": detect_similar,
    "k-NN": detect_by_neighbours,
    "LDA": detect_by_discriminant,
    "re-ranked": detect_reranked,
}
