"""Where images without a place lie: reference imagery, its feature database, and what people confirm."""
