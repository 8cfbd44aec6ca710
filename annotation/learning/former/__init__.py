"""The migrations of the tables of `learning` from when their app was called `training`: older databases come along."""
