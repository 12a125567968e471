"""Compilation of the kernels of the recourse evaluation by numba, with a private cache.

The contents of a cache are executed when they are loaded. The cache is therefore in a folder that
only the user can write to, and it belongs to this installation and these sources.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from optimizer.isolated_imports import import_isolated

import_isolated("numba")  # before any other import of numba
import numba  # noqa: E402
import numpy as np  # noqa: E402
from numba.misc.appdirs import user_cache_dir  # noqa: E402


def compiled_with(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function with the given options of ``numba.njit``, or
    loads the compiled function from the cache."""

    def compile_function(function: Callable[..., Any]) -> Any:
        config = numba.core.config
        user_cache, config.CACHE_DIR = config.CACHE_DIR, str(CACHE_FOLDER)
        try:
            defaults = {"nogil": True, "error_model": "numpy", "cache": CACHE_FOLDER is not None}
            return numba.njit(**defaults, **options)(function)
        finally:
            config.CACHE_DIR = user_cache  # the user's own functions keep their cache

    return compile_function


def _find_cache_folder() -> Path | None:
    """Return the cache folder; None if there is no folder that only the user can write to.

    Without a cache folder, each process compiles the kernels itself.
    """
    package = Path(__file__).resolve().parent
    version_key = (str(package), sys.version, numba.__version__, np.__version__)
    installation = hashlib.sha256(repr(version_key).encode()).hexdigest()[:16]
    # numba detects changes only in a function's own module, not in those of its callees.
    source_hash = hashlib.sha256()
    for module in sorted(package.glob("*.py")):
        if b"\n@compiled" in (source := module.read_bytes()):
            source_hash.update(source)
    for parent in _cache_parents():
        folder = parent / f"{installation}-{source_hash.hexdigest()[:16]}"
        with suppress(OSError):
            if _make_private(parent) and _make_private(folder) and os.access(folder, os.W_OK):
                # If others can access the folder, they may have written its contents.
                contents = folder.rglob("*") if folder.stat().st_mode & 0o077 else ()
                if all(map(_is_private, contents)):
                    for outdated in {*parent.glob(f"{installation}-*")} - {folder}:
                        shutil.rmtree(outdated, ignore_errors=True)
                    return folder
    return None


def _cache_parents() -> Iterator[Path]:
    """Yield possible parent folders of the cache, best first; never the current folder."""
    for name in (os.environ.get("NUMBA_CACHE_DIR", ""), user_cache_dir("vorrat", appauthor=False)):
        if (folder := Path(name)).is_absolute():
            yield folder
    with suppress(OSError):
        temporary = Path(tempfile.gettempdir())  # falls back to the current folder
        if hasattr(os, "geteuid") and temporary != Path.cwd():
            yield temporary / f"vorrat-{os.geteuid()}"


def _make_private(folder: Path) -> bool:
    """Create a folder if it does not exist. Return whether only the user can write to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _is_private(folder)


def _is_private(path: Path) -> bool:
    """Return whether a folder or file belongs to the user and nobody else can write to it. On
    Windows, this is assumed for everything in the user's folders."""
    if not hasattr(os, "geteuid"):
        return True
    status = path.stat()
    owners = {status.st_uid, path.lstat().st_uid}  # lstat: owner of the link if the path is one
    return owners == {os.geteuid()} and not status.st_mode & 0o022


CACHE_FOLDER = _find_cache_folder()
compiled = compiled_with()
