"""A linear layer on frozen features, trained by gradients: those of many draws at once, as one batched product.

As in Nielsen et al. (section 3.3) and in the evaluation of DINO it sees the representation itself, without principal
axes and power transform; because extractors differ in scale, features are centred on the drawn images and divided by
one number. The paper trains it on augmented crops; the features here are frozen, so that there are none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.random import stream

if TYPE_CHECKING:
    from torch import Tensor

Codes = NDArray[np.intp]
Features = NDArray[np.float32]


@dataclass(frozen=True)
class LinearSettings:
    """How the layer is trained, on all images of the draw in every step.

    Parameters
    ----------
    rate : of Adam, which starts at weights of zero.
    validation : share of each class's drawn images that stops the training; classes of one image have none.
    every : steps between two validations. improvement, patience : the training ends where ``patience`` validations in
        a row do not raise the best balanced accuracy by this share of it; of weights with the best one the last are
        taken. most : steps at most.
    fixed : steps where no class has a second image to validate with.
    """

    rate: float = 0.01
    validation: float = 0.3
    every: int = 10
    improvement: float = 0.005
    patience: int = 3
    most: int = 500
    fixed: int = 100


#: Numbers of a batch of draws that are in memory at once.
_NUMBERS = 2**26


def predict_linear(
    features: Features,
    classes: Codes,
    draws: Sequence[Codes],
    test: Features,
    keys: Sequence[str],
    settings: LinearSettings | None = None,
) -> Codes:
    """Return the classes, intp (draws, t), of linear layers trained on each of some draws of equal size.

    Parameters
    ----------
    features : float32 (n, d) of all images that may train, with their classes (n,), from 0.
    draws : indices (m,) of the images of each draw. ``test`` : float32 (t, d).
    keys : one text per draw, which decides its validation images.
    """
    how, count = settings or LinearSettings(), int(classes.max()) + 1
    size = max(1, _NUMBERS // max(1, len(draws[0]) * features.shape[1]))
    found = []
    for start in range(0, len(draws), size):
        chosen = np.stack(draws[start : start + size])
        validated = np.stack(
            [
                choose_validation(classes[draw], how.validation, key)
                for draw, key in zip(chosen, keys[start : start + size], strict=True)
            ]
        )
        found.append(_train(features[chosen], classes[chosen], validated, test, count, how))
    return np.concatenate(found)


def choose_validation(classes: Codes, share: float, key: str) -> NDArray[np.bool_]:
    """Return which of the drawn images (m,) stop the training: a share of each class, of a class of one image none.

    >>> choose_validation(np.array([0, 0, 0, 0, 1]), 0.3, "draw").sum()
    np.int64(1)
    """
    rng, chosen = stream(0, "linear validation", key), np.zeros(len(classes), dtype=bool)
    for code in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == code))
        if len(members) > 1:
            chosen[members[: min(len(members) - 1, max(1, round(share * len(members))))]] = True
    return chosen


def _train(
    features: Features, classes: Codes, validated: NDArray[np.bool_], test: Features, count: int, how: LinearSettings
) -> Codes:
    """Classes (b, t) of layers trained on features (b, m, d), classes (b, m), without the validated ones."""
    import torch

    rows, scale, mean = _standardised(torch.from_numpy(features))
    labels, held = torch.from_numpy(classes), torch.from_numpy(validated)
    layers = _Layers(len(rows), rows.shape[2], count, how.rate)
    targets = torch.nn.functional.one_hot(labels, count).float()
    shares = _even_weights(targets * (~held)[..., None])
    judged = _even_weights(targets * held[..., None])
    judge = bool(validated.any())
    watch = _Watch(layers, how)
    for step in range(1, (how.most if judge else how.fixed) + 1):
        logits = layers.logits(rows)
        if judge and (step - 1) % how.every == 0:
            correct = (logits.argmax(dim=2) == labels).float()
            if watch.judge((correct * judged).sum(dim=1)):
                break
        layers.step(rows, (torch.softmax(logits, dim=2) - targets) * shares[..., None])
    weights, biases = watch.best if judge else (layers.weights, layers.biases)
    # The standardisation is folded into the layer: test features are read as they are.
    weights = weights / scale[:, None, None]
    biases = biases - torch.einsum("bd,bdc->bc", mean, weights)
    return np.concatenate(list(_predicted(torch.from_numpy(test), weights, biases)))


def _standardised(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rows (b, m, d) of mean 0 and mean variance 1 in each draw; the scale (b,) and the mean (b, d).

    One scale for all features: those of single features are chance where few images are drawn.
    """
    mean = rows.mean(dim=1)
    rows = rows - mean[:, None]
    scale = rows.square().mean(dim=(1, 2)).sqrt()
    scale[scale == 0] = 1
    return rows / scale[:, None, None], scale, mean


