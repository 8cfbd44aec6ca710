"""Keeps the whole running: backups and their restore, what a monitor reads, who asked for what in the logs."""
