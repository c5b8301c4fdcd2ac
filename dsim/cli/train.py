"""``dsim train``: list the trainers, and train a model by one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.learning import TrainedModel
    from dsim.registry import TrainerSpec


class _TrainCommand(click.Command):
    """A command whose ``--help``, after the name of a trainer, also shows that trainer's parameters."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["dsim.train"] = next((word for word in args if not word.startswith("-")), "")
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from dsim.registry import default

        spec = default().trainers.get(ctx.meta.get("dsim.train", ""))
        if spec is None:
            return
        with formatter.section(f"Parameters of {spec.name}"):
            formatter.write_dl(
                [(f"{p.name}={p.format(p.default)}", _choices(p.choices) + p.help) for p in spec.parameters]
            )
        for name, values in spec.presets.items():
            with formatter.section(f"Preset {name}"):
                formatter.write_text(" ".join(_texts(spec, values)) or "the defaults")


def _choices(choices: Sequence[Any]) -> str:
    return f"[{'|'.join(map(str, choices))}] " if choices else ""


def _texts(spec: TrainerSpec, values: Any) -> list[str]:
    return [f"{name}={spec.parameter(name).format(value)}" for name, value in values.items()]


@click.command(cls=_TrainCommand)
@click.argument("name", required=False, shell_complete=completion.trainers)
@click.argument("datasets", nargs=-1, shell_complete=completion.datasets)
@options.out_folder(help="Folder of the run and its models.")
@click.option("-p", "--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter; may be repeated.")
@click.option("--preset", default="", metavar="NAME", help="A named set of parameter values; -p goes before it.")
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Start from an earlier run, or a checkpoint: the parameter start=RUN of trainers that have it.",
)
@options.seed
@options.device
@click.option(
    "--resume/--restart", default=True, show_default=True, help="Go on with an interrupted run, or start it anew."
)
@options.skip_unreadable
@options.as_json
def train(
    name: str | None,
    datasets: Sequence[str],
    out: Path | None,
    params: Sequence[str],
    preset: str,
    start: Path | None,
    seed: int,
    device: str,
    resume: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Train a model by trainer NAME on DATASETS. Without a name: list the trainers.

    An interrupted run goes on when the same command is given again. dsim train NAME --help shows the parameters.
    """
    from dsim.errors import UsageError
    from dsim.learning import launched

    if name is None:
        return _list(as_json)
    if not datasets or out is None:
        lacking = "--out" if datasets else "datasets"
        raise UsageError(f"trainer {name!r} needs {lacking}", hint=f"write: dsim train {name} DATASET... --out RUN")
    models = run_trainer(name, datasets, out, params, preset, start, seed, device, resume, skip_unreadable)
    return _show(models, as_json) if launched().is_first else None


def run_trainer(
    name: str,
    datasets: Sequence[str],
    out: Path,
    params: Sequence[str],
    preset: str,
    start: Path | None,
    seed: int,
    device: str,
    resume: bool,
    skip_unreadable: bool,
) -> Sequence[TrainedModel]:
    """Read parameters and datasets as the command line has them, train, and return the models.

    Raises UnknownNameError for an unknown trainer, UsageError for a wrong parameter, DataError for a bad dataset.
    """
    from dsim import learning
    from dsim.cli.data import open_datasets
    from dsim.registry import default, parse_options
    from dsim.ui import make_runtime

    spec = default().trainer_spec(name)
    texts = parse_options(",".join(params)) if params else {}
    given = {key: spec.parameter(key).parse(text) for key, text in texts.items()}
    values = spec.values(given | _start(spec, given, start), preset)
    runtime = learning.quiet_runtime(make_runtime(device))
    opened = open_datasets(datasets, runtime, skip_unreadable=skip_unreadable)
    return learning.train(name, opened, out=out, seed=seed, resume=resume, runtime=runtime, **values)


def _start(spec: TrainerSpec, given: Mapping[str, Any], start: Path | None) -> dict[str, str]:
    """The parameter that --from gives. Raises UsageError where the trainer has none, or it was given already."""
    from dsim.errors import UsageError

    if start is None:
        return {}
    if all(parameter.name != "start" for parameter in spec.parameters):
        raise UsageError(f"trainer {spec.name!r} starts from no earlier run", hint="leave --from out")
    if "start" in given:
        raise UsageError("--from and -p start exclude each other", hint="give one of them")
    return {"start": str(start)}


def _list(as_json: bool) -> None:
    from dsim.registry import default
    from dsim.ui import emit_json, print_columns

    specs = list(default().trainers.values())
    if as_json:
        return emit_json([document(spec) for spec in specs])
    rows = [(f"{spec.name}@{spec.version}", ", ".join(spec.produces), spec.title) for spec in specs]
    return print_columns(rows) if rows else None


def _show(models: Sequence[TrainedModel], as_json: bool) -> None:
    from dsim.ui import emit_json, print_columns

    if as_json:
        return emit_json([{"product": m.product, "path": str(m.path), "reference": m.reference} for m in models])
    return print_columns([(str(model.product), str(model.path), model.reference) for model in models])


def explain_trainer(name: str, as_json: bool) -> None:
    """Print all that a trainer declares, for ``dsim explain NAME``. Raises UnknownNameError for an unknown one."""
    from dsim.registry import default
    from dsim.ui import print_behind

    spec = default().trainer_spec(name)
    if as_json:
        from dsim.ui import emit_json

        return emit_json(document(spec))
    plugin = default().origin(name, "dsim_trainers")
    click.echo(f"{spec.name}@{spec.version}: {spec.title}   (plugin {plugin.name}, {plugin.dist} {plugin.version})\n")
    facts = {
        "writes": ", ".join(spec.produces),
        "needs": f"{', '.join(sorted(spec.needs))}; at least {spec.min_datasets} datasets",
        "cost": spec.cost,
        "blind to": spec.blind_to or "not stated",
    }
    for label, text in facts.items():
        print_behind(f"{label:>10}  ", text)
    parameters = [f"{p.name}={p.format(p.default)}  ({p.type}) {_choices(p.choices)}{p.help}" for p in spec.parameters]
    presets = [f"{preset}: {','.join(_texts(spec, values))}" for preset, values in spec.presets.items()]
    for title, lines in {"references": spec.references, "parameters": parameters, "presets": presets}.items():
        if lines:
            click.echo(f"\n{title}:")
        for line in lines:
            print_behind("  ", line, deeper=4)
    return None


def document(spec: TrainerSpec) -> dict[str, Any]:
    """Return all that a trainer declares as plain values for JSON."""
    return {
        "name": spec.name,
        "version": spec.version,
        "title": spec.title,
        "produces": list(spec.produces),
        "needs": sorted(spec.needs),
        "min_datasets": spec.min_datasets,
        "cost": spec.cost,
        "blind_to": spec.blind_to,
        "references": list(spec.references),
        "parameters": [
            {"name": p.name, "type": p.type, "default": p.default, "choices": list(p.choices), "help": p.help}
            for p in spec.parameters
        ],
        "presets": {name: dict(values) for name, values in spec.presets.items()},
    }
