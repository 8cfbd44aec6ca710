"""Management commands of the training stage."""
