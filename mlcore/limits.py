"""How much a file from outside may cost before it is refused."""

from __future__ import annotations

from dataclasses import dataclass

GB = 1024**3


@dataclass(frozen=True)
class MapLimits:
    """Limits of reading a map.

    Attributes:
        max_file_bytes: size of the file as it comes.
        max_expanded_bytes: size of the content of a gzip file or .osm.pbf.
        max_ratio: content / file of a gzip file whose content exceeds 64 MB; real extracts reach 15.
        max_pbf_ratio: the same of an .osm.pbf; real ones reach 5.
        max_objects: nodes, ways and relations together.
        max_features: features the map keeps.
        max_vertices: vertices of one ring, above which its polygon is simplified.
        max_json_bytes: size of a GeoJSON file, which is held in memory whole.
        max_json_values: brackets and commas of a GeoJSON file, which bound what it takes in memory.
        max_json_depth: nesting of a GeoJSON file; real ones reach 10.
        cpu_s, wall_s, memory_bytes: what the child process may use.
    """

    max_file_bytes: int = 2 * GB
    max_expanded_bytes: int = 8 * GB
    max_ratio: float = 100.0
    max_pbf_ratio: float = 20.0
    max_objects: int = 30_000_000
    max_features: int = 3_000_000
    max_vertices: int = 100_000
    max_json_bytes: int = 256 * 1024**2
    max_json_values: int = 40_000_000
    max_json_depth: int = 64
    cpu_s: int = 1800
    wall_s: int = 3600
    memory_bytes: int = 6 * GB


@dataclass(frozen=True)
class RasterLimits:
    """Limits of cleaning a raster.

    Attributes:
        max_pixels: width x height of the source and of the result.
        max_ratio: bytes the header declares / bytes of the file, checked above 256 MB declared.
        max_plain_pixels: width x height of a PNG or JPEG, which can't be read by windows.
        finest_m, coarsest_m: metres on the ground per pixel; a finer image is down-sampled, a coarser one refused.
        max_latitude: north and south of this the grid is too stretched.
        cpu_s, wall_s, memory_bytes: what the child process may use.
    """

    max_pixels: int = 6_000_000_000
    max_ratio: float = 400.0
    max_plain_pixels: int = 200_000_000
    finest_m: float = 0.1
    coarsest_m: float = 1.0
    max_latitude: float = 80.0
    cpu_s: int = 7200
    wall_s: int = 7200
    memory_bytes: int = 3 * GB
