"""Stage 2: image-map pairs on the XYZ grid, served as images and vectors."""
