"""Vorrat from Python and in notebooks: scenarios in, plans and what is asked of them out.

    >>> import vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"))
    >>> round(plan.result.outcome.expected, 3)
    12.0

What comes back is a :class:`Found`: ``result`` is the document that the command line writes, and
its tables are pandas frames. In a notebook it shows itself. Nothing that solves, draws or makes
tables is imported before it is needed.
"""

from models.faults import Fault, ScenarioError, VorratError
from optimizer.errors import Infeasible, Misuse, NoPlan, NotWritten
from vorrat.analyses import analyse, compare, evaluate, frontier, solve
from vorrat.analysis_result import Found
from vorrat.scenario import Scenario, read, validate
from vorrat.session import Answer, Session

__all__ = [
    "Answer",
    "Fault",
    "Found",
    "Infeasible",
    "Misuse",
    "NoPlan",
    "NotWritten",
    "Scenario",
    "ScenarioError",
    "Session",
    "VorratError",
    "analyse",
    "compare",
    "evaluate",
    "frontier",
    "read",
    "solve",
    "validate",
]
