"""Commands of pages that the tests of pages do not run, by how they begin or what they hold, each with the reason."""

from __future__ import annotations

import re

NOT_RUN = {
    r"^pip |^python -m pip ": "installs: .ci/run does, from a clean clone",
    r"^python |^mkdocs ": "figures of one machine, of real images, or of minutes of work; their parts have tests",
    r"^export |^for |^sbatch |^srun |^wait": "the shell's own, or a cluster's",
    r"^dsim leaderboard": "minutes; tests/cli/test_leaderboard_command.py runs it on a small benchmark",
    r"^dsim transfer ": "trains networks; tests/transfer runs it with small ones",
    r"^dsim train (dino|simclr|t-s)|^torchrun |file:runs/": "trains networks; tests of the plugins train small ones",
    r"^dsim map |images/fluorescence": "trains networks; tests/cli/test_map_command.py fits small maps",
    r"^dsim adapt |--model my-model": "trains networks; tests/adapt trains small ones, and applies what they become",
    r"^dsim label-efficiency |file:run/model": "minutes; tests/cli and .ci/run do it with few images",
    r"^dsim (zoo train|train asap|zoo add) ": "half an hour; tests/plugins/dsim_asap trains a small network",
    r"^dsim asap ": "studies that train many networks; the tests of the plugin run them with small ones",
    r"^dsim plugin |\bshift\b": "installs a distribution; tests/third_party and tests/testing do, and run it",
    r"^dsim evaluate energy --truth phantoms-dsc": "600 images and a network; tests/evaluation has a small truth",
    r"label-free": "runs every measure; .ci/run does, from the wheel",
    r"--measure '?ensemble[^ ]*( --offline)?$": "all fifteen phantoms; tests/plugins/dsim_ensemble compares fewer",
    r"timm:|dino|torchvision:|weights=": "weights that are not shipped",
    r"\[model=|model\.safetensors|file:my-model": "a model of one's own; tests/transfer trains such",
    r"^dsim prelabel .*--best --sources": "no zoo model knows these sources; see tests/cli/test_prelabel_command.py",
    r"^dsim expert |--attributes": "asks a person, or reads the answers; tests/plugins/dsim_expert types them",
    r"^dsim fingerprint ": "fingerprints of three places, of twenty images and more; .ci/run writes and compares two",
    r"^dsim roi (train|detect|export|apply|replay) ": "trains a network; .ci/run does, and tests train small ones",
    r"--from boxes\.csv|candidates\.png": "objects of one's own; docs/howto/find-regions.md marks some of phantoms",
    r"^dsim roi study ": "trains networks, for hours; tests of the plugin study drawn cells",
    r"^dsim roi (sample|counts) ": "a trained session, and a person's answers; tests of the plugin have both",
    r"^dsim zoo verify": "loads every model; tests/cli/test_zoo_command.py does",
    r"--truth mine\.csv": "files of one's own; tests/cli/test_evaluate_command.py writes such",
    r"\bTARGET\b|\bID\b|\bNAME\b|\bPATH\b|\bFOLDER\b|\bMATRIX\b": "names stand for one's own",
}


def reason(command: str) -> str | None:
    """Why a command is not run; None where it is."""
    return next((why for pattern, why in NOT_RUN.items() if re.search(pattern, command)), None)
