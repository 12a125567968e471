"""``vorrat rerun``: a run once more from what it left behind, and whether it comes out the same."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from models.files.json_document import NotPlainError, parse_json
from models.language import marked, tr
from models.results.base import content_hash, content_of
from models.results.manifest import (
    FirstDifference,
    Manifest,
    ManifestOutput,
    Rerun,
    Surrounding,
    WhyNot,
)
from optimizer.cli import options, speaking
from optimizer.cli.usage import misused

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
    from optimizer.cli.repeating import from_manifest as repeating

    path = repeating.find(given)
    manifest = repeating.read(path)
    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise misused("'{path}' exists already: name a new folder.", path=out)
    with tempfile.TemporaryDirectory(prefix="vorrat-") as name:
        laid_out, results = Path(name) / "inputs", out or Path(name) / "results"
        laid_out.mkdir()
        repeating.lay_out(manifest, path.parent, inputs, laid_out)
        code, said = _run(manifest, laid_out, results.absolute())
        if code not in (0, 1, manifest.exit_code):
            click.echo(said, err=True, nl=False)
            return code
        found = compare_all(manifest, path.parent, results)
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


LONGEST = 200
"""Characters of a value that are shown."""
ABSENT = object()


@dataclass
class Compared:
    """What a comparison of all outputs found."""

    same: int = 0
    differing: int = 0
    first: FirstDifference | None = None
    equally_good: bool | None = None
    changed_since: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    _different: set[str] = field(default_factory=set)

    @property
    def outputs(self) -> int:
        """How many were compared."""
        return self.same + len(self._different)

    def differs(self, output: str, path: str, then: Any, now: Any) -> None:
        """Take note of a value that differs."""
        self.differing += 1
        self._different.add(output)
        if self.first is None:
            self.first = FirstDifference(
                output=output,
                path=path,
                then=_shown(then),
                now=_shown(now),
                relative=_relative(then, now),
            )


def compare_all(manifest: Manifest, before: Path, after: Path) -> Compared:
    """Compare the outputs in a folder with those that a manifest lists, which lie in another.

    An output that is not there any more as it was written is compared by its hash alone.
    """
    found = Compared()
    changed: list[str] = []
    for output in manifest.outputs:
        old = content(before / output.path, output.size)
        if old is None or _sha256(old) != output.sha256:
            changed.append(output.path)
            old = None
        new = content(after / output.path)
        if new is None:
            found.differs(output.path, "", output.sha256, None)
        elif output.volatile == ("*",):
            found.not_compared += (output.path,)
        elif output.content_sha256 is not None:
            _document(output, old, new, found)
        elif _sha256(new) == output.sha256:
            found.same += 1
        else:
            found.differs(output.path, "", output.sha256, _sha256(new))
    found.changed_since = tuple(changed)
    return found


def content(path: Path, size: int | None = None) -> bytes | None:
    """A file; None where there is none that can be read, or one of another size in bytes."""
    try:
        if not path.is_file() or size not in (None, path.stat().st_size):
            return None
        return path.read_bytes()
    except (OSError, ValueError):
        return None


def _document(output: ManifestOutput, old: bytes | None, new: bytes, found: Compared) -> None:
    now = json.loads(new)
    own = content_hash(now, output.volatile)
    if own == output.content_sha256:
        found.same += 1
        return
    try:
        then = None if old is None else parse_json(old)
    except NotPlainError:
        then = None  # A manifest may call anything a document.
    if then is None:
        found.differs(output.path, "", output.content_sha256, own)
        return
    contents = (content_of(then, output.volatile), content_of(now, output.volatile))
    for path, one, other in _differences(*contents, ()):
        found.differs(output.path, path, one, other)
    if found.equally_good is None:
        found.equally_good = equally_good(then, now)


def _differences(then: Any, now: Any, at: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            pair = (then.get(key, ABSENT), now.get(key, ABSENT))
            yield from _differences(*pair, (*at, str(key)))
    elif isinstance(then, list) and isinstance(now, list):
        for n in range(max(len(then), len(now))):
            one, other = (items[n] if n < len(items) else ABSENT for items in (then, now))
            yield from _differences(one, other, (*at, str(n)))
    elif then != now or isinstance(then, bool) != isinstance(now, bool):
        yield ".".join(at), then, now


def equally_good(then: Any, now: Any) -> bool | None:
    """Whether two plans both lie within their gap of the best that either of them proves."""
    proofs = [
        document.get("certificate") if isinstance(document, dict) else None
        for document in (then, now)
    ]
    found: list[tuple[float, float, float]] = []
    for proof in proofs:
        if not isinstance(proof, dict):
            return None
        proven: list[Any] = [proof.get(name) for name in ("objective", "bound", "gap_target")]
        if not all(isinstance(number, (int, float)) for number in proven):
            return None
        found.append((proven[0], proven[1], proven[2]))
    best = max(bound for _, bound, _ in found)
    return all(value - best <= gap * max(abs(value), 1e-6) for value, _, gap in found)


def _shown(value: Any) -> Any:
    """A value as a result can hold it: whole, unless it is long."""
    if value is ABSENT:
        return None
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _relative(then: Any, now: Any) -> float | None:
    both = (then, now)
    if any(isinstance(value, bool) or not isinstance(value, (int, float)) for value in both):
        return None
    largest = max(abs(value) for value in both)
    return abs(then - now) / largest if largest else 0.0


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
