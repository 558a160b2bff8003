"""A network with other numbers for the same tokens is shown a reader's tokens as its own.

So that a larger model can teach a reader token by token. It must not know what is learned.
"""

from pathlib import Path
from typing import Any

from qa.errors import ReaderError

_MOST_ABSENT = 0.01  # of the reader's tokens


def translated(network: Any, folder: Path, tokenizer: Any) -> Any:
    """The `network` of the model `folder`, over the tokens of the reader's `tokenizer`.

    Raises `ReaderError` when it does not know them.
    """
    import torch
    from transformers import AutoTokenizer

    try:
        own = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ReaderError(f"{folder} has no tokenizer that can be loaded") from error
    known = own.get_vocab()
    special = {
        "[CLS]": own.cls_token,
        "[SEP]": own.sep_token,
        "[PAD]": own.pad_token,
        "[MASK]": own.mask_token,
        "[UNK]": own.unk_token,
    }
    spelt = sorted(tokenizer.get_vocab().items(), key=lambda one: one[1])
    numbers = [known.get(special.get(token, token)) for token, _ in spelt]
    absent = numbers.count(None) > _MOST_ABSENT * len(numbers)
    if absent or not known.keys() >= set(special.values()):
        raise ReaderError(f"{folder} does not read in the reader's tokens: it can't be trained")
    unknown = known[own.unk_token]

    class Translated(torch.nn.Module):  # type: ignore[misc]  # torch is not imported for types
        def __init__(self) -> None:
            super().__init__()
            self.network = network
            self.config = network.config
            found = [unknown if one is None else one for one in numbers]
            self.register_buffer("numbers", torch.tensor(found))

        def forward(self, input_ids: Any, token_type_ids: Any, **given: Any) -> Any:
            return self.network(input_ids=self.numbers[input_ids], **given)

    return Translated()


def is_translated(network: Any) -> bool:
    """Whether `translated` made it."""
    return hasattr(network, "numbers")


def save_translated(network: Any, folder: Path, target: Path) -> None:
    """Write the model within, which came from the model `folder`, as the model folder `target`."""
    from transformers import AutoTokenizer

    network.network.save_pretrained(target)
    AutoTokenizer.from_pretrained(folder, local_files_only=True).save_pretrained(target)
