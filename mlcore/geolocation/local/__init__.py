"""The second proposer: local features of all bases in an inverted file, which vote for a base and a place on it."""
