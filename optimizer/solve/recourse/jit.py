"""numba for the loops of the sweep, with a cache of its own.

What a cache holds is executed when it is loaded. So it lies where only the user can write, in a
folder for this installation and these sources.
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

import_isolated("numba")  # before anything of it is imported
import numba  # noqa: E402
import numpy as np  # noqa: E402
from numba.misc.appdirs import user_cache_dir  # noqa: E402


def compiled_with(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function with these options of ``numba.njit``, or take it from the cache."""

    def compile_function(function: Callable[..., Any]) -> Any:
        config = numba.core.config
        before, config.CACHE_DIR = config.CACHE_DIR, str(CACHE_FOLDER)
        try:
            how = {"nogil": True, "error_model": "numpy", "cache": CACHE_FOLDER is not None}
            return numba.njit(**how, **options)(function)
        finally:
            config.CACHE_DIR = before  # functions of the user are none of ours

    return compile_function


def _find_cache_folder() -> Path | None:
    """The folder of the cache; None where there is none that only the user can write to, and each
    process compiles for itself."""
    here = Path(__file__).resolve().parent
    about = (str(here), sys.version, numba.__version__, np.__version__)
    installation = hashlib.sha256(repr(about).encode()).hexdigest()[:16]
    # numba looks for changes in the module of a function alone, not in those of functions it calls.
    sources = hashlib.sha256()
    for module in sorted(here.glob("*.py")):
        if b"\n@compiled" in (source := module.read_bytes()):
            sources.update(source)
    for parent in _cache_parents():
        folder = parent / f"{installation}-{sources.hexdigest()[:16]}"
        with suppress(OSError):
            if _make_private(parent) and _make_private(folder) and os.access(folder, os.W_OK):
                # Unless nobody can reach it, what it holds may have been written by others.
                inside = folder.rglob("*") if folder.stat().st_mode & 0o077 else ()
                if all(map(_is_private, inside)):
                    for old in {*parent.glob(f"{installation}-*")} - {folder}:
                        shutil.rmtree(old, ignore_errors=True)
                    return folder
    return None


def _cache_parents() -> Iterator[Path]:
    """Folders that may hold the cache, the best one first; never in the current folder."""
    for name in (os.environ.get("NUMBA_CACHE_DIR", ""), user_cache_dir("vorrat", appauthor=False)):
        if (folder := Path(name)).is_absolute():
            yield folder
    with suppress(OSError):
        temporary = Path(tempfile.gettempdir())  # the current folder where there is no other
        if hasattr(os, "geteuid") and temporary != Path.cwd():
            yield temporary / f"vorrat-{os.geteuid()}"


def _make_private(folder: Path) -> bool:
    """Make a folder where there is none; whether it is private."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _is_private(folder)


def _is_private(path: Path) -> bool:
    """Whether a folder or file is the user's and nobody else can write to it. On Windows what is in
    folders of the user is."""
    if not hasattr(os, "geteuid"):
        return True
    about = path.stat()
    owners = {about.st_uid, path.lstat().st_uid}  # the latter of the link, if it is one
    return owners == {os.geteuid()} and not about.st_mode & 0o022


CACHE_FOLDER = _find_cache_folder()
compiled = compiled_with()
