"""The design of the study: problems, ways to compare patches, and how many experiments there was time for.

Everything here was fixed before a score of a test image was looked at. Settings were chosen on the images that
``*_settings_images.txt`` list; none of them is a test image. Elliptocytes are in 12 images only: those of the test part
were looked at when the strength of whitening was chosen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from dsim.data import open_dataset
from dsim_simsearch.settings import SearchSettings
from dsim_simsearch.study.experiment import StudySettings
from dsim_simsearch.study.problem import Problem, open_annotated, pose_problem
from dsim_simsearch.study.simulated_user import User

HERE = Path(__file__).parent
SEED = 0
#: As the publication has it for blood smears.
DISPLAYED = 10
#: Images of noisy patches, drawn from those that are not displayed: the publication takes all of them.
NOISY = 30
#: Experiments, and trainings of each, of the whole study of the publication.
WHOLE = (20, 5)


@dataclass(frozen=True)
class Task:
    """A problem of the study, below the folder of data.

    Parameters
    ----------
    images, annotations : places. classes : searched together. patch : pixels; None is the median box of training
        images. share : of the images that are tested. settings_images : file of images that are never tested.
    """

    images: str
    annotations: str
    classes: tuple[str, ...]
    patch: int | None
    share: float
    settings_images: str


def _bccd(name: str) -> Task:
    return Task("boxes/bccd", "boxes/bccd/boxes.csv", (name,), None, 0.15, "bccd_settings_images.txt")


#: Red cells, white cells and platelets differ in size, so that each has a patch of its own. Types of red cells are
#: searched together; cells are of about 40 pixels, and a patch shows what is around them.
TASKS: Mapping[str, Task] = {
    "bccd-rbc": _bccd("RBC"),
    "bccd-wbc": _bccd("WBC"),
    "chula": Task(
        "points/chula_rbc12/images",
        "points/chula_rbc12/points.csv",
        ("normal", "target", "teardrop", "elliptocyte"),
        72,
        0.25,
        "chula_settings_images.txt",
    ),
    "bccd-platelets": _bccd("Platelets"),
}

#: The default; what is compared with it differs in one thing.
DEFAULT = SearchSettings(extractor="zoo:lite0.imagenet.r1[layer=network.blocks.2+network.blocks.4]", whiten=0.5)
SEARCHES: Mapping[str, SearchSettings] = {
    "default": DEFAULT,
    "no whitening": replace(DEFAULT, whiten=0),
    "full whitening": replace(DEFAULT, whiten=1),
    "maximum over prototypes": replace(DEFAULT, over="max"),
    "one layer, blocks.4": replace(DEFAULT, extractor="zoo:lite0.imagenet.r1[layer=network.blocks.4]"),
    "ResNet-18 of ASAP, layer3": replace(DEFAULT, extractor="zoo:asap-resnet18.biomed16.r1[layer=backbone.layer3]"),
}
#: One pass over an image, and its windows one by one, by the same network, region and comparison.
PASSES: Mapping[str, SearchSettings] = {
    "one pass": replace(DEFAULT, whiten=0, over="max"),
    "windows one by one": replace(DEFAULT, whiten=0, over="max", mode="paper"),
}
#: Test images that these are compared on, of the first task.
FEW = 12
#: The default's network and layers, never trained.
RANDOM = "timm:tf_efficientnet_lite0[init=random:0,layer=blocks.2+blocks.4]"


def pose(name: str, data: Path, most: int | None = None) -> Problem:
    """Return the problem of a task; ``most`` : of its test images only the first ones."""
    task = TASKS[name]
    annotated = open_annotated(open_dataset(data / task.images), data / task.annotations)
    seen = (HERE / task.settings_images).read_text("utf-8").split()
    problem = pose_problem(annotated, task.classes, task.patch, task.share, SEED, seen)
    return replace(problem, test=problem.test[:most])


def settings(search: str, noisy: int = 0) -> StudySettings:
    """Return the settings of all experiments by one of ``SEARCHES`` or ``PASSES``."""
    return StudySettings(
        search={**SEARCHES, **PASSES}[search],
        random=RANDOM,
        user=User(DISPLAYED),
        seed=SEED,
        prototypes=10,
        noisy=noisy,
    )
