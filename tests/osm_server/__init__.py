"""A faithful OSM API 0.6 server in a process of its own, whose state outlives every client that is killed.

What it answers is what openstreetmap-website and CGImap answer: versions, placeholder ids, `if-unused`, diffResult,
closed changesets, limits, OAuth2 with PKCE. Beside that it can be told to hold, drop or refuse any request.
"""

from tests.osm_server.process import OsmServer, osm_server

__all__ = ["OsmServer", "osm_server"]
