"""Files by patterns, the same on every system and whatever links lie about."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

_ALL_BELOW = re.compile(r"(?:^|(?<=[/\\]))\*\*(?:[/\\]+\*\*)*(?:[/\\]+|$)")
"""Where a pattern takes all folders below."""


def matching(pattern: str) -> list[str]:
    """The regular files that a pattern means, by name.

    ``**`` takes folders below, none that is hidden or a link: links can lead round and round, and
    out of the folder.
    """
    return sorted({name for name in _met(pattern, "") if Path(name).is_file()})


def _met(pattern: str, root: str) -> Iterator[str]:
    """Names that match below a folder, which is the working one if it has no name."""
    found = _ALL_BELOW.search(pattern)
    if found is None:
        names = glob.glob(pattern, root_dir=root or None)  # noqa: PTH207 (as the shell)
        yield from (os.path.join(root, name) for name in names)  # noqa: PTH118 (keeps ./)
        return
    head, tail = pattern[: found.start()], pattern[found.end() :] or "*"
    for top in _met(head, root) if head else [root]:
        for below in _with_all_below(top):
            yield from _met(tail, below)


def _with_all_below(top: str) -> Iterator[str]:
    for folder, inside, _ in os.walk(top or os.curdir):
        inside[:] = [name for name in inside if not name.startswith(".")]
        yield folder if top else folder[2:]  # without ./
