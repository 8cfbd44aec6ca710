"""The queue people work on: leases, verdicts, undo, audit."""
