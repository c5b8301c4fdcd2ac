"""The program ``dsim``: reads the command line, runs the command, prints errors.

Exit codes: 0 ok, 1 expected failure, 2 usage, 3 finished with failed cells, 130 interrupted.
"""

from __future__ import annotations

import difflib
import io
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import click

from dsim.errors import DsimError, PluginError, UnknownNameError, UsageError
from dsim.runtime import VERSION
from dsim.ui import LazyGroup

_PROGRAM = "dsim"
# Older versions of click print the help of a group without a command as if it had been asked for.
_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())


def explain_misuse(error: click.ClickException, root: click.Group, arguments: Sequence[str]) -> DsimError:
    """Return the error of dsim for an error of click; ``arguments`` give the command where click does not name it."""
    if not isinstance(error, click.UsageError):
        return DsimError(_cause(error.format_message()), hint=f"{_PROGRAM} --help")
    context = error.ctx or _context(root, arguments)
    command = context.command_path
    if isinstance(error, click.NoSuchOption):
        return _unknown_option(error.option_name, context)
    if isinstance(error, click.BadOptionUsage):
        return _badly_used(error, context)
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return UsageError(f"{command} needs {_name(error.param)}, which is missing", hint=_fix(error.param, context))
    if isinstance(error, click.BadParameter) and error.param is not None:
        message = f"{_name(error.param)} of {command}: {_cause(error.message)}"
        return UsageError(message, hint=_nearest(error) or _fix(error.param, context))
    if isinstance(context.command, click.Group):
        return _without_command(error, context.command, context)
    return UsageError(f"{command}: {_cause(error.format_message())}", hint=f"write: {_usage(context)}")


def _context(root: click.Group, arguments: Sequence[str]) -> click.Context:
    """Return the context of the innermost command that the arguments name."""
    context = click.Context(root, info_name=_PROGRAM)
    for word in arguments:
        if isinstance(context.command, click.Group):
            command = context.command.get_command(context, word)
            context = click.Context(command, parent=context, info_name=word) if command else context
    return context


def _unknown_option(name: str, context: click.Context) -> DsimError:
    hint = f"{context.command_path} --help lists them"
    above = context.parent
    while above is not None:
        if name in _options(above):
            rest = context.command_path.removeprefix(above.command_path)
            hint = f"write it before the command: {above.command_path} {name}{rest}"
        above = above.parent
    return UnknownNameError(f"option of {context.command_path}", name, _options(context), hint=hint)


def _badly_used(error: click.BadOptionUsage, context: click.Context) -> DsimError:
    option = _options(context).get(error.option_name)
    if option is None:
        return UsageError(f"{context.command_path}: {_cause(error.message)}", hint=f"{context.command_path} --help")
    of = f"option {error.option_name!r} of {context.command_path}"
    if option.is_flag:
        return UsageError(f"{of} takes no value", hint=f"write {error.option_name} alone")
    lacks = "a value" if option.nargs == 1 else f"{option.nargs} values"
    return UsageError(f"{of} needs {lacks}", hint=_fix(option, context))


def _without_command(error: click.UsageError, group: click.Group, context: click.Context) -> DsimError:
    path, known = context.command_path, group.list_commands(context)
    if isinstance(error, _NO_COMMAND):
        return UsageError(
            f"{path} needs a command", hint=f"choose one: {', '.join(known)}; {path} --help describes them"
        )
    cause = error.format_message()
    if cause.startswith("No such command") and cause.count("'") > 1:
        return UnknownNameError("command", cause.split("'")[1], known, hint=f"{path} --help lists them")
    return UsageError(f"{path}: {_cause(cause)}", hint=f"write: {_usage(context)}")


def _options(context: click.Context) -> dict[str, click.Option]:
    options = [option for option in context.command.get_params(context) if isinstance(option, click.Option)]
    return {name: option for option in options for name in (*option.opts, *option.secondary_opts)}


