"""What several plans tell together; works on saved plans and needs no solver."""
