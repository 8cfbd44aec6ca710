"""osmChange 0.6 without a database: elements, which nodes a new outline keeps, what a change turns into, the file."""
