"""How far from the best the plan can be, and how rare events were looked at."""

from __future__ import annotations

from models.language import tr
from models.results import Evaluation
from optimizer.report.evaluating import words as said
from optimizer.report.figures import number, percent, small_percent
from optimizer.report.html.parts import Section, Table, alike, words


def quality(found: Evaluation) -> Section | None:
    """The gap seen on fresh samples."""
    gap = found.gap
    if gap is None:
        return None
    share = gap.upper / max(abs(found.fresh.objective.value), 1e-6)
    lead = tr(
        "A plan made on a sample flatters itself on it. So {count} further samples of {states} "
        "states were each solved anew, and the plan was put beside the best for each. It is on "
        "average {mean} worse than those, and with {confidence} confidence at most {upper} worse "
        "than the best plan there is: {share} of its objective.",
        count=number(len(gap.replications)),
        states=number(gap.states),
        mean=said.told(found, gap.mean.value),
        confidence=percent(gap.confidence),
        upper=said.told(found, gap.upper),
        share=small_percent(share),
    )
    table = Table(
        tr("Samples of {states} states each ({unit})", states=number(gap.states),
           unit=said.unit(found)),
        [
            words(tr("Seed"), [str(one.seed) for one in gap.replications]),
            *alike(
                {
                    tr("This plan"): [one.candidate for one in gap.replications],
                    tr("Best found for the sample"): [one.found for one in gap.replications],
                    tr("No plan is below"): [one.bound for one in gap.replications],
                }
            ),
            *alike({tr("Gap"): [one.gap for one in gap.replications]}),
        ],
        name="replications",
        note=tr(
            "Objective: damage and weighed cost. Gap: this plan less the bound, so that unfinished "
            "solves count against the plan ({share} of the mean gap). Method: multiple "
            "replications (Mak, Morton and Wood 1999).",
            share=said.told(found, gap.solver_share),
        ),
    )  # fmt: skip
    return Section("quality", tr("How far from the best"), [lead, table])


def rare(found: Evaluation) -> Section | None:
    """The same figures with rare events drawn more often."""
    of = found.rare
    if of is None:
        return None
    lead = tr(
        "In {states} states rare events were drawn more often than they come, and weighed less for "
        "it. The estimate of the worst states is as sure as that of {factor} times as many states "
        "drawn as they come, and that of the mean as of {mean} times as many.",
        states=number(of.states),
        factor=number(of.variance_ratio_cvar, 2),
        mean=number(of.variance_ratio_expected, 2),
    )
    rows = [
        (tr("Drawn more often, weighed less"), of.performance),
        (tr("As many, drawn as they come"), of.plain),
        (tr("All fresh states"), found.fresh.with_plan),
    ]
    table = Table(
        tr("Rare events drawn more often ({unit})", unit=said.unit(found)),
        [
            words(tr("States"), [name for name, _ in rows]),
            *alike(
                {
                    tr("Mean"): [p.expected.value for _, p in rows],
                    tr("standard error of the mean"): [p.expected.standard_error for _, p in rows],
                    tr("Worst states"): [p.cvar.value for _, p in rows],
                    tr("standard error of the worst"): [p.cvar.standard_error for _, p in rows],
                }
            ),
        ],
        name="rare",
        note=tr(
            "Deviation from the fresh states in standard errors: mean {mean}, worst states "
            "{worst}. Mean of the weights: {weight} (1 where the sampling is unbiased). "
            "Effective states: {effective}.",
            mean=number(of.deviation_expected, 2),
            worst=number(of.deviation_cvar, 2),
            weight=number(of.weight_sum.value, 3),
            effective=number(round(of.effective_states)),
        ),
    )
    return Section("rare", tr("Rare events"), [lead, table])
