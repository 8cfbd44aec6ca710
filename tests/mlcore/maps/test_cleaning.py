"""What is noted of a map's repairs stays short, and loses no reason."""

from mlcore.maps.cleaning import MAX_NOTES, MAX_SORTS, RepairLog


def test_of_many_notes_every_reason_is_told_with_its_number():
    log = RepairLog()
    for number in range(MAX_NOTES + 30):
        log.add(f"way/{number} was left out: its outline is not closed")
    for number in range(20):
        log.add(f"relation/{number} was left out: way/{-number} is not whole in the file")
    log.add("3 buildings were left out: they are points, and the map draws areas and lines")
    notes = log.notes()
    assert len(notes) == MAX_NOTES + 3
    assert notes[MAX_NOTES:] == [
        f"and 30 more like this: way/{MAX_NOTES} was left out: its outline is not closed",
        "and 20 more like this: relation/0 was left out: way/0 is not whole in the file",
        "3 buildings were left out: they are points, and the map draws areas and lines",
    ]


def test_notes_of_endlessly_many_sorts_stay_short():
    log = RepairLog()
    for number in range(MAX_NOTES + 10 * MAX_SORTS):
        log.add("x" * (number % 2000))
    assert len(log.notes()) == MAX_NOTES + MAX_SORTS + 1
