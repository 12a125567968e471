"""The optimizer: from a scenario to a proven portfolio."""

import os
import sys
from pathlib import Path

# Numba then compiles for any processor of this kind rather than for this one, which its loops are
# slower for: what one machine keeps of it serves others. Who uses numba already, or says which
# processor it is to be, is not interfered with.
if "numba" not in sys.modules:
    os.environ.setdefault("NUMBA_CPU_NAME", "generic")
if os.name == "posix" and not os.environ.get("HOME", "").startswith("/"):
    # Without it Pyomo, dask and others would look for the user's settings in the current folder.
    os.environ.pop("HOME", None)
    try:
        os.environ["HOME"] = str(Path.home())  # as the system knows it
    except RuntimeError:
        os.environ["HOME"] = "/"
