"""Caveats about results that were read from files."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Caveats:
    """Reasons not to rely on a saved result, as sentences in the language of the run."""

    contradictions: tuple[str, ...] = ()
    """Signs that a result was changed, is not the file that was written, or is inconsistent."""
    unconfirmed: tuple[str, ...] = ()
    """Reasons why a consistent result cannot be confirmed to be as it was written."""

    @property
    def all(self) -> tuple[str, ...]:
        """All sentences: contradictions first, then what is unconfirmed."""
        return self.contradictions + self.unconfirmed


NO_CAVEATS = Caveats()  #: For results without caveats.


def merge_caveats(all_caveats: Iterable[Caveats]) -> Caveats:
    """Return the caveats of several results, each sentence once."""
    caveats = list(all_caveats)
    return Caveats(
        tuple(dict.fromkeys(text for caveat in caveats for text in caveat.contradictions)),
        tuple(dict.fromkeys(text for caveat in caveats for text in caveat.unconfirmed)),
    )
