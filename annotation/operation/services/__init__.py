"""Writes: a backup made, proved, restored and, in time, removed."""
