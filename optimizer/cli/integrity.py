"""Whether a saved result is the one that was written, and adds up: what is said where it is not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from models.files.result_json import MAX_BYTES, InvalidJsonError, parse_json
from models.language import current_language, mark_translatable, tr
from models.results import Manifest, Result
from models.results.base import SEAL_FIELD, compute_seal, content_hash
from models.results.caveats import Caveats
from models.results.manifest import MANIFEST_SUFFIX
from optimizer.cli.usage import announce

if TYPE_CHECKING:
    from optimizer.solve.figure_checks import Discrepancy

MAX_LISTED = 3  # figures that do not add up and are told one by one
BOUND_MESSAGES = {
    "least": mark_translatable(
        "'{name}' does not add up: {path} is {said}, and cannot be below {due}."
    ),
    "most": mark_translatable(
        "'{name}' does not add up: {path} is {said}, and cannot be above {due}."
    ),
    "equal": mark_translatable("'{name}' does not add up: {path} is {said}, and has to be {due}."),
}
MAX_FOLDER_LEVELS = (
    3  # A result lies at most so many folders below its manifest: `plans/LABEL/plan.json`
)


def find_doubts(path: Path, raw: bytes, content: dict[str, Any], result: Result) -> Caveats:
    """What is to be said of a result, made of the content of a file, which has these bytes; nothing
    where it is as it was written, by its seal and by the manifest beside it, and adds up."""
    # It takes a moment to import: only those who read results wait for it.
    from optimizer.solve.consistency import find_discrepancies

    seal, own, digest = (
        content.get(SEAL_FIELD),
        compute_seal(content),
        hashlib.sha256(raw).hexdigest(),
    )
    listed, against, unknown = list(_manifest_entries(path)), [], []
    about = {"name": "/".join(path.parts[-2:]), "field": SEAL_FIELD, "kind": content.get("kind")}
    about |= {"own": own[:16], "seal": _format_value(seal)[:16], "digest": digest[:16]}
    if SEAL_FIELD in content and seal != own:
        told = tr(
            "'{name}' was changed after it was written: the SHA-256 of its content is {own}, "
            "and its own field {field} says {seal}.",
            **about,
        )
        against.append(told)
    as_listed = any(
        digest == output.sha256
        # Written anew by another program, with all that it says.
        or (seal == own and content_hash(content, output.volatile) == output.content_sha256)
        for _, output in listed
    )
    if listed and not as_listed:
        about |= {"manifest": listed[0][0], "sha": listed[0][1].sha256[:16]}
        told = tr(
            "'{name}' is not the file that '{manifest}' lists: its SHA-256 is {digest}, not {sha}.",
            **about,
        )
        against.append(told)
    elif SEAL_FIELD not in content and not as_listed:
        # Named by document and variant: with the same content a page is the same, wherever it lay.
        title, variant = content.get("title"), content.get("variant")
        title = title.get(current_language()) if isinstance(title, dict) else title
        told = tr(
            "It cannot be confirmed that '{title}' ({kind}) is as it was written: it has no "
            "field {field}, and no manifest lists it.",
            title=f"{title}@{variant}" if variant else title,
            **about,
        )
        unknown.append(told)
    against += disagreement_sentences(path, list(find_discrepancies(result)))
    return Caveats(tuple(against), tuple(unknown))


def announce_doubts(path: Path, doubts: Caveats) -> None:
    """Say on stderr what there is to say of a result that is shown all the same."""
    for sentence in doubts.contradictions:
        announce("WARNING: {sentence}", sentence=sentence)
    for sentence in doubts.unconfirmed:
        announce("NOTE: {file}: {sentence}", file=path, sentence=sentence)


def _manifest_entries(path: Path) -> Iterator[tuple[str, Any]]:
    """What manifests list under the name of a file, and their own names."""
    path = path.absolute()
    for folder in path.parents[:MAX_FOLDER_LEVELS]:
        for beside in sorted(folder.glob(f"*{MANIFEST_SUFFIX}")):
            # Not by the door for inputs: a manifest is none.
            try:
                if beside.stat().st_size > MAX_BYTES:
                    continue
                manifest = Manifest.model_validate(parse_json(beside.read_bytes()))
            except (OSError, InvalidJsonError, ValidationError):
                continue  # It says nothing of any file.
            own = path.relative_to(folder).as_posix()
            given = {one.sha256 for one in manifest.inputs}
            for output in manifest.outputs:
                # What a run was given and passed on, it did not write.
                if output.path == own and output.sha256 not in given:
                    yield beside.name, output


def disagreement_sentences(path: Path, disagreements: Sequence[Discrepancy]) -> Iterator[str]:
    """What figures of a file do not agree, in sentences."""
    name = "/".join(path.parts[-2:])
    for one in disagreements[:MAX_LISTED]:
        said, rule = (
            _format_value(one.stated),
            BOUND_MESSAGES.get(str(one.bound), BOUND_MESSAGES["equal"]),
        )
        yield tr(rule, name=name, path=one.location, said=said, due=_format_value(one.expected))
    if len(disagreements) > MAX_LISTED:
        rest = len(disagreements) - MAX_LISTED
        yield tr("'{name}' does not add up in more places: {count}.", name=name, count=rest)


def _format_value(value: object) -> str:
    if value is None:
        return tr("nothing")
    if isinstance(value, float):
        return f"{value:.9g}"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
