"""A comparison in the words of the current language: options, units, parts of a scenario."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from models.language import language, tr
from models.results import Comparison, Plan
from models.results.comparison import Barred, Failed, Unlike
from models.results.option import BudgetUse, Option
from models.results.option import Wording as InBoth
from optimizer.report.cells import written
from optimizer.report.figures import NOISE, NONE, clean, exact, number
from optimizer.report.scenario_workbook.fields import WORDS
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

        some = [o for o in self.options if not self.bars(o.label, "damage", "money")]
        some.sort(key=figures)
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
        """Where a value stands in a scenario, in words: part, items and field."""
        part, *steps = path.split(".")
        if not steps:
            return _subject(path)
        kinds = ("materials", "consumers", "projects", "stockpiles", "funders")
        known = [getattr(self.found.names, kind) for kind in kinds]
        names = {id: said(name) for of in known for id, name in of.items()}
        last = max((n for n, step in enumerate(steps) if not step.isdecimal()), default=0)
        label = names.get(steps[last]) or _label(part, *steps[: last + 1])
        shown = [names.get(step, step) for step in steps[:last] if step not in INNER]
        shown += [label, *(names.get(step, step) for step in steps[last + 1 :])]
        return f"{_part(part)}: {clean(', '.join(shown))}"

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
                "“{option}” differs from “{base}” – {subject}: {value} instead of {before}.",
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

    def changes(self, label: str) -> str:
        """Where the scenario of an option differs from that of the base: the one value, or how
        many in each part."""
        changes = self.found.changes.get(label, ())
        if len(changes) == 1:
            of = changes[0]
            return tr(
                "{subject}: {value} instead of {before}",
                subject=self.place(of.path),
                value=value_of(of.value),
                before=value_of(of.base),
            )
        parts = Counter(self.place(of.path.split(".")[0]) for of in changes)
        return ", ".join(f"{part} ({number(count)})" for part, count in parts.items()) or NONE


def _plain_name(option: Option) -> str:
    if option.variant is None:
        return capital(tr("base case")) if option.label == "base" else clean(option.label)
    return said(option.title)


INNER = {"instruments", "budget_lines", "state_aid", "max_country_share", "sample", "cvar"}
"""Steps of a path that say no more than those around them."""


def _label(*path: str) -> str:
    """A field of a scenario in words, as in a scenario's workbook; its own name without any."""
    labels = WORDS["labels"]
    known = (labels[end] for n in range(len(path)) if (end := ".".join(path[n:])) in labels)
    label = next(known, None)
    return clean(path[-1]) if label is None else tr(label)


def _part(part: str) -> str:
    """A part of a scenario in words, as in a scenario's workbook."""
    return tr(WORDS["groups"].get(part) or capital(part))


def _subject(subject: str) -> str:
    """What two scenarios differ in, in words."""
    if subject == "outcome.without_plan":
        return tr("what is expected without any plan")
    return _label(*subject.split(".")) if subject in WORDS["labels"] else _part(subject)


def value_of(value: str | None) -> str:
    """A value of a scenario as text, without the signs of JSON."""
    if value is None:
        return tr("not set")
    if value in ("true", "false"):
        return tr("yes") if value == "true" else tr("no")
    try:
        return exact(float(value))
    except ValueError:
        value = re.sub(r'"(\w+)":', lambda found: f"{_label(found[1])}:", value)
        return clean(re.sub(r'[][{}"]', "", value))
