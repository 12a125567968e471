"""How events of hazards cluster, for the document of a plan."""

import math
from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import EventYears
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import PAGE, PAGE_AND_SHEET, Heading, Part, Table
from optimizer.report.number_format import format_number, format_percent

MIN_SHOWN_SHARE = 0.0005
"""Share of years from which on a number of events has a row of its own."""


def clustering_parts(wording: PlanWording) -> Iterator[Part]:
    """In how many years several hazards strike, with a chart; nothing where nothing is known."""
    found = wording.plan.clustering
    if found is None:
        return
    yield Heading(tr("How events cluster"), PAGE)
    years = found.years
    drawn, independent = _sum_shares(years[2:])
    yield tr(
        "In {share} of years two or more hazards strike; were events independent of one another, "
        "in {independent}. The state with most events has {most} of them; of as many states with "
        "independent events the one with most would have {mean} on average.",
        share=format_percent(drawn),
        independent=format_percent(independent),
        most=format_number(found.most),
        mean=format_number(found.most_independent, 1),
    )
    some = (n for n, one in enumerate(years) if max(one.share, one.independent) >= MIN_SHOWN_SHARE)
    last = max(some, default=0)
    rest = format_number(last)
    if last + 1 < len(years):
        rest = tr("{count} or more", count=rest)
    rows = [(format_number(n), *_sum_shares(years[n : n + 1])) for n in range(last)]
    rows.append((rest, *_sum_shares(years[last:])))
    title = tr("Share of years in which so many hazards strike")
    told = tr(
        "Full bars as drawn, hatched ones as if events were independent; both figures stand beside "
        "them."
    )
    columns = [
        col.text_column(tr("Hazards that strike in the year"), "0"),
        col.figure_column(tr("As drawn"), "drawn", "share", "1"),
        col.figure_column(tr("If events were independent"), "independent", "share", "2"),
    ]
    note = tr(
        "Years of all states. An event counts in the year in which it starts, unless it is certain "
        "then. Independent events have the same mean rate of each hazard in each year."
    )
    chart = Chart("event-clusters", title, told, lambda: charts.event_count_bars(rows))
    yield Table(
        title,
        rows,
        columns,
        "event-clusters",
        note,
        chart=chart,
        is_folded=True,
        media=PAGE_AND_SHEET,
    )


def _sum_shares(years: Sequence[EventYears]) -> tuple[float, float]:
    """Share of years with any of these numbers of events, as drawn and if all were independent."""
    return math.fsum(one.share for one in years), math.fsum(one.independent for one in years)
