"""What became of a run of a batch, as the line that is kept of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from models.results import BatchRun, RunStatus
from optimizer.cli.batching.asked import Faulty, Ready
from optimizer.errors import Infeasible, NoPlan, OutOfMemory

if TYPE_CHECKING:
    from optimizer.analyses.batch.many import Solution
    from optimizer.parallel import Arrival


def line_on(run: Ready | Faulty, status: RunStatus, **known: Any) -> BatchRun:
    """A line on a run; null is what nothing is known of."""
    empty = dict.fromkeys(name for name in BatchRun.model_fields)
    about: dict[str, Any] = {
        "run": run.run,
        "file": run.asked.file,
        "variant": run.asked.variant,
        "settings": run.asked.settings,
        "varied": dict(run.asked.varied),
        "status": status,
    }
    if isinstance(run, Ready):
        about |= {
            "key": run.key,
            "unit": run.unit,
            "currency": run.currency,
            "input_sha256": run.input_sha256,
        }
    return BatchRun.model_validate(empty | about | known)


def line_of(run: Ready, arrival: Arrival[Solution]) -> BatchRun:
    """What came of a run."""
    answer, error = arrival.answer, arrival.error
    if answer is not None:
        return line_on(
            run,
            answer.status,
            exit_code=0 if answer.status == "optimal" else 1,
            objective=answer.objective,
            bound=answer.bound,
            gap=answer.gap,
            expected=answer.expected,
            expected_without_plan=answer.expected_without_plan,
            net_cost_meur=answer.net_cost_meur,
            seconds=arrival.seconds,
            plan_sha256=hashlib.sha256(answer.document).hexdigest(),
        )
    assert error is not None
    status: RunStatus = "failed"
    if isinstance(error, Infeasible):
        status = "infeasible"
    elif isinstance(error, NoPlan) and not isinstance(error, OutOfMemory):
        status = "none"
    return line_on(
        run, status, exit_code=error.exit_code, error=str(error), seconds=arrival.seconds
    )
