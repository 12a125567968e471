"""What else would do: sentences and sections of alternatives and their robustness index."""
