"""Stage 6: scans, a match score for every tile."""
