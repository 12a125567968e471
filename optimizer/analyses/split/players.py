"""Who takes part in the game: companies, the state, and what is whose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from models.base import named
from models.files import Reading
from models.language import tr
from models.results import StateMode
from optimizer.errors import VorratError
from optimizer.model.instance import Instance, read_instance
from optimizer.model.states import State, read_states

STATE = "state"
"""Id of the state as a player; a company of this id makes it ``state.``, as no id has a dot."""

MASKS = 62
"""More players than this do not fit into a mask."""


class NoGame(VorratError):
    """A scenario that has no game in it."""

    exit_code = 2


@dataclass(frozen=True)
class Seat:
    """A player: whose money and whose damage are its own."""

    id: str
    name: str
    is_state: bool
    funders: tuple[str, ...]
    consumers: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Table:
    """The players of a scenario around one table, in one problem.

    A coalition is a bit mask over ``seats``. What belongs to no player: private funders, who take
    part in every coalition and whose cost counts there, and, unless it is a player, the state.
    """

    instance: Instance
    states: tuple[State, ...]
    mode: StateMode
    seats: tuple[Seat, ...]
    state: Seat
    """All public funders, and the consumers that no company stands for."""
    set_aside: tuple[str, ...]
    """Duties of the scenario that no single coalition owes."""

    @cached_property
    def all(self) -> int:
        """The mask of all players."""
        return (1 << len(self.seats)) - 1

    @cached_property
    def companies(self) -> int:
        """The mask of all companies."""
        return sum(1 << n for n, seat in enumerate(self.seats) if not seat.is_state)

    def of(self, mask: int) -> tuple[Seat, ...]:
        """The players in a coalition."""
        return tuple(seat for n, seat in enumerate(self.seats) if mask >> n & 1)

    def ids(self, mask: int) -> tuple[str, ...]:
        """Their ids."""
        return tuple(seat.id for seat in self.of(mask))

    @cached_property
    def private(self) -> tuple[str, ...]:
        """Funders who are neither companies nor public."""
        return tuple(f for f, x in self.instance.case.funders.items() if x.kind == "private")

    def state_acts(self, mask: int) -> bool:
        """Whether public funders take part when a coalition acts."""
        if self.mode == "player":
            return any(seat.is_state for seat in self.of(mask))
        return self.mode in ("every", "gift") or (self.mode == "joint" and mask == self.all)

    @property
    def state_counts(self) -> bool:
        """Whether what the state pays counts in every coalition, though it is no member."""
        return self.mode == "every"


def table_of(reading: Reading, mode: StateMode) -> Table:
    """The game of a scenario: damage and cost count alike, tonnes belong to those who paid for
    them, and what no coalition owes by itself is set aside.

    Raises
    ------
    NoGame
        Without two companies, or with more players than can be counted.
    ScenarioError
        If the scenario does not allow what the game needs, such as damage in money.
    """
    case = reading.case
    set_aside: list[str] = []
    settings = ["objective.measure=damage", "objective.allocation=entitled",
                "objective.cost_weight=1", "objective.cvar.weight=0"]  # fmt: skip
    if case.policy.must_build:
        set_aside.append("policy.must_build")
        settings.append("policy.must_build=[]")
    if case.policy.max_country_share is not None:
        set_aside.append("policy.max_country_share")
        settings.append("policy.max_country_share=null")
    for pile in case.stockpiles:
        if pile.min_days_of_demand is not None:
            set_aside.append(f"stockpiles.{pile.id}.min_days_of_demand")
            settings.append(f"stockpiles.{pile.id}.min_days_of_demand=null")
    instance = read_instance(reading.changed(settings).case)
    return Table(
        instance,
        read_states(instance),
        mode,
        tuple(_seats(instance, mode)),
        _state(instance),
        tuple(set_aside),
    )


def _seats(instance: Instance, mode: StateMode) -> Iterable[Seat]:
    case = instance.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if len(companies) < 2:
        raise NoGame(
            tr(
                "A split needs two funders of kind company at least; this scenario has {number}.",
                number=len(companies),
            )
        )
    for f in companies:
        own = tuple(u for u, consumer in case.consumers.items() if consumer.company == f)
        yield Seat(f, named(case.funders[f].name, f), False, (f,), own)
    if mode == "player":
        yield _state(instance)
    if len(companies) >= MASKS:
        raise NoGame(
            tr(
                "A split can have {most} companies at most; this scenario has {number}.",
                most=MASKS - 1,
                number=len(companies),
            )
        )


def _state(instance: Instance) -> Seat:
    case = instance.case
    own = tuple(u for u, consumer in case.consumers.items() if consumer.company is None)
    id = f"{STATE}." if STATE in case.funders else STATE
    return Seat(id, tr("The state"), True, instance.public_funders, own)
