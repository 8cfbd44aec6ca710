"""Commands of geolocation."""
