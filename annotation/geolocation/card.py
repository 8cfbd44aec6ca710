"""What speaks for a place, in words that a person weighs."""

from __future__ import annotations

from annotation.geolocation import engine
from annotation.geolocation.models import PlacementCandidate, PriorKind

MOST_POWER = 30


def why_of(row: PlacementCandidate, place: engine.Place) -> list[str]:
    """One sentence each: the match, the nearness to where it says it was taken, its scale and direction."""
    said = []
    if row.agreeing and row.asked:
        said.append(f"{row.agreeing} of {row.asked} compared points agree")
    if row.log10_nfa is not None:
        said.append(f"chance gives as good a match {_seldom(-row.log10_nfa)}")
    image = row.image
    if image.prior_point is not None:
        away = engine.distance_m(place, image.prior_point.x, image.prior_point.y)
        told = f"{away / 1000:.1f} km" if away >= 1000 else f"{away:.0f} m"
        by = "you pointed at" if image.prior_kind == PriorKind.PERSON else "it says it was taken"
        said.append(f"{told} from where {by}")
    if image.prior_heading_deg is not None:
        turned = abs((place.heading_deg - image.prior_heading_deg + 180) % 360 - 180)
        said.append(
            "its direction is that of its compass" if turned <= 30 else f"turned by {turned:.0f}° from its compass"
        )
    return said


def _seldom(power: float) -> str:
    if power < 1:
        return "as well"
    return f"once in 10^{power:.0f} pictures" if power <= MOST_POWER else f"less than once in 10^{MOST_POWER} pictures"
