"""Webhooks: who is told of what, the outbox that events write to, and the delivery that empties it."""
