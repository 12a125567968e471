"""The co-operative game of the companies of a scenario."""
