"""Names of periods, cases and events of a disruption, and what comes of it in short."""

from __future__ import annotations

from collections.abc import Iterator

from models.language import tr
from models.results.stress import ShortMaterial, Stress, StressCase, StressEvent, StressPeriod
from optimizer.report.figures import NO_BREAK, percent
from optimizer.report.wording import Wording

Say = Wording[Stress]

SHORT = 1e-6
"""A period is short if more than this share of its demand is missing, as in a plan."""


def case_name(case: StressCase) -> str:
    """A case as the head of columns."""
    return {"market": tr("Without plan"), "plan": tr("With plan")}[case]


def parts(say: Say) -> int:
    """Periods of a year."""
    return 1 if say.case is None else int(say.case.horizon.periods_per_year)


def label(say: Say, period: StressPeriod) -> str:
    """A period as it is called: 2027, 2027 Q2, 2027-05, or 2027.2 where a year has other parts."""
    match parts(say):
        case 1:
            return str(period.year)
        case 4:
            called = tr("{year} Q{quarter}", year=period.year, quarter=period.period)
            return called.replace(" ", NO_BREAK)
        case 12:
            return f"{period.year}-{period.period:02}"
    return f"{period.year}.{period.period}"


def labels(say: Say) -> list[str]:
    """The periods that are told of."""
    return [label(say, period) for period in say.found.periods]


def shares(of: ShortMaterial, case: StressCase) -> list[float]:
    """Share of the demand of each period that is missing."""
    pairs = zip(of.missing_t[case], of.demand_t, strict=True)
    return [missing / demand if demand > 0 else 0.0 for missing, demand in pairs]


def ranked(say: Say) -> list[ShortMaterial]:
    """Materials, the one that costs most without the plan first."""
    return sorted(say.found.materials, key=lambda one: -one.damage["market"])


def what_comes(say: Say) -> Iterator[str]:
    """Events, and projects that fail or are late."""
    found = say.found
    for event in found.events:
        yield _event(say, event)
    for project in found.failed:
        yield tr("{name} never produces", name=say.name("projects", project))
    for project, years in found.late.items():
        name = say.name("projects", project)
        yield tr("{name} is late, years: {years}", name=name, years=years)


def _event(say: Say, event: StressEvent) -> str:
    """A hazard, when it begins, when it ends, or the horizon does, and what it takes."""
    said = _time_of(say, event)
    if event.loss is None:
        return said
    if event.loss == 1:
        return tr("{event}, total outage", event=said)
    return tr("{event}, loss of {share}", event=said, share=percent(event.loss))


def _time_of(say: Say, event: StressEvent) -> str:
    name, case = say.name("hazards", event.hazard), say.case
    if event.profile is not None:
        profile = say.profile(event.hazard, event.profile)
        name = tr("{hazard}, profile {profile}", hazard=name, profile=profile)
    begins = label(say, StressPeriod(year=event.start, period=event.period))
    if case is None:
        return tr("{name}: from {begins}", name=name, begins=begins)
    count = parts(say)
    year, period = divmod(event.start * count + event.period - 1 + event.periods - 1, count)
    if year > case.horizon.years[-1]:
        return tr("{name}: from {begins} to the end of the horizon", name=name, begins=begins)
    ends = label(say, StressPeriod(year=year, period=period + 1))
    if ends == begins:
        return tr("{name}: {period}", name=name, period=begins)
    return tr("{name}: from {begins} to {ends}", name=name, begins=begins, ends=ends)
