"""The least number that reaches a goal."""
