"""What share of a project, or of the whole portfolio, a company should take."""

from optimizer.analyses.participation.asking import Ask
from optimizer.analyses.participation.participate import participate
from optimizer.analyses.participation.talking import Asked

__all__ = ["Ask", "Asked", "participate"]
