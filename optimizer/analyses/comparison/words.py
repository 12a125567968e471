"""A comparison in the words of the current language: options, units, parts of a scenario."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from models.language import language, tr
from models.results import Comparison, Plan
from models.results.comparison import Barred, Change, Failed, Unlike
from models.results.option import BudgetUse, Option
from models.results.option import Wording as InBoth
from optimizer.analyses.plan.parts import field_name, part_name
from optimizer.report.cells import written
from optimizer.report.figures import NOISE, NONE, clean, exact, number
from optimizer.report.wording import Wording, capital, listed


def said(name: InBoth) -> str:
    """A name in the current language."""
    return clean(name.de if language() == "de" else name.en)


@dataclass(frozen=True)
class Side(Wording[Comparison]):
    """Several plans side by side; ``plans`` by label, empty where they are not at hand."""

    plans: Mapping[str, Plan] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The title of the base's scenario."""
        return said(self.found.title)

    @property
    def options(self) -> Sequence[Option]:
        """The options, in the order given."""
        return self.found.options

    @cached_property
    def base(self) -> Option:
        """What the others are compared with."""
        return next(o for o in self.options if o.label == self.found.base)

    @property
    def currency(self) -> str:
        """The currency of the base."""
        return self.base.currency

    @property
    def measure(self) -> str:
        """What is counted in the base: damage, tonnes or share_of_demand."""
        return self.base.benefit.measure

    @cached_property
    def _called(self) -> dict[str, str]:
        plain = {option.label: _plain_name(option) for option in self.options}
        names = list(plain.values())
        return {
            label: f"{name} ({clean(label)})" if names.count(name) > 1 else name
            for label, name in plain.items()
        }

    def called(self, label: str) -> str:
        """What an option is called: by the title of its variant, or else by its label; the label
        stands behind a name that comes twice."""
        return self._called.get(label) or clean(label)

    def key(self, label: str) -> str:
        """The word by which formulas find the column of an option."""
        return f"option_{list(self._called).index(label)}"

    def bars(self, label: str, *needs: Barred) -> bool:
        """Whether any of these figures of an option is not compared with the base."""
        bars = {bar for one in self.found.unlike if one.option == label for bar in one.bars}
        bars |= {"tail", "objective"} if "damage" in bars else set()
        return bool(bars & set(needs))

    def compared(self, *needs: Barred) -> list[Option]:
        """The options that have these figures."""
        return [option for option in self.options if not self.bars(option.label, *needs)]

    @cached_property
    def dominated(self) -> dict[str, str]:
        """Options that another beats, and the label of that one: it leaves no more damage and
        takes no more public money, and is better in one of the two."""

        def figures(option: Option) -> tuple[float, float]:
            return option.benefit.expected.with_plan, option.cost.public.paid_meur

        def beats(better: Option, worse: Option) -> bool:
            pairs = [
                (a - b, NOISE * max(1.0, abs(b)))
                for a, b in zip(figures(better), figures(worse), strict=True)
            ]
            return all(d <= room for d, room in pairs) and any(d < -room for d, room in pairs)

        some = sorted(self.compared("damage", "money"), key=figures)
        found = {o.label: next((b.label for b in some if beats(b, o)), None) for o in some}
        return {label: better for label, better in found.items() if better is not None}

    def name(self, kind: str, id: str, fallback: str | None = None) -> str:
        """The name of an item (``materials``, ``projects`` ...) in the plans, or its id."""
        names: Mapping[str, InBoth] = getattr(self.found.names, kind, {})
        return said(names[id]) if id in names else clean(fallback or id)

    def budget(self, use: BudgetUse) -> str:
        """A budget by its funder, with the name of the line where it has one of its own."""
        if use.funder is None:
            return tr("all public funders together")
        of = self.name("funders", use.funder)
        if use.line == "budget":
            return of
        lines = self.found.names.budget_lines.get(use.funder, {})
        return f"{of}, {said(lines[use.line]) if use.line in lines else clean(use.name)}"

    def listed(self, some: Sequence[Option]) -> str:
        """The names of several options in a sentence."""
        if len(some) == len(self.options):
            return tr("all options")
        return listed([self.called(option.label) for option in some])

    def signed(self, value: float) -> str:
        """A difference with its sign, for a sentence."""
        return written(value, "signed", 0 if abs(value) >= 100 else None)

    def left_out(self, failed: Failed) -> str:
        """Why an option is not among the others."""
        name = clean(failed.label) if failed.variant is None else said(failed.title)
        if failed.reason != "infeasible":
            why = clean(tr(failed.message))
            return tr("“{option}” is left out, since there is no plan: {message}.",
                      option=name, message=why)  # fmt: skip
        rules = "; ".join(f"{rule.tag} {rule.name}: {rule.says}" for rule in failed.conflict)
        return tr("“{option}” is left out: no plan keeps all of these rules together. {rules}.",
                  option=name, rules=clean(rules))  # fmt: skip

    def place(self, path: str) -> str:
        """Where a value stands in a scenario, in words: part, item and field."""
        part, *steps = path.split(".")
        if not steps:
            return capital(_subject(path))
        shown = [self._step(step) for step in steps if step not in ("instruments", "budget_lines")]
        return f"{part_name(part)}: {clean(', '.join(shown))}"

    def _step(self, step: str) -> str:
        """A step of a path in words: an item by its name, or a field."""
        for kind in ("materials", "consumers", "projects", "stockpiles", "funders"):
            if step in getattr(self.found.names, kind):
                return self.name(kind, step)
        return _field(step)

    def unlike(self, one: Unlike) -> str:
        """In what an option is not like the base, and what is not compared for that."""
        about = {"option": self.called(one.option), "base": self.called(self.found.base)}
        if one.subject == "scenario":
            differs = tr(
                "“{option}” and “{base}”: one of the plans does not carry its scenario, so that "
                "nobody can tell what they have in common.",
                **about,
            )
        else:
            first, more = one.changes[0], len(one.changes) - 1
            own = first.path == one.subject or one.subject.startswith("outcome")
            where = _subject(one.subject) if own else self.place(first.path)
            differs = tr(
                "“{option}” differs from “{base}” in {subject}: {value} instead of {before}.",
                **about,
                subject=where,
                value=value_of(first.value),
                before=value_of(first.base),
            )
            if more:
                differs += " " + tr("Values that differ as well: {count}.", count=number(more))
        if not one.bars:
            return differs
        figures = {
            "damage": self.counted,
            "tail": tr("the worst states"),
            "money": tr("money"),
            "objective": tr("the objective"),
            "dependence": tr("dependence"),
        }
        bars = listed([figures[bar] for bar in one.bars])
        return f"{differs} {tr('Not compared for that reason: {figures}.', figures=bars)}"

    def changes(self) -> Iterator[tuple[str, str, int, str, str]]:
        """What differs from the base in the scenarios: option, place, how many values, before and
        after; places that differ by item or year alone are one."""
        for label, changes in self.found.changes.items():
            groups: dict[str, list[Change]] = {}
            for change in changes:
                groups.setdefault(_alike(change.path), []).append(change)
            for place, of in groups.items():
                where = self.place(of[0].path if len(of) == 1 else place)
                before, after = _one([c.base for c in of]), _one([c.value for c in of])
                yield self.called(label), where, len(of), before, after


