"""What else would do: portfolios within a distance of the best, and how robust each choice is."""
