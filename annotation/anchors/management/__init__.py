"""Management commands of the anchors stage."""
