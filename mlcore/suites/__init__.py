"""Named evaluation suites: every method trained on the same tiles and scored on the same pairs."""
