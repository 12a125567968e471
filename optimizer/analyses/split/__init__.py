"""What companies gain together, and how it may be shared: the co-operative game of a scenario."""
