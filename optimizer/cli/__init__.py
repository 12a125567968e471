"""The command ``vorrat``. It parses the arguments, calls one function and returns an exit code.
Modules of commands are imported when they are called, so that help and ``validate`` answer at
once."""

import gc
import importlib
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from models.language import set_language, using
from optimizer.analyses.registry import ANALYSES, ANALYSES_BY_NAME
from optimizer.cli import exit_codes, usage

COMMANDS = {
    "brief": "Put a saved plan on one page for those who decide.",
    "data": "Make tables of a scenario from files of USGS, UN Comtrade or prices.",
    "details": "Tabulate a saved plan in every state: shortages, flows, values.",
    "examples": "List the scenarios that come with Vorrat, or print one.",
    "explore": "Solve a family of plans and put it on one page, to be mailed.",
    "export": "Write a scenario as one program for other solvers.",
    "init": "Write a commented scenario file or workbook to start from.",
    "open": 'Open a page in the browser to ask a scenario "and what if".',
    "presets": "List the presets that scenarios can include, or print one.",
    "redact": "Widen or remove figures of a scenario before it is handed on.",
    "report": "Make an HTML page of saved plans, one or several side by side.",
    "rerun": "Run again what left a manifest, and say whether it comes out the same.",
    "run": "Read a workbook, solve it, and write plan, report and results beside it.",
    "schema": "Print the JSON Schema of scenario files or of results.",
    "states": "Write the drawn states of the world to a table, or as JSON.",
    "validate": "Check scenario files and say what is wrong, all at once.",
    "verify": "Check the proof of a plan by another solver.",
    "workbook": "Write saved plans to an Excel workbook.",
}
"""One-line help of each command by name, stated here so that a list of commands imports none."""
COMMANDS |= {analysis.name: analysis.summary for analysis in ANALYSES}
COMMANDS = dict(sorted(COMMANDS.items()))
COMMAND_MODULES = {
    **dict.fromkeys(("examples", "init", "presets", "schema", "validate"), "scenario_files"),
    **dict.fromkeys(("brief", "workbook"), "report"),
    **dict.fromkeys(("run", "solve"), "solve_commands"),
    "open": "open_page",
}
"""Module of each command that is not in a module of its own name."""


class _LazyCommandGroup(click.Group):
    """A click group that imports the module of a command when the command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if name in ANALYSES_BY_NAME and ANALYSES_BY_NAME[name].run_module:
            from optimizer.cli import analysis_commands

            return analysis_commands.analysis_command(name)
        module = importlib.import_module(f"optimizer.cli.{COMMAND_MODULES.get(name, name)}")
        command: click.Command = getattr(module, name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            import difflib

            close_names, names = (
                difflib.get_close_matches(name, COMMANDS, 1, 0.5),
                ", ".join(COMMANDS),
            )
            message = f"No such command '{name}'. There are {names}."
            if close_names:
                message = f"No such command '{name}'. Did you mean '{close_names[0]}'?"
            ctx.fail(message)
        ctx.meta[usage.COMMAND_ARGUMENTS_KEY] = args[1:]
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, text in sorted(COMMANDS.items())])


def _show_version(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"{usage.PROGRAM} {usage.installed_version() or '(not installed)'}")
        ctx.exit()


@click.command(
    cls=_LazyCommandGroup,
    name=usage.PROGRAM,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done; 1 stopped by a limit, the plan is written; 2 wrong usage or input; "
    "3 no plan keeps all rules; 4 no plan before the limit; 5 failure; 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@usage.language_option
def vorrat() -> None:
    """Plan stockpiles and co-investment in critical raw materials."""


def main(args: list[str] | None = None) -> None:
    """Run the command line and exit with its exit code. A command that solves problems runs in a
    separate process, which this one supervises."""
    # Imports and input files create many small objects that live on: collect garbage less often.
    gc.set_threshold(50_000)
    # No Python process that is started from here may import modules from the current folder.
    os.environ["PYTHONSAFEPATH"] = "1"
    open_missing_streams()
    substitute_unprintable()
    arguments = sys.argv[1:] if args is None else args
    try:
        from optimizer.cli import supervisor

        if not supervisor.needs_supervision(arguments):
            code = exit_codes.flush_output(run_command_line(args))
            gc.freeze()  # spares Python a last collection of all objects when it exits
            sys.exit(code)
        code = supervisor.supervise(arguments)
    except KeyboardInterrupt:
        code = exit_codes.report_interrupted()
    except Exception as error:
        code = exit_codes.report_unexpected(error)
    # Exit at once: another Ctrl-C would change the exit code.
    os._exit(code)


def run_supervised() -> None:
    """Run the command line in ``sys.argv`` under the supervising process, and exit."""
    from optimizer.cli import child_process

    link = child_process.connect_to_supervisor()
    substitute_unprintable()
    try:
        # From here on an interrupt can come at any moment.
        link.report(ready=True)
        code = exit_codes.flush_output(run_command_line(sys.argv[1:]))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    except KeyboardInterrupt:
        code = exit_codes.report_interrupted()
    # Do not wait for threads that a solver may have left running.
    os._exit(child_process.ANNOUNCED + code)


def run_command_line(args: list[str] | None = None) -> int:
    """Run the command line in this process and return its exit code."""

    def run() -> Any:
        set_language(usage.environment_language())
        return vorrat.main(args=args, prog_name=usage.PROGRAM, standalone_mode=False)

    with using("en"):
        return exit_codes.run_isolated(run)


def open_missing_streams() -> None:
    """Open the null device in place of standard streams that are closed. Otherwise another file or
    pipe would get their descriptors."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # os.open takes the lowest free descriptor, which is that of the missing stream.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115


def substitute_unprintable() -> None:
    """Set stdout and stderr to replace characters that the console cannot show, so that printing
    them does not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
