"""What experts disagree on: best plans of sets of assumptions, each under all others."""
