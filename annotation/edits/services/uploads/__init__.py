"""A changeset on its way to the map: who is signed in there, what stands against it, the steps and their recovery."""
