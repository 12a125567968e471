"""Plans at several values of a number: sentences and sections of frontiers and targets."""
