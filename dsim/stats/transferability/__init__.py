"""Transferability scores of labelled features, each as its paper defines it; higher is more transferable.

Labels are any array (n,) whose equal elements are one class. A score that its formula does not define is NaN.
"""

from __future__ import annotations

from dsim.stats.transferability.ccfv import cc_fv, class_consistency, feature_variety
from dsim.stats.transferability.head import Head, train_head
from dsim.stats.transferability.hscore import h_score, regularised_h_score
from dsim.stats.transferability.leep import leep, nleep
from dsim.stats.transferability.logme import logme
from dsim.stats.transferability.separation import gbc, parc

__all__ = [
    "Head",
    "cc_fv",
    "class_consistency",
    "feature_variety",
    "gbc",
    "h_score",
    "leep",
    "logme",
    "nleep",
    "parc",
    "regularised_h_score",
    "train_head",
]
