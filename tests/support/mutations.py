"""Valid texts with random changes, for readers that have to bear anything."""

from __future__ import annotations

import random
import re


def mutated(text: str, seed: int) -> str:
    """A valid text with up to four random changes."""
    dice = random.Random(seed)
    fragments = ["null", "[]", "{}", "NO", "-1", ".inf", "1e400", "&a", "*a", "<<: {}", "? x", "'",
                 '"', "\t", "- ", "9" * 400, "true", "{table: x.csv}", ": ", "#", "\n", "!!int 3",
                 "~", "%", "2026", "{value: 1}", "{source: x}", "{2026: 1}", "\0", "x.y",
                 "---"]  # fmt: skip
    for _ in range(dice.randint(1, 4)):
        lines, kind = text.split("\n"), dice.random()
        if kind < 0.4:
            word = dice.choice(list(re.finditer(r"[\w.]+|\[[^]]*]|\{[^}]*}", text)) or [None])
            if word is not None:
                text = text[: word.start()] + dice.choice(fragments) + text[word.end() :]
        elif kind < 0.6:
            at = dice.randrange(len(text) + 1)
            text = text[:at] + dice.choice(fragments) + text[at:]
        elif kind < 0.8:
            del lines[dice.randrange(len(lines))]
            text = "\n".join(lines)
        else:
            lines.insert(dice.randrange(len(lines)), dice.choice(lines))
            text = "\n".join(lines)
    return text
