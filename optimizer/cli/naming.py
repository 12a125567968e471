"""Names of files and folders that are made from data: ids, values, labels."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

RESERVED = re.compile(r"(con|prn|aux|nul|conin_|conout_|(com|lpt)[0-9¹²³])", re.IGNORECASE)
"""Names that Windows keeps for devices, whatever ending they have."""
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
