"""Errors, base models, jobs, pagination and permissions shared by every stage."""
