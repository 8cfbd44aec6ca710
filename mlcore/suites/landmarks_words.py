"""Words of what a place has and of what it has not: how many are kept, and how many refused."""

from __future__ import annotations

PRESENT: dict[str, tuple[str, ...]] = {
    "banepa": (
        "a village", "homes", "a paved road", "a dirt road", "rooftops", "flat roofs", "an alley",
        "gardens between houses", "a row of trees", "bushes", "grass", "ploughed land", "farm plots", "green crops",
        "a yard", "a densely built town", "white buildings", "vehicles on a street", "shadows of buildings",
        "vegetation", "trees along a road", "concrete roofs", "a hut", "a path through fields", "a residential area",
        "houses and fields",
    ),
}  # fmt: skip
ABSENT: dict[str, tuple[str, ...]] = {
    "banepa": (
        "an oil refinery", "a cruise ship", "a ferry terminal", "a sea coast with cliffs", "a lagoon", "sand dunes",
        "a glacier", "a jet on the tarmac", "an airport terminal", "a highway interchange",
        "a flyover with six lanes", "a freight train", "a rail yard", "an amusement park", "a race track",
        "a basketball court", "a dam", "a reservoir", "fishing boats", "docks", "a yacht", "a nuclear power plant",
        "skyscrapers", "a golf course with bunkers", "a baseball field", "a trailer park",
        "palm trees on a beach", "an aircraft carrier", "cooling towers", "a bullring",
    ),
}  # fmt: skip
"""What people who know a place say it has and has not; written before anything was measured with them."""
