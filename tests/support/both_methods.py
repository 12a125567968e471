"""One problem by the extensive form and by the decomposition."""

from __future__ import annotations

from optimizer.solve.certification import solve_problem
from optimizer.solve.planner import Problem


def by_both(problem: Problem, gap: float) -> float | None:
    """The optimum that both methods find, proven to the gap by a bound below it; None where both
    find no plan."""
    whole, cut = (
        solve_problem(problem, method=method, gap=gap).solution
        for method in ("extensive", "decomposition")
    )
    if whole.objective is None:
        assert whole.ending == cut.ending == "infeasible"
        return None
    assert cut.objective is not None
    assert cut.bound is not None
    slack = 4e-6 * max(abs(whole.objective), problem.objective_floor) + 1e-6
    assert abs(whole.objective - cut.objective) <= slack
    assert cut.bound <= whole.objective + slack
    assert cut.objective - cut.bound <= slack
    return whole.objective
