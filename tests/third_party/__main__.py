"""The proof that a stranger can extend dsim: real distributions, installed beside its wheel, used, and removed again.

    python tests/third_party --python ENVIRONMENT/bin/python

The environment must hold dsim as a wheel, and pip. What is installed there is removed again. Prints what was proven,
and two measured figures: steps and seconds from ``dsim plugin new`` to a passing check, and the CPU seconds of
``dsim --help`` beside twenty plugins.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from broken_plugins import BROKEN, MEASURE
from environment import Environment
from wheels import make_wheel

KINDS = {"strange-shift": "measure", "strange-bars": "extractor", "strange-npy": "reader", "strange-sizes": "command"}
DATA = ["--sources", "phantoms:fundus[count=4,size=32]", "phantoms:xray[count=4,size=32]"]
#: What --help may cost with MANY plugins installed, one of which imports for SLOW seconds of CPU.
BUDGET, MANY, SLOW, TIMES = 0.4, 20, 2.0, 7
_WITNESS = '        with open("witness.txt", "a") as file:\n            file.write("x")\n'


def prove(environment: Environment) -> None:
    """Every step in order; the first that fails ends it."""
    _beside_the_wheel(environment)
    environment.fetch_backend()
    told = first_check(environment)
    for step in (other_kinds, compared_and_kept, ranked, read_and_commanded, broken_ones, removed):
        step(environment)
        print(f"ok: {(step.__doc__ or '').rstrip('.')}", flush=True)
    print(told)
    print(help_beside_many(environment))


def _beside_the_wheel(environment: Environment) -> None:
    code = "import dsim, sys; print(dsim.__file__.startswith(sys.prefix))"
    if environment.run([str(environment.python), "-c", code]).out != "True\n":
        raise SystemExit(f"dsim is not installed in the environment of {environment.python}")


def first_check(environment: Environment) -> str:
    """From nothing to a measure that keeps the contract, by the commands that ``dsim plugin new`` prints."""
    new = environment.dsim("plugin", "new", "strange-shift", "--author", "A stranger")
    install, check, _ = new.out.splitlines()
    assert (install, check) == ("pip install -e dsim-strange-shift", "dsim plugin check strange-shift")
    steps = [new, environment.pip("install", "--no-deps", "--no-build-isolation", "-e", "dsim-strange-shift")]
    steps.append(environment.dsim("plugin", "check", "strange-shift"))
    environment.pip("uninstall", "-y", "dsim-strange-shift")
    wall, cpu = sum(step.wall for step in steps), sum(step.cpu for step in steps)
    single = ", ".join(f"{step.wall:.1f}" for step in steps)
    told = f"{len(steps)} steps, {wall:.1f} s ({single}), {cpu:.1f} s of CPU"
    return f"dsim plugin new to a passing dsim plugin check: {told}"


def other_kinds(environment: Environment) -> None:
    """One distribution of each kind is built as a wheel, installed, discovered, and keeps the contract."""
    for name, kind in KINDS.items():
        folder = environment.folder / f"dsim-{name}"
        if not folder.exists():
            environment.dsim("plugin", "new", name, "--kind", kind, "--licence", "Apache-2.0")
        if kind == "measure":
            source = folder / "src" / "dsim_strange_shift" / "measure.py"
            code = source.read_text("utf-8")
            source.write_text(code.replace("        means = ", f"{_WITNESS}        means = "), encoding="utf-8")
        environment.pip("wheel", "--no-deps", "--no-build-isolation", "-w", "wheels", str(folder))
    environment.pip("install", "--no-deps", "--no-index", *map(str, (environment.folder / "wheels").glob("*.whl")))
    for name in KINDS:
        assert f"dsim-{name} 0.1.0)  in use" in environment.dsim("plugins", "--why", name).out
        document = json.loads(environment.dsim("plugin", "check", f"dsim-{name}", "--json").out)
        assert document["plugins"][0]["ok"]


def compared_and_kept(environment: Environment) -> None:
    """dsim compare runs the strange measure on the strange extractor's features; the second time computes nothing."""
    call = ["compare", "--json", "--bootstrap", "0", "--measure", "strange-shift"]
    call += ["--extractor", "strange-bars:[bins=8]"]
    witness = environment.folder / "witness.txt"
    witness.unlink(missing_ok=True)
    first = json.loads(environment.dsim(*call, *DATA).out)["results"][0]
    assert first["rankings"]
    asked = len(witness.read_text())
    assert asked > 0
    assert json.loads(environment.dsim(*call, *DATA).out)["results"][0]["values"] == first["values"]
    assert len(witness.read_text()) == asked, "finished pairs were computed again"