def _plain_name(option: Option) -> str:
    if option.variant is None:
        return capital(tr("base case")) if option.label == "base" else clean(option.label)
    return said(option.title)


def _field(name: str) -> str:
    """A field of a scenario in words; its own name where it has none."""
    known = {"max_projects": tr("projects at most"), "price_states": tr("states of the price")}
    return known.get(name) or field_name(name)


def _subject(subject: str) -> str:
    """What two scenarios differ in, in words."""
    known = {
        "currency": tr("currency"),
        "price_year": tr("price year"),
        "horizon.periods_per_year": tr("periods a year"),
        "horizon.residual_value": tr("residual value"),
        "objective.measure": tr("what the objective counts"),
        "objective.cvar.level": tr("how many of the worst states count"),
        "objective.cvar.weight": tr("weight of the worst states"),
        "objective.cost_weight": tr("weight of costs"),
        "objective.allocation": tr("who goes short first"),
        "include": tr("included files"),
        "home": tr("the countries that are supplied"),
        "outcome.without_plan": tr("what is expected without any plan"),
    }
    return known.get(subject) or part_name(subject)


def value_of(value: str | None) -> str:
    """A value of a scenario as text, without the signs of JSON."""
    if value is None:
        return tr("not set")
    try:
        return clean(_plain(json.loads(value)))
    except ValueError:  # It was shortened.
        value = re.sub(r'"(\w+)":', lambda found: f"{_field(found[1])}:", value)
        return clean(re.sub(r'[][{}"]', "", value))


def _plain(value: Any) -> str:
    if value is None:
        return tr("not set")
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    if isinstance(value, (int, float)):
        return exact(value)
    if isinstance(value, dict):
        return "; ".join(f"{_field(key)}: {_plain(of)}" for key, of in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _alike(path: str) -> str:
    """A path with an asterisk for the name of an item, and for a year."""
    steps = path.split(".")
    if len(steps) > 2:
        steps[1] = "*"
    return ".".join("*" if step.isdecimal() else step for step in steps)


def _one(values: list[str | None]) -> str:
    """The value that all have."""
    first = values[0]
    if any(value != first for value in values):
        return tr("various")
    return NONE if first is None else value_of(first)
