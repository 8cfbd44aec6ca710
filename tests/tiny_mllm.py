"""Makes a tiny Qwen2.5-VL in the real format: the real classes, processor, tokenizer and files, with random weights.

It can be given one answer by heart, so that a server without any constraint can be tested with it too.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from mlcore.anchors.prompt import load_prompt
from mlcore.anchors.schema import json_schema
from mlcore.encoders.torchvision_shim import ensure_torchvision

SPECIAL = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% else %}<|vision_start|><|image_pad|><|vision_end|>{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LEARNT = {
    "building_density": "moderate", "dominant_building_size": "medium", "block_pattern": "irregular",
    "building_arrangement": "detached", "outline_complexity": "rectangular", "roof_hint": "unknown",
    "construction_state": "unknown", "road_layout": "branching", "road_density": "medium", "open_space": "large",
    "land_use": "residential", "summary": "Detached houses along branching roads.",
}  # fmt: skip


def make_tiny_qwen(folder: Path, *, seed: int = 0, learnt: bool = False) -> Path:
    """A checkpoint in `folder` as `save_pretrained` writes it; with `learnt` it answers LEARNT to our prompt."""
    ensure_torchvision()
    from transformers import Qwen2_5_VLForConditionalGeneration

    processor = _processor(learnt)
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(_config(processor.tokenizer))
    ends = [processor.tokenizer.convert_tokens_to_ids(name) for name in ("<|im_end|>", "<|endoftext|>")]
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = ends, ends[1]
    if learnt:
        _teach(model, processor)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _processor(learnt: bool):
    from transformers import Qwen2_5_VLProcessor, Qwen2Tokenizer, Qwen2VLImageProcessorPil, Qwen2VLVideoProcessor

    base = Tokenizer(models.BPE())
    base.pre_tokenizer, base.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    prompt = load_prompt()
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    base.train_from_iterator([prompt.system, prompt.user, json.dumps(json_schema()), json.dumps(LEARNT)] * 2, trainer)
    parts = json.loads(base.to_str())["model"]
    merges = [tuple(pair) for pair in parts["merges"]]
    tokenizer = Qwen2Tokenizer(
        vocab=parts["vocab"],
        merges=merges,
        unk_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[AddedToken(name, special=True, normalized=False) for name in SPECIAL],
    )
    if learnt:
        tokenizer.add_tokens([AddedToken(_learnt_token(), normalized=False)])
    size = {"shortest_edge": 28 * 28, "longest_edge": 56 * 56}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessorPil(size=size),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=size),
        chat_template=CHAT_TEMPLATE,
    )


def _config(tokenizer):
    from transformers import Qwen2_5_VLConfig

    ids = dict(zip(SPECIAL, tokenizer.convert_tokens_to_ids(SPECIAL), strict=True))
    # Like the published one, the table of embeddings is longer than the vocabulary.
    vocabulary = -(-len(tokenizer) // 64) * 64
    text = {
        "vocab_size": vocabulary, "hidden_size": 48, "intermediate_size": 96, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 4096,
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 2, 2]},
        "bos_token_id": None, "eos_token_id": ids["<|im_end|>"], "pad_token_id": ids["<|endoftext|>"],
    }  # fmt: skip
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 48,
        "fullatt_block_indexes": [1],
    }  # fmt: skip
    return Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )


def _teach(model, processor) -> None:
    """Set the weights so that the model answers LEARNT, its last added token, and stops, whatever it is shown.

    With the layers' outputs at zero the next token hangs on the last one alone: the end of the chat template's opening
    leads to the answer, the answer to the end.
    """
    tokenizer = processor.tokenizer
    opening = tokenizer("<|im_start|>assistant\n")["input_ids"][-1]
    answer, end = tokenizer.convert_tokens_to_ids([_learnt_token(), "<|im_end|>"])
    with torch.no_grad():
        for layer in model.model.language_model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        table, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
        head.zero_()
        for direction, (last, following) in enumerate([(opening, answer), (answer, end)]):
            table[last].zero_()
            table[last, direction] = head[following, direction] = 1.0


def _learnt_token() -> str:
    return json.dumps(LEARNT, separators=(",", ":"))