def ranked(environment: Environment) -> None:
    """dsim leaderboard lists the strange measure beside a built-in one."""
    strange = "strange-shift:extractor=pixels:[side=8]"
    board = json.loads(environment.dsim("leaderboard", "--json", "--measure", strange, "--measure", "cc").out)
    rows = {row["measure"].partition("@")[0]: row["status"] for row in board["rows"]}
    assert set(rows) == {"strange-shift", "cc"}
    assert "failed" not in rows.values(), rows
    assert "strange-shift" in (environment.folder / "dsim-leaderboard" / "leaderboard.html").read_text("utf-8")


def read_and_commanded(environment: Environment) -> None:
    """The strange reader opens a dataset, and the strange command runs on it."""
    code = (
        "import numpy as np; np.save('images.npy', np.random.default_rng(0).integers(256, size=(3, 9, 7), dtype='u1'))"
    )
    environment.run([str(environment.python), "-c", code])
    assert "images" in environment.dsim("data", "inspect", "images.npy").out
    assert environment.dsim("strange-sizes", "images.npy").out == "images\t9 x 7 x 1\t3\n"
    assert "strange-sizes" in environment.dsim("--help").out


def broken_ones(environment: Environment) -> None:
    """Broken plugins leave dsim working, and dsim plugins --why names cause and fix."""
    folder = environment.folder / "broken"
    folder.mkdir()
    wheels = [make_wheel(folder, name, broken.module(name)) for name, broken in BROKEN.items()]
    environment.pip("install", "--no-deps", "--no-index", *map(str, wheels))
    for name, broken in BROKEN.items():
        if broken.runs:
            called = name.replace("_", "-")
            environment.dsim("compare", "--measure", called, "--measure", "cc", *DATA, "--out", called, expected=[3])
            environment.dsim("plugin", "check", name, expected=[1])
        told = environment.dsim("plugins", "--why", name).out
        assert broken.cause in told, told
        assert f"fix: {broken.fix}" in told, told
    listed = json.loads(environment.dsim("measures", "--json").out)
    assert {"asap", "cc", "strange-shift"} <= {spec["name"] for spec in listed}
    environment.dsim("compare", "--measure", "cc", *DATA)
    environment.pip("uninstall", "-y", *BROKEN)


def removed(environment: Environment) -> None:
    """Removed again, nothing of them is left in use, and dsim works as before."""
    environment.pip("uninstall", "-y", *(f"dsim-{name}" for name in KINDS))
    assert "strange" not in environment.dsim("plugins").out + environment.dsim("measures").out
    environment.dsim("plugins", "--why", "strange-shift", expected=[2])
    environment.dsim("compare", "--measure", "cc", *DATA)


def help_beside_many(environment: Environment) -> str:
    """CPU of ``dsim --help`` with many plugins installed, one slow; the slow one is imported once."""
    folder = environment.folder / "many"
    folder.mkdir()
    slow = f"import time\nend = time.process_time() + {SLOW}\nwhile time.process_time() < end:\n    pass\n"
    names = [f"many_{number:02d}" for number in range(MANY)]
    sources = {name: MEASURE.replace("NAME", name) for name in names}
    sources[names[0]] = slow + sources[names[0]]
    wheels = [make_wheel(folder, name, source) for name, source in sources.items()]
    environment.pip("install", "--no-deps", "--no-index", *map(str, wheels))
    first = environment.dsim("--help").cpu
    assert "many-00" in environment.dsim("measures").out
    cpu = sorted(environment.dsim("--help").cpu for _ in range(TIMES))
    environment.pip("uninstall", "-y", *names)
    told = f"dsim --help beside {MANY} plugins, one of them slow: {cpu[TIMES // 2]:.2f} s of CPU (median of {TIMES}; "
    told += f"{cpu[0]:.2f} to {cpu[-1]:.2f}; {first:.2f} the first time)"
    if cpu[TIMES // 2] > BUDGET:
        raise SystemExit(f"{told}: above {BUDGET} s")
    return told


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python tests/third_party", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--python", type=Path, required=True, help="the interpreter of an environment that holds dsim")
    python = parser.parse_args().python.absolute()
    with tempfile.TemporaryDirectory(prefix="dsim-third-party-") as folder:
        prove(Environment(python, Path(folder)))


if __name__ == "__main__":
    main()
