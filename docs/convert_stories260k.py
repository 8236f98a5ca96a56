#!/usr/bin/env python3
"""Turns stories260K of the llama2.c project into a checkpoint folder; see llama-ladder.md.

usage: convert_stories260k.py stories260K.bin tok512.bin FOLDER

Any legacy (version 0) .bin file of that project will do. Needs nothing but Python 3.
"""
import array
import json
import os
import struct
import sys


def read_model(path):
    """-> sizes, {Hugging Face's name: (shape, float32 values)}"""
    with open(path, "rb") as file:
        dim, ffn, layers, heads, kv_heads, vocab, context = struct.unpack("<7i", file.read(28))
        tied, vocab = vocab > 0, abs(vocab)  # a negative number says that the head is stored
        head_dim, kv_dim = dim // heads, dim // heads * kv_heads

        def numbers(count):
            values = array.array("f")
            values.fromfile(file, count)
            return values

        tensors = {}

        def each_layer(name, *shape):
            for layer in range(layers):
                count = shape[0] * (shape[1] if len(shape) > 1 else 1)
                tensors[f"model.layers.{layer}.{name}.weight"] = (list(shape), numbers(count))

        tensors["model.embed_tokens.weight"] = ([vocab, dim], numbers(vocab * dim))
        each_layer("input_layernorm", dim)
        each_layer("self_attn.q_proj", dim, dim)
        each_layer("self_attn.k_proj", kv_dim, dim)
        each_layer("self_attn.v_proj", kv_dim, dim)
        each_layer("self_attn.o_proj", dim, dim)
        each_layer("post_attention_layernorm", dim)
        each_layer("mlp.gate_proj", ffn, dim)
        each_layer("mlp.down_proj", dim, ffn)
        each_layer("mlp.up_proj", ffn, dim)
        tensors["model.norm.weight"] = ([dim], numbers(dim))
        numbers(context * head_dim)  # cosines and sines of the rotary positions
        if not tied:
            tensors["lm_head.weight"] = ([vocab, dim], numbers(vocab * dim))
        if file.read(1):
            sys.exit(f"{path}: longer than its header says; not a legacy .bin file")

    for name, (shape, values) in tensors.items():
        if ".q_proj." in name or ".k_proj." in name:
            tensors[name] = (shape, in_halves(values, head_dim, dim))
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": dim,
        "intermediate_size": ffn,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocab,
        "max_position_embeddings": context,
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "tie_word_embeddings": tied,
        "bos_token_id": 1,
        "eos_token_id": 2,
    }
    return config, tensors


def in_halves(values, head_dim, width):
    """Rows of q and k: Meta rotates rows (2j, 2j + 1) of a head together, Hugging Face (j, j + d/2)."""
    result = array.array("f")
    for head in range(len(values) // (head_dim * width)):
        for parity in (0, 1):
            for pair in range(head_dim // 2):
                row = head * head_dim + 2 * pair + parity
                result.extend(values[row * width : (row + 1) * width])
    return result


def read_tokenizer(path, vocab):
    """-> the value of tokenizer.json"""
    pieces, scores = [], []
    with open(path, "rb") as file:
        file.read(4)  # length of the longest piece
        for _ in range(vocab):
            score, length = struct.unpack("<fi", file.read(8))
            pieces.append(file.read(length).decode().replace(" ", "\u2581"))
            scores.append(score)
    pieces[:3] = ["<unk>", "<s>", "</s>"]
    pieces[3:259] = [f"<0x{byte:02X}>" for byte in range(256)]
    ids = {piece: number for number, piece in enumerate(pieces)}

    # Two neighbours merge if their union is a piece; pieces of high score come first.
    merges = []
    for piece, score in zip(pieces[259:], scores[259:]):
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in ids and right in ids:
                merges.append((-score, -len(left), f"{left} {right}"))

    special = [
        {"id": number, "content": pieces[number], "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False, "special": True}
        for number in range(3)
    ]
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    text = {"Sequence": {"id": "A", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u2581"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing", "single": [begin, text], "pair": [begin, text],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"}, {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>",
            "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": True,
            "byte_fallback": True, "vocab": ids, "merges": [merge for _, _, merge in sorted(merges)]},
    }


def write_safetensors(path, tensors):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [offset, offset + 4 * len(values)]}
        offset += 4 * len(values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, values in tensors.values():
            values.tofile(file)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, indent=2)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model, tokenizer, folder = sys.argv[1:]
    config, tensors = read_model(model)
    os.makedirs(folder, exist_ok=True)
    write_json(os.path.join(folder, "config.json"), config)
    write_json(os.path.join(folder, "tokenizer.json"), read_tokenizer(tokenizer, config["vocab_size"]))
    write_safetensors(os.path.join(folder, "model.safetensors"), tensors)


if __name__ == "__main__":
    main()
