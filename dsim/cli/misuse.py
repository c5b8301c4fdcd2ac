"""Errors of a command line that click cannot read, in dsim's form: the command and the cause, then the fix.

click itself prints the usage, an invitation to read the help, and the cause without a fix.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import click

from dsim.errors import DsimError, UnknownNameError, UsageError

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
