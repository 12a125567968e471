"""Clustering of hazard events in time, for the document of a plan."""

import math
from collections.abc import Iterator, Sequence

from models.language import tr
from models.results import EventYears
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report.charts import Chart
from optimizer.report.charts import damage as charts
from optimizer.report.document import PAGE, PAGE_AND_SHEET, Column, Heading, Part, Table
from optimizer.report.number_format import format_number, format_percent

MIN_SHOWN_SHARE = 0.0005
"""The last row begins at the largest number of events with at least this share of years."""


def clustering_parts(wording: PlanWording) -> Iterator[Part]:
    """Yield the share of years with each number of events, with a chart; nothing if it is not
    known."""
    clustering = wording.plan.clustering
    if clustering is None:
        return
    yield Heading(tr("How events cluster"), PAGE)
    entries = clustering.years  # by number of events
    drawn_share, independent_share = _sum_shares(entries[2:])
    yield tr(
        "In {share} of years two or more hazards strike; were events independent of one another, "
        "in {independent}. The state with most events has {most} of them; of as many states with "
        "independent events the one with most would have {mean} on average.",
        share=format_percent(drawn_share),
        independent=format_percent(independent_share),
        most=format_number(clustering.most),
        mean=format_number(clustering.most_independent, 1),
    )
    shown_counts = (
        n
        for n, entry in enumerate(entries)
        if max(entry.share, entry.independent) >= MIN_SHOWN_SHARE
    )
    last_count = max(shown_counts, default=0)
    last_label = format_number(last_count)
    if last_count + 1 < len(entries):
        last_label = tr("{count} or more", count=last_label)
    rows = [(format_number(n), *_sum_shares(entries[n : n + 1])) for n in range(last_count)]
    rows.append((last_label, *_sum_shares(entries[last_count:])))
    title = tr("Share of years in which so many hazards strike")
    description = tr(
        "Full bars as drawn, hatched ones as if events were independent; both figures stand beside "
        "them."
    )
    columns = [
        Column(tr("Hazards that strike in the year"), "0", "text"),
        Column(tr("As drawn"), "1", "share"),
        Column(tr("If events were independent"), "2", "share"),
    ]
    note = tr(
        "Years of all states. An event counts in the year in which it starts, unless it is certain "
        "then. Independent events have the same mean rate of each hazard in each year."
    )
    chart = Chart("event-clusters", title, description, lambda: charts.event_count_bars(rows))
    yield Table(
        title,
        rows,
        columns,
        "event-clusters",
        note,
        chart=chart,
        is_collapsed=True,
        media=PAGE_AND_SHEET,
    )


def _sum_shares(entries: Sequence[EventYears]) -> tuple[float, float]:
    """Return the sums over entries of the share of years in the sampled states, and of the share of
    years if events were independent."""
    return math.fsum(entry.share for entry in entries), math.fsum(
        entry.independent for entry in entries
    )
