"""`lightloop GROUP VERB ...`: assembles the groups, and turns errors into one message and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from lightloop.cli import accelerator, analog, field, loop, mcp, pretrain
from lightloop.cli.output import print_error, print_line
from lightloop.errors import LightloopError

USAGE_ERROR = 2
INTERRUPTED = 130

app = typer.Typer(
    name="lightloop",
    help="From Maxwell to perplexity: the loop between AI and the hardware it runs on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(accelerator.app, name="accelerator")
app.add_typer(pretrain.app, name="pretrain")
app.add_typer(field.app, name="field")
app.add_typer(analog.app, name="analog")
loop.register(app)
mcp.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print_line(version("lightloop"))
        raise typer.Exit


@app.callback()
def options(
    show_version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """From Maxwell to perplexity: the loop between AI and the hardware it runs on."""


def main(arguments: list[str] | None = None) -> None:
    """Entry point. `--debug` anywhere on the line shows tracebacks."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments or bool(os.environ.get("LIGHTLOOP_DEBUG"))
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        code = app(arguments, standalone_mode=False) or 0
        if code == INTERRUPTED:  # the command line's own answer to Ctrl-C
            raise KeyboardInterrupt
    except LightloopError as error:
        if debug:
            raise
        print_error(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        print_error("interrupted; a run folder can be resumed with --resume")
        code = INTERRUPTED
    except typer.Exit as leave:
        code = leave.exit_code
    except OSError as error:
        if debug:
            raise
        print_error(f"cannot read or write: {error}\nhint: is the path right, and the disk not full?")
        code = USAGE_ERROR
    except Exception as error:
        if debug:
            raise
        show = getattr(error, "show", None)  # a usage error of the command line knows how to print itself
        if show is not None:
            show()
        else:
            print_error(f"internal error: {type(error).__name__}: {error}\nhint: --debug shows where")
        code = USAGE_ERROR
    sys.exit(code)
