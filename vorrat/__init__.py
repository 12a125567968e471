"""Python interface of Vorrat: read scenarios, compute plans and analyse them.

    >>> import vorrat
    >>> plan = vorrat.solve(vorrat.read("scenarios/tutorial.yaml"))
    >>> round(plan.result.outcome.expected, 3)
    12.0

Analyses return a :class:`Found`: ``result`` is the document that the command line writes, and
``tables`` holds its tables as pandas data frames. Notebooks display it as HTML. Modules that solve,
draw or make tables are imported only when they are first needed.
"""

from models.faults import Fault, ScenarioError, VorratError
from optimizer.errors import Infeasible, Misuse, NoPlan, NotWritten
from vorrat.analyses import analyse, compare, evaluate, frontier, model, solve
from vorrat.analysis_result import Found, load
from vorrat.arguments import Progress
from vorrat.scenario import Scenario, read, validate
from vorrat.session import Answer, Session, batch

__all__ = [
    "Answer",
    "Fault",
    "Found",
    "Infeasible",
    "Misuse",
    "NoPlan",
    "NotWritten",
    "Progress",
    "Scenario",
    "ScenarioError",
    "Session",
    "VorratError",
    "analyse",
    "batch",
    "compare",
    "evaluate",
    "frontier",
    "load",
    "model",
    "read",
    "solve",
    "validate",
]
