"""Target: the least value of a number that reaches a goal."""
