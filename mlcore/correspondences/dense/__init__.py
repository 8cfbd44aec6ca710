"""Where a map lies in an image that it nearly fits: evidence of buildings correlated with its footprints."""
