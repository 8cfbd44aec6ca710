"""Management commands of the consistency stage."""
