"""Checks that a saved result is as it was written, and that its figures are consistent."""

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

MAX_LISTED = 3  # inconsistent figures that are reported one by one
BOUND_MESSAGES = {
    "least": mark_translatable(
        "'{name}' does not add up: {path} is {said}, and cannot be below {due}."
    ),
    "most": mark_translatable(
        "'{name}' does not add up: {path} is {said}, and cannot be above {due}."
    ),
    "equal": mark_translatable("'{name}' does not add up: {path} is {said}, and has to be {due}."),
}
MAX_FOLDER_LEVELS = 3  # of a result below its manifest, as in `plans/LABEL/plan.json`


def find_doubts(path: Path, raw: bytes, content: dict[str, Any], result: Result) -> Caveats:
    """Return the caveats of a result that was read from the file ``path``, with the bytes ``raw``
    and the parsed ``content``. There are none if seal and manifest show that the file is as it was
    written, and if its figures are consistent."""
    # Imported late: it is slow to import, and only commands that read results need it.
    from optimizer.solve.consistency import find_discrepancies

    seal = content.get(SEAL_FIELD)
    content_seal = compute_seal(content)
    digest = hashlib.sha256(raw).hexdigest()
    listings, contradictions, unconfirmed = list(_manifest_entries(path)), [], []
    details = {"name": "/".join(path.parts[-2:]), "field": SEAL_FIELD, "kind": content.get("kind")}
    details |= {"own": content_seal[:16], "seal": _format_value(seal)[:16], "digest": digest[:16]}
    if SEAL_FIELD in content and seal != content_seal:
        sentence = tr(
            "'{name}' was changed after it was written: the SHA-256 of its content is {own}, "
            "and its own field {field} says {seal}.",
            **details,
        )
        contradictions.append(sentence)
    matches_manifest = any(
        digest == output.sha256
        # Reformatted by another program, with the same content.
        or (
            seal == content_seal and content_hash(content, output.volatile) == output.content_sha256
        )
        for _, output in listings
    )
    if listings and not matches_manifest:
        details |= {"manifest": listings[0][0], "sha": listings[0][1].sha256[:16]}
        sentence = tr(
            "'{name}' is not the file that '{manifest}' lists: its SHA-256 is {digest}, not {sha}.",
            **details,
        )
        contradictions.append(sentence)
    elif SEAL_FIELD not in content and not matches_manifest:
        # Named by its title, not its path: a page must not depend on where the file was.
        title, variant = content.get("title"), content.get("variant")
        title = title.get(current_language()) if isinstance(title, dict) else title
        sentence = tr(
            "It cannot be confirmed that '{title}' ({kind}) is as it was written: it has no "
            "field {field}, and no manifest lists it.",
            title=f"{title}@{variant}" if variant else title,
            **details,
        )
        unconfirmed.append(sentence)
    contradictions += disagreement_sentences(path, list(find_discrepancies(result)))
    return Caveats(tuple(contradictions), tuple(unconfirmed))


def announce_doubts(path: Path, doubts: Caveats) -> None:
    """Print the caveats of a result to stderr."""
    for sentence in doubts.contradictions:
        announce("WARNING: {sentence}", sentence=sentence)
    for sentence in doubts.unconfirmed:
        announce("NOTE: {file}: {sentence}", file=path, sentence=sentence)


def _manifest_entries(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield each manifest entry for a file, as a pair of the name of the manifest and the output
    that it lists. Manifests are searched for in the folders above the file."""
    path = path.absolute()
    for folder in path.parents[:MAX_FOLDER_LEVELS]:
        for manifest_file in sorted(folder.glob(f"*{MANIFEST_SUFFIX}")):
            # Read directly: a manifest is no input and must not enter the input log.
            try:
                if manifest_file.stat().st_size > MAX_BYTES:
                    continue
                manifest = Manifest.model_validate(parse_json(manifest_file.read_bytes()))
            except (OSError, InvalidJsonError, ValidationError):
                continue  # not a valid manifest
            relative_path = path.relative_to(folder).as_posix()
            input_hashes = {entry.sha256 for entry in manifest.inputs}
            for output in manifest.outputs:
                # A file that the run only copied from its inputs was not written by it.
                if output.path == relative_path and output.sha256 not in input_hashes:
                    yield manifest_file.name, output


def disagreement_sentences(path: Path, disagreements: Sequence[Discrepancy]) -> Iterator[str]:
    """Yield a sentence for each of the first figures of a file that are not consistent with others,
    and one with the number of further such figures."""
    name = "/".join(path.parts[-2:])
    for discrepancy in disagreements[:MAX_LISTED]:
        stated_value = _format_value(discrepancy.stated)
        message = BOUND_MESSAGES.get(str(discrepancy.bound), BOUND_MESSAGES["equal"])
        yield tr(
            message,
            name=name,
            path=discrepancy.location,
            said=stated_value,
            due=_format_value(discrepancy.expected),
        )
    if len(disagreements) > MAX_LISTED:
        unlisted_count = len(disagreements) - MAX_LISTED
        yield tr(
            "'{name}' does not add up in more places: {count}.", name=name, count=unlisted_count
        )


def _format_value(value: object) -> str:
    if value is None:
        return tr("nothing")
    if isinstance(value, float):
        return f"{value:.9g}"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
