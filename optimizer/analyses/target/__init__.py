"""Target: the least value of a number of the scenario at which a goal is reached."""
