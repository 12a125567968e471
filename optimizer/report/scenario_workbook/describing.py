"""What sheets and fields mean, in words of the current language."""

from __future__ import annotations

from models.files.tabs import Tab
from models.files.wording import word_shown, worded
from models.language import language, tr
from optimizer.report.scenario_workbook.columns import Column

ABOUT_TABS = {
    "settings": "General settings of the scenario, one a row.",
    "materials": "What is needed, each counted in tonnes of one form.",
    "materials.price_states": "Prices that a material may have, for price floors only.",
    "consumers": "Who needs the materials: sectors and single companies.",
    "demand": "How much each consumer needs of each material.",
    "damage": "What a missing tonne costs the economy, in steps that rise.",
    "supply": "Where the materials come from today.",
    "projects": "What may be built.",
    "funders": "Who pays: the state, companies, other investors.",
    "funders.budget_lines": "What a funder may commit, pay and guarantee, line by line.",
    "funders.instruments": "How funders take part in projects.",
    "stockpiles": "What may be stored, and at what cost.",
    "hazards": "What can go wrong, and how often.",
    "hazards.effects": "Whom a hazard strikes, and how much is lost in each period from its start.",
    "uncertainty.states": "States of the world written out; leave the sheet empty where they are "
    "sampled (Settings).",
    "variants": "Funding options to compare, each a few changed values.",
    "sources": "Where the figures come from; columns of sources name these ids.",
}
"""What a sheet holds, by the key of its tab."""

GROUPS = {
    "": "Scenario",
    "horizon": "Years planned for",
    "uncertainty": "States of the world, sampled",
    "policy": "Rules for every plan",
    "objective": "What a plan is measured by",
}
"""Headings of the settings, by the first part of their path."""


def about_tab(tab: Tab) -> str:
    """One sentence on a sheet; its name where nobody wrote one."""
    return worded(ABOUT_TABS[tab.key]) if tab.key in ABOUT_TABS else tab.title


def group_label(group: str) -> str:
    """The heading over some settings."""
    return worded(GROUPS.get(group, group.replace("_", " ").capitalize()))


def meaning_of(column: Column) -> str:
    """What a field means, what may stand there, and whether it has to."""
    lines = [_sentence(column.meaning)] if column.meaning else []
    shape = column.shape
    if shape.kind == "choice" and not column.remark:
        lines.append(tr("One of: {words}.", words=", ".join(map(word_shown, shape.choices))))
    elif shape.kind == "names":
        lines.append(tr("Several with ; between them, or the word {word}.",
                        word=word_shown(shape.choices[0])))  # fmt: skip
    elif shape.kind == "list":
        lines.append(tr("Several with ; between them."))
    elif shape.kind == "yearly" and not column.path[-1].isdecimal():
        lines.append(tr("The same in every year. Where it changes, leave this empty and fill "
                        "columns of years, such as {name}.2030.", name=column.name))  # fmt: skip
    if not column.required and not column.remark:
        default = _default(column)
        lines += [tr("If empty: {value}.", value=default)] if default else []
    if column.some:
        lines.append(tr("At least one of these columns."))
    elif column.required:
        lines.append(tr("Required."))
    return "\n".join(lines)


def _default(column: Column) -> str:
    """What holds where nothing is written, if that is a number or a word."""
    value = column.field.info.default if column.field.info is not None else None
    if column.shape.kind in ("list", "mapping", "years") or column.path[-1].isdecimal():
        return ""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, float):
        shown = f"{100 * value:g} %" if column.field.is_percent else f"{value:g}"
        return shown.replace(".", ",") if language() == "de" else shown
    if not isinstance(value, str):
        return ""
    return word_shown(value) if column.shape.kind == "choice" else value


def _sentence(text: str) -> str:
    """A text without the marks of code, with a capital and a full stop."""
    said = " ".join(text.replace("`", "").split())
    return f"{said[:1].upper()}{said[1:]}{'' if said.endswith(('.', '?')) else '.'}"
