"""The kinds of queries."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np

from annotation.accounts.models import User
from annotation.changes.models import Change
from annotation.landmarks import engine, selectors
from annotation.landmarks.models import Landmark
from annotation.landmarks.search.asked import Answer, Ground, Position, Wish
from annotation.landmarks.search.shown import Pairs, shown_landmarks, shown_tiles
from annotation.tiles.models import Tile

Modality = Literal["aerial", "ground", "text", "gps"]
NEAR_M = 20_000.0
"""Beyond this nothing is called near to a position."""
MOST_LANDMARKS = 12
ALMOST = 0.8
"""Of the likest landmark's likeness: one that is less like the query is not told beside it."""
LOOKED_AT = (100, 400, 1600)
"""So many likest tiles are looked at, one number after the other, until enough of them have a change."""
NO_TILE = "no tile that you may see fits this: choose another region or area, or other dates and scores"
NO_WORDS = "there is no word in it: say what can be seen from above, such as a river with a bridge"
NONE_WAITS = "none of this kind waits where it looks like this"
NOT_READ = "this tile was not read yet: have the search updated on the page of the region's landmarks"
UNLIKE: dict[Modality, str] = {
    "text": "nothing here looks enough like this: say what can be seen from above, or say it in other words",
    "ground": "nothing here looks enough like this photo: choose one that shows more of the place around it",
    "aerial": "no other tile looks enough like this one",
    "gps": f"no tile that you may see lies within {NEAR_M / 1000:.0f} km of this position",
}


def by_words(user: User, text: str, wish: Wish) -> Answer:
    """Tiles and landmarks that a text speaks of; a text that is a position is searched for as one.

    Tiles on which a landmark of this name stands come first.
    """
    try:
        lonlat = engine.lonlat_of(text)
    except engine.InvalidInputError as error:
        return Answer("gps", why_not=str(error))
    if lonlat is not None:
        return by_position(user, lonlat, wish)
    ground = Ground(user, wish)
    answer = Answer("text", model=ground.named)
    ready = ground.ready() if any(sign.isalnum() for sign in text) else NO_WORDS
    named = selectors.named_like(_landmarks_of(ground), text.strip()) if ready != NO_WORDS else []
    landmarks = [(row, 1.0) for row in named]
    if isinstance(ready, str):
        answer.why_not = ready
    else:
        index, model = ready
        vector = model.embed_texts([text])[0]
        standing = [(tile, 1.0) for tile in selectors.tiles_at_points(named, ground.regions)]
        least = engine.least_for_text(index, ground.regions, wish.narrowed, model, vector)
        like = _likest(ground, index, answer, "text", vector, least)
        answer.results = shown_tiles(ground, _joined(standing, like)[: wish.count])
        if like and not answer.below:
            landmarks += _landmarks_like(ground, index, (engine.TEXTS, engine.PHOTOS), vector)
    answer.landmarks = shown_landmarks(_once(landmarks))
    return _ended(answer)


def by_photo(user: User, rgb: np.ndarray, position: Position | None, wish: Wish) -> Answer:
    """Tiles that may show where a photo from the ground, (H, W, 3) uint8, was taken, and landmarks that it may show."""
    ground = Ground(user, wish)
    answer = Answer("photo", model=ground.named, position=position)
    ready = ground.ready()
    if isinstance(ready, str):
        answer.why_not = ready
        return answer
    index, model = ready
    vector = model.embed_images([rgb], role="ground")[0]
    answer.results = shown_tiles(ground, _likest(ground, index, answer, "ground", vector, model.floors.of("ground")))
    landmarks = _landmarks_like(ground, index, (engine.PHOTOS, engine.TEXTS), vector)
    landmarks = [one for one in landmarks if model.floors.means_something("ground", one[1])]
    answer.landmarks = shown_landmarks(_once(landmarks))
    return _ended(answer)


