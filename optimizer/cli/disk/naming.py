"""Names of files and folders: made from data, and those that a system keeps for itself."""

from __future__ import annotations

import hashlib
import re
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from optimizer.cli.usage import misused

RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever ending they have."""
_SIGNS = re.compile('[<>:"|?*\0-\x1f]')
LONGEST = 80
"""Characters: UTF-8 takes up to four bytes for each, and names may have 255."""


def safe_name(text: str) -> str:
    """A text as the name of a file or folder, on Windows as well.

    Letters, digits, ``_``, ``.`` and ``-`` stay; a long text is cut, and told from others that
    begin as it does by a part of its SHA-256.
    """
    name = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", text)).strip(".") or "_"
    if len(name) > LONGEST:
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{name[: LONGEST - 9]}-{digest}"
    return f"{name}_" if RESERVED.fullmatch(name.split(".")[0]) else name


def safe_names(texts: Sequence[str]) -> list[str]:
    """The names of several texts in one folder; a number tells those apart that a file system which
    knows no capitals would take for one."""
    taken: set[str] = set()
    names = []
    for text in texts:
        name = own = safe_name(text)
        number = 1
        while folded(name) in taken:
            number += 1
            name = f"{own}-{number}"
        taken.add(folded(name))
        names.append(name)
    return names


def folded(name: str) -> str:
    """A name as a file system sees it that knows no capitals, and one way to write an accent."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def refuse_reserved(path: Path, system: str = sys.platform) -> None:
    """Refuse what Windows would take for a device, or would not find again. Raises
    click.UsageError, on Windows alone."""
    if system != "win32":
        return
    anchor = path.anchor
    for part in path.parts:
        if part == anchor or part in (".", ".."):
            continue
        if RESERVED.fullmatch(part.split(".")[0].rstrip(" ")):
            raise misused(
                "'{path}' cannot be made: Windows keeps the name '{name}' for a device.",
                path=path,
                name=part,
            )
        if _SIGNS.search(part) or part[-1] in " .":
            raise misused(
                "'{path}' cannot be made: '{name}' is no name on Windows.", path=path, name=part
            )
