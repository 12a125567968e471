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
    ("players.py", "(1 << n for n, seat in enumerate(self.seats) if not seat.is_state)"),
    ("mga.py", "map(len, known)"),
    ("method.py", "(one.nodes for one in runs)"),
    ("method.py", "(one.master.simplex.solves for one in runs)"),
    ("method.py", "(one.master.simplex.iterations for one in runs)"),
    ("portfolios.py", "(mark in portfolio for portfolio in portfolios)"),
    ("assumptions.py", "moved"),
    ("assumptions.py", "(made.numbers == one.numbers for one in every.values())"),
    ("reading.py", "arrays"),
    ("need.py", "arrays"),
    ("overruns.py", "arrays"),
    ("disagree.py", "(len(own.states) for own in problem.sets)"),
    ("cuts.py", "(len(self.chains[v]) for v in heads)"),
    ("method.py", "(one.node_states for one in seen)"),
    ("method.py", "(len(one.probability) * len(one.instance.nodes) for one in seen)"),
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
