"""A tiny model that stands for a larger one: another kind of network, other numbers for tokens."""

import json
from pathlib import Path

from index import DEFAULT_EMBEDDER, embedder_folder

SHIFT = 7  # between the embedder's number of a token and this model's


def larger(folder: Path, layers: int = 9) -> Path:
    """Write a model folder of random weights, to be trained or to teach; `folder`."""
    import torch
    from transformers import MPNetConfig, MPNetForQuestionAnswering

    source = embedder_folder(DEFAULT_EMBEDDER) / "tokenizer.json"
    made = json.loads(source.read_text(encoding="utf-8").replace('"[CLS]"', '"<s>"'))
    words = made["model"]["vocab"]

    def moved(number: int) -> int:
        return (number + SHIFT) % len(words)

    made["model"]["vocab"] = {word: moved(number) for word, number in words.items()}
    for one in made["added_tokens"]:
        one["id"] = moved(one["id"])
    for one in made["post_processor"]["special_tokens"].values():
        one["ids"] = [moved(number) for number in one["ids"]]
    folder.mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(made), encoding="utf-8")
    names = {"cls": "<s>", "sep": "[SEP]", "pad": "[PAD]", "mask": "[MASK]", "unk": "[UNK]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast"}
    settings |= {f"{key}_token": name for key, name in names.items()}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    config = MPNetConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=32,
        pad_token_id=moved(0),
        initializer_range=0.5,
    )
    torch.manual_seed(5)
    MPNetForQuestionAnswering(config).save_pretrained(folder)
    return folder
