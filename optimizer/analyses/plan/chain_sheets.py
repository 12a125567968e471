"""Sheets on chains: flows of forms, output of plants, and the marginal value of forms by year."""

from __future__ import annotations

from collections.abc import Sequence

from models.language import tr
from optimizer.analyses.plan import columns as col
from optimizer.analyses.plan.chain_wording import ChainWording
from optimizer.analyses.plan.plan_wording import PlanWording
from optimizer.report import document as doc
from optimizer.report import expressions as ex
from optimizer.report.document import Column, Table

INFLOWS = ("supply", "made", "projects", "released", "missing")
"""Keys of the inflows of a form, in the order of the chart."""


def all_flows_table(chains: Sequence[ChainWording]) -> Table:
    """Return a table of each form's inflows and outflows in tonnes a year: undisturbed, and in the
    worst states without and with the plan."""
    share = chains[0].wording.worst_share
    case_titles = {
        "undisturbed": tr("Undisturbed"),
        "worst_without_plan": tr("Worst {share} without plan", share=share),
        "worst": tr("The same with plan"),
    }
    rows = [
        (chain, form, field)
        for chain in chains
        for form in chain.outcome.forms
        for field in case_titles
    ]

    def tonnes(name: str) -> doc.ValueGetter:
        return lambda row: getattr(getattr(row[1], row[2]), name)

    def figure(header: str, key: str) -> Column:
        return col.figure_column(header, key, "tonnes", tonnes(f"{key}_t"))

    columns = [
        col.text_column(tr("Chain"), lambda row: row[0].title),
        col.text_column(tr("Form"), lambda row: row[0].form_name(row[1].material)),
        col.figure_column(tr("Year"), "year", "year", "0.year"),
        col.text_column(tr("Case"), lambda row: case_titles[row[2]]),
        figure(tr("From the market"), "supply"),
        figure(tr("From projects"), "projects"),
        figure(tr("Made of other forms"), "made"),
        figure(tr("From stocks"), "released"),
        figure(tr("Missing"), "missing"),
        figure(tr("Demand"), "demand"),
        figure(tr("Taken in for other forms"), "taken"),
        doc.deviation_column(
            "taken", lambda line: ex.sum_of(*(line[key] for key in INFLOWS)) - line["demand"]
        ),
        figure(tr("Not needed"), "unused"),
        *col.id_columns(material_id="1.material", field="2"),
    ]
    caption = tr("Tonnes a year of each form, by where they come from and where they go")
    return Table(caption, rows, columns, "chain-flows", frozen_columns=2)


def all_plants_table(chains: Sequence[ChainWording]) -> Table:
    """Return a table of the output of plants and the marginal value of a tonne of capacity."""
    rows = [(chain, plant) for chain in chains for plant in chain.outcome.plants]
    value = tr("Value of a tonne of capacity, {unit} per t", unit=_value_unit(chains[0].wording))
    share = chains[0].wording.worst_share
    columns = [
        col.text_column(tr("Chain"), lambda row: row[0].title),
        col.text_column(tr("Plants"), lambda row: row[0].plant_name(row[1].id, row[1].project)),
        col.text_column(tr("Make"), lambda row: row[0].form_name(row[1].output)),
        col.figure_column(tr("Year"), "year", "year", "0.year"),
        col.figure_column(tr("Undisturbed, t"), "undisturbed", "tonnes", "1.undisturbed_t"),
        col.figure_column(
            tr("Worst {share} without plan, t", share=share), "worst_without", "tonnes",
            "1.worst_without_plan_t",
        ),
        col.figure_column(tr("The same with plan, t"), "worst", "tonnes", "1.worst_t"),
        col.figure_column(
            tr("{value}, without plan", value=value), "value_without", "number",
            "1.value_without_plan_per_t",
        ),
        col.figure_column(tr("{value}, with plan", value=value), "value", "number",
            "1.value_per_t"),
        *col.id_columns(id="1.id"),
    ]  # fmt: skip
    return Table(tr("What plants make of other forms"), rows, columns, "chain-plants")


def _value_unit(wording: PlanWording) -> str:
    return wording.currency if wording.counts_damage else wording.unit


def all_values_table(chains: Sequence[ChainWording]) -> Table:
    """Return a table with the marginal value of one tonne of each form, by year."""
    wording = chains[0].wording
    case_titles = {"value_without_plan_per_t": tr("Without plan"), "value_per_t": tr("With plan")}
    rows = [
        col.SheetRow("number",
            {"chain": chain.title, "name": chain.form_name(form.material), "side": case_title,
            "material_id": form.material, "field": field, **getattr(form, field)})
        for chain in chains
        for form in chain.outcome.forms
        for field, case_title in case_titles.items()
    ]  # fmt: skip
    columns = [
        *col.text_columns(chain=tr("Chain"), name=tr("Form"), side=tr("Case")),
        *col.year_columns(wording.year_keys),
        *col.id_columns("material_id", "field"),
    ]
    caption = tr("What a tonne of each form is worth, {unit} per t", unit=_value_unit(wording))
    return Table(caption, rows, columns, "chain-values")
