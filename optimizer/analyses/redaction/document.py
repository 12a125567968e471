"""A redaction for the owner of the figures: what is hidden, what it costs, what still tells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

from models.language import marked, tr
from models.results import Recovered, RedactedFigure, Redaction, RedactionLoss
from optimizer.report.document import Caution, Column, Document, Part, Section, Shown, Table
from optimizer.report.figures import NONE, exact, number, percent, small_percent
from optimizer.report.wording import Wording

OUTRIGHT = ("scenario", "certificate.input_sha256")
REASONS = {
    "mentioned": marked("the text names one of the hidden figures"),
    "supply_adds_up": marked(
        "supply in tonnes adds up to demand: what others need leaves the rest"
    ),
    "purse_open": marked("the budget of a chosen consumer's company stays; --company hides it"),
    "curve_shared": marked("a damage curve that chosen consumers share with others stays"),
    "shares_kept": marked("the shares of the damage steps stay, as a factor cannot hide them"),
    "private_open": marked("a number of a private file that was read stays as it is"),
    "variant": marked("the variant sets a hidden figure, or needs a file"),
    "description": marked("the description may name figures"),
    "source": marked("the source stood for hidden figures alone"),
    "note": marked("the note may name figures"),
}

Say = Wording[Redaction]
Figures = tuple[str, Sequence[RedactedFigure]]
"""A hidden quantity and its figures, one a year where it has a profile."""


def document(found: Redaction) -> Document:
    """What was done, what it costs, and what must not be published."""
    say = Wording(found)
    hints = _grouped((one.path, one.reason) for one in found.hints)
    left_out = _grouped((one.path, one.reason) for one in found.left_out)
    lost = found.loss
    return say.document(
        tr("Vorrat: what a redaction hides and costs"),
        list(_answer(say)),
        [
            Section("figures", tr("How closely figures can be recovered"), _figures(found)),
            Section("loss", tr("What the answer loses"), [] if lost is None else _loss(say, lost)),
            Section("telling", tr("What not to publish of the true scenario"), _telling(found)),
            Section("hints", tr("What still tells"), _places("hints", hints)),
            Section("left-out", tr("What was taken out"), _places("left-out", left_out)),
        ],
        subtitle="",
    )


def _answer(say: Say) -> Iterator[Part]:
    found = say.found
    owners = ", ".join(dict.fromkeys((*found.consumers, *found.companies)))
    count = number(len(found.figures))
    if found.method == "band":
        yield tr(
            "{count} figures of {owners} are replaced by the middle of bands {width} wide.",
            count=count,
            owners=owners,
            width=percent(found.width),
        )
    else:
        yield tr(
            "{count} figures of {owners} are multiplied by secret factors between {low} and "
            "{high}.",
            count=count,
            owners=owners,
            low=exact(float(f"{1 / (1 + found.width):.3g}")),
            high=exact(1 + found.width),
        )
    yield from _lost(say)
    cautions = list(_warning(found))
    cautions.append(
        tr(
            "This account rests on the true figures: it is for their owner alone. Do not choose "
            "the width by it in the sight of others."
        )
    )
    yield Caution(cautions)


def _lost(say: Say) -> Iterator[str]:
    found, lost = say.found, say.found.loss
    if lost is None:
        yield {
            "skipped": tr("Nothing was solved: what the answer loses is not known."),
            "infeasible": tr("The true scenario has no plan that keeps all rules."),
            "redacted_infeasible": tr(
                "The redacted scenario has no plan that keeps all rules: it cannot stand for the "
                "true one."
            ),
        }.get(found.answer, tr("No plan was found before the limit."))
        return
    if not lost.feasible:
        yield tr(
            "The plan made from the redacted scenario breaks rules of the true one: {rules}.",
            rules="; ".join(lost.broken),
        )
    if lost.regret is None:
        yield tr("Not even its projects can be built under the rules of the true scenario.")
        return
    said = {
        "regret": _amount(say, lost.regret),
        "share": percent(max(0.0, lost.benefit_lost)) if lost.benefit_lost is not None else NONE,
    }
    if lost.feasible and not lost.regret:
        yield tr(
            "Followed in the true scenario, the plan made from the redacted one keeps all rules "
            "and is as good as the true plan."
        )
    elif lost.feasible:
        yield tr(
            "Followed in the true scenario, the plan made from the redacted one keeps all rules "
            "and is worse by {regret}: {share} of what the true plan gains over doing nothing.",
            **said,
        )
    else:
        yield tr(
            "With the same projects, and all else chosen anew, the plan is worse by {regret}: "
            "{share} of what the true plan gains over doing nothing.",
            **said,
        )
    if lost.regret_at_most == 0.0:
        yield tr("It is proven that no plan is better.")
    elif lost.regret_at_most is not None:
        yield tr(
            "As far as the proofs go, no plan is better than it by more than {most}.",
            most=_amount(say, lost.regret_at_most),
        )


def _amount(say: Say, value: float) -> str:
    return f"{number(value)} {say.unit}"


def _warning(found: Redaction) -> Iterator[str]:
    if not found.telling:
        return
    read = {path for one in found.telling if one.result not in OUTRIGHT for path in one.exact}
    yield tr(
        "Do not publish results of the true scenario beside it: plan.json, reports and workbooks "
        "hold the scenario itself, and even without it {read} of {count} figures can be read off "
        "to a thousandth.",
        read=number(len(read)),
        count=number(len(found.figures)),
    )
    yield tr("Results made from the redacted scenario tell no more than it does.")


def _figures(found: Redaction) -> list[Part]:
    """A row for each quantity, with the year that is recovered most closely."""
    rows = [(path, list(some)) for path, some in groupby(found.figures, key=_quantity)]

    def least(of: Callable[[RedactedFigure], Recovered | None]) -> Callable[[Figures], Shown]:
        return lambda row: _within(map(of, row[1]))

    def file_alone(row: Figures) -> float:
        return min(one.error for one in row[1])

    columns = [
        Column(tr("Hidden figure"), lambda row: row[0], "text"),
        Column(tr("In the file"), lambda row: _span([one.published for one in row[1]])),
        Column(tr("In truth"), lambda row: _span([one.value for one in row[1]])),
        Column(tr("File alone, ±"), file_alone, "share"),
        Column(tr("Growth known, ±"), least(lambda one: one.known_shape), "share"),
    ]
    if all(one.value is None for one in found.figures):
        del columns[2]
    if found.answer == "solved":
        columns += [
            Column(tr("All else and totals known, ±"), least(lambda one: one.insider), "share"),
            Column(tr("The same by consumer, ±"), least(lambda one: one.insider_by_consumer),
                   "share"),
            Column(tr("True results, ±"), least(lambda one: one.results), "share"),
        ]  # fmt: skip
    note = tr(
        "How closely each is recovered at most, over its years: from the file alone; by those who "
        "know how it goes from year to year; by those who know all other figures, and see the true "
        "damage as a report prints it, in all or by consumer; from all true results in plan.json "
        "but the scenario."
    )
    title = tr("How closely figures can be recovered")
    return [Table(title, rows, columns, "figures", note)]


def _quantity(figure: RedactedFigure) -> str:
    """The path without the year of a profile."""
    head, _, last = figure.path.rpartition(".")
    return head if last.isdecimal() and len(last) == 4 else figure.path


def _span(values: Iterable[float | None]) -> str:
    """From the least to the largest of the figures of a quantity."""
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    low, high = (exact(float(f"{end(known):.6g}")) for end in (min, max))
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def _within(several: Iterable[Recovered | None]) -> Shown:
    """Half the width of the narrowest range, as a share."""
    widths = [
        math.sqrt(one.high / one.low) - 1 for one in several if one is not None and one.low > 0
    ]
    if not widths:
        return Shown(NONE)
    least = min(widths)
    return Shown(small_percent(least) if least < 0.01 else percent(least), least)


def _loss(say: Say, lost: RedactionLoss) -> list[Part]:
    reached = lost.attained if lost.attained is not None else lost.same_projects
    rows = [
        (tr("Expected, with the true plan"), lost.expected),
        (tr("Expected, with the redacted plan"), lost.expected_attained),
        (tr("Expected, as the redacted plan says"), lost.expected_said),
        (tr("Objective of the true plan"), lost.objective),
        (tr("Objective of the redacted plan, in truth"), reached),
    ]
    figures = [
        Column("", lambda row: row[0], "text"),
        Column(say.unit, lambda row: row[1], "outcome"),
    ]
    title = tr("What the answer loses")
    if reached is None:
        rows.pop()
    parts: list[Part] = [Table(title, rows, figures, "loss")]
    if lost.entering:
        built = ", ".join(lost.entering)
        parts.append(tr("Built in the redacted plan alone: {projects}.", projects=built))
    if lost.leaving:
        built = ", ".join(lost.leaving)
        parts.append(tr("Built in the true plan alone: {projects}.", projects=built))
    if lost.moved:
        moved = ", ".join(f"{p} {a} → {b}" for p, (a, b) in lost.moved.items())
        parts.append(tr("Start in other years: {projects}.", projects=moved))
    if not (lost.entering or lost.leaving or lost.moved):
        parts.append(tr("Both plans build the same projects in the same years."))
    if lost.stocks_t:
        held = [
            Column(tr("Stockpile"), lambda row: row[0], "text"),
            Column(tr("True plan, t"), lambda row: row[1][0], "tonnes", like="tonnes"),
            Column(tr("Redacted plan, t"), lambda row: row[1][1], "tonnes", like="tonnes"),
        ]
        parts.append(
            Table(tr("Stock held at most, t"), list(lost.stocks_t.items()), held, "stocks")
        )
    return parts


def _telling(found: Redaction) -> list[Part]:
    columns = [
        Column(tr("Result of a plan"), "result", "text"),
        Column(tr("Gives away"), lambda one: len(one.exact), "count"),
        Column(tr("Narrows to less than half"), lambda one: len(one.narrowed), "count"),
    ]
    title = tr("What not to publish of the true scenario")
    return [Table(title, found.telling, columns, "telling")] if found.telling else []


def _grouped(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Places by the reason why they are named."""
    by_reason: dict[str, list[str]] = {}
    for path, reason in found:
        by_reason.setdefault(reason, []).append(path)
    return [(tr(REASONS[reason]), ", ".join(paths)) for reason, paths in by_reason.items()]


def _places(name: str, rows: list[tuple[str, str]]) -> list[Part]:
    columns = [
        Column(tr("Why"), lambda row: row[0], "text"),
        Column(tr("Where"), lambda row: row[1], "text"),
    ]
    return [Table("", rows, columns, name)] if rows else []
