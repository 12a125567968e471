"""Inputs that fuzzing found worth keeping: texts in one file a reader, workbooks in an archive."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

Entry = tuple[str, bytes]
"""The name of a reader, and what it is given."""
BOOKS = "books.tar.xz"


def write(folder: Path, entries: list[Entry]) -> None:
    """Write a corpus, in place of the one that was there."""
    folder.mkdir(parents=True, exist_ok=True)
    texts: dict[str, list[str]] = {}
    books: list[Entry] = []
    for reader, raw in sorted(entries):
        if b"PK\x03\x04" in raw[:60]:
            books.append((reader, raw))
        else:
            texts.setdefault(reader, []).append(raw.decode("utf-8", "surrogateescape"))
    for reader, found in texts.items():
        lines = ",\n".join(map(json.dumps, sorted(found, key=len)))
        (folder / f"{reader}.json").write_text(f"[\n{lines}\n]\n", encoding="ascii")
    with tarfile.open(folder / BOOKS, "w:xz") as archive:
        for number, (reader, raw) in enumerate(books):
            about = tarfile.TarInfo(f"{reader}-{number:03}")
            about.size = len(raw)
            archive.addfile(about, io.BytesIO(raw))


def read(folder: Path) -> Iterator[Entry]:
    """All inputs of a corpus."""
    for file in sorted(folder.glob("*.json")):
        for text in json.loads(file.read_text(encoding="ascii")):
            yield file.stem, text.encode("utf-8", "surrogateescape")
    with tarfile.open(folder / BOOKS) as archive:
        for about in archive:
            content = archive.extractfile(about)
            assert content is not None
            yield about.name.partition("-")[0], content.read()
