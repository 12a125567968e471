"""What is said at the head of results that were read from files."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Doubts:
    """Sentences, in the language of the run."""

    against: tuple[str, ...] = ()
    """A result was changed, is not the file that was written, or does not add up."""
    unconfirmed: tuple[str, ...] = ()  #: It adds up, but nothing says that it is as it was written.

    @property
    def all(self) -> tuple[str, ...]:
        """What speaks against a result, and then what is not known of it."""
        return self.against + self.unconfirmed


NONE = Doubts()  #: Of results that are whole.


def joined(parts: Iterable[Doubts]) -> Doubts:
    """Those of several results, each sentence once."""
    known = list(parts)
    return Doubts(
        tuple(dict.fromkeys(sentence for part in known for sentence in part.against)),
        tuple(dict.fromkeys(sentence for part in known for sentence in part.unconfirmed)),
    )
