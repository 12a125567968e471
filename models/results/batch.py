"""Result of a batch of runs, one record per run."""

from typing import Annotated, Literal

from models.results.base import (
    VOLATILE,
    InMeasureUnit,
    Result,
    SealedDocument,
    Seconds,
    UnboundedShare,
    Versions,
)

RunStatus = Literal["optimal", "limit", "infeasible", "none", "failed", "faulty", "open"]


class BatchRun(Result):
    """One run of a batch: a scenario with a variant and settings, and its result.

    Fields that describe a plan are null if the run has no plan.

    Each record is a line of ``runs.jsonl``; with ``--json`` it is also a line of the standard
    output.
    """

    run: str  #: Its name, and that of its folder.
    key: str | None  #: [SHA-256](commands.md#vorrat-batch) of all behind its answer, if sound.
    file: str  #: Its scenario file, as it was found.
    variant: str | None  #: Id of the variant, if one was applied.
    settings: tuple[str, ...]  #: ``path=value``, those of all runs first.
    varied: dict[str, str]  #: Those from ``--grid``, which differ from run to run: value by path.
    status: RunStatus
    """``optimal``: the gap is within its target; ``limit``: stopped with a plan; ``infeasible``:
    no plan keeps all rules; ``none``: stopped before any plan was found; ``failed``: the solver or
    its process failed; ``faulty``: the scenario has faults; ``open``: not solved."""
    exit_code: int | None  #: What ``vorrat solve`` would answer; null for a run not solved.
    unit: str | None  #: Of objective, bound and damage.
    currency: str | None  #: Of the cost.
    objective: InMeasureUnit | None  #: Objective of the plan.
    bound: InMeasureUnit | None  #: No plan has a lower objective; null where nothing was proven.
    gap: UnboundedShare | None  #: As in the certificate of the plan.
    expected: InMeasureUnit | None  #: Mean damage over the states.
    expected_without_plan: InMeasureUnit | None  #: The same without any plan.
    net_cost_meur: float | None  #: Discounted net cost, whoever pays.
    seconds: Annotated[float | None, VOLATILE]
    """Wall time from when the run was handed to a worker, which may have had to begin first."""
    error: str | None  #: Why there is no plan.
    plan: str | None  #: File of the plan, from the folder of the batch.
    plan_sha256: Annotated[str | None, VOLATILE]  #: SHA-256 of that file, with its wall time.
    input_sha256: str | None  #: SHA-256 of the scenario as solved.


class Batch(SealedDocument):
    """The runs of a batch, in the order in which they were asked for."""

    kind: Literal["batch"] = "batch"
    gap_target: UnboundedShare  #: The gap that was asked for.
    time_limit: float | None  #: Seconds that one solve may take.
    node_limit: int | None  #: Nodes of each search; null for no limit.
    method: Literal["auto", "extensive", "decomposition"]  #: How problems were to be solved.
    memory_limit: int | None  #: Bytes that one process may hold.
    ended: Literal["complete", "stopped", "interrupted", "failed"]
    """``stopped``: by a run that failed; ``interrupted``: by the user; ``failed``: by what all runs
    share, such as the disk or a cluster."""
    kept: Annotated[int, VOLATILE]  #: Runs that were taken over from an earlier call.
    seconds: Seconds  #: Wall time.
    versions: Versions  #: Of Vorrat and of what its results rest on.
    runs: tuple[BatchRun, ...]  #: What became of each, in the order in which they were asked for.
