import pytest
import torch

from mlcore.errors import ConfigError
from mlcore.geolocation.distillation import (
    attribute_shares,
    distillation_loss,
    divergence_loss,
    frequency_weights,
    pooled_topics,
    topic_distribution,
)
from mlcore.geolocation.topics import TopicAttention, embed_prompts, read_prompts, read_record


def test_the_prompts_are_the_seven_categories_with_their_attributes():
    prompts = read_prompts("land_cover_v1")
    assert prompts.categories == ("background", "building", "road", "water", "barren", "forest", "agriculture")
    assert len(prompts.attribute_texts) == len(prompts.category_of) and set(prompts.category_of) == set(range(7))
    with pytest.raises(ConfigError, match="choose one of"):
        read_prompts("land_cover_v99")


def test_every_class_of_uc_merced_is_mapped_to_shares_of_known_categories():
    known, classes = read_prompts("land_cover_v1").categories, read_record("ucmerced_v1")["classes"]
    assert len(classes) == 21
    assert all(set(each) <= set(known) and sum(each.values()) == pytest.approx(1) for each in classes.values())


def test_the_distribution_is_sharper_the_colder_it_is():
    categories, _ = embed_prompts(read_prompts("land_cover_v1"), "hashed", "", 32)
    warm, cold = (topic_distribution(5 * categories[2], categories, t) for t in (1.0, 0.2))
    assert warm.argmax() == cold.argmax() == 2 and cold[2] > warm[2] and float(cold.sum()) == pytest.approx(1)


def test_a_student_that_agrees_has_nothing_to_learn():
    shares = torch.rand(2, 3, 7).softmax(dim=-1)
    weights = torch.ones(2, 3)
    assert float(divergence_loss(shares, shares, weights, 0.2)) == pytest.approx(0, abs=1e-6)
    assert float(divergence_loss(shares, shares.flip(-1), weights, 0.2)) > 0
    assert float(divergence_loss(shares, shares.flip(-1), weights, 1.0)) == pytest.approx(
        25 * float(divergence_loss(shares, shares.flip(-1), weights, 0.2)), rel=1e-4
    )
    assert float(distillation_loss(torch.tensor(1.0), torch.tensor(2.0))) == 3


def test_rare_patches_weigh_more_and_all_together_one_each():
    shares = torch.eye(7)[torch.tensor([1, 1, 1, 1, 3])]
    weights = frequency_weights(shares)
    assert weights[4] > weights[0] and float(weights.mean()) == pytest.approx(1)


def test_topics_are_pooled_over_two_by_two_cells():
    grid = torch.arange(15.0).reshape(1, 15, 1)
    assert pooled_topics(grid, (3, 5)).flatten().tolist() == [3, 5]


def test_attributes_share_what_their_category_has():
    spread = attribute_shares(torch.tensor([0.25, 0.75]), torch.tensor([0, 0, 1]))
    assert spread.tolist() == [0.125, 0.125, 0.75]


def test_topics_depend_on_the_embeddings_that_are_kept_with_the_weights():
    branch = TopicAttention(16, 2, (7, 28))
    tokens = torch.randn(1, 5, 16)
    before = branch(tokens)
    branch.embed(torch.randn(7, 16), torch.randn(28, 16))
    assert not torch.allclose(before, branch(tokens)) and {"categories", "attributes"} <= set(branch.state_dict())
