"""What ``evaluate``, ``explain``, ``alternatives`` and ``sensitivity`` are given."""

from __future__ import annotations

from pathlib import Path

import click

from models.files.json_document import NotPlainError, read_json
from models.language import tr
from models.results import Plan
from optimizer.cli import saved, whole

SCENARIOS = (".yaml", ".yml", ".xlsx", ".xlsm")


def read_plan(text: str) -> tuple[Path, Plan]:
    """A saved plan, of a file or of the folder it is in.

    Raises click.UsageError where there is none.
    """
    if text.lower().endswith(SCENARIOS):
        raise click.UsageError(
            tr("'{path}' is a scenario: solve it with --out, and give its plan.json.", path=text)
        )
    found = saved.read(text)
    if not isinstance(found.result, Plan):
        raise click.UsageError(
            tr("'{path}' holds no plan but '{kind}'.", path=found.path, kind=kind_of(found.path))
        )
    whole.tell(found.path, found.doubts)
    return found.path, found.result


def is_plan(text: str) -> bool:
    """Whether a saved plan is meant rather than a scenario file: a folder, or JSON of that kind."""
    return Path(text).is_dir() or kind_of(Path(text)) is not None


def kind_of(path: Path) -> str | None:
    """What a result says it is; None of any other file, also of a scenario, which has no kind."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return None
    try:
        content = read_json(path)
    except NotPlainError:
        return None  # The reader of scenarios says what is wrong with it.
    kind = content.get("kind") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None
