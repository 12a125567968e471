"""What is built when, how sure that is, and whom its output goes to."""

import math
from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from models.language import tr
from models.results import ProjectPlan
from models.scenario.case import Case
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.charts import Chart, schedule
from optimizer.report.countries import country
from optimizer.report.document import (
    DETAIL,
    PAGE,
    SHEET,
    TERMINAL,
    TEXT,
    Check,
    Media,
    Section,
    Table,
)
from optimizer.report.figures import NOISE, NONE, number, percent


class Chances(NamedTuple):
    """What may come of a project once it is decided."""

    success: float  # probability that it produces at all
    delay: float  # mean years by which its first output is late, if it produces
    longest: int  # the most years by which it may be


def chances(case: Case, project: str) -> Chances:
    """The chances of a project: those that its states are drawn with, or of the states that the
    scenario writes out."""
    own, uncertainty = case.projects[project], case.uncertainty
    success = float(own.success_probability)
    late = [(years, float(share)) for years, share in own.delay_years.items()]
    if uncertainty is not None and uncertainty.sample is None and uncertainty.states is not None:
        states = uncertainty.states
        some = [state for state in states if project not in state.failed_projects]
        late = [(int(s.delayed_projects.get(project, 0)), float(s.probability)) for s in some]
        produces = math.fsum(share for _, share in late)
        success = produces / math.fsum(float(state.probability) for state in states)
        late = [(years, share / produces) for years, share in late if produces > 0]
    mean = math.fsum(years * share for years, share in late)
    return Chances(success, mean, max((years for years, share in late if share > 0), default=0))


def section(say: PlanWording) -> Section:
    """Which projects are built, when they deliver, and to whom."""
    built = sorted(say.plan.projects, key=lambda p: (p.start, p.first_output))
    parts: list[doc.Part] = []
    if built:
        first = min(p.first_output for p in built)
        text = tr("The first output is due in {year} if nothing is delayed.", year=first)
        parts.append(doc.Text(text, TEXT))
    parts.append(_table(say, built))
    if say.plan.unaided:
        parts.append(_unaided(say))
    if say.plan.idle:
        parts.append(_idle(say))
    if built and say.case is not None:
        text = tr(
            "First output: if nothing is delayed. Delay and success (that a project produces at "
            "all) differ between the states of the world."
        )
        parts.append(doc.Text(text, PAGE))
    return Section("projects", tr("What to build, and when"), parts, tab=tr("Projects"))


def _table(say: PlanWording, built: Sequence[ProjectPlan]) -> Table:
    case = say.case
    known = Media(0) if case is None else DETAIL
    candidates = {} if case is None else case.projects
    chance = {} if case is None else {p.id: chances(case, p.id) for p in built}

    def place(p: ProjectPlan) -> str:
        return country(candidates[p.id].country) if p.id in candidates else ""

    def materials(p: ProjectPlan) -> str:
        return say.names("materials", candidates[p.id].output_t_per_year if candidates else ())

    def output(p: ProjectPlan) -> str:
        full = float(candidates[p.id].ramp_up[-1])
        tonnes = candidates[p.id].output_t_per_year
        return ", ".join(
            f"{say.name('materials', m)} {number(float(t) * full)}" for m, t in tonnes.items()
        )

    def full_output(p: ProjectPlan) -> int:
        return p.first_output + _ramp_up(case, p)

    def paid(key: str, **wanted: str) -> doc.Formula:
        """What the funding of a project comes to, or that of one kind of funders."""
        return lambda r: col.where("funding", key, {"project_id": r["id"]}, **wanted)(r.book)

    def for_companies(p: ProjectPlan) -> float:
        return sum(p.offtake_by_company.values())

    public = paid("share", kind_id="public")
    unit = say.million
    columns = [
        col.text(tr("Project"), lambda p: say.name("projects", p.id)),
        col.text(tr("Country"), place, origin="scenario", on=SHEET | known),
        col.text(tr("Material"), materials, on=SHEET),
        col.text(tr("Tonnes a year at full output"), output, on=known & PAGE),
        col.given(tr("Decision"), "start", "year", width=9),
        col.given(tr("First output"), "first_output", "year", width=9),
        col.given(
            tr("Expected delay, years"), "delay", "number", lambda p: chance[p.id].delay,
            on=known, origin="scenario",
        ),
        col.given(
            tr("Longest delay, years"), "longest", "count", lambda p: chance[p.id].longest,
            on=known & SHEET, origin="scenario",
        ),
        col.given(tr("Full output"), "full", "year", full_output, on=known & SHEET),
        *_capex(say, built),
        col.calc(tr("Funded, {unit}", unit=unit), "funded", paid("meur"), total=True, on=SHEET),
        doc.deviation("funded", itemgetter("mean_capex")),
        col.calc(tr("Of that public"), "public", public, "share", on=SHEET),
        col.given(
            tr("Chance of success"), "success", "share", lambda p: chance[p.id].success,
            on=known, origin="scenario",
        ),
        col.given(say.contracted, "offtake", "share"),
        col.text(tr("Of that for"), lambda p: _rights(say, p), on=SHEET | TERMINAL),
        col.given(tr("Of output for all consumers"), "common", "share", "offtake_common", on=SHEET),
        col.given(tr("Of output for companies"), "company", "share", for_companies, on=SHEET),
        doc.deviation("offtake", lambda line: line["common"] + line["company"], "contracted"),
        *col.keys(id="id"),
    ]  # fmt: skip
    note = tr(
        "{contracted}: the share of output that consumers there receive: by contract in return for "
        "the money, and what the project delivers home in any case.",
        contracted=say.contracted,
    )
    if say.has_contingency:
        note += " " + tr(
            "Capex budgeted is with the overruns that budgets allow for; {expected} are expected.",
            expected=say.money(math.fsum(p.mean_capex_meur for p in built)),
        )
    return Table(
        tr("Projects: decision, output and whom it is contracted to"), built, columns, "projects",
        note, total=tr("All together"), key=lambda row: row.id, empty=tr("Nothing is built."),
        chart=_timeline(say, built, chance) if case is not None else None,
        on=doc.EVERYWHERE if built else SHEET,
    )  # fmt: skip


