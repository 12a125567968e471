"""A plan under a release rule that needs no foresight, beside the same plan with foresight.

Recourse foresees its own state, so that it keeps stock for the worse month to come; an agency
does not. The two figures bracket what can be had.
"""

from __future__ import annotations

from collections.abc import Sequence

from models.base import named
from models.results.evaluation import Estimate, Performance, RuleMaterial, RuleOutcome
from optimizer.analyses.evaluation.blocks import States, by_the_rule
from optimizer.analyses.evaluation.weighting import weighted_cvar, weighted_mean
from optimizer.model.commitment import Commitment
from optimizer.model.instance import Floats, Instance
from optimizer.solve.outcomes import Evaluation
from optimizer.solve.sweep import ByRule


def rule_outcomes(
    instance: Instance,
    states: States,
    commitment: Commitment,
    reserves: Sequence[float],
    foresight: Evaluation,
    level: float,
    threads: int | None = None,
    jobs: int | None = None,
) -> tuple[RuleOutcome, ...]:
    """What a commitment leads to under the rule, once with each reserve.

    Parameters
    ----------
    reserves
        Shares of the planned stock that are kept for the dearer steps.
    foresight
        The same commitment in the same states, released with foresight.
    level
        Level of the CVaR.
    """
    uncertainty = instance.case.uncertainty
    sampled = uncertainty is not None and uncertainty.sample is not None
    return tuple(
        _outcome(instance, found, foresight, level, sampled)
        for found in by_the_rule(instance, states, commitment, reserves, threads, jobs)
    )


def _outcome(
    instance: Instance, found: ByRule, foresight: Evaluation, level: float, sampled: bool
) -> RuleOutcome:
    weight = found.probability * len(found.probability)

    def mean(values: Floats) -> Estimate:
        value, error = weighted_mean(weight, values)
        return Estimate(value=value, standard_error=error if sampled else None)

    value, error = weighted_cvar(weight, found.damage, level)
    return RuleOutcome(
        reserve=found.reserve,
        performance=Performance(
            expected=mean(found.damage),
            cvar=Estimate(value=value, standard_error=error if sampled else None),
            worst=float(found.damage[found.probability > 0].max()),
        ),
        above_foresight=mean(found.damage - foresight.damage),
        materials=tuple(
            RuleMaterial(
                id=m,
                name=named(material.name, m),
                expected=found.by_material[m],
                expected_with_foresight=foresight.by_material[m],
            )
            for m, material in instance.case.materials.items()
        ),
    )
