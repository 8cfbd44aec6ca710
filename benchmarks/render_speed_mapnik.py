"""Draws tiles with Mapnik for render_speed.py; runs in the system's Python, where Debian's python3-mapnik lives.

Reads a job as JSON on stdin: {"xml": style, "size_px": n, "boxes": [[west, south, east, north], ...], "passes": n}
and prints {"ms_per_tile": best pass, "version": ...}.
"""

import json
import sys
import time

import mapnik


def main():
    job = json.load(sys.stdin)
    plan = mapnik.Map(job["size_px"], job["size_px"])
    mapnik.load_map_from_string(plan, job["xml"])
    best = float("inf")
    for _ in range(job["passes"] + 1):
        begun = time.process_time()
        for box in job["boxes"]:
            plan.zoom_to_box(mapnik.Box2d(*box))
            image = mapnik.Image(job["size_px"], job["size_px"])
            mapnik.render(plan, image)
        best = min(best, time.process_time() - begun)
    if job.get("picture"):
        image.save(job["picture"], "png")
    print(json.dumps({"ms_per_tile": best * 1000 / len(job["boxes"]), "version": mapnik.mapnik_version_string()}))


main()
