"""Result of a batch of runs, one record per run."""

from typing import Annotated, Literal

from models.results.base import (
    VOLATILE,
    InMeasureUnit,
    JsonDocument,
    Result,
    Seconds,
    UnboundedShare,
    Versions,
)

RunStatus = Literal["optimal", "limit", "infeasible", "none", "failed", "faulty", "open"]


class BatchRun(Result):
    """One run of a batch: a scenario with a variant and settings, and its result.

    Fields that describe a plan are null if the run has no plan. Each run is also a line of
    ``runs.jsonl``, and with ``--json`` a line of the standard output.
    """

    run: str  #: Name of the run and of its folder.
    key: str | None
    """[SHA-256](commands.md#vorrat-batch) of all inputs that determine the result; null if the
    scenario has faults."""
    file: str  #: Path of the scenario file.
    variant: str | None  #: Id of the applied variant; null without one.
    settings: tuple[str, ...]  #: Settings as ``path=value``; settings of all runs come first.
    varied: dict[str, str]  #: Settings from ``--grid``, which differ between runs: value by path.
    status: RunStatus
    """``optimal``: the gap is within its target; ``limit``: a limit stopped the solve after a plan
    was found; ``infeasible``: no plan satisfies all rules; ``none``: the solve stopped before it
    found a plan; ``failed``: the solver or its process failed; ``faulty``: the scenario has faults;
    ``open``: not solved."""
    exit_code: int | None
    """Exit code that ``vorrat solve`` would have; null if the run was not solved."""
    unit: str | None  #: Unit of objective, bound and damage.
    currency: str | None  #: Currency of the cost.
    objective: InMeasureUnit | None  #: Objective of the plan.
    bound: InMeasureUnit | None
    """Proven lower bound on the objective of any plan; null without a bound."""
    gap: UnboundedShare | None  #: Relative gap, as in the certificate of the plan.
    expected: InMeasureUnit | None  #: Mean damage over the states.
    tail: InMeasureUnit | None = None
    """CVaR of the plan: mean damage of the worst states, at the scenario's level."""
    worst: InMeasureUnit | None = None  #: Damage of the worst state.
    expected_without_plan: InMeasureUnit | None  #: Mean damage without any plan.
    net_cost_meur: float | None  #: Net cost over all payers, discounted.
    public_meur: float | None = None
    """Amount charged to budgets of public funders over all years, undiscounted."""
    projects: dict[str, int] | None = None  #: Year in which each project is decided, by its id.
    stocks: dict[str, float] | None = None
    """Tonnes bought for each stockpile over all years, by its id; without stockpiles that buy
    nothing."""
    seconds: Annotated[float | None, VOLATILE]
    """Wall time from the handover of the run to a worker; may include the start of the worker."""
    error: str | None  #: Reason why there is no plan.
    plan: str | None  #: Path of the plan, relative to the folder of the batch.
    plan_sha256: Annotated[str | None, VOLATILE]
    """SHA-256 of the file of the plan, including its wall time."""
    input_sha256: str | None  #: SHA-256 of the scenario as solved.


class Batch(JsonDocument):
    """The runs of a batch, in the order in which they were requested."""

    kind: Literal["batch"] = "batch"
    gap_target: UnboundedShare  #: Relative gap that was requested.
    time_limit: float | None  #: Time limit of one solve, in seconds; null without a limit.
    node_limit: int | None  #: Limit on the nodes of each search tree; null without a limit.
    method: Literal["auto", "extensive", "decomposition"]  #: Method of solution that was requested.
    memory_limit: int | None  #: Memory limit of one process, in bytes; null without a limit.
    ended: Literal["complete", "stopped", "interrupted", "failed"]
    """``complete``: all runs ended. ``stopped``: a run failed. ``interrupted``: the user stopped
    the batch. ``failed``: a resource of all runs failed, such as the disk or a cluster."""
    kept: Annotated[int, VOLATILE]  #: Number of runs whose results were taken from an earlier call.
    seconds: Seconds  #: Wall time.
    versions: Versions  #: Versions of Vorrat and its libraries, by name.
    runs: tuple[BatchRun, ...]  #: Results of all runs, in the order in which they were requested.
