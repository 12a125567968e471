"""Results on disk: whole or not there, whatever happens while they are written."""
