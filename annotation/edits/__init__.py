"""Stage 8, edits out: changesets as GeoJSON and osmChange."""