def _even_weights(targets: Tensor) -> Tensor:
    """Weights (b, m) by which every class that occurs in targets (b, m, c) counts alike, and which sum to 1."""
    totals = targets.sum(dim=1, keepdim=True)
    present = (totals > 0).sum(dim=2, keepdim=True).clamp(min=1)
    weights: Tensor = (targets / totals.clamp(min=1) / present).sum(dim=2)
    return weights


def _predicted(test: Tensor, weights: Tensor, biases: Tensor) -> Iterator[Codes]:
    for weight, bias in zip(weights, biases, strict=True):
        yield (test @ weight + bias).argmax(dim=1).numpy()[None]


class _Layers:
    """Weights (b, d, c) and biases (b, c) of independent layers, and Adam's averages of their gradients."""

    def __init__(self, draws: int, width: int, count: int, rate: float) -> None:
        import torch

        self.weights, self.biases = torch.zeros(draws, width, count), torch.zeros(draws, count)
        self._averages = [[torch.zeros_like(each) for each in (self.weights, self.biases)] for _ in range(2)]
        self._rate, self._steps = rate, 0

    def logits(self, rows: Tensor) -> Tensor:
        """Logits (b, m, c) of rows (b, m, d)."""
        import torch

        return torch.baddbmm(self.biases[:, None], rows, self.weights)

    def step(self, rows: Tensor, errors: Tensor) -> None:
        """One step of Adam (beta .9 and .999) down the gradient that errors (b, m, c) at the logits of rows give."""
        import torch

        self._steps += 1
        gradients = (torch.bmm(rows.transpose(1, 2), errors), errors.sum(dim=1))
        size = self._rate / (1 - 0.9**self._steps)
        for value, gradient, first, second in zip(
            (self.weights, self.biases), gradients, self._averages[0], self._averages[1], strict=True
        ):
            first.lerp_(gradient, 0.1)
            second.lerp_(gradient.square_(), 0.001)
            value.addcdiv_(first, (second / (1 - 0.999**self._steps)).sqrt_().add_(1e-8), value=-size)


class _Watch:
    """The best weights of each layer so far, by validation; each layer ends by itself, whatever the others do."""

    def __init__(self, layers: _Layers, how: LinearSettings) -> None:
        import torch

        draws = len(layers.biases)
        self._layers, self._how = layers, how
        self.best = layers.weights.clone(), layers.biases.clone()
        self._score, self._mark = torch.full((draws,), -1.0), torch.full((draws,), -1.0)
        self._stale = torch.zeros(draws, dtype=torch.long)

    def judge(self, scores: Tensor) -> bool:
        """Keep the weights of layers whose score (b,) is as good as any; return whether all have ended."""
        import torch

        running = self._stale < self._how.patience
        kept = (scores >= self._score) & running
        self._score = torch.where(kept, scores, self._score)
        for best, now in zip(self.best, (self._layers.weights, self._layers.biases), strict=True):
            best[kept] = now[kept]
        improved = (scores > self._mark * (1 + self._how.improvement)) & running
        self._mark = torch.where(improved, scores, self._mark)
        self._stale = torch.where(improved, torch.zeros_like(self._stale), self._stale + 1)
        self._stale[~running] = self._how.patience
        return bool((self._stale >= self._how.patience).all())
