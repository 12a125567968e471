"""Floats of results are added up exactly: ``sum`` rounds differently since Python 3.12.

Documents round what they show.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "optimizer"
OF_RESULTS = [
    *(
        path
        for path in (ROOT / "analyses").rglob("*.py")
        if "optimizer.report" not in path.read_text("utf-8")
    ),
    *(ROOT / "solve" / "decomposition").rglob("*.py"),
    *(ROOT / "model" / "instance").rglob("*.py"),
    *(ROOT / "model" / name for name in ("commitment.py", "supply_mix.py")),
    *(ROOT / "solve" / name for name in ("accounts.py", "outcomes.py")),
    *(ROOT / "solve" / name for name in ("plan_document.py", "verification.py")),
]
COUNTS = {
    (
        "assumptions.py",
        "(assumption.numbers == other.numbers for other in assumptions_by_id.values())",
    ),
    ("assumptions.py", "is_scaled"),
    (
        "benders.py",
        "(len(recourse.probability) * len(recourse.instance.nodes) for recourse in part_recourses)",
    ),
    ("benders.py", "(past_run.master.simplex.iterations for past_run in runs)"),
    ("benders.py", "(past_run.master.simplex.solves for past_run in runs)"),
    ("benders.py", "(past_run.node_count for past_run in runs)"),
    ("benders.py", "(recourse.node_class_count for recourse in part_recourses)"),
    ("plan_evaluation.py", "arrays"),
    ("cross_evaluation.py", "(len(set_problem.states) for set_problem in problem.set_problems)"),
    ("cuts.py", "(len(self.chains[v]) for v in chain_ids)"),
    ("mga.py", "map(len, known_portfolios)"),
    ("prices.py", "arrays"),
    (
        "coalition_values.py",
        "(1 << n for n, player in enumerate(self.players) if not player.is_state)",
    ),
    ("portfolios.py", "(item in portfolio for portfolio in portfolios)"),
    ("reader.py", "arrays"),
}
"""What may be added up by ``sum``: whole numbers, and arrays."""


def test_no_floats_of_a_result_are_added_up_by_sum() -> None:
    found = {
        (path.name, "arrays" if len(node.args) == 2 else ast.unparse(node.args[0]))
        for path in OF_RESULTS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sum"
    }
    assert found == COUNTS
