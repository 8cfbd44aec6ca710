"""Building evidence in imagery, its polygons, and their difference to the map."""
