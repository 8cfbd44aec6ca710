"""Novelty: what was learnt of is known again, what was not is told as new."""

import numpy as np
import torch
import torch.nn.functional as F

from mlcore.landmarks.heads import Head
from mlcore.landmarks.novelty import Novelty, Sense


def kinds(count: int, each: int, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(count, 16))
    points = np.repeat(centres, each, axis=0) + rng.normal(0, 0.25, (count * each, 16))
    return F.normalize(torch.from_numpy(points.astype(np.float32)), dim=1), np.repeat(np.arange(count), each)


def test_a_kind_that_was_not_learnt_is_new_and_one_that_was_is_not():
    features, groups = kinds(6, 20)
    novelty = Novelty(16)
    learnt = groups < 4
    novelty.fit(features[torch.from_numpy(learnt)], groups[learnt], np.random.default_rng(0), 80)
    new, known = (novelty(features[torch.from_numpy(which)]) for which in (~learnt, learnt))
    assert float(new.min()) > float(known.max()) and float(known.median()) < -0.5


def test_few_of_what_was_learnt_tell_new_from_known_and_no_more_are_kept():
    features, groups = kinds(6, 40)
    learnt = groups < 4
    novelty = Novelty(16)
    novelty.fit(features[torch.from_numpy(learnt)], groups[learnt], np.random.default_rng(0), 30)
    assert novelty.anchors.shape == (30, 16) and novelty.anchors.dtype == torch.int8
    new, known = (novelty(features[torch.from_numpy(which)]) for which in (~learnt, learnt))
    assert float(new.median() - known.median()) > 0.5


def test_sense_is_told_of_what_it_never_saw_though_little_of_the_senseless_was_shown():
    features, groups = kinds(6, 40)
    sense, strange = Sense(16), np.flatnonzero(groups == 5)
    known, shown = features[torch.from_numpy(groups < 4)], features[torch.from_numpy(strange[:10])]
    sense.fit(known, shown, np.random.default_rng(0))
    assert float(sense(features[torch.from_numpy(strange[10:])]).median()) > 0.5
    assert float(sense(known).median()) < -0.5
    assert not Sense(16)(features).any()


def test_without_kinds_to_tell_apart_nothing_is_said():
    features, _ = kinds(3, 5)
    novelty = Novelty(16)
    novelty.fit(features, np.arange(15), np.random.default_rng(0), 80)
    assert not novelty(features).any()


def test_what_makes_no_sense_fits_nothing_well():
    features, _ = kinds(6, 20)
    head = Head(16, 0, 8, nonsense=2.0).eval()
    head.nonsense.fit(features[:80], features[100:], np.random.default_rng(0))
    told = head(features).detach()
    assert torch.allclose(told.norm(dim=1), torch.ones(120), atol=1e-5)
    assert float(told[100:, -1].median()) > 0.7 > 0.2 > float(told[:80, -1].median())


def test_with_no_weight_for_what_is_measured_a_head_is_the_published_one():
    head = Head(16, 12, 8).eval()
    features, _ = kinds(2, 4)
    assert head(features).shape == (8, 8) and torch.equal(head(features), head.learnt(features))