def _name(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return f"option {max(parameter.opts, key=len)!r}"
    return f"argument {parameter.human_readable_name}"


def _nearest(error: click.BadParameter) -> str | None:
    """Return the choice that was probably meant, or None."""
    if not isinstance(error.param, click.Option) or not isinstance(error.param.type, click.Choice):
        return None
    given = [*error.message.split("'"), ""][1]
    near = difflib.get_close_matches(given, map(str, error.param.type.choices), n=1)
    return f"write {max(error.param.opts, key=len)} {near[0]}" if near else None


def _fix(parameter: click.Parameter, context: click.Context) -> str:
    """Return the option's line of the help; for an argument the usage of the command."""
    line = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
    return ": ".join(line).replace("  ", " ") if line else f"write: {_usage(context)}"


def _usage(context: click.Context) -> str:
    return " ".join([context.command_path, *context.command.collect_usage_pieces(context)])


def _cause(text: str) -> str:
    """Return the text as dsim writes it: lower case after a colon, and without a full stop."""
    return text[:1].lower() + text[1:].rstrip(".")


WELCOME = """\
dsim measures how similar annotated source datasets are to your images.

Which source, or which model, for my images?
  dsim recommend mine/                        which source, and how sure that is
  dsim prelabel mine/ --best --out prelabels  pre-labels by that source's model
Is my measure any good?
  dsim plugin new mymeasure                   your own measure, ready to install
  dsim leaderboard                            every measure, judged by transfer
How many labels do I need?
  dsim train dino mine/ --out run             learns from images without labels
  dsim label-efficiency mine/ --extractor file:run/model --out labels
Where do my datasets lie? Where do all their images?
  dsim compare --sources annotated/* mine/    a map of them, and their distances
  dsim map fit mine/ --out map                a page with every image in a plane

All commands: dsim --help      Check the installation: dsim doctor"""

#: The commands of the core in the order in which they are used.
_SECTIONS = {
    "Choose a model, pre-label": ("data", "compare", "recommend", "annotate-next", "adapt", "prelabel", "report"),
    "Map images": ("map",),
    "Label images, train": ("train", "label-efficiency"),
    "Know the measures": ("measures", "explain", "extract"),
    "Judge measures": ("truth", "evaluate", "leaderboard", "transfer"),
    "Extend": ("zoo", "plugin", "plugins"),
    "Look after the installation": ("doctor", "cache", "completion"),
}
_OTHERS, _OF_PLUGINS = "Others", "Of plugins"


def sections(table: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return the names of ``table`` by heading: the core's in the order of use, then those of plugins."""
    from dsim.registry import default

    core = default().plugins.get("core")
    own = [spec.name for spec in core.declared["dsim_commands"]] if core else []
    found = {title: [name for name in names if name in own] for title, names in _SECTIONS.items()}
    placed = {name for names in found.values() for name in names}
    found[_OTHERS] = [name for name in table if name in own and name not in placed]
    found[_OF_PLUGINS] = [name for name in table if name not in own]
    return {title: names for title, names in found.items() if names}


def _commands() -> Mapping[str, tuple[str, str]]:
    from dsim.registry import default

    broken = [failure for failure in default().failures if failure.name == "core" and failure.dist == "dsim"]
    if broken:
        raise PluginError(f"this installation of dsim is damaged: {broken[0].error}", hint="install dsim again")
    return {name: (spec.help, spec.command) for name, spec in default().commands.items()}


@click.group(
    cls=LazyGroup,
    lazy=_commands,
    sections=sections,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(VERSION, prog_name="dsim")
@click.option("--debug", is_flag=True, help="Show tracebacks, also of cells that fail.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Which dataset should I pre-train on, or pre-label with?

    dsim measures how similar annotated source datasets are to your target images.

    \b
    Start here:  dsim compare --measure asap
    Your data:   dsim compare --measure asap --sources A/ B/ --targets MINE/
    """
    if context.invoked_subcommand is None:
        click.echo(WELCOME)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the console script; raises SystemExit with the exit code."""
    # Threads of a network that wait for each other would spin, and on a busy machine take the core from the one they
    # wait for: 11 s instead of 15 for the main job beside two busy processes, and no loss on a quiet machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if "_DSIM_COMPLETE" in os.environ:
        from dsim.cli.completion import register

        register()
    # Headers of archives are seldom strict; what matters in them becomes a note or an error.
    warnings.filterwarnings("ignore", module=r"pydicom\.")
    for stream in (sys.stdout, sys.stderr):
        # Paths may hold bytes that are not text; they are shown as \xNN rather than ending the program.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; failures are printed, not raised.

    With ``--debug`` it raises DsimError, or whatever else went wrong.
    """
    try:
        result = cli.main(args=arguments, prog_name="dsim", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return _interrupted()
    except KeyboardInterrupt:
        return _interrupted()
    except click.ClickException as error:
        return _failed(explain_misuse(error, cli, arguments))
    except DsimError as error:
        if "--debug" in arguments:
            raise
        return _failed(error)
    except BrokenPipeError:
        return _broken_pipe()
    except Exception as error:
        if "--debug" in arguments:
            raise
        return _failed(_unexpected(error))


def _failed(error: DsimError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return error.exit_code


def _unexpected(error: Exception) -> DsimError:
    """The defect of a plugin where its code is the innermost in the traceback, else that of dsim."""
    from dsim.registry import OWN, default, describe_failure, innermost_package

    plugins = {plugin.target.partition(":")[0].partition(".")[0]: plugin for plugin in default().plugins.values()}
    top = innermost_package(error, [_PROGRAM, *plugins])
    plugin = plugins.get(top or "")
    if plugin is None or plugin.dist == OWN:
        fix = "this is a defect; run again with `dsim --debug ...` and report the traceback"
        return DsimError(f"unexpected {type(error).__name__}: {error}", hint=fix)
    cause = describe_failure(error, plugin.target)
    fix = "mend that line of the plugin; `dsim --debug ...` shows the whole traceback"
    return PluginError(f"plugin {plugin.name!r} ({plugin.dist} {plugin.version}) raised {cause}", hint=fix)


def _interrupted() -> int:
    print("interrupted: finished work is kept; run the same command to continue", file=sys.stderr)
    return 130


def _broken_pipe() -> int:
    # The reader of our output has gone (`dsim ... | head`): nobody would see an error.
    sys.stderr.close()
    return 1
