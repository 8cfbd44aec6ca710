import pytest

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.queries import Reach
from mlcore.evaluation.readers.base_maps import read_base_maps, read_dated_scenes
from mlcore.suites.geolocation_sets import set_suite
from tests.mlcore.evaluation.geolocation.made_ground import write_picture

SMALL = Reach(side_px=(256, 300), scale=(0.5, 0.9))


def layout(root, pattern, scenes=3, dates=2):
    for scene in range(scenes):
        for date in range(dates):
            path = root / pattern.format(scene=f"port{scene}", date=f"d{date}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return read_dated_scenes(root)


@pytest.mark.parametrize("pattern", ["{scene}/{date}.png", "{date}/{scene}.png", "{scene}_{date}.jpg"])
def test_scenes_of_several_dates_are_read_in_each_layout(tmp_path, pattern):
    found = layout(tmp_path, pattern)
    assert [one.name for one in found] == ["port0", "port1", "port2"]
    assert all([date for date, _ in one.dates] == ["d0", "d1"] for one in found)


def test_base_maps_are_all_pictures_below_a_folder_by_name(tmp_path):
    for name in ("b/2.png", "a/9.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert [path.name for path in read_base_maps(tmp_path)] == ["9.jpg", "2.png"]


def test_links_out_of_the_folder_are_not_followed(tmp_path):
    (tmp_path / "elsewhere.png").write_bytes(b"")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(InvalidInputError, match="holds no picture"):
        read_base_maps(tmp_path / "set")


def test_a_folder_of_one_date_is_refused_with_the_layouts(tmp_path):
    (tmp_path / "port_d0.png").write_bytes(b"")
    with pytest.raises(InvalidInputError, match="SCENE/DATE"):
        read_dated_scenes(tmp_path)
    with pytest.raises(InvalidInputError, match="there is no folder"):
        read_dated_scenes(tmp_path / "nowhere")


def test_queries_of_base_maps_are_of_the_same_flight_and_every_fifth_map_is_foreign(tmp_path):
    for number in range(5):
        write_picture(tmp_path / f"{number}.png", number, 600)
    suite = set_suite(tmp_path, "tzc", queries=3, reach=SMALL)
    assert len(suite.reference) == 4 and {plan.kind for plan in suite.held_out} == {"same_flight"}
    assert {plan.site for plan in suite.foreign} == {"foreign 4.png"}
    assert [plan.relevant for plan in suite.held_out] == [("0.png",), ("1.png",), ("2.png",)]


def test_queries_of_dated_scenes_are_cut_from_the_other_dates(tmp_path):
    for scene in range(2):
        for date in range(2):
            write_picture(tmp_path / f"port{scene}" / f"{date}.png", 10 * scene + date, 600)
    suite = set_suite(tmp_path, "mtgl", queries=3, reach=SMALL)
    assert [base.name for base in suite.reference] == ["port0/0.png", "port1/0.png"]
    assert [plan.site for plan in suite.held_out] == ["port0/1.png", "port1/1.png", "port0/1.png"]
    assert {plan.kind for plan in suite.held_out} == {"other_date"}


def test_a_single_map_is_refused(tmp_path):
    write_picture(tmp_path / "only.png", 1, 300)
    with pytest.raises(InvalidInputError, match="single map"):
        set_suite(tmp_path, "tzc", queries=1)
