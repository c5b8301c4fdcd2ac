"""Plain classifiers on frozen features: support vectors, logistic regression, nearest neighbours.

Each function takes what is seen of the training images, float64 (m, r), their classes as integers from 0, (m,), and
what is seen of the test images, (t, r), and returns the predicted classes, intp (t,). Always the classes themselves:
probabilities of small training sets, calibrated within them, can point to another class (Platt's fall below chance).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Classifier = Callable[[Floats, Codes, Floats, str], Codes]

#: ``linear`` is trained apart, all draws of a count at once.
CLASSIFIERS = ("svm", "logistic", "knn", "linear")
#: Of support vectors, and of logistic regression by order: the text says "default parameters", the code 2.5.
SVM_C = 1.0
LOGISTIC_C = {"paper": 1.0, "code": 2.5, "none": 1.0}
#: Neighbours in the text; in the code, per class.
NEIGHBOURS, NEIGHBOURS_PER_CLASS = 10, 5


def predict_svm(training: Floats, classes: Codes, test: Floats, order: str = "paper") -> Codes:
    """Return the classes (t,) by support vectors: RBF kernel, C = 1, gamma ``scale``, classes weighted to be even.

    As ``sklearn.svm.SVC(class_weight="balanced").predict``, with the kernel from one product of matrices.
    """
    from sklearn.svm import SVC

    variance = training.var()
    gamma = 1 / (training.shape[1] * variance) if variance > 0 else 1.0
    machine = SVC(kernel="precomputed", C=SVM_C, class_weight="balanced")
    machine.fit(np.exp(-gamma * squared_distances(training, training)), classes)
    found: Codes = machine.predict(np.exp(-gamma * squared_distances(test, training)))
    return found


def predict_logistic(training: Floats, classes: Codes, test: Floats, order: str = "paper") -> Codes:
    """Return the classes (t,) by multinomial logistic regression, classes weighted to be even."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=LOGISTIC_C[order], class_weight="balanced", max_iter=1000)
    found: Codes = model.fit(training, classes).predict(test)
    return found


def predict_knn(training: Floats, classes: Codes, test: Floats, order: str = "paper") -> Codes:
    """Return the classes (t,) by nearest neighbours, weighted by the inverse of their distance.

    10 neighbours, or 5 per class (``order="code"``); at most as many as there are training images.
    """
    count = int(classes.max()) + 1
    wanted = min(NEIGHBOURS_PER_CLASS * count if order == "code" else NEIGHBOURS, len(training))
    squares = squared_distances(test, training)
    nearest = np.argpartition(squares, wanted - 1, axis=1)[:, :wanted]
    distances = np.sqrt(np.take_along_axis(squares, nearest, axis=1))
    same = distances == 0
    with np.errstate(divide="ignore"):
        weights = np.where(same.any(axis=1, keepdims=True), same, 1 / distances)
    votes = np.zeros((len(test), count))
    np.add.at(votes, (np.arange(len(test))[:, None], classes[nearest]), weights)
    found: Codes = votes.argmax(axis=1)
    return found


def squared_distances(rows: Floats, columns: Floats) -> Floats:
    """Return squared Euclidean distances, float64 (n, m) and never negative, of rows (n, r) and columns (m, r).

    >>> squared_distances(np.array([[0.0, 0.0]]), np.array([[3.0, 4.0]])).tolist()
    [[25.0]]
    """
    squares = rows @ columns.T
    squares *= -2
    squares += (rows**2).sum(axis=1)[:, None]
    squares += (columns**2).sum(axis=1)
    if rows is columns:
        np.fill_diagonal(squares, 0)
    found: Floats = np.maximum(squares, 0, out=squares)
    return found


PREDICTORS: dict[str, Classifier] = {"svm": predict_svm, "logistic": predict_logistic, "knn": predict_knn}
