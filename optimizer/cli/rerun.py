"""``vorrat rerun``: a run once more from what it left behind, and whether it comes out the same."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import click

from models.language import marked, tr
from models.results.manifest import Manifest, Rerun, Surrounding, WhyNot
from optimizer.cli import options, speaking

BEARING = ("versions.", "solver.", "environment.", "platform.")
"""What around a run a promise rests on; the release of a system is none of it."""
WHY_NOT: dict[WhyNot, str] = {
    "time limit": marked("it ended on its time limit"),
    "interrupted": marked("it was interrupted"),
    "killed": marked("it was killed, and its best plan so far was kept"),
    "stopped": marked("it was stopped before its end"),
    "cuts": marked("it began from cuts of earlier runs"),
    "input changed": marked("an input changed while it ran"),
}


@click.command(
    epilog="Exit codes: 0 reproduced; 1 something came out differently, or an output has been "
    "changed since; 2 wrong usage, or an input that is missing or has changed; 3, 4 and 5 as the "
    "command that is run; 130 interrupted."
)
@click.argument("given", metavar="DIR_OR_MANIFEST", type=click.Path(path_type=Path))
@click.option(
    "--inputs",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    metavar="DIR",
    help="Where inputs lie of which the manifest has no copy, such as private files.",
)
@options.out("Write what comes out now into this folder as well.")
@options.as_json
@speaking.language_option
def rerun(given: Path, inputs: Path | None, out: Path | None, as_json: bool) -> int:
    """Run once more what left a manifest, and compare what comes out with what came out then."""
    if as_json:
        speaking.for_machines()
    from optimizer.cli.repeating import differing
    from optimizer.cli.repeating import from_manifest as repeating

    path = repeating.find(given)
    manifest = repeating.read(path)
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise click.UsageError(tr("'{path}' exists already: name a new folder.", path=out))
    with tempfile.TemporaryDirectory(prefix="vorrat-") as name:
        laid_out, results = Path(name) / "inputs", out or Path(name) / "results"
        laid_out.mkdir()
        repeating.lay_out(manifest, path.parent, inputs, laid_out)
        code, said = _run(manifest, laid_out, results.absolute())
        if code not in (0, 1, manifest.exit_code):
            click.echo(said, err=True, nl=False)
            return code
        found = differing.compare(manifest, path.parent, results)
    surroundings = tuple(_surroundings(manifest))
    if code != manifest.exit_code:
        found.differs("", "exit_code", manifest.exit_code, code)
    answer = Rerun(
        manifest=path.name,
        command=manifest.command,
        reproduced=found.differing == 0 and not found.changed_since,
        promised=manifest.repeatable
        and not any(
            one.name.startswith(BEARING) and one.name != "platform.release" for one in surroundings
        ),
        why_not=manifest.why_not,
        surroundings=surroundings,
        exit_code_then=manifest.exit_code,
        exit_code=code,
        compared=found.outputs,
        not_compared=found.not_compared,
        changed_since=found.changed_since,
        differing=found.differing,
        first_difference=found.first,
        equally_good=found.equally_good,
    )
    if as_json:
        click.echo(answer.model_dump_json(indent=2))
    else:
        for line in told(answer):
            click.echo(line)
    return 0 if answer.reproduced else 1


def _run(manifest: Manifest, inputs: Path, out: Path) -> tuple[int, str]:
    """Run a command as the command line does; its exit code, and what it said of itself."""
    from optimizer import cli
    from optimizer.cli.repeating import from_manifest as repeating

    command = cli.vorrat.get_command(click.get_current_context(), manifest.command)
    assert command is not None
    line = repeating.command_line(manifest, inputs, out, command)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
        code = cli.answer(line)
    return code, said.getvalue()


def _surroundings(manifest: Manifest) -> Iterator[Surrounding]:
    """What is no longer as it was then."""
    from optimizer.cli.repeating import surroundings

    pairs = {
        "platform": (manifest.platform.model_dump(), surroundings.this_platform().model_dump()),
        "solver": (manifest.solver.model_dump(), surroundings.this_solver().model_dump()),
        "versions": (manifest.versions, surroundings.these_versions()),
        "environment": (manifest.environment, surroundings.this_environment()),
    }
    for group, (then, now) in pairs.items():
        for name in sorted({*then, *now}):
            before, after = then.get(name), now.get(name)
            # The count of threads is that of then, whatever there is now.
            if before != after and name != "cores":
                yield Surrounding(
                    name=f"{group}.{name}",
                    then=None if before is None else str(before),
                    now=None if after is None else str(after),
                )


def told(answer: Rerun) -> Iterator[str]:
    """A rerun in sentences."""
    for one in answer.surroundings:
        yield tr("{name}: then {then}, now {now}", name=one.name, then=one.then or "-",
                 now=one.now or "-")  # fmt: skip
    if answer.why_not is not None:
        reason = tr(WHY_NOT[answer.why_not])
        yield tr("The same result was not promised for this run: {reason}.", reason=reason)
    if answer.changed_since:
        names = ", ".join(answer.changed_since)
        yield tr("Changed or missing since the run: {names}.", names=names)
    first = answer.first_difference
    if first is None:
        yield tr(
            "Reproduced: outputs of '{command}' that are the same again: {count}.",
            command=answer.command,
            count=answer.compared,
        )
    else:
        yield tr("Not reproduced: values that differ: {count}. The first of them:",
                 count=answer.differing)  # fmt: skip
        place = ": ".join(part for part in (first.output, first.path) if part)
        yield f"  {place}"
        yield "  " + tr("then: {value}", value=_written(first.then))
        yield "  " + tr("now: {value}", value=_written(first.now))
        if first.relative is not None:
            yield "  " + tr("relative difference: {value}", value=f"{first.relative:.3g}")
        if answer.equally_good is True:
            yield tr("Both plans are within their gap of the best: they are equally good.")
        elif answer.equally_good is False:
            yield tr("The plans are not both within their gap of the best.")
    if answer.not_compared:
        names = ", ".join(answer.not_compared)
        yield tr(
            "Not compared, since they state how long the run took: {names}. They are made from "
            "the others.",
            names=names,
        )


def _written(value: object) -> str:
    return "-" if value is None else repr(value) if isinstance(value, float) else str(value)
