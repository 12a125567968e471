"""The document of a redaction for the owner of the figures."""

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from models.language import mark_translatable, tr
from models.results import RecoveryRange, RedactedFigure, Redaction, RemainingHint, RemovedItem
from optimizer.report.document import (
    Caution,
    Column,
    DisplayedValue,
    Document,
    Part,
    Section,
    Table,
)
from optimizer.report.number_format import (
    NO_VALUE,
    format_exact,
    format_number,
    format_percent,
    format_small_percent,
)
from optimizer.report.wording import Wording

FULL_DISCLOSURE = ("scenario", "certificate.input_sha256")
"""Results that reveal all hidden figures."""
REASONS = {
    "mentioned": mark_translatable("the text names one of the hidden figures"),
    "grows_alike": mark_translatable(
        "demand of others grows as a hidden one, or is a simple multiple of it"
    ),
    "follows": mark_translatable(
        "the figure agrees with hidden ones, from which it may have been made"
    ),
    "text": mark_translatable("sources, notes and descriptions may say how figures were made"),
    "supply_adds_up": mark_translatable(
        "supply adds up to demand: what others need leaves the rest"
    ),
    "purse_open": mark_translatable(
        "the budget of a chosen consumer's company stays; --company hides it"
    ),
    "curve_shared": mark_translatable(
        "a damage curve that chosen consumers share with others stays"
    ),
    "shares_kept": mark_translatable(
        "the shares of the damage steps stay, as a factor cannot hide them"
    ),
    "private_open": mark_translatable("a number of a private file that was read stays as it is"),
    "variant": mark_translatable("the variant sets a hidden figure, or needs a file"),
    "description": mark_translatable("the description may name figures"),
    "source": mark_translatable("the source stood for hidden figures alone"),
    "note": mark_translatable("the note may name figures"),
}

RedactionWording = Wording[Redaction]


def build_document(result: Redaction) -> Document:
    """Return the document: what was hidden, what it costs, and what must not be published."""
    wording = Wording(result)
    return wording.build_document(
        tr("Vorrat: what a redaction hides and costs"),
        list(_answer_parts(wording)),
        [
            Section(
                "figures", tr("How closely figures can be recovered"), [_figures_table(result)]
            ),
            Section("loss", tr("What the answer loses"), list(_loss_parts(wording))),
            Section(
                "telling",
                tr("What not to publish of the true scenario"),
                [_revealing_table(result)],
            ),
            Section("hints", tr("What still tells"), [_reasons_table("hints", result.hints)]),
            Section(
                "left-out",
                tr("What was taken out or changed"),
                [_reasons_table("left-out", result.left_out)],
            ),
        ],
        subtitle="",
    )


def _answer_parts(wording: RedactionWording) -> Iterator[Part]:
    result = wording.result
    count, width = format_number(len(result.figures)), result.width
    owners = dict.fromkeys((*result.consumers, *result.companies))
    placeholders = {"count": count, "owners": ", ".join(owners)}
    if result.method == "band":
        yield tr(
            "{count} figures of {owners} are replaced by the middle of bands {width} wide.",
            width=format_percent(width),
            **placeholders,
        )
    else:
        yield tr(
            "{count} figures of {owners} are multiplied by secret factors between {low} and "
            "{high}.",
            low=format_exact(float(f"{1 / (1 + width):.3g}")),
            high=format_exact(1 + width),
            **placeholders,
        )
    yield from _loss_sentences(wording)
    cautions = []
    if result.telling:
        exact_paths = {
            path
            for revealing in result.telling
            if revealing.result not in FULL_DISCLOSURE
            for path in revealing.exact
        }
        cautions = [
            tr(
                "Do not publish results of the true scenario beside it: plan.json, reports and "
                "workbooks hold the scenario itself, and even without it {read} of {count} figures "
                "can be read off to a thousandth.",
                read=format_number(len(exact_paths)),
                count=count,
            ),
            tr("Results made from the redacted scenario tell no more than it does."),
        ]
    cautions.append(
        tr(
            "This account rests on the true figures: it is for their owner alone. Do not choose "
            "the width by it in the sight of others."
        )
    )
    yield Caution(cautions)


def _loss_sentences(wording: RedactionWording) -> Iterator[str]:
    result, loss = wording.result, wording.result.loss
    if loss is None:
        yield {
            "skipped": tr("Nothing was solved: what the answer loses is not known."),
            "infeasible": tr("The true scenario has no plan that keeps all rules."),
            "redacted_infeasible": tr(
                "The redacted scenario has no plan that keeps all rules: it cannot stand for the "
                "true one."
            ),
        }.get(result.answer, tr("No plan was found before the limit."))
        return
    if not loss.feasible:
        yield tr(
            "The plan made from the redacted scenario breaks rules of the true one: {rules}.",
            rules="; ".join(loss.broken),
        )
    if loss.regret is None:
        yield tr("Not even its projects can be built under the rules of the true scenario.")
        return
    share = format_percent(None if loss.benefit_lost is None else max(0.0, loss.benefit_lost))
    placeholders = {"regret": f"{format_number(loss.regret)} {wording.unit}", "share": share}
    if not loss.feasible:
        yield tr(
            "With the same projects, and all else chosen again, the plan is worse by "
            "{regret}: {share} of what the true plan gains over doing nothing.",
            **placeholders,
        )
    elif loss.regret:
        yield tr(
            "Followed in the true scenario, the plan made from the redacted one keeps all rules "
            "and is worse by {regret}: {share} of what the true plan gains over doing nothing.",
            **placeholders,
        )
    else:
        yield tr(
            "Followed in the true scenario, the plan made from the redacted one keeps all rules "
            "and is as good as the true plan."
        )
    if loss.regret_at_most == 0.0:
        yield tr("It is proven that no plan is better.")
    elif loss.regret_at_most is not None:
        yield tr(
            "As far as the proofs go, no plan is better than it by more than {most}.",
            most=f"{format_number(loss.regret_at_most)} {wording.unit}",
        )


