"""Stage 1, data in: imagery and map snapshots with licence, date and provenance."""
