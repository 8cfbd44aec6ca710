"""What stages may hear of jobs, and of stages below them."""

from django.dispatch import Signal

# Sent with `job` when a job failed or was cancelled, by whatever way: error, cancellation, or the end of a lost worker.
job_ended = Signal()

# Sent with `job`, in the transaction that puts a job which failed or was cancelled back into its queue: a stage makes
# ready what the job works on, or raises ConflictError with the remedy.
job_retried = Signal()

# Sent with `pair_id`, in the transaction of the answer, when what people say of where an image shows a map is another.
transform_changed = Signal()

# Sent with `snapshot` in the transaction that ends the import of a map, its rows stored. A stage returns what it made
# of it: a mapping for the import's result, and words for its message or "".
map_stored = Signal()

# Sent with `region_id` and `user`, in the transaction of the choice, when an admin keeps a region on another map.
map_pinned = Signal()

# Sent with `region_id` when tiles of a region were made.
tiles_made = Signal()
