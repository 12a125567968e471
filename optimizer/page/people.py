"""The users of a server: each has files, tabs and questions of their own, and nothing of them is
kept once they have gone."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import quote
from weakref import WeakValueDictionary

from models.language import Language
from optimizer.page.conversation import Page
from optimizer.page.reading import Reader
from optimizer.page.scenarios import Scenarios
from optimizer.page.solvers import Busy, Solvers

TABS = 20
"""Tabs of one user that are remembered."""
PEOPLE = 500
"""Users who are remembered at once."""
KEPT = 4
"""Readings of files of his own that are kept of a user."""
GONE_AFTER = 1800.0
"""Seconds without a page in view after which all that a user dropped and asked is forgotten."""
EVERY = 5.0  # seconds between two looks at who has gone


@dataclass
class People:
    """All users, by the names that the login gives them."""

    offered: Scenarios
    """What all of them have."""
    language: Language
    solvers: Solvers
    gone_after: float = GONE_AFTER
    _pages: dict[str, Page] = field(default_factory=dict)
    _aside: WeakValueDictionary[str, asyncio.Semaphore] = field(
        default_factory=WeakValueDictionary[str, asyncio.Semaphore]
    )
    """Whether something is read for a user; also for one who was forgotten meanwhile."""
    _dropped: Reader = field(default_factory=Reader)
    """What reads files that users dropped, none of which waits for a turn of those of all."""

    def page(self, user: str) -> Page:
        """What the server knows of a user. Raises Busy where it knows too many."""
        if user not in self._pages:
            if len(self._pages) >= PEOPLE:
                raise Busy
            # Escaped, so that no name is the beginning of another one with a slash behind it.
            name = quote(user, safe="")
            own = Scenarios(self.offered, KEPT, self._dropped)
            aside = self._aside.setdefault(user, asyncio.Semaphore(1))
            self._pages[user] = Page(own, self.language, self.solvers, name, TABS, aside)
        return self._pages[user]

    async def forget(self, user: str) -> None:
        """Forget a user, with all that was dropped and asked."""
        if (page := self._pages.pop(user, None)) is not None:
            await page.forget()

    async def tend(self) -> None:
        """Forget those who have gone, for as long as the server runs."""
        while True:
            await asyncio.sleep(min(EVERY, self.gone_after))
            for user, page in list(self._pages.items()):
                if page.unseen > self.gone_after:
                    with suppress(OSError):  # a file that cannot be removed keeps nobody else here
                        await self.forget(user)

    def end(self) -> None:
        """Let all streams end, and remove everything."""
        for page in self._pages.values():
            page.end()
            with suppress(OSError):
                page.known.close()
