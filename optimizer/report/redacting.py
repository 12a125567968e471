"""A redaction for the owner of the figures: what is hidden, what it costs, what still tells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from models.language import marked, tr
from models.results import Recovered, RedactedFigure, Redaction, RedactionLoss
from optimizer.report.figures import NONE, column, exact, number, percent, rounded, small_percent
from optimizer.report.sections import Grid, Kind, Section

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


def headline(redaction: Redaction) -> Iterator[str]:
    """What was done, what it costs, and what must not be published."""
    owners = ", ".join(dict.fromkeys((*redaction.consumers, *redaction.companies)))
    count = len(redaction.figures)
    if redaction.method == "band":
        yield tr(
            "{count} figures of {owners} are replaced by the middle of bands {width} wide.",
            count=number(count),
            owners=owners,
            width=percent(redaction.width),
        )
    else:
        yield tr(
            "{count} figures of {owners} are multiplied by secret factors between {low} and "
            "{high}.",
            count=number(count),
            owners=owners,
            low=exact(float(f"{1 / (1 + redaction.width):.3g}")),
            high=exact(1 + redaction.width),
        )
    yield from _loss(redaction)
    yield from _warning(redaction)
    yield tr(
        "This account rests on the true figures: it is for their owner alone. Do not choose the "
        "width by it in the sight of others."
    )


def _loss(redaction: Redaction) -> Iterator[str]:
    lost = redaction.loss
    if lost is None:
        yield {
            "skipped": tr("Nothing was solved: what the answer loses is not known."),
            "infeasible": tr("The true scenario has no plan that keeps all rules."),
            "redacted_infeasible": tr(
                "The redacted scenario has no plan that keeps all rules: it cannot stand for the "
                "true one."
            ),
        }.get(redaction.answer, tr("No plan was found before the limit."))
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
        "regret": _amount(redaction, lost.regret),
        "share": percent(max(0.0, lost.benefit_lost)) if lost.benefit_lost is not None else NONE,
    }
    if lost.feasible:
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
    if lost.regret_at_most is not None:
        yield tr(
            "As far as the proofs go, no plan is better than it by more than {most}.",
            most=_amount(redaction, lost.regret_at_most),
        )


def _warning(redaction: Redaction) -> Iterator[str]:
    if not redaction.telling:
        return
    read = {path for one in redaction.telling if one.result not in OUTRIGHT for path in one.exact}
    yield tr(
        "Do not publish results of the true scenario beside it: plan.json, reports and workbooks "
        "hold the scenario itself, and even without it {read} of {count} figures can be read off "
        "to a thousandth.",
        read=number(len(read)),
        count=number(len(redaction.figures)),
    )
    yield tr("Results made from the redacted scenario tell no more than it does.")


def all_of(redaction: Redaction) -> Iterator[Section]:
    """All sections that have something to say."""
    yield _figures(redaction)
    if redaction.loss is not None:
        yield _answer(redaction, redaction.loss)
    if redaction.telling:
        yield _telling(redaction)
    if redaction.hints:
        rows = _grouped((one.path, one.reason) for one in redaction.hints)
        yield _places(tr("What still tells"), rows)
    if redaction.left_out:
        rows = _grouped((one.path, one.reason) for one in redaction.left_out)
        yield _places(tr("What was taken out"), rows)


def _figures(redaction: Redaction) -> Section:
    """A row for each quantity, with the year that is recovered most closely."""
    rows = []
    solved = redaction.answer == "solved"
    shown = any(one.value is not None for one in redaction.figures)
    for path, some in groupby(redaction.figures, key=_quantity):
        figures = list(some)
        row = [path, _span(figures)]
        if shown:
            row.append(_span(figures, true=True))
        row.append(percent(min(one.error for one in figures)))
        row.append(_within(one.known_shape for one in figures))
        if solved:
            row.append(_within(one.insider for one in figures))
            row.append(_within(one.insider_by_consumer for one in figures))
            row.append(_within(one.results for one in figures))
        rows.append(row)
    columns: dict[str, Kind] = {tr("Hidden figure"): "words", tr("In the file"): "figures"}
    if shown:
        columns[tr("In truth")] = "figures"
    columns |= {tr("File alone, ±"): "figures", tr("Growth known, ±"): "figures"}
    if solved:
        columns |= {
            tr("All else and totals known, ±"): "figures",
            tr("The same by consumer, ±"): "figures",
            tr("True results, ±"): "figures",
        }
    note = tr(
        "How closely each is recovered at most, over its years: from the file alone; by those who "
        "know how it goes from year to year; by those who know all other figures, and see the true "
        "damage as a report prints it, in all or by consumer; from all true results in plan.json "
        "but the scenario."
    )
    grid = Grid(columns, rows)
    return Section(tr("How closely figures can be recovered"), [grid, note])


def _quantity(figure: RedactedFigure) -> str:
    """The path without the year of a profile."""
    head, _, last = figure.path.rpartition(".")
    return head if last.isdecimal() and len(last) == 4 else figure.path


def _span(figures: Sequence[RedactedFigure], *, true: bool = False) -> str:
    values = [one.value if true else one.published for one in figures]
    known = [value for value in values if value is not None]
    if not known:
        return NONE
    low, high = (exact(float(f"{end(known):.6g}")) for end in (min, max))
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def _within(several: Iterable[Recovered | None]) -> str:
    """Half the width of the narrowest range, as a share."""
    widths = [
        math.sqrt(one.high / one.low) - 1 for one in several if one is not None and one.low > 0
    ]
    if not widths:
        return NONE
    least = min(widths)
    return small_percent(least) if least < 0.01 else percent(least)


def _answer(redaction: Redaction, lost: RedactionLoss) -> Section:
    rows = [
        [tr("Expected, with the true plan"), lost.expected],
        [tr("Expected, with the redacted plan"), lost.expected_attained],
        [tr("Expected, as the redacted plan says"), lost.expected_said],
        [tr("Objective of the true plan"), lost.objective],
    ]
    if lost.attained is not None or lost.same_projects is not None:
        reached = lost.attained if lost.attained is not None else lost.same_projects
        rows.append([tr("Objective of the redacted plan, in truth"), reached])
    figures = column([value if isinstance(value, float) else None for _, value in rows])
    cells = [[str(name), cell] for (name, _), cell in zip(rows, figures, strict=True)]
    grid = Grid({"": "words", redaction.unit: "figures"}, cells)
    parts: list[str | Grid] = [grid]
    if lost.entering:
        built = ", ".join(lost.entering)
        parts.append(tr("Built in the redacted plan alone: {projects}.", projects=built))
    if lost.leaving:
        built = ", ".join(lost.leaving)
        parts.append(tr("Built in the true plan alone: {projects}.", projects=built))
    if lost.moved:
        moved = ", ".join(f"{p} {a} > {b}" for p, (a, b) in lost.moved.items())
        parts.append(tr("Start in other years: {projects}.", projects=moved))
    if not (lost.entering or lost.leaving or lost.moved):
        parts.append(tr("Both plans build the same projects in the same years."))
    if lost.stocks_t:
        head: dict[str, Kind] = {
            tr("Stockpile"): "words",
            tr("True plan, t"): "figures",
            tr("Redacted plan, t"): "figures",
        }
        held = [[h, rounded(a), rounded(b)] for h, (a, b) in lost.stocks_t.items()]
        parts.append(Grid(head, held))
    return Section(tr("What the answer loses"), parts)


def _telling(redaction: Redaction) -> Section:
    head: dict[str, Kind] = {
        tr("Result of a plan"): "words",
        tr("Gives away"): "figures",
        tr("Narrows to less than half"): "figures",
    }
    rows = [
        [one.result, number(len(one.exact)), number(len(one.narrowed))] for one in redaction.telling
    ]
    return Section(tr("What not to publish of the true scenario"), [Grid(head, rows)])


def _grouped(found: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Places by the reason why they are named."""
    by_reason: dict[str, list[str]] = {}
    for path, reason in found:
        by_reason.setdefault(reason, []).append(path)
    return [[tr(REASONS[reason]), ", ".join(paths)] for reason, paths in by_reason.items()]


def _places(title: str, rows: list[list[str]]) -> Section:
    head: dict[str, Kind] = {tr("Why"): "words", tr("Where"): "words"}
    return Section(title, [Grid(head, rows)])


def _amount(redaction: Redaction, value: float) -> str:
    value = 0.0 if abs(value) < 1e-6 * max(1.0, abs(value)) else value
    return f"{number(value)} {unit(redaction)}"


def unit(redaction: Redaction) -> str:
    """The unit of the measure."""
    if redaction.unit.startswith("million"):
        return tr("million {currency}", currency=redaction.currency)
    return tr("t") if redaction.unit == "t" else tr("years of demand")
