"""What the answer rests on: each uncertain number low and high, and where the decision turns."""

from optimizer.analyses.sensitivity.screening import Path, ScreenMissing, check_installed
from optimizer.analyses.sensitivity.study import TOLERANCE, Effort, sensitivity

__all__ = ["TOLERANCE", "Effort", "Path", "ScreenMissing", "check_installed", "sensitivity"]
