"""What share of a project, or of the whole portfolio, a company should take."""

from optimizer.analyses.participation.participate import participate
from optimizer.analyses.participation.share_search import Asked
from optimizer.analyses.participation.subproblem import Ask

__all__ = ["Ask", "Asked", "participate"]
