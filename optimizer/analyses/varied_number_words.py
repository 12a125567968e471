"""Names and formatted values of the number that a frontier or a target varies."""

from collections.abc import Iterable, Sequence

from models.language import tr
from models.results import Frontier, Target
from optimizer.report.document import DisplayedValue
from optimizer.report.number_format import format_number, sanitize
from optimizer.report.wording import Wording, capitalize

VariedWording = Wording[Frontier] | Wording[Target]

BUDGET_PATH = "policy.budget_meur"
TAIL_WEIGHT_PATH = "objective.cvar.weight"


def varied_unit(wording: VariedWording) -> str:
    """Return the unit of the varied number in the current language; empty if its name does not
    state a unit."""
    unit = wording.result.varied_unit or ""
    if unit.startswith("million"):
        return wording.money_unit
    return {"": "", "t": tr("t")}.get(unit, tr("years"))


def varied_number_name(wording: VariedWording) -> str:
    """Return the name of the varied number in words; its dotted path if it has no name."""
    path = wording.result.varied
    names = {BUDGET_PATH: tr("public budget"), TAIL_WEIGHT_PATH: tr("weight of the tail")}
    owner = varied_funder(wording)
    if owner is not None:
        return tr("budget of {funder}", funder=wording.name("funders", owner))
    if path.startswith("policy.rules."):
        rule, *_, last = path.removeprefix("policy.rules.").split(".")
        # Not the title, which may state the number that is varied.
        title = sanitize(rule)
        senses = {"at_least": tr("at least"), "at_most": tr("at most"), "equals": tr("exactly")}
        return f"{title}: {senses.get(last, tr('multiple'))}"
    return names.get(path, path)


def varied_funder(wording: VariedWording) -> str | None:
    """Return the id of the funder whose budget is varied; None if the number is not the budget of a
    funder."""
    first_step, _, remaining_path = wording.result.varied.partition(".")
    owner, _, last_step = remaining_path.partition(".")
    return owner if (first_step, last_step) == ("funders", "budget_meur") else None


def varied_number_header(wording: VariedWording) -> str:
    """Return the name of the varied number with its unit, as a column header."""
    unit, name = varied_unit(wording), varied_number_name(wording)
    # A space after each dot allows line breaks in a long path.
    name = capitalize(name) if name != wording.result.varied else name.replace(".", ". ")
    return f"{name}, {unit}" if unit else name


def format_with_unit(value: float | None, unit: str) -> str:
    """Format a number with its unit."""
    return f"{format_number(value)} {unit}" if unit and value is not None else format_number(value)


def format_values(wording: VariedWording, numbers: Iterable[float]) -> list[str]:
    """Format values of the varied number with as many decimals as distinguish them, six at most."""
    numbers = list(numbers)
    if wording.result.varied.endswith("_year"):
        return [f"{value:g}" for value in numbers]
    for places in range(4):
        if all(abs(round(value, places) - value) < 1e-9 for value in numbers):
            return [format_number(value, places) for value in numbers]
    cells: list[str] = []
    for places in range(2, 7):
        cells = [format_number(value, places) for value in numbers]
        if len(set(cells)) == len(set(numbers)):
            break
    return cells


def cells_by_value(wording: VariedWording, numbers: Sequence[float]) -> dict[float, DisplayedValue]:
    """Return the table cells for values of the varied number, by value."""
    texts = format_values(wording, numbers)
    return {value: DisplayedValue(text, value) for value, text in zip(numbers, texts, strict=True)}


def format_range(low: str, high: str) -> str:
    """Return a text for the range between two formatted values."""
    return tr("{low} to {high}", low=low, high=high)