def _unaided(say: PlanWording) -> Table:
    """What comes without money, and what the money adds."""

    def tonnes(of: Mapping[str, float]) -> str:
        return ", ".join(f"{say.name('materials', m)} {number(t)}" for m, t in of.items())

    columns = [
        col.text(tr("Project"), lambda p: say.name("projects", p.id)),
        col.given(tr("Decided without the plan in"), "year", "year", width=9),
        col.given(tr("Probability"), "probability", "share"),
        col.text(tr("Tonnes a year without the plan"), lambda p: tonnes(p.without_plan_t)),
        col.text(tr("Tonnes a year with it"), lambda p: tonnes(p.with_plan_t)),
        col.given(
            tr("Funders pay, {unit}", unit=say.million),
            "paid",
            of="paid_meur",
            total=True,
            on=SHEET,
        ),
        col.given(
            tr("Windfall, {unit}", unit=say.million), "windfall", of="windfall_meur", total=True
        ),
        *col.keys(id="id"),
    ]
    note = tr(
        "Tonnes reach consumers there at full output, times the probability. Windfall: the part of "
        "the payment, not discounted, for output that would come home without it. What companies "
        "would support by themselves is not in it."
    )
    return Table(
        tr("Projects that come without the plan, and what its money adds"), say.plan.unaided,
        columns, "unaided", note, total=tr("All together"), key=lambda row: row.id, folded=True,
        on=doc.EVERYWHERE,
    )  # fmt: skip


def _capex(say: PlanWording, built: Sequence[ProjectPlan]) -> list[doc.Column]:
    """Capital cost: with overruns as announced, in the mean and as budgets have it."""
    unit = say.million
    where = SHEET if say.has_contingency else doc.EVERYWHERE
    mean = col.given(say.capex, "mean_capex", of="mean_capex_meur", total=True, on=where)
    if not say.has_contingency:
        return [mean]
    return [
        col.given(
            tr("Capex announced, {unit}", unit=unit), "capex", of="capex_meur", total=True, on=SHEET
        ),
        mean,
        col.given(
            tr("Capex budgeted, {unit}", unit=unit), "budgeted", total=True,
            of=lambda p: p.capex_meur if p.budgeted_capex_meur is None else p.budgeted_capex_meur,
        ),
    ]  # fmt: skip


def _idle(say: PlanWording) -> Table:
    """What stands still when prices are low."""
    columns = [
        col.text(tr("Project"), lambda p: say.name("projects", p.id)),
        col.text(tr("By the price of"), lambda p: say.name("materials", p.material)),
        col.given(tr("Price below cash cost"), "below", "share", "below_cash_cost"),
        col.given(tr("Stands still"), "idle", "share"),
        col.given(tr("Of its output here under price floors"), "floored", "share"),
        *col.keys(id="id"),
    ]
    note = tr(
        "Shares of time, in the mean over the states. What is under a price floor runs whatever "
        "the price; what is not stands still while the price is below cash cost, but for long "
        "shortages."
    )
    return Table(
        tr("Projects that run only when it pays"), say.plan.idle, columns, "idle", note,
        key=lambda row: row.id, folded=True, on=doc.EVERYWHERE,
    )  # fmt: skip


def _rights(say: PlanWording, project: ProjectPlan) -> str:
    shares = {"": project.offtake_common, **project.offtake_by_company}
    told = [
        f"{say.payer(company) if company else tr('all consumers')} {percent(share)}"
        for company, share in shares.items()
        if share > NOISE
    ]
    return ", ".join(told) or NONE


def _ramp_up(case: Case | None, built: ProjectPlan) -> int:
    """Years from the first output until the ramp-up has reached its last value."""
    return 0 if case is None else len(case.projects[built.id].ramp_up) - 1


def _timeline(
    say: PlanWording, built: Sequence[ProjectPlan], chance: Mapping[str, Chances]
) -> Chart:
    def life(p: ProjectPlan) -> schedule.Life:
        assert say.case is not None
        lifetime, own = say.case.projects[p.id].lifetime_years, chance[p.id]
        return schedule.Life(
            say.name("projects", p.id), p.start, p.first_output, _ramp_up(say.case, p),
            None if lifetime is None else int(lifetime), own.delay, own.longest, own.success,
        )  # fmt: skip

    lives = [life(p) for p in built]
    title = tr("Projects: decision, construction and output, if nothing is delayed")
    if any(one.longest for one in chance.values()):
        title = tr("Projects: decision, construction and output, with the delay to be expected")
    return Chart(
        "timeline-projects",
        title,
        tr(
            "One bar a project over the years; beside it the year of first output if nothing is "
            "delayed, the latest one, and the chance that it produces at all."
        ),
        lambda: schedule.projects(lives, range(say.years[0], say.years[-1] + 1)),
    )


def checks(say: PlanWording) -> Iterator[Check]:
    """Projects are paid for in full by those that are listed, and so does their output go."""
    if not say.plan.projects:
        return
    says = tr("The shares of each project add up to 1: amounts by funder equal its capital cost")
    yield doc.check_rows(says, "projects", col.summed("projects", "mean_capex"))
    says = tr("Output for all consumers and for companies that pay is all contracted output")
    yield doc.check_rows(says, "projects", col.summed("projects", "offtake"), "contracted")
