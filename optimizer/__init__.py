"""Optimizer: from a scenario file to a plan with a proven optimality gap."""

import os
import sys
from pathlib import Path

# Numba compiles for a generic processor, so that one machine's cache of compiled code serves others
# (at the price of slower loops). A program that has imported numba or set the variable keeps its
# own setting.
if "numba" not in sys.modules:
    os.environ.setdefault("NUMBA_CPU_NAME", "generic")
if os.name == "posix" and not os.environ.get("HOME", "").startswith("/"):
    # Without HOME, Pyomo, dask and others would read settings from the current folder.
    os.environ.pop("HOME", None)
    try:
        os.environ["HOME"] = str(Path.home())  # from the system's user database
    except RuntimeError:
        os.environ["HOME"] = "/"
