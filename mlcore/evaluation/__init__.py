"""Metrics and protocols, one place for every method and baseline."""
