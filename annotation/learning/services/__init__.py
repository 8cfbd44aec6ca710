"""What changes data sets, runs and models: freezing, starting, training, promoting, rolling back."""