def _figures_table(result: Redaction) -> Table:
    """Return a table with a row for each quantity, which shows how closely its best recovered year
    is known."""
    rows = [(path, list(figures)) for path, figures in groupby(result.figures, key=_quantity_path)]

    def span_column(header: str, name: str) -> Column:
        return Column(header, lambda row: _value_span([getattr(figure, name) for figure in row[1]]))

    def closest_column(header: str, name: str) -> Column:
        return Column(
            header, lambda row: _smallest_error(getattr(figure, name) for figure in row[1]), "share"
        )

    columns = [
        Column(tr("Hidden figure"), "0", "text"),
        span_column(tr("In the file"), "published"),
    ]
    if any(figure.value is not None for figure in result.figures):
        columns.append(span_column(tr("In truth"), "value"))
    columns += [
        Column(tr("File alone, ±"), lambda row: min(figure.error for figure in row[1]), "share"),
        closest_column(tr("Growth known, ±"), "known_shape"),
    ]
    if result.answer == "solved":
        columns += [
            closest_column(tr("All else and totals known, ±"), "insider"),
            closest_column(tr("The same by consumer, ±"), "insider_by_consumer"),
            closest_column(tr("True results, ±"), "results"),
        ]
    note = tr(
        "How closely each is recovered, over its years, by the attacks that were tried: from the "
        "file alone, by linear programs over all sums, multiples and profiles in it that agree "
        "with hidden figures; by those who know how it goes from year to year; by those who know "
        "all other figures, and see the true damage as a report prints it, in all or by consumer; "
        "from all true results in plan.json but the scenario. Other attacks may get closer."
    )
    return Table(tr("How closely figures can be recovered"), rows, columns, "figures", note)


def _quantity_path(figure: RedactedFigure) -> str:
    """Return the path of a figure's quantity, without the year if it is a yearly one."""
    parent_path, _, last_step = figure.path.rpartition(".")
    return parent_path if last_step.isdecimal() and len(last_step) == 4 else figure.path


def _value_span(values: Iterable[float | None]) -> str:
    """Return the smallest and the largest of the figures that are known, as text."""
    known_values = [value for value in values if value is not None]
    if not known_values:
        return NO_VALUE
    low, high = (format_exact(float(f"{end(known_values):.6g}")) for end in (min, max))
    return low if low == high else tr("{low} to {high}", low=low, high=high)


def _smallest_error(recovered: Iterable[RecoveryRange | None]) -> DisplayedValue:
    """Return the smallest relative error with which a range determines its figure.

    The error is the square root of the ratio of the ends, minus 1. Without ranges above 0 there is
    no value.
    """
    known_ranges = (
        value_range for value_range in recovered if value_range is not None and value_range.low > 0
    )
    share = min(
        (math.sqrt(value_range.high / value_range.low) - 1 for value_range in known_ranges),
        default=None,
    )
    if share is None:
        return DisplayedValue(NO_VALUE)
    return DisplayedValue(
        format_small_percent(share) if share < 0.01 else format_percent(share), share
    )


def _loss_parts(wording: RedactionWording) -> Iterator[Part]:
    loss = wording.result.loss
    if loss is None:
        return
    redacted_objective = loss.attained if loss.attained is not None else loss.same_projects
    rows = [
        (tr("Expected, with the true plan"), loss.expected),
        (tr("Expected, with the redacted plan"), loss.expected_attained),
        (tr("Expected, as the redacted plan says"), loss.expected_said),
        (tr("Objective of the true plan"), loss.objective),
        (tr("Objective of the redacted plan, in truth"), redacted_objective),
    ]
    columns = [Column("", "0", "text"), Column(wording.unit, "1", "outcome")]
    yield Table(tr("What the answer loses"), rows, columns, "loss")
    entering_text, leaving_text = ", ".join(loss.entering), ", ".join(loss.leaving)
    moved_text = ", ".join(
        f"{p} {old_year} → {new_year}" for p, (old_year, new_year) in loss.moved.items()
    )
    if entering_text:
        yield tr("Built in the redacted plan alone: {projects}.", projects=entering_text)
    if leaving_text:
        yield tr("Built in the true plan alone: {projects}.", projects=leaving_text)
    if moved_text:
        yield tr("Start in other years: {projects}.", projects=moved_text)
    if not (entering_text or leaving_text or moved_text):
        yield tr("Both plans build the same projects in the same years.")


def _revealing_table(result: Redaction) -> Table:
    columns = [
        Column(tr("Result of a plan"), "result", "text"),
        Column(tr("Gives away"), lambda row: len(row.exact), "count"),
        Column(tr("Narrows to less than half"), lambda row: len(row.narrowed), "count"),
    ]
    return Table(tr("What not to publish of the true scenario"), result.telling, columns, "telling")


def _reasons_table(table_id: str, entries: Sequence[RemainingHint | RemovedItem]) -> Table:
    """Return a table of reasons, each with the paths to which it applies."""
    reasons = dict.fromkeys(entry.reason for entry in entries)
    rows = [
        (tr(REASONS[reason]), ", ".join(entry.path for entry in entries if entry.reason == reason))
        for reason in reasons
    ]
    columns = [Column(tr("Why"), "0", "text"), Column(tr("Where"), "1", "text")]
    return Table("", rows, columns, table_id)
