"""`python -m tests.osm_server STATE`: serves on a free port of loopback, which it prints."""

import sys
from pathlib import Path

from tests.osm_server.web import Server

server = Server(Path(sys.argv[1]))
print(server.server_address[1], flush=True)
server.serve_forever()
