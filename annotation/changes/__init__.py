"""Stage 7: building-change candidates and their queue."""
