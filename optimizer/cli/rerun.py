"""``vorrat rerun``: a run once more from its manifest, and whether it comes out the same."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import click

from models.files.json_document import NotPlainError, parse_json
from models.language import marked, tr
from models.results import manifest as entries
from models.results.manifest import Manifest, Rerun, WhyNot
from models.results.volatile import content_hash, content_of
from optimizer.cli import manifest as manifests
from optimizer.cli import options, speaking
from optimizer.cli.from_manifest import command_line, content_at, found, lay_out, read, sha256
from optimizer.cli.usage import misused

WHY_NOT: dict[WhyNot, str] = {
    "time limit": marked("it ended on its time limit"),
    "interrupted": marked("it was interrupted"),
    "killed": marked("it was killed, and its best plan so far was kept"),
    "stopped": marked("it was stopped before its end"),
    "cuts": marked("it began from cuts of earlier runs"),
    "input changed": marked("an input changed while it ran"),
}
LONGEST = 200
"""Characters of a value that are shown."""
ABSENT = object()


@click.command(
    epilog="Exit codes: 0 reproduced; 1 something came out differently, or an output has been "
    "changed since; 2 wrong usage, or an input that is missing or has changed; 3, 4 and 5 as the "
    "command that is run; 130 interrupted."
)
@click.argument("given", metavar="DIR_OR_MANIFEST", type=click.Path(path_type=Path))
@options.path(
    "--inputs",
    "DIR",
    "Where inputs lie of which the manifest has no copy, such as private files.",
    exists=True,
)
@options.out("Write what comes out now into this folder as well.")
@options.as_json()
@speaking.language_option
def rerun(given: Path, inputs: Path | None, out: Path | None, as_json: bool) -> int:
    """Run once more what left a manifest, and compare what comes out with what came out then."""
    from optimizer import cli

    path = found(given)
    manifest = read(path)
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise misused("'{path}' exists already: name a new folder.", path=out)
    command = cli.vorrat.get_command(click.get_current_context(), manifest.command)
    assert command is not None
    with tempfile.TemporaryDirectory(prefix="vorrat-") as name:
        laid_out, results = Path(name) / "inputs", out or Path(name) / "results"
        laid_out.mkdir()
        lay_out(manifest, path.parent, inputs, laid_out)
        line = command_line(manifest, laid_out, results.absolute(), command)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as said:
            code = cli.run(line)
        if code not in (0, 1, manifest.exit_code):
            click.echo(said.getvalue(), err=True, nl=False)
            return code
        compared = _compared(manifest, path.parent, results)
    surroundings = tuple(_surroundings(manifest))
    # A promise rests on all but the release of a system.
    same = all(one.name == "platform.release" for one in surroundings)
    differing = compared.pop("differing")
    if code != manifest.exit_code:
        differing.append(("", "exit_code", manifest.exit_code, code))
    answer = Rerun(
        manifest=path.name,
        command=manifest.command,
        reproduced=not differing and not compared["changed_since"],
        promised=manifest.repeatable and same,
        why_not=manifest.why_not,
        surroundings=surroundings,
        exit_code_then=manifest.exit_code,
        exit_code=code,
        differing=len(differing),
        first_difference=_first(*differing[0]) if differing else None,
        **compared,
    )
    click.echo(answer.model_dump_json(indent=2) if as_json else "\n".join(_told(answer)))
    return 0 if answer.reproduced else 1


def _surroundings(manifest: Manifest) -> Iterator[entries.Surrounding]:
    """What is no longer as it was then."""
    pairs: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
        "platform": (manifest.platform.model_dump(), manifests.this_platform().model_dump()),
        "solver": (manifest.solver.model_dump(), manifests.this_solver().model_dump()),
        "versions": (manifest.versions, manifests.these_versions()),
        "environment": (manifest.environment, manifests.this_environment()),
    }
    for group, pair in pairs.items():
        for name in sorted({*pair[0], *pair[1]}):
            then, now = (str(side[name]) if name in side else None for side in pair)
            # The count of threads is that of then, whatever there is now.
            if then != now and name != "cores":
                yield entries.Surrounding(name=f"{group}.{name}", then=then, now=now)


def _compared(manifest: Manifest, before: Path, after: Path) -> dict[str, Any]:
    """The outputs in a folder beside those that a manifest lists, which lie in another: fields of a
    rerun, and the values that differ by output and path.

    An output that is not there any more as it was written is compared by its hash alone.
    """
    changed, not_compared, good = [], [], None
    differing: list[tuple[str, str, Any, Any]] = []
    for output in manifest.outputs:
        old, new = content_at(before / output.path, output.size), content_at(after / output.path)
        if old is None or sha256(old) != output.sha256:
            changed.append(output.path)
            old = None
        own, due = None if new is None else sha256(new), output.sha256
        if new is not None and output.volatile == ("*",):
            not_compared.append(output.path)
            continue
        if new is not None and output.content_sha256 is not None:
            now, due = json.loads(new), output.content_sha256
            own = content_hash(now, output.volatile)
            then = None
            if own != due and old is not None:
                with suppress(NotPlainError):  # a manifest may call anything a document
                    then = parse_json(old)
            if then is not None:
                contents = (content_of(then, output.volatile), content_of(now, output.volatile))
                differing += [(output.path, *one) for one in _differences(*contents, ())]
                good = _equally_good(then, now) if good is None else good
                continue
        if own != due:
            differing.append((output.path, "", due, own))
    return {
        "compared": len(manifest.outputs) - len(not_compared),
        "changed_since": tuple(changed),
        "not_compared": tuple(not_compared),
        "equally_good": good,
        "differing": differing,
    }


def _differences(then: Any, now: Any, at: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, list) and isinstance(now, list):
        then, now = dict(enumerate(then)), dict(enumerate(now))
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            pair = (then.get(key, ABSENT), now.get(key, ABSENT))
            yield from _differences(*pair, (*at, str(key)))
    elif then != now or isinstance(then, bool) != isinstance(now, bool):
        yield ".".join(at), then, now


def _equally_good(then: Any, now: Any) -> bool | None:
    """Whether two plans both lie within their gap of the best that either of them proves."""
    found: list[tuple[Any, ...]] = []
    for document in (then, now):
        proof = document.get("certificate") if isinstance(document, dict) else None
        names = ("objective", "bound", "gap_target")
        figures = tuple(proof.get(name) for name in names) if isinstance(proof, dict) else (None,)
        if not all(isinstance(figure, (int, float)) for figure in figures):
            return None
        found.append(figures)
    best = max(bound for _, bound, _ in found)
    return all(value - best <= gap * max(abs(value), 1e-6) for value, _, gap in found)


def _first(output: str, path: str, then: Any, now: Any) -> entries.FirstDifference:
    """A value that differs, as a result can hold it: whole, unless it is long."""

    def shown(value: Any) -> Any:
        if value is ABSENT or value is None or isinstance(value, (bool, int, float)):
            return None if value is ABSENT else value
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        return text if len(text) <= LONGEST else text[:LONGEST] + "..."

    relative = None
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (then, now)):
        largest = max(abs(then), abs(now))
        relative = abs(then - now) / largest if largest else 0.0
    return entries.FirstDifference(
        output=output, path=path, then=shown(then), now=shown(now), relative=relative
    )


def _told(answer: Rerun) -> Iterator[str]:
    """A rerun in sentences."""
    for one in answer.surroundings:
        then, now = one.then or "-", one.now or "-"
        yield tr("{name}: then {then}, now {now}", name=one.name, then=then, now=now)
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
        count = answer.differing
        yield tr("Not reproduced: values that differ: {count}. The first of them:", count=count)
        yield "  " + ": ".join(part for part in (first.output, first.path) if part)
        yield "  " + tr("then: {value}", value=_written(first.then))
        yield "  " + tr("now: {value}", value=_written(first.now))
        if first.relative is not None:
            yield "  " + tr("relative difference: {value}", value=f"{first.relative:.3g}")
        if answer.equally_good is True:
            yield tr("Both plans are within their gap of the best: they are equally good.")
        elif answer.equally_good is False:
            yield tr("The plans are not both within their gap of the best.")
    if answer.not_compared:
        yield tr(
            "Not compared, since they state how long the run took: {names}. They are made from "
            "the others.",
            names=", ".join(answer.not_compared),
        )


def _written(value: object) -> str:
    return "-" if value is None else repr(value) if isinstance(value, float) else str(value)
