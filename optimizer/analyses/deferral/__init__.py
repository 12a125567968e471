"""What a review is worth, and what it is worth to observe one thing more or less."""
