"""``vorrat solve``: the best plan for a scenario, with its proof."""

from __future__ import annotations

from optimizer.analyses.options import PlanOptions
from optimizer.analyses.running import Input, Outcome
from optimizer.cli import runner
from optimizer.cli.supervision import child


def best(given: Input, asked: PlanOptions) -> Outcome:
    """The best plan, which the process that supervises this one keeps as it is found."""
    found = child.plan(
        given.reading.case,
        gap=asked.gap,
        time_limit=asked.time_limit,
        node_limit=asked.node_limit,
        threads=asked.threads,
        method=asked.method,
        pool=given.pool,
        on_progress=asked.on_progress,
        variant=given.variant,
        title=given.title,
    )
    return Outcome(found, 0 if found.certificate.status == "optimal" else 1)


solve = runner.command_of("solve", best)
