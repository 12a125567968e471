"""``vorrat verify``: another solver checks the proof of a plan."""

import json
import math
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from models.faults import ScenarioError, SourceLocation
from models.files.decoding import read_bytes
from optimizer.cli import options, usage
from optimizer.cli.analysis_commands import misuse_as_usage_error
from optimizer.cli.diagnostics import ProgressDisplay
from optimizer.cli.usage import usage_error
from optimizer.errors import CheckFailed, NoPlan

if TYPE_CHECKING:
    from optimizer.solve.proof.chain_damage import SolverName
    from optimizer.solve.proof.proof_program import Check, LoadedProof

MAX_FILE_BYTES = 4_000_000_000
DEFAULT_CUTS = 100


def _parse_cuts(_ctx: click.Context, _option: click.Parameter, value: str) -> int | None:
    if value == "all":
        return None
    if not value.isdecimal():
        raise click.BadParameter(f"{value} is neither a number of cuts nor 'all'.")
    return int(value)


@click.command(
    epilog="Exit codes: 0 all checks hold; 2 wrong usage, no proof, or a solver that is not "
    "installed; 4 a limit ended a check; 5 a check refuses the proof, or failure; 130 interrupted."
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--solver",
    type=click.Choice(["scip", "highs", "gurobi"]),
    default="scip",
    show_default=True,
    help="Solver that proves the bound and solves all linear programs.",
)
@click.option(
    "--cuts",
    default=str(DEFAULT_CUTS),
    show_default=True,
    metavar="N|all",
    callback=_parse_cuts,
    help="Recompute so many of the cuts, evenly spaced, or all.",
)
@click.option(
    "--time-limit",
    type=options.FiniteFloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Stop each single solve after this time; what it was for is then undecided.",
)
@options.json_option()
@options.quiet_option
@usage.language_option
def verify(
    folder: Path,
    solver: str,
    cuts: int | None,
    time_limit: float | None,
    as_json: bool,
    quiet: bool,
) -> int:
    """Check the proof in DIR, which solve --keep-proof has written, by another solver.

    It proves the bound of the program, and recomputes cuts and the plan's objective.
    """
    from optimizer.solve.proof.chain_damage import find_solver
    from optimizer.solve.proof.recomputation import checks

    name: SolverName = solver  # type: ignore[assignment]
    with misuse_as_usage_error():
        file_solver = find_solver(name)
    loaded = _load(folder)
    done: list[Check] = []
    with closing(ProgressDisplay(quiet)) as progress:
        for check in checks(folder, loaded, file_solver, cuts, time_limit, progress.report_step):
            done.append(check)
            if not as_json:
                progress.close()
                click.echo(_line(check))
    outcomes = [check.holds for check in done]
    if as_json:
        records = [vars(check) for check in done]
        click.echo(json.dumps({"solver": file_solver.label, "checks": records}, indent=2))
    elif all(outcomes):
        click.echo("Verified: all checks hold.")
    elif False in outcomes:
        click.echo(
            "Refused: {names}".format(names=", ".join(x.name for x in done if x.holds is False))
        )
    else:
        click.echo("Undecided: a limit ended a check.")
    if all(outcomes):
        return 0
    return CheckFailed.exit_code if False in outcomes else NoPlan.exit_code  # as after any limit


def _line(check: "Check") -> str:
    word = {True: "holds", False: "REFUSED", None: "undecided"}[check.holds]
    seconds = f" ({check.seconds:.1f} s)" if check.seconds >= math.ulp(1) + 0.05 else ""
    return f"{word:<9} {check.name}: {check.details}{seconds}"


def _load(folder: Path) -> "LoadedProof":
    """Read the files of a proof. Raise click.UsageError if they are not those of a proof."""
    from models.results import BoundProof, Plan, manifest as proofs
    from optimizer.solve.proof.proof_program import LoadedProof

    files: dict[str, bytes] = {}
    for name in (*proofs.PROOF_FILES, proofs.PROGRAM_NAMES_FILE):
        path = folder / name
        if name == proofs.PROGRAM_NAMES_FILE and not path.exists():
            continue
        try:
            files[name] = read_bytes(path, SourceLocation(str(path)), MAX_FILE_BYTES, "result")
        except ScenarioError as error:
            problem = error.faults[0].message
            raise usage_error(
                "'{path}' holds no proof: {problem}; solve with --keep-proof writes one.",
                path=folder,
                problem=problem,
            ) from None
    try:
        proof = BoundProof.model_validate_json(files[proofs.PROOF_FILE])
        plan = Plan.model_validate_json(files[proofs.PROOF_PLAN_FILE])
    except ValidationError as error:
        first = error.errors()[0]
        place, message = ".".join(map(str, first["loc"])), first["msg"].splitlines()[0]
        raise usage_error(
            "'{path}' holds no proof that this version reads: {place}: {problem}",
            path=folder,
            place=place,
            problem=message,
        ) from None
    return LoadedProof(proof, plan, files)
