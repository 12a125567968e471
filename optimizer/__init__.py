"""The optimizer: from a scenario to a proven portfolio."""
