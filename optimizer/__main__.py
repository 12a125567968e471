"""``python -m optimizer``: the same as the command ``vorrat``."""

from optimizer.cli import main

if __name__ == "__main__":
    main()
