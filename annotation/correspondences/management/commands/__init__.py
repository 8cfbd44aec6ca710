"""Management commands of the correspondences stage."""
