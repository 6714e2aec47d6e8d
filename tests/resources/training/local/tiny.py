"""A tiny Llama with a tokenizer and a chat template of its own, made at random in a moment and without PyTorch.

It holds `raftline.json`, which says that its weights are random: whatever is trained from it is stamped as no real model.
Tests of other folders load this file by its path; tests/resources/training/local/conftest.py offers it as `tiny_base`.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
SPECIAL = ("<pad>", "</s>", "<|system|>", "<|user|>", "<|assistant|>")
HYPERPARAMETERS = {
    "learning_rate": 5e-3,
    "scheduler": "constant",
    "warmup": 0,
    "batch_size": 8,
    "gradient_accumulation": 1,
    "lora_r": 16,
    "lora_alpha": 16,
    "lora_dropout": 0.0,
    "modules_to_save": "embed_tokens,lm_head",
}
"""With these it learns a handful of answers in some fifty steps."""


def build(
    folder: Path,
    texts: Sequence[str] = ("What is the fee?", "The documents do not answer this question."),
    *,
    hidden: int = 64,
    layers: int = 2,
    positions: int = 256,
    vocabulary: int = 400,
    seed: int = 0,
) -> Path:
    """Writes the model into a new folder; its tokenizer knows the words of `texts`. Returns the folder.

    `positions` is the longest prompt with its answer, in tokens: whole RAFT rows need some thousands.
    """
    folder.mkdir(parents=True)
    size = _tokenizer(folder, texts, vocabulary, positions)
    _weights(folder, size, hidden, layers, seed)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": size, "hidden_size": hidden,
        "intermediate_size": 2 * hidden, "num_hidden_layers": layers, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": hidden // 4, "max_position_embeddings": positions, "rms_norm_eps": 1e-6, "tie_word_embeddings": False,
        "bos_token_id": None, "eos_token_id": 1, "pad_token_id": 0, "dtype": "float32",
    }  # fmt: skip
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", {"eos_token_id": 1, "pad_token_id": 0})
    _write(folder / "raftline.json", {"random_weights": True})
    (folder / "LICENSE").write_text("Made at random by a test; do with it as you like.\n")
    return folder


def _tokenizer(folder: Path, texts: Sequence[str], vocabulary: int, positions: int) -> int:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>",
        "model_max_length": positions, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    _write(folder / "tokenizer_config.json", settings)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return tokenizer.get_vocab_size()


def _weights(folder: Path, vocabulary: int, hidden: int, layers: int, seed: int) -> None:
    from safetensors.numpy import save_file

    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(0, 0.02, shape).astype(np.float32)

    ones = np.ones(hidden, np.float32)
    weights = {"model.embed_tokens.weight": normal(vocabulary, hidden), "lm_head.weight": normal(vocabulary, hidden)}
    for number in range(layers):
        layer = f"model.layers.{number}."
        weights |= {
            f"{layer}self_attn.q_proj.weight": normal(hidden, hidden),
            f"{layer}self_attn.k_proj.weight": normal(hidden // 2, hidden),
            f"{layer}self_attn.v_proj.weight": normal(hidden // 2, hidden),
            f"{layer}self_attn.o_proj.weight": normal(hidden, hidden),
            f"{layer}mlp.gate_proj.weight": normal(2 * hidden, hidden),
            f"{layer}mlp.up_proj.weight": normal(2 * hidden, hidden),
            f"{layer}mlp.down_proj.weight": normal(hidden, 2 * hidden),
            f"{layer}input_layernorm.weight": ones.copy(),
            f"{layer}post_attention_layernorm.weight": ones.copy(),
        }
    weights["model.norm.weight"] = ones.copy()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
