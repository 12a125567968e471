"""Where the files that a run has read lie among the copies that it leaves.

Scenarios name their tables and what they include by paths that lead downwards, so that a copy of
the folder of each file on the command line is all that is needed. A saved result keeps its folder
as well, since that is what comparisons name it by.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from models.recording import Read
from optimizer.cli.saved import MAIN_FILES


@dataclass(frozen=True)
class Layout:
    """The place of each file, and of each value of the command line that names one."""

    places: dict[Read, str]
    named: dict[str, str]


def laid_out(values: Sequence[str], files: Sequence[Read]) -> Layout:
    """Where files lie beside each other, for the values of the command line that may name some."""
    found: dict[str, tuple[Read, Path, str]] = {}
    for value in values:
        for text, variant in _readings(value):
            read = next((read for read in files if Path(text) in _named_by(read)), None)
            if read is not None:
                found[value] = (read, Path(text), variant)
                break
    roots = _apart([_root(read) for read, _, _ in found.values()])
    places = {
        read: place
        for read in files
        if read.role not in ("preset", "cuts") and (place := _place(_absolute(read.path), roots))
    }
    named = {
        value: f"{place}@{variant}" if variant else place
        for value, (_, path, variant) in found.items()
        if (place := _place(_absolute(path), roots))
    }
    return Layout(places, named)


def is_inside(place: str) -> bool:
    """Whether a relative path stays in its folder, on any system."""
    parts = place.split("/")
    return not (
        any(part in ("", ".", "..") for part in parts)
        or any(sign in place for sign in ("\\", ":", "\0"))
        or PurePosixPath(place).is_absolute()
    )


def _readings(value: str) -> list[tuple[str, str]]:
    """A value as a path, and as a path with a variant behind an @."""
    file, at, variant = value.rpartition("@")
    return [(value, ""), (file, variant)] if at and file else [(value, "")]


def _named_by(read: Read) -> tuple[Path, ...]:
    """The paths that mean a file: its own, and the folder of a saved result."""
    own = Path(read.path)
    return (own, own.parent) if read.role == "result" and own.name in MAIN_FILES else (own,)


def _root(read: Read) -> Path:
    folder = _absolute(read.path).parent
    return folder.parent if read.role == "result" and Path(read.path).name in MAIN_FILES else folder


def _absolute(path: str | Path) -> Path:
    return Path(os.path.normpath(Path(path).absolute()))


def _apart(roots: Sequence[Path]) -> list[Path]:
    """The folders of which none lies in another."""
    kept: list[Path] = []
    for root in sorted(set(roots), key=lambda path: (len(path.parts), str(path))):
        if not any(root.is_relative_to(other) for other in kept):
            kept.append(root)
    return kept


def _place(path: Path, roots: Sequence[Path]) -> str:
    """From the root that holds it, which has a number where there are several; empty elsewhere."""
    for number, root in enumerate(roots, 1):
        if path.is_relative_to(root):
            inside = path.relative_to(root).as_posix()
            place = f"{number}/{inside}" if len(roots) > 1 else inside
            return place if is_inside(place) else ""
    return ""
