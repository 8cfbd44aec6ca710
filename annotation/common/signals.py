"""What the rest of the application may hear of jobs."""

from django.dispatch import Signal

# Sent with `job` when a job failed or was cancelled, by whatever way: error, cancellation, or the end of a lost worker.
job_ended = Signal()
