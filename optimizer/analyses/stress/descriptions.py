"""Texts for the periods, cases and events of a stress test."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results.stress import ShortMaterial, Stress, StressCase, StressEvent, StressPeriod
from optimizer.report.number_format import NO_BREAK_SPACE, format_percent
from optimizer.report.wording import Wording

StressWording = Wording[Stress]

SHORT_SHARE = 1e-6
"""A material is short in a period if more than this share of its demand is missing."""


def case_name(case: StressCase) -> str:
    """Return the display name of a case (with or without the plan) for column headers."""
    return {"market": tr("Without plan"), "plan": tr("With plan")}[case]


def periods_per_year(wording: StressWording) -> int:
    """Return the number of periods in a year."""
    return 1 if wording.case is None else int(wording.case.horizon.periods_per_year)


def period_label(wording: StressWording, period: StressPeriod) -> str:
    """Return the label of a period: 2027, 2027 Q2, 2027-05, or 2027.2 if a year has another number
    of periods."""
    match periods_per_year(wording):
        case 1:
            return str(period.year)
        case 4:
            label = tr("{year} Q{quarter}", year=period.year, quarter=period.period)
            return label.replace(" ", NO_BREAK_SPACE)
        case 12:
            return f"{period.year}-{period.period:02}"
    return f"{period.year}.{period.period}"


def period_labels(wording: StressWording) -> list[str]:
    """Return the labels of the periods in the result."""
    return [period_label(wording, period) for period in wording.result.periods]


def missing_shares(material: ShortMaterial, case: StressCase) -> list[float]:
    """Return the share of a material's demand that is missing, for each period."""
    missing_and_demand = zip(material.missing_t[case], material.demand_t, strict=True)
    return [missing_t / demand if demand > 0 else 0.0 for missing_t, demand in missing_and_demand]


def materials_by_damage(wording: StressWording) -> list[ShortMaterial]:
    """Return the materials in order of decreasing damage without the plan."""
    return sorted(wording.result.materials, key=lambda material: -material.damage["market"])


def describe_disruption(wording: StressWording) -> Iterator[str]:
    """Yield the events, and the projects that fail or are late, in words."""
    result = wording.result
    for event in result.events:
        yield _event_text(wording, event)
    for project in result.failed:
        yield tr("{name} never produces", name=wording.name("projects", project))
    for project, years in result.late.items():
        name = wording.name("projects", project)
        yield tr("{name} is late, years: {years}", name=name, years=years)


def _event_text(wording: StressWording, event: StressEvent) -> str:
    """Return an event as text: hazard, first and last period, and share lost."""
    time_text = _event_time_text(wording, event)
    if event.loss is None:
        return time_text
    if event.loss == 1:
        return tr("{event}, total outage", event=time_text)
    return tr("{event}, loss of {share}", event=time_text, share=format_percent(event.loss))


def _event_time_text(wording: StressWording, event: StressEvent) -> str:
    name, case = wording.name("hazards", event.hazard), wording.case
    if event.profile is not None:
        profile = wording.profile_name(event.hazard, event.profile)
        name = tr("{hazard}, profile {profile}", hazard=name, profile=profile)
    begins = period_label(wording, StressPeriod(year=event.start, period=event.period))
    if case is None:
        return tr("{name}: from {begins}", name=name, begins=begins)
    count = periods_per_year(wording)
    year, period = divmod(event.start * count + event.period - 1 + event.periods - 1, count)
    if year > case.horizon.years[-1]:
        return tr("{name}: from {begins} to the end of the horizon", name=name, begins=begins)
    end_text = period_label(wording, StressPeriod(year=year, period=period + 1))
    if end_text == begins:
        return tr("{name}: {period}", name=name, period=begins)
    return tr("{name}: from {begins} to {ends}", name=name, begins=begins, ends=end_text)
