"""Choosing a digest, sending what is due, and leaving it by the link of a message."""
