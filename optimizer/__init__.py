"""The optimizer: from a scenario to a proven portfolio."""

import os
import sys

# Numba then compiles for any processor of this kind rather than for this one, which its loops are
# slower for: what one machine keeps of it serves others. Who uses numba already, or says which
# processor it is to be, is not interfered with.
if "numba" not in sys.modules:
    os.environ.setdefault("NUMBA_CPU_NAME", "generic")
