"""What answers add up to, and what leaves the stage as files: figures, agreement, exports."""
