"""The head: multinomial logistic regression on the probe's features, to convergence, so that nothing is random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.plugin import MeasureError

_MAX_ITERATIONS = 5000


@dataclass(frozen=True)
class Head:
    """Logits are ``features @ weight.T + bias``: weight float64 (C, d), bias float64 (C,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]

    def posterior(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Probabilities of the classes, float64 (n, C)."""
        from scipy.special import softmax

        probabilities: NDArray[np.float64] = softmax(features @ self.weight.T + self.bias, axis=1)
        return probabilities


def fit_head(
    features: NDArray[np.float32], codes: NDArray[np.intp], weights: NDArray[np.float64], decay: float
) -> Head:
    """Minimise the weighted mean cross-entropy + decay / 2 (s |W|)^2 by L-BFGS in float64.

    s^2 is the features' total variance, so that ``decay`` means the same for every probe and dataset.

    Parameters
    ----------
    features : (n, d). ``codes`` : class of each sample, integers (n,). ``weights`` : shares (n,), summing to 1.
    decay : positive; makes the optimum unique, and keeps the posterior from certainty where classes are separable.
    """
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    centre = weights @ features.astype(np.float64)
    # The optimum lies in the span of the samples: turned into it, there are at most n unknowns per class.
    left, spread, basis = np.linalg.svd(features - centre, full_matrices=False)
    unit = np.sqrt(weights @ ((left * spread) ** 2).sum(axis=1))
    if not unit > 1e-5 * np.abs(features).max():
        raise MeasureError(f"the features of all {len(features)} images are alike", hint="give images that differ")
    points = left * (spread / unit)
    classes, (n, rank) = int(codes.max()) + 1, points.shape
    truth = np.eye(classes)[codes]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight, bias = flat[: classes * rank].reshape(classes, rank), flat[classes * rank :]
        logarithms = log_softmax(points @ weight.T + bias, axis=1)
        residual = weights[:, None] * (np.exp(logarithms) - truth)
        value = -float(weights @ (logarithms * truth).sum(1)) + 0.5 * decay * float((weight**2).sum())
        return value, np.concatenate([(residual.T @ points + decay * weight).ravel(), residual.sum(0)])

    found = minimize(
        loss,
        np.zeros(classes * (rank + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MAX_ITERATIONS, "maxfun": 2 * _MAX_ITERATIONS, "gtol": 1e-9, "ftol": 0.0, "maxcor": 30},
    )
    if np.abs(found.jac).max() > 1e-6:
        raise MeasureError(f"the head did not converge in {found.nit} steps on {n} images", hint="give a larger decay")
    weight = found.x[: classes * rank].reshape(classes, rank) @ (basis / unit)
    return Head(weight, found.x[classes * rank :] - weight @ centre)
