"""The number that a frontier or a target varies, in words."""

from collections.abc import Iterable, Sequence

from models.language import tr
from models.results import Frontier, Target
from optimizer.report.document import Shown
from optimizer.report.figures import number
from optimizer.report.wording import Wording, capital

Varied = Wording[Frontier] | Wording[Target]

BUDGET = "policy.budget_meur"
TAIL = "objective.cvar.weight"


def unit_of(say: Varied) -> str:
    """The unit of the varied number; empty where its name does not tell."""
    unit = say.found.varied_unit or ""
    if unit.startswith("million"):
        return say.million
    return {"": "", "t": tr("t")}.get(unit, tr("years"))


def called(say: Varied) -> str:
    """The varied number in words; its path where there are none."""
    path = say.found.varied
    known = {BUDGET: tr("public budget"), TAIL: tr("weight of the tail")}
    owner = funder_of(say)
    if owner is not None:
        return tr("budget of {funder}", funder=say.name("funders", owner))
    return known.get(path, path)


def funder_of(say: Varied) -> str | None:
    """The funder whose budget is varied, if it is one."""
    first, _, rest = say.found.varied.partition(".")
    owner, _, last = rest.partition(".")
    return owner if (first, last) == ("funders", "budget_meur") else None


def headed(say: Varied) -> str:
    """The varied number as the head of a column."""
    unit, name = unit_of(say), called(say)
    # A long path is broken at its dots.
    name = capital(name) if name != say.found.varied else name.replace(".", ". ")
    return f"{name}, {unit}" if unit else name


def amount(value: float | None, unit: str) -> str:
    """A number and its unit."""
    return f"{number(value)} {unit}" if unit and value is not None else number(value)


def values(say: Varied, several: Iterable[float]) -> list[str]:
    """Values of the varied number: as many decimals as tell them apart, six at most."""
    several = list(several)
    if say.found.varied.endswith("_year"):
        return [f"{value:g}" for value in several]
    for places in range(4):
        if all(abs(round(value, places) - value) < 1e-9 for value in several):
            return [number(value, places) for value in several]
    cells: list[str] = []
    for places in range(2, 7):
        cells = [number(value, places) for value in several]
        if len(set(cells)) == len(set(several)):
            break
    return cells


def shown(say: Varied, several: Sequence[float]) -> dict[float, Shown]:
    """Values of the varied number as they stand in a table, by value."""
    texts = values(say, several)
    return {value: Shown(text, value) for value, text in zip(several, texts, strict=True)}


def span(low: str, high: str) -> str:
    """From one value to another."""
    return tr("{low} to {high}", low=low, high=high)
