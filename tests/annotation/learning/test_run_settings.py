"""Settings that a person changes before a training: what is taken, and what is refused by its name."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotation.learning.errors import InvalidSettingError
from annotation.learning.kinds import kind_of
from annotation.learning.models import TrainingRun
from annotation.learning.run_settings import changeable, changed, differences
from annotation.learning.services.start import start
from annotation.review.models import AuditEntry
from tests.annotation.learning.rows import described_region
from tests.factories import UserFactory

SIZES = [("region", "compact"), ("matcher", "quick"), ("locator", "tiny"), ("landmarks", "tiny")]


def test_a_changed_setting_is_trained_with_and_is_another_run_that_says_so(client_of, db):
    region, admin = described_region(columns=6, rows=4), UserFactory(role="admin")
    client, address = client_of(admin), reverse("api-training-runs", args=[region.pk])
    wish = {"preset": "tiny", "settings": {"evidence.epochs": 3, "evidence.learning_rate": 0.001}}
    started = client.post(address, wish, format="json")
    assert started.status_code == 202, started.json()
    run = TrainingRun.objects.get(pk=started.json()["id"])
    assert (run.config["evidence"]["epochs"], run.config["evidence"]["learning_rate"]) == (3, 0.001)
    assert run.config["consistency"]["input_px"] == 64
    told = client.get(reverse("api-training-run", args=[run.pk])).json()
    assert told["changed"] == wish["settings"]
    assert AuditEntry.objects.get(action="training.started").data["settings"] == wish["settings"]


def test_what_may_be_changed_is_told_with_its_values_to_admins_alone(client_of, db):
    address = reverse("api-training-settings")
    told = client_of(UserFactory(role="admin")).get(address, {"preset": "tiny"}).json()["settings"]
    assert (told["folds"], told["evidence.widths"], told["initial"]) == (2, [8, 8, 12, 16], False)
    assert "evidence.encoder_weights" not in told and "consistency.image_weights" not in told
    assert client_of(UserFactory(role="editor")).get(address).status_code == 403
    unknown = client_of(UserFactory(role="admin")).get(address, {"preset": "enormous"})
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknown_preset")


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"evidence.epoch": 3}, "no setting 'evidence.epoch'"),
        ({"evidence": {"epochs": 3}}, "no setting 'evidence'"),
        ({"evidence.encoder_weights": "/etc/passwd"}, "no setting 'evidence.encoder_weights'"),
        ({"evidence.epochs": "three"}, "evidence.epochs takes a whole number"),
        ({"evidence.epochs": 2.5}, "evidence.epochs takes a whole number"),
        ({"evidence.epochs": True}, "evidence.epochs takes a whole number"),
        ({"evidence.epochs": 0}, "epochs"),
        ({"evidence.epochs": 10**7}, "100 at most"),
        ({"evidence.epochs": 10**400}, "100 at most"),
        ({"evidence.learning_rate": 10**400}, "at most"),
        ({"evidence.learning_rate": -(10**400)}, "can't be below 0"),
        ({"evidence.ema": 3.0}, "ema"),
        ({"initial": 1}, "initial is true or false"),
        ({"evidence.widths": [8, 8]}, "a list of 4 numbers"),
        ({"evidence.widths": [8, 8, 12, 15]}, "multiples of 4"),
        ({"evidence.weight_decay": -1}, "can't be below 0"),
        ({"folds": "2"}, "folds takes a whole number"),
    ],
)
def test_what_can_not_be_is_a_400_that_names_the_setting(client_of, db, wish, says):
    region = described_region(columns=6, rows=4)
    address = reverse("api-training-runs", args=[region.pk])
    reply = client_of(UserFactory(role="admin")).post(address, {"preset": "tiny", "settings": wish}, format="json")
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_setting")
    assert says in reply.json()["detail"]
    assert not TrainingRun.objects.exists()


@pytest.mark.parametrize(("kind", "preset"), SIZES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # the first reading imports the library
@given(data=st.data())
def test_any_value_of_any_kind_of_model_is_taken_or_refused_by_a_typed_error(kind, preset, data):
    model_kind = kind_of(kind)
    config = model_kind.config_of(preset)
    known = changeable(config)
    name = data.draw(st.sampled_from(sorted(known)))
    numbers = st.integers(-3, 10**9) | st.floats(allow_nan=True) | st.sampled_from([0, 1, 2, 8, 0.5])
    value = data.draw(numbers | st.booleans() | st.none() | st.text(max_size=5) | st.lists(numbers, max_size=5))
    try:
        mended = model_kind.checked(changed(config, {name: value}))
    except InvalidSettingError:
        return
    assert changeable(mended)[name] == value
    assert set(differences(mended, config)) <= {name}


def test_changing_nothing_is_the_size_itself(db):
    region = described_region(columns=6, rows=4)
    run = start(region=region, user=None, preset="tiny", settings={}, wake=False)
    usual = kind_of("region").config_of("tiny")
    assert run.config == usual == kind_of("region").checked(changed(usual, {}))


def test_the_command_takes_settings_and_says_what_it_can_not_read(db):
    region = described_region(columns=6, rows=4)
    with pytest.raises(CommandError, match="gives no number"):
        call_command("train", region.name, "--preset", "tiny", "--set", "evidence.epochs=many")
    with pytest.raises(CommandError, match=r"no setting 'evidence\.epoch'"):
        call_command("train", region.name, "--preset", "tiny", "--set", "evidence.epoch=3")