def by_position(user: User, lonlat: tuple[float, float], wish: Wish) -> Answer:
    """The tiles nearest to a position, half of what is asked for, and then those that look like what lies there."""
    ground = Ground(user, wish)
    answer = Answer("gps", model=ground.named, position=Position(*lonlat))
    ready = ground.ready()
    if isinstance(ready, str):
        answer.why_not = ready
        return answer
    index, model = ready
    vector = model.embed_gps(np.array([lonlat]))[0]
    half = -(-wish.count // 2)
    tiles, metres = engine.nearest_tiles(index.regions, ground.regions, wish.narrowed, lonlat, half, NEAR_M)
    away = dict(zip(tiles.tolist(), metres.tolist(), strict=True))
    if away:
        likeness = engine.likeness_to(index, list(away), vector)
        near = [(tile, likeness.get(tile, 0.0)) for tile in away]
        like = _likest(ground, index, answer, "gps", vector, model.floors.of("gps"))
        answer.results = shown_tiles(ground, _joined(near, like)[: wish.count], away)
        answer.landmarks = shown_landmarks(_landmarks_near(ground, index, lonlat, vector))
    else:
        answer.why_not = UNLIKE["gps"]
    return _ended(answer)


def like_tile(user: User, tile: Tile, wish: Wish) -> Answer:
    """Other tiles that look like one."""
    ground = Ground(user, wish)
    answer = Answer("tile", model=ground.named)
    answer.results = shown_tiles(ground, _like(ground, answer, tile, wish.count))
    return _ended(answer)


def like_change(user: User, change: Change, count: int) -> tuple[Answer, dict[int, Change]]:
    """Tiles that look like that of a change and have a change of the same kind, and these changes by tile.

    Tiles are looked at in the order of their likeness, no more than the last of LOOKED_AT: what it costs does not grow
    with the number of changes.
    """
    ground = Ground(user, Wish(count=count))
    answer = Answer("change", model=ground.named)
    like: Pairs = []
    found: dict[int, Change] = {}
    for looked in LOOKED_AT:
        like = _like(ground, answer, change.pair.tile, looked)
        found = selectors.changes_on(user, [tile for tile, _ in like], change.kind)
        if len(found) >= count or len(like) < looked:
            break
    kept = [(tile, likeness) for tile, likeness in like if tile in found][:count]
    answer.results = shown_tiles(ground, kept)
    return _ended(answer), found


def waiting_like_change(user: User, change: Change, count: int) -> tuple[list[int], str]:
    """Items of the queue whose changes wait where it looks like the place of one, likest first, and why there are none.

    They are free, of the same kind and region; those on its own tile lead, also where no other can be compared.
    """
    own = change.pair.tile
    ground = Ground(user, Wish(region=own.region, count=count))
    answer = Answer("change", model=ground.named)
    found: list[int] = []
    for looked in LOOKED_AT:
        like = _like(ground, answer, own, looked)
        order = {tile: place for place, (tile, _) in enumerate([(own.pk, 1.0), *like])}
        waiting = selectors.waiting_on(own.region_id, order, change.kind)
        found = [item for _, item in sorted(waiting, key=lambda one: order[one[0]]) if item != change.item_id]
        if len(found) >= count or len(like) < looked:
            break
    return found[:count], answer.why_not or ("" if found else NONE_WAITS)


def _like(ground: Ground, answer: Answer, tile: Tile, count: int) -> Pairs:
    """Other tiles that look like one, likest first; where there are none the answer says why."""
    ready = ground.ready()
    if isinstance(ready, str):
        answer.why_not = ready
        return []
    index, model = ready
    vector = engine.vectors_of(index, [tile.pk]).get(tile.pk)
    if vector is None:
        answer.why_not = NOT_READ
        return []
    return _likest(ground, index, answer, "aerial", vector, model.floors.of("aerial"), {tile.pk}, count)


def _likest(
    ground: Ground,
    index: engine.IndexFolder,
    answer: Answer,
    query: Modality,
    vector: np.ndarray,
    least: float,
    besides: Collection[int] = (),
    count: int | None = None,
) -> Pairs:
    """The likest tiles down to `least`, the floor of this query; where the best is below it none, and why.

    Who wants them anyway gets those below it too, but for positions, beside which nearer ones stand.
    """
    wanted = count or ground.wish.count
    likest = engine.likest_tiles(index, ground.regions, ground.wish.narrowed, vector, wanted + len(besides))
    found = [(tile, like) for tile, like in likest.found if tile not in besides]
    sure = [one for one in found if one[1] >= least]
    if not sure:
        answer.why_not = UNLIKE[query] if likest.among else NO_TILE
        answer.below = bool(found) and query != "gps"
    kept = found if ground.wish.anyway and query != "gps" else sure
    return kept[:wanted]  # what is left out need not be among the likest: others may be its equal


def _landmarks_of(ground: Ground) -> selectors.QuerySet[Landmark]:
    return selectors.landmarks_in(ground.regions, ground.wish.bbox)


def _landmarks_like(
    ground: Ground, index: engine.IndexFolder, stores: Collection[str], vector: np.ndarray
) -> list[tuple[Landmark, float]]:
    """Landmarks whose text or photos are like a query, of those that one may see."""
    best: dict[int, float] = {}
    for name in stores:
        owned = engine.owned(index, name, ground.regions, ground.wish.bbox)
        found = engine.likest_of(index, name, owned.ids, vector, MOST_LANDMARKS).found
        for number, like in found:
            landmark = owned.landmark_of(number)
            if landmark is not None and like >= ALMOST * found[0][1]:
                best[landmark] = max(like, best.get(landmark, -1.0))
    rows = {row.pk: row for row in _landmarks_of(ground).filter(pk__in=best)}
    order = sorted(best, key=lambda pk: -best[pk])
    return [(rows[pk], best[pk]) for pk in order if pk in rows]


def _landmarks_near(
    ground: Ground, index: engine.IndexFolder, lonlat: tuple[float, float], vector: np.ndarray
) -> list[tuple[Landmark, float]]:
    rows = selectors.nearest_landmarks(_landmarks_of(ground), lonlat, NEAR_M, MOST_LANDMARKS)
    texts = np.array(sorted(row.pk for row in rows), np.int64)
    like = dict(engine.likest_of(index, engine.TEXTS, texts, vector, MOST_LANDMARKS).found)
    return [(row, like.get(row.pk, 0.0)) for row in rows]


def _once(found: list[tuple[Landmark, float]]) -> list[tuple[Landmark, float]]:
    """Each landmark where it comes first."""
    kept: dict[int, tuple[Landmark, float]] = {}
    for row, like in found:
        kept.setdefault(row.pk, (row, like))
    return list(kept.values())[:MOST_LANDMARKS]


def _joined(first: Pairs, then: Pairs) -> Pairs:
    """Both in one list, each tile where it comes first."""
    there = {tile for tile, _ in first}
    return [*first, *((tile, like) for tile, like in then if tile not in there)]


def _ended(answer: Answer) -> Answer:
    answer.meant = bool(answer.landmarks or (answer.results and not answer.below))
    if answer.meant:
        answer.why_not = ""
    elif not answer.why_not:
        answer.why_not = NO_TILE
    return answer
