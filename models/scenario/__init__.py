"""Models of the sections of a scenario file, and checks of its content."""
