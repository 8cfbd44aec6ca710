"""Management commands of the changes stage, and how they show progress."""
