"""Commands of this stage."""
