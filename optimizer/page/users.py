"""The users of a server: each has files, tabs and questions of their own, and nothing of them is
kept once they have gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote
from weakref import WeakValueDictionary

from models.language import Language
from optimizer.page.isolated_reader import IsolatedReader
from optimizer.page.scenario_store import ScenarioStore
from optimizer.page.solver_pool import ServerBusy, SolverPool
from optimizer.page.user_session import UserSession

MAX_TABS_PER_USER = 20
"""Tabs of one user that are remembered."""
MAX_USERS = 500
"""Users who are remembered at once."""
MAX_OWN_READINGS = 4
"""Readings of files of his own that are kept of a user."""
FORGET_AFTER_SECONDS = 1800.0
"""Seconds without a page in view after which all that a user dropped and asked is forgotten."""
CHECK_SECONDS = 5.0  # seconds between two looks at who has gone


@dataclass
class Users:
    """All users, by the names that the login gives them."""

    shared_scenarios: ScenarioStore
    """What all of them have."""
    language: Language
    solvers: SolverPool
    forget_after: float = FORGET_AFTER_SECONDS
    _sessions: dict[str, UserSession] = field(default_factory=dict)
    _read_slots: WeakValueDictionary[str, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary[str, asyncio.Semaphore]
    )
    """Whether something is read for a user; also for one who was forgotten meanwhile."""
    _upload_reader: IsolatedReader = field(default_factory=IsolatedReader)
    """What reads files that users dropped, none of which waits for a turn of those of all."""

    def session(self, user: str) -> UserSession:
        """What the server knows of a user. Raises Busy where it knows too many."""
        if user not in self._sessions:
            if len(self._sessions) >= MAX_USERS:
                raise ServerBusy
            # Escaped, so that no name is the beginning of another one with a slash behind it.
            name = quote(user, safe="")
            own = ScenarioStore(self.shared_scenarios, MAX_OWN_READINGS, self._upload_reader)
            aside = self._read_slots.setdefault(user, asyncio.Semaphore(1))
            self._sessions[user] = UserSession(
                own, self.language, self.solvers, name, MAX_TABS_PER_USER, aside
            )
        return self._sessions[user]

    async def forget(self, user: str) -> None:
        """Forget a user, with all that was dropped and asked."""
        if (page := self._sessions.pop(user, None)) is not None:
            await page.forget()

    async def forget_absent(self) -> None:
        """Forget those who have gone, for as long as the server runs."""
        while True:
            await asyncio.sleep(min(CHECK_SECONDS, self.forget_after))
            for user, page in list(self._sessions.items()):
                if page.unseen_seconds > self.forget_after:
                    with suppress(OSError):  # a file that cannot be removed keeps nobody else here
                        await self.forget(user)

    def end_all(self) -> None:
        """Let all streams end, and remove everything."""
        for page in self._sessions.values():
            page.end_streams()
            with suppress(OSError):
                page.store.close()
