"""What is said at the head of results that were read from files."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Caveats:
    """Sentences, in the language of the run."""

    contradictions: tuple[str, ...] = ()
    """A result was changed, is not the file that was written, or does not add up."""
    unconfirmed: tuple[str, ...] = ()  #: It adds up, but nothing says that it is as it was written.

    @property
    def all(self) -> tuple[str, ...]:
        """What speaks against a result, and then what is not known of it."""
        return self.contradictions + self.unconfirmed


NO_CAVEATS = Caveats()  #: Of results that are whole.


def merge_caveats(parts: Iterable[Caveats]) -> Caveats:
    """Those of several results, each sentence once."""
    known = list(parts)
    return Caveats(
        tuple(dict.fromkeys(sentence for part in known for sentence in part.contradictions)),
        tuple(dict.fromkeys(sentence for part in known for sentence in part.unconfirmed)),
    )
