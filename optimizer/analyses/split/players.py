"""Who takes part in the game: companies, the state, and what is whose."""

from dataclasses import dataclass
from functools import cached_property

from models.base import named
from models.files import Reading
from models.language import tr
from models.results import StateMode
from optimizer.errors import VorratError
from optimizer.model.instance import Instance
from optimizer.model.states import State
from optimizer.solve.problem import read_world

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

    @cached_property
    def private(self) -> tuple[str, ...]:
        """Funders who are neither companies nor public."""
        return tuple(f for f, x in self.instance.case.funders.items() if x.kind == "private")

    def state_acts(self, mask: int) -> bool:
        """Whether public funders take part when a coalition acts."""
        if self.mode == "player":
            return any(seat.is_state for seat in self.of(mask))
        return self.mode in ("every", "gift") or (self.mode == "joint" and mask == self.all)


def table_of(reading: Reading, mode: StateMode) -> Table:
    """The game of a scenario: damage and cost count alike, tonnes belong to those who paid for
    them, and what no coalition owes by itself is set aside.

    Raises NoGame without two companies, or with more players than can be counted, and ScenarioError
    if the scenario does not allow what the game needs, such as damage in money.
    """
    case = reading.case
    piles = [f"stockpiles.{h.id}.min_days_of_demand" for h in case.stockpiles
             if h.min_days_of_demand is not None]  # fmt: skip
    aside = {"policy.must_build": "[]"} if case.policy.must_build else {}
    if case.policy.max_country_share is not None:
        aside["policy.max_country_share"] = "null"
    aside |= dict.fromkeys(piles, "null")
    settings = ["objective.measure=damage", "objective.allocation=entitled",
                "objective.cost_weight=1", "objective.cvar.weight=0"]  # fmt: skip
    settings += [f"{path}={value}" for path, value in aside.items()]
    instance, states = read_world(reading.changed(settings).case)
    state, seats = _state(instance), _companies(instance)
    if mode == "player":
        seats.append(state)
    return Table(instance, states, mode, tuple(seats), state, tuple(aside))


def _companies(instance: Instance) -> list[Seat]:
    case = instance.case
    companies = [f for f, funder in case.funders.items() if funder.kind == "company"]
    if not 2 <= len(companies) < MASKS:
        raise NoGame(
            tr(
                "A split needs 2 to {most} funders of kind company; this scenario has {number}.",
                most=MASKS - 1,
                number=len(companies),
            )
        )
    return [
        Seat(
            f,
            named(case.funders[f].name, f),
            False,
            (f,),
            tuple(u for u, consumer in case.consumers.items() if consumer.company == f),
        )
        for f in companies
    ]


def _state(instance: Instance) -> Seat:
    case = instance.case
    own = tuple(u for u, consumer in case.consumers.items() if consumer.company is None)
    id = f"{STATE}." if STATE in case.funders else STATE
    return Seat(id, tr("The state"), True, instance.public_funders, own)
