"""How it was judged, what that does not say, and what the words mean."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results import Evaluation
from optimizer.report.evaluating import words as said
from optimizer.report.figures import NONE, number, percent, small_percent
from optimizer.report.html.parts import Bullets, Heading, Section, Table, Terms, words


def method(found: Evaluation) -> Section:
    """What was asked, and what the answer does not say."""
    return Section(
        "method",
        tr("How it was judged"),
        [
            Bullets(list(_steps(found))),
            Heading(tr("What the model does not say")),
            Bullets(
                [
                    _about_states(found),
                    tr(
                        "Neither foresight nor the rule is what an agency would do. It knows more "
                        "than the rule minds, and less than all that comes: the best that it can "
                        "do lies between them."
                    ),
                ]
            ),
        ],
    )


def _about_states(found: Evaluation) -> str:
    if found.states_of is not None:
        return tr(
            "The states are those of {other}: they show how the plan fares there, not how likely "
            "that world is.",
            other=said.states_of(found),
        )
    if not found.fresh.sampled:
        return tr(
            "The scenario's states are taken for all there are. Whether they and their "
            "probabilities are right is not shown; vorrat sensitivity asks that."
        )
    return tr(
        "Fresh states come from the same hazards and probabilities as the plan's own. They show "
        "what chance in sampling does, not whether the assumptions are right; vorrat sensitivity "
        "asks that."
    )


def _steps(found: Evaluation) -> Iterator[str]:
    fresh = found.fresh
    if fresh.sampled:
        yield tr(
            "The plan is held, and what it leads to is computed exactly in {states} states drawn "
            "with seed {seed}. Errors are standard errors of that sample.",
            states=number(fresh.states),
            seed=str(fresh.seed),
        )
    else:
        yield tr("The plan is held, and what it leads to is computed exactly in all states.")
    if found.rules:
        yield tr(
            "Under a rule, stock is released at once while there is a shortage, but the reserve "
            "only for shortage on steps dearer than the mean tonne."
        )
    if found.information is not None:
        yield tr(
            "The mean state has the mean of all supply, output and availability; it is none of the "
            "states. Each other figure is the objective of a best plan, or of the plan for the "
            "mean state, on the plan's own states."
        )


def proof(found: Evaluation) -> Section:
    """What it takes to repeat it."""
    rows = [
        (tr("States of the plan"), number(found.own_states)),
        (tr("Gap of the plan on those"), small_percent(found.own_gap)),
        (tr("Fresh states"), number(found.fresh.states)),
        (tr("Seed of the fresh states"), _seed(found)),
        (tr("Time"), f"{number(sum(found.seconds.values()))} s"),
        (tr("Scenario, SHA-256"), found.input_sha256),
        (tr("Versions"), ", ".join(f"{n} {v}" for n, v in found.versions.items())),
    ]
    table = Table(
        tr("What it takes to repeat this"),
        [
            words(tr("What"), [name for name, _ in rows]),
            words(tr("Value"), [value for _, value in rows]),
        ],
        name="proof",
    )
    return Section("proof", tr("How good the proof is"), [table])


def _seed(found: Evaluation) -> str:
    return NONE if found.fresh.seed is None else str(found.fresh.seed)


def glossary(found: Evaluation) -> Section:
    """Words of this page."""
    entries = [
        (
            tr("State of the world"),
            tr(
                "One way the coming years may go: which hazards strike when, and which projects "
                "fail or come late."
            ),
        ),
        (
            tr("Worst states"),
            tr(
                "The worst {tail} by probability; their mean is the CVaR, conditional value at "
                "risk.",
                tail=percent(1 - found.cvar_level),
            ),
        ),
        (
            tr("Objective"),
            tr("What a plan makes as small as it can: damage, and cost with its weight."),
        ),
        (
            tr("Standard error"),
            tr(
                "How far an estimate typically is from the truth by chance; twice it on either "
                "side holds the truth in some 95 of 100 cases."
            ),
        ),
        (
            tr("Reserve"),
            tr("The share of the planned stock that the rule keeps for the dearer steps."),
        ),
    ]
    entries.sort(key=lambda entry: entry[0].casefold())
    return Section("glossary", tr("Terms"), [Terms(entries)])
