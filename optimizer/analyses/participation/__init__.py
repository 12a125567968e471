"""What share of a project, or of the whole portfolio, a company should take."""
