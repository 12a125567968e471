"""Models of results: plans, comparisons, frontiers, evaluations, manifests and others.

The names of fields are a contract: they may be extended, but not renamed. Money is in million EUR,
mass in tonnes, damage in the unit of the scenario's measure, and years are keys as text, unless a
field says otherwise. A result that is written as JSON loads back equal.
"""

# ruff: noqa: F403
from models.results.alternatives import *
from models.results.base import *
from models.results.comparison import *
from models.results.decisions import *
from models.results.evaluation import *
from models.results.explanation import *
from models.results.manifest import *
from models.results.plan import *
from models.results.split import *
