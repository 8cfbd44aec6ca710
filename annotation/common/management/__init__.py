"""What management commands of every stage share."""
