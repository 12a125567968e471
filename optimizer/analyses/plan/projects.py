"""What is built when, and whom its output goes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from models.language import tr
from models.results import ProjectPlan
from models.scenario.projects import Project
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.words import PlanWording
from optimizer.report.charts import Chart, schedule
from optimizer.report.countries import country
from optimizer.report.document import (
    EVERYWHERE,
    PAGE,
    SHEET,
    TEXT,
    Check,
    Formula,
    Media,
    Part,
    Section,
    Table,
    Text,
)
from optimizer.report.figures import NOISE, NONE, number, percent
from optimizer.report.wording import projects_counted
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Formulas


def sections(say: PlanWording) -> list[Section]:
    """Which projects are built, when they deliver, and to whom."""
    title = tr("What to build, and when")
    return [Section("projects", title, list(_parts(say)), tab=tr("Projects"))]


def _parts(say: PlanWording) -> Iterator[Part]:
    built = say.plan.projects
    if built:
        first, last = (pick(p.first_output for p in built) for pick in (min, max))
        text = (
            tr("{projects}: first output in {first}.", projects=projects_counted(1), first=first)
            if len(built) == 1
            else tr(
                "{projects}: the first delivers in {first}, the last in {last}, if nothing is "
                "delayed.",
                projects=projects_counted(len(built)),
                first=first,
                last=last,
            )
        )
        yield Text(text, TEXT)
    note = tr("Shares are of capex or of output. First output: if nothing is delayed.")
    yield Text(note, SHEET)
    yield _table(say, sorted(built, key=lambda p: (p.start, p.first_output)))
    text = tr(
        "Probability of success: that the project produces at all. Delays are drawn in the states "
        "of the world and not shown here."
    )
    if built and say.case is not None:
        yield Text(text, PAGE)


def _table(say: PlanWording, built: Sequence[ProjectPlan]) -> Table:
    candidates: Mapping[str, Project] = {} if say.case is None else say.case.projects
    known = PAGE if candidates else Media(0)

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

    def paid(key: str, **wanted: str) -> Formula:
        """What the funding of a project comes to, or that of one kind of funders."""
        return lambda r: col.where("funding", key, {"project_id": r["id"]}, **wanted)(r.book)

    def for_companies(p: ProjectPlan) -> float:
        return sum(p.offtake_by_company.values())

    def success(p: ProjectPlan) -> float:
        return float(candidates[p.id].success_probability)

    unit, both = say.million, lambda r: r["common"] + r["company"]
    columns = [
        col.text(tr("Project"), lambda p: say.name("projects", p.id)),
        col.text(tr("Country"), place, origin="scenario", on=SHEET | known),
        col.text(tr("Material"), materials, on=SHEET),
        col.given(tr("Decision"), "start", "year", width=9),
        col.given(tr("First output"), "first_output", "year", width=9),
        col.given(
            tr("Full output"), "full", "year", lambda p: _full(candidates[p.id], p), on=known
        ),
        col.given(tr("Capex, {unit}", unit=unit), "capex", of="capex_meur", total=True),
        col.calc(tr("Funded, {unit}", unit=unit), "funded", paid("meur"), total=True, on=SHEET),
        col.calc(tr("All shares together"), "share", paid("share"), "share", on=SHEET),
        col.calc(tr("Deviation"), "deviation", col.apart("funded", "capex"), "deviation", on=SHEET),
        col.calc(
            tr("Of that public"), "public", paid("share", kind_id="public"), "share", on=SHEET
        ),
        col.text(tr("Tonnes a year at full output"), output, on=known),
        col.given(say.contracted, "offtake", "share"),
        col.text(tr("Of that for"), lambda p: _rights(say, p), on=TEXT),
        col.given(tr("Of output for all consumers"), "common", "share", "offtake_common", on=SHEET),
        col.given(
            tr("Of output for companies that pay"), "company", "share", for_companies, on=SHEET
        ),
        col.calc(tr("Both together"), "reserved", both, "share", on=SHEET),
        col.given(tr("Probability of success"), "success", "share", success, on=known),
        *col.keys(id="id"),
    ]
    note = tr(
        "{contracted}: the share of output that consumers there receive by contract in return for "
        "the money.",
        contracted=say.contracted,
    )
    return Table(
        tr("Projects: decision, output and whom it is contracted to"), built, columns, "projects",
        note, total=tr("All together"), key=lambda row: row.id, empty=tr("Nothing is built."),
        chart=_timeline(say, built, candidates) if candidates else None,
        on=EVERYWHERE if built else SHEET,
    )  # fmt: skip


def _rights(say: PlanWording, project: ProjectPlan) -> str:
    shares = {"": project.offtake_common, **project.offtake_by_company}
    told = [
        f"{say.payer(company) if company else tr('all consumers')} {percent(share)}"
        for company, share in shares.items()
        if share > NOISE
    ]
    return ", ".join(told) or NONE


def _full(project: Project, built: ProjectPlan) -> int:
    """The first year in which the ramp-up has reached its last value."""
    return built.first_output + len(project.ramp_up) - 1


def _timeline(
    say: PlanWording, built: Sequence[ProjectPlan], candidates: Mapping[str, Project]
) -> Chart:
    span = range(say.years[0], say.years[-1] + 1)

    def end(p: ProjectPlan) -> int:
        lifetime = candidates[p.id].lifetime_years
        last = span[-1] if lifetime is None else p.first_output + int(lifetime) - 1
        return min(span[-1], last) if last >= p.first_output <= span[-1] else span[-1]

    lives = [
        schedule.Life(
            say.name("projects", p.id), p.start, p.first_output, _full(candidates[p.id], p), end(p)
        )
        for p in built
    ]
    return Chart(
        "timeline-projects",
        tr("Projects: decision, construction and output, if nothing is delayed"),
        tr("One bar a project over the years; the label is the year of first output."),
        lambda: schedule.projects(lives, span),
    )


def checks(say: PlanWording) -> Iterator[Check]:
    """Projects are paid for in full by those that are listed, and so does their output go."""
    if not say.plan.projects:
        return
    capex, funded = col.summed("projects", "capex"), col.summed("funding", "meur")
    says = tr("The shares of each project add up to 1: amounts by funder equal its capital cost")
    yield col.check_rows(says, "projects", capex)
    yield Check(tr("Funding of all projects equals their capital cost"), "projects", funded, capex)
    says = tr("Funding by source equals funding by project")
    yield Check(says, "funding", col.summed("by_source", "meur"), funded)
    says = tr("Output for all consumers and for companies that pay is all contracted output")
    keys, output = ("reserved", "offtake"), col.summed("projects", "offtake")

    def apart(book: Formulas) -> ex.Expression:
        return ex.distance(*(book["projects"].area(key) for key in keys))

    yield Check(says, "projects", apart, output, summed=True)
