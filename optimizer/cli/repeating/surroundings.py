"""What a run rests on besides its inputs: machine, interpreter, versions, solver, environment."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from models.results.manifest import ManifestPlatform, ManifestSolver
from optimizer.model.cores import usable_cores
from optimizer.model.highs import build

PREFIXES = ("NUMBA_", "OMP_", "OPENBLAS_", "MKL_", "VORRAT_")
"""Variables that bear on how a run is done begin with one of these."""
OTHERS = ("PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONUTF8")
_SECRET = re.compile("KEY|TOKEN|SECRET|PASS|CERT", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def this_platform() -> ManifestPlatform:
    """The machine and the interpreter; no name of a host or a user."""
    return ManifestPlatform(
        system=platform.system(),
        release=platform.release(),
        machine=platform.machine(),
        byte_order=sys.byteorder,
        cores=usable_cores(),
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        build=" ".join((*platform.python_build(), platform.python_compiler())),
    )


def this_solver() -> ManifestSolver:
    """The solver and the revision it was built from."""
    version, revision = build()
    return ManifestSolver(name="HiGHS", version=version, git_hash=revision)


def these_versions() -> dict[str, str]:
    """Versions of Vorrat and of every distribution that it rests on, extras that are here too."""
    found: dict[str, str] = {}
    waiting = ["vorrat"]
    for name in waiting:
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in found:
            continue
        try:
            about = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if key == "vorrat":
                # Run from a tree that is not installed: what it imports directly.
                waiting += ["click", "highspy", "numba", "numpy", "pydantic", "pyomo", "pyyaml"]
                waiting += ["scipy"]
            continue
        found[key] = about.version
        for required in about.requires or ():
            other = _NAME.match(required)
            # Extras of others bear on nothing here.
            if other is not None and (key == "vorrat" or "extra ==" not in required):
                waiting.append(other[0])
    return dict(sorted(found.items()))


def this_environment() -> dict[str, str]:
    """Variables that may bear on a run; none that may hold a secret."""
    return {
        name: without_home(value)
        for name, value in sorted(os.environ.items())
        if (name.startswith(PREFIXES) or name in OTHERS) and not _SECRET.search(name)
    }


def without_home(path: str) -> str:
    """A path as it was written, the folder of the user, whose name it may hold, as ~."""
    home = _home()
    if home and (path == home or path.startswith((f"{home}/", f"{home}{os.sep}"))):
        return "~" + path[len(home) :]
    return path


def _home() -> str:
    try:
        home = str(Path.home())
    except RuntimeError:
        return ""
    return "" if len(home) < 2 else home.rstrip("/\\")
