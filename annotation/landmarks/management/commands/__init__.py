"""Commands of landmarks."""
