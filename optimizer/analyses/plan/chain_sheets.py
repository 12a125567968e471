"""Sheets on chains: all flows, what plants make, and what a tonne of each form is worth by year."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.chain_words import Told
from optimizer.analyses.plan.words import PlanWording
from optimizer.report import document as doc
from optimizer.report.document import Column, Table
from optimizer.report.workbook import expressions as ex
from optimizer.report.workbook.formulas import Line

COMES = ("supply", "made", "projects", "released", "missing")
"""Where tonnes come from, in the order of a chart."""


def all_flows(told: Sequence[Told]) -> Table:
    """Tonnes of each form, undisturbed and in the worst states."""
    share = told[0].say.worst_share
    sides = {
        "undisturbed": tr("Undisturbed"),
        "worst_without_plan": tr("Worst {share} without plan", share=share),
        "worst": tr("The same with plan"),
    }
    rows = [(one, form, side) for one in told for form in one.chain.forms for side in sides]

    def tonnes(name: str) -> doc.Of:
        return lambda row: getattr(getattr(row[1], row[2]), name)

    def follows(line: Line) -> ex.Expression:
        return ex.total(*(line[key] for key in COMES)) - line["demand"]

    def figure(header: str, key: str) -> Column:
        return col.given(header, key, "tonnes", tonnes(f"{key}_t"))

    columns = [
        col.text(tr("Chain"), lambda row: row[0].title),
        col.text(tr("Form"), lambda row: row[0].form(row[1].material)),
        col.given(tr("Year"), "year", "year", "0.year"),
        col.text(tr("Case"), lambda row: sides[row[2]]),
        figure(tr("From the market"), "supply"),
        figure(tr("From projects"), "projects"),
        figure(tr("Made of other forms"), "made"),
        figure(tr("From stocks"), "released"),
        figure(tr("Missing"), "missing"),
        figure(tr("Demand"), "demand"),
        figure(tr("Taken in for other forms"), "taken"),
        doc.deviation("taken", follows),
        figure(tr("Not needed"), "unused"),
        *col.keys(material_id="1.material", field="2"),
    ]
    caption = tr("Tonnes a year of each form, by where they come from and where they go")
    return Table(caption, rows, columns, "chain-flows", freeze=2)


def all_plants(told: Sequence[Told]) -> Table:
    """What plants make, and what capacity is worth."""
    rows = [(one, plant) for one in told for plant in one.chain.plants]
    value = tr("Value of a tonne of capacity, {unit} per t", unit=_per_tonne(told[0].say))
    share = told[0].say.worst_share
    columns = [
        col.text(tr("Chain"), lambda row: row[0].title),
        col.text(tr("Plants"), lambda row: row[0].plant(row[1].id, row[1].project)),
        col.text(tr("Make"), lambda row: row[0].form(row[1].output)),
        col.given(tr("Year"), "year", "year", "0.year"),
        col.given(tr("Undisturbed, t"), "undisturbed", "tonnes", "1.undisturbed_t"),
        col.given(
            tr("Worst {share} without plan, t", share=share), "worst_without", "tonnes",
            "1.worst_without_plan_t",
        ),
        col.given(tr("The same with plan, t"), "worst", "tonnes", "1.worst_t"),
        col.given(
            tr("{value}, without plan", value=value), "value_without", "number",
            "1.value_without_plan_per_t",
        ),
        col.given(tr("{value}, with plan", value=value), "value", "number", "1.value_per_t"),
        *col.keys(id="1.id"),
    ]  # fmt: skip
    return Table(tr("What plants make of other forms"), rows, columns, "chain-plants")


def _per_tonne(say: PlanWording) -> str:
    return say.currency if say.of_damage else say.unit


def all_values(told: Sequence[Told]) -> Table:
    """What a tonne of each form is worth, year by year."""
    say = told[0].say
    sides = {"value_without_plan_per_t": tr("Without plan"), "value_per_t": tr("With plan")}
    rows = [
        col.Row(
            "number",
            {
                "chain": one.title, "name": one.form(form.material), "side": called,
                "material_id": form.material, "field": side, **getattr(form, side),
            },
        )
        for one in told
        for form in one.chain.forms
        for side, called in sides.items()
    ]  # fmt: skip
    columns = [
        *col.words(chain=tr("Chain"), name=tr("Form"), side=tr("Case")),
        *col.years(say.horizon),
        *col.keys("material_id", "field"),
    ]
    caption = tr("What a tonne of each form is worth, {unit} per t", unit=_per_tonne(say))
    return Table(caption, rows, columns, "chain-values")
