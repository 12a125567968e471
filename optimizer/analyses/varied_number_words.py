"""The number that a frontier or a target varies, in words."""

from collections.abc import Iterable, Sequence

from models.language import tr
from models.results import Frontier, Target
from optimizer.report.document import DisplayedValue
from optimizer.report.number_format import format_number
from optimizer.report.wording import Wording, capitalize

VariedWording = Wording[Frontier] | Wording[Target]

BUDGET_PATH = "policy.budget_meur"
TAIL_WEIGHT_PATH = "objective.cvar.weight"


def varied_unit(wording: VariedWording) -> str:
    """The unit of the varied number; empty where its name does not tell."""
    unit = wording.result.varied_unit or ""
    if unit.startswith("million"):
        return wording.money_unit
    return {"": "", "t": tr("t")}.get(unit, tr("years"))


def varied_number_name(wording: VariedWording) -> str:
    """The varied number in words; its path where there are none."""
    path = wording.result.varied
    known = {BUDGET_PATH: tr("public budget"), TAIL_WEIGHT_PATH: tr("weight of the tail")}
    owner = varied_funder(wording)
    if owner is not None:
        return tr("budget of {funder}", funder=wording.name("funders", owner))
    return known.get(path, path)


def varied_funder(wording: VariedWording) -> str | None:
    """The funder whose budget is varied, if it is one."""
    first, _, rest = wording.result.varied.partition(".")
    owner, _, last = rest.partition(".")
    return owner if (first, last) == ("funders", "budget_meur") else None


def varied_number_header(wording: VariedWording) -> str:
    """The varied number as the head of a column."""
    unit, name = varied_unit(wording), varied_number_name(wording)
    # A long path is broken at its dots.
    name = capitalize(name) if name != wording.result.varied else name.replace(".", ". ")
    return f"{name}, {unit}" if unit else name


def format_with_unit(value: float | None, unit: str) -> str:
    """A number and its unit."""
    return f"{format_number(value)} {unit}" if unit and value is not None else format_number(value)


def format_values(wording: VariedWording, numbers: Iterable[float]) -> list[str]:
    """Values of the varied number: as many decimals as tell them apart, six at most."""
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
    """Values of the varied number as they stand in a table, by value."""
    texts = format_values(wording, numbers)
    return {value: DisplayedValue(text, value) for value, text in zip(numbers, texts, strict=True)}


def format_range(low: str, high: str) -> str:
    """From one value to another."""
    return tr("{low} to {high}", low=low, high=high)
