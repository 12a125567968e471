"""What several plans tell together."""
