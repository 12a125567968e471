"""Workers that sleep, in a process of its own that a test strikes with Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from optimizer.engine import Workers


def sleeper() -> Callable[[float], None]:
    return time.sleep


def main() -> None:
    print("begun", flush=True)
    try:
        with Workers[float, None](sleeper, (), 2) as workers:
            workers.map([30.0, 30.0, 30.0])
    except KeyboardInterrupt:
        print("interrupted", flush=True)


if __name__ == "__main__":
    main()
