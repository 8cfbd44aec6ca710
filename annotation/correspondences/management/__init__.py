"""Commands of the correspondences."""
