"""Reads imagery: opens it safely, finds where it lies, brings it onto the XYZ grid, reads its tiles."""
