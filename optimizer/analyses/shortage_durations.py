"""Duration of shortages if demand adapts, for the documents of a plan and of its explanation."""

from collections.abc import Iterator, Sequence
from typing import Any

from models.language import tr
from models.results import AdaptationOutcome
from optimizer.report.document import Column, Part, Table
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording


def shortage_duration_parts(
    wording: Wording[Any], adaptations: Sequence[AdaptationOutcome]
) -> Iterator[Part]:
    """Yield a table with a row for each damage entry with adaptation; nothing if there is none."""
    if not adaptations:
        return

    def row_label(adaptation: AdaptationOutcome) -> str:
        name = wording.name("materials", adaptation.material)
        consumer = adaptation.consumer and wording.name("consumers", adaptation.consumer)
        return f"{name} ({consumer})" if consumer else name

    header_values = {
        "currency": wording.currency,
        "months": format_number(adaptations[0].later_months),
    }
    columns = [
        Column(tr("Material"), row_label, "text"),
        Column(tr("Outage likely"), "clock", "share", key="clock"),
        Column(tr("It lasts, months"), "clock_months", key="months"),
        Column(tr("Half last at most"), "clock_months_median", key="median"),
        Column(tr("Nine in ten at most"), "clock_months_ninety", key="ninety"),
        Column(tr("Short without plan, months"), "shortage_months_without_plan", key="without"),
        Column(tr("Short with plan, months"), "shortage_months", key="with"),
        Column(tr("A tonne at once, {currency}", **header_values), "first_eur_per_t", key="first"),
        Column(
            tr("{months} months later, {currency}", **header_values), "later_eur_per_t", key="later"
        ),
    ]
    note = tr(
        "Users adapt as long as an outage of the market lasts, counted until supply has been back "
        "for the periods that the scenario asks for; outages and shortages end with the horizon at "
        "the latest. Short: mean length of a shortage. What a missing tonne costs is the mean of "
        "all steps of damage, not discounted."
    )
    yield Table(
        tr("How long shortages last, and how users adapt"),
        adaptations,
        columns,
        "lasting",
        note,
        is_collapsed=True,
    )
