"""Folders of results before and after, and steps of the system that fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from optimizer.cli.output_files import publish

Tree = dict[str, bytes | None]
"""Content by name; None for a folder."""

OLD = {
    "plan.json": b"old",
    "plan.manifest.json": b"old",
    "plans/1/plan.json": b"old 1",
    "plans/2/plan.json": b"old 2",
}
MINE: Tree = {"notes.txt": b"mine", "inputs": None, "inputs/mine.csv": b"mine"}
NEW = {
    "inputs/plan/a/b.csv": b"in",
    "plans/1/plan.json": b"new 1",
    "plans/3/plan.json": b"new 3",
    "plan.json": b"new",
    "plan.manifest.json": b"new",
}
STEPS = ("open", "write", "fsync", "close", "mkdir", "rename", "replace", "link", "unlink", "rmdir")
GROWING = ("open", "write", "fsync", "mkdir")
"""Those that need room on the disk, or may; to open a file does where that makes it."""


class Killed(BaseException):
    """The process is dead: nothing of it runs any more."""


def tree(folder: Path) -> Tree:
    """All that stands in a folder."""
    return {
        path.relative_to(folder).as_posix(): None if path.is_dir() else path.read_bytes()
        for path in sorted(folder.rglob("*"))
    }


def visible(folder: Path) -> Tree:
    """The same without what is hidden."""
    return {name: held for name, held in tree(folder).items() if not name.startswith(".vorrat-")}


def content(files: Mapping[str, bytes | None]) -> Tree:
    """What a folder holds that has these files."""
    folders = {str(above) for name in files for above in list(Path(name).parents)[:-1]}
    return dict(sorted({**dict.fromkeys(folders), **files}.items()))


def among() -> Tree:
    """The folder before, with other things in it."""
    return content({**MINE, **OLD})


def after() -> Tree:
    return content({**MINE, **NEW})


def lay(folder: Path, files: Mapping[str, bytes | None]) -> None:
    for name, held in files.items():
        if held is None:
            (folder / name).mkdir(parents=True, exist_ok=True)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(held)


@contextmanager
def failing(
    at: int, what: Callable[[], BaseException], *, lasting: bool, steps: Collection[str] = STEPS
) -> Iterator[list[str]]:
    """Let a step of the system fail, counted from 1, and all that come after it where it lasts;
    yields the steps that were taken."""
    taken: list[str] = []
    real = {name: getattr(os, name) for name in steps}

    def step(name: str) -> Callable[..., Any]:
        def take(*args: Any, **options: Any) -> Any:
            if name == "open" and steps is GROWING and not args[1] & os.O_CREAT:
                return real[name](*args, **options)
            taken.append(name)
            if len(taken) == at or (lasting and len(taken) > at):
                if name == "close":
                    with suppress(OSError):
                        real[name](*args)  # or the test would run out of handles
                raise what()
            return real[name](*args, **options)

        return take

    with pytest.MonkeyPatch.context() as patch:
        for name in steps:
            patch.setattr(os, name, step(name))
        yield taken


def put(folder: Path) -> None:
    publish(folder, NEW, replace=["plans"], force=True)


def counted(prepare: Callable[[Path], Path], root: Path) -> int:
    place = prepare(root / "counted")
    with failing(0, Killed, lasting=False) as taken:
        put(place)
    return len(taken)


def full_folder(root: Path) -> Path:
    lay(root / "out", among())
    return root / "out"


def no_folder(root: Path) -> Path:
    root.mkdir()
    return root / "made" / "out"


def empty_folder(root: Path) -> Path:
    (root / "out").mkdir(parents=True)
    return root / "out"
