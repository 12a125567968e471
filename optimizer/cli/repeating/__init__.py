"""What a run leaves of itself, and how it is run again from that."""
