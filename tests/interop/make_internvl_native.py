"""Makes tests/golden/07c_internvl_native: the model of 07a_internvl_chat in the layout of Hugging
Face's native port, saved and computed by transformers itself.

usage  python tests/interop/make_internvl_native.py
needs  torch, transformers >= 5, safetensors
"""

import json
import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import InternVLConfig, InternVLForConditionalGeneration

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
SOURCE = GOLDEN / "07a_internvl_chat"
TARGET = GOLDEN / "07c_internvl_native"
NEW_TOKENS = 24

# Written here independently of fusion/internvl_native.cpp: ours -> the port's modules.
RENAMES = [
    ("vision_model.", "model.vision_tower."),
    ("encoder.layers.", "encoder.layer."),
    ("class_embedding", "cls_token"),
    ("position_embedding", "position_embeddings"),
    ("patch_embedding.", "patch_embeddings.projection."),
    ("attn.proj.", "attention.projection_layer."),
    ("norm1.", "layernorm_before."),
    ("norm2.", "layernorm_after."),
    (".ls1", ".lambda_1"),
    (".ls2", ".lambda_2"),
    ("mlp1.0.", "model.multi_modal_projector.layer_norm."),
    ("mlp1.1.", "model.multi_modal_projector.linear_1."),
    ("mlp1.3.", "model.multi_modal_projector.linear_2."),
    ("language_model.model.", "model.language_model."),
    ("language_model.lm_head.", "lm_head."),
]


def native_weights(original):
    result = {}
    for name, tensor in original.items():
        for old, new in RENAMES:
            if not name.startswith("model.language_model."):
                name = name.replace(old, new)
        if ".attn.qkv." in name:
            for part, rows in zip("qkv", tensor.chunk(3)):
                result[name.replace("attn.qkv", f"attention.{part}_proj")] = rows.clone()
        else:
            result[name] = tensor
    return result


def native_config(original, image_token_id, tile_tokens):
    vision, text = original["vision_config"], dict(original["llm_config"])
    for key in ("_name_or_path", "torch_dtype", "transformers_version", "use_bfloat16"):
        text.pop(key, None)
    return InternVLConfig(
        vision_config={
            "hidden_size": vision["hidden_size"],
            "num_hidden_layers": vision["num_hidden_layers"],
            "num_attention_heads": vision["num_attention_heads"],
            "intermediate_size": vision["intermediate_size"],
            "attention_bias": vision["qkv_bias"],
            "use_qk_norm": vision["qk_normalization"],
            "norm_type": vision["norm_type"],
            "layer_norm_eps": vision["layer_norm_eps"],
            "image_size": [vision["image_size"]] * 2,
            "patch_size": [vision["patch_size"]] * 2,
        },
        text_config=text,
        image_token_id=image_token_id,
        image_seq_length=tile_tokens,
        tie_word_embeddings=False,
    )


def main():
    torch.set_num_threads(1)
    torch.manual_seed(0)
    original = json.loads((SOURCE / "config.json").read_text())
    case = json.loads((SOURCE / "case.json").read_text())
    config = native_config(original, case["image_context_token_id"], case["tokens_per_tile"])
    model = InternVLForConditionalGeneration._from_config(config, attn_implementation="eager")
    model.load_state_dict(native_weights(load_file(SOURCE / "model.safetensors")), strict=True)
    model.eval()

    shutil.rmtree(TARGET, ignore_errors=True)
    model.save_pretrained(TARGET)
    preprocessor = {
        "crop_to_patches": False,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_processor_type": "GotOcr2ImageProcessorFast",
        "image_std": [0.229, 0.224, 0.225],
        "max_patches": original["max_dynamic_patch"],
        "min_patches": original["min_dynamic_patch"],
        "processor_class": "InternVLProcessor",
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"height": original["force_image_size"], "width": original["force_image_size"]},
    }
    (TARGET / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2) + "\n")
    shutil.copy(SOURCE / "image.png", TARGET)
    shutil.copy(SOURCE / "tokenizer.json", TARGET)
    shutil.copy(SOURCE / "generation_config.json", TARGET)

    inputs = load_file(SOURCE / "inputs.safetensors")
    inputs = {name: inputs[name] for name in ("pixel_values", "prompt.input_ids")}
    ids, pixels = inputs["prompt.input_ids"], inputs["pixel_values"]
    with torch.no_grad():
        output = model(input_ids=ids, pixel_values=pixels, output_hidden_states=True)
        projected = model.get_image_features(pixels).pooler_output
        tokens = []
        grown = ids
        for _ in range(NEW_TOKENS):
            # Without a cache, so that nothing but the forward pass is relied on.
            last = model(input_ids=grown, pixel_values=pixels).logits[:, -1]
            tokens.append(last.argmax(-1))
            grown = torch.cat([grown, tokens[-1][:, None]], dim=1)
    expected = {
        "connector.out": projected.contiguous(),
        "gen.tokens": torch.stack(tokens, dim=1),
        "llm.input_embeds": output.hidden_states[0].contiguous(),
        "logits": output.logits.contiguous(),
    }
    save_file(inputs, TARGET / "inputs.safetensors")
    save_file(expected, TARGET / "expected.safetensors")
    for file in TARGET.glob("*.safetensors"):
        file.chmod(0o644)

    reference = load_file(SOURCE / "expected.safetensors")
    tensors = {
        "inputs.safetensors": {k: f"{v.dtype} {list(v.shape)}" for k, v in inputs.items()},
        "expected.safetensors": {k: f"{v.dtype} {list(v.shape)}" for k, v in expected.items()},
    }
    description = {
        "case": TARGET.name,
        "what": "The model of 07a_internvl_chat in Hugging Face's native layout (q, k and v apart, "
        "vision_tower, multi_modal_projector), saved by InternVLForConditionalGeneration.",
        "reference": {
            "code": "transformers InternVLForConditionalGeneration, eager attention",
            "compute": "float32, CPU, 1 thread",
        },
        "versions": {"torch": torch.__version__.split("+")[0], "transformers": transformers.__version__},
        "tolerance": {
            "float32": case["tolerance"]["float32"],
            "largest_difference_from_07a": {
                name: (expected[name] - reference[name]).abs().max().item()
                for name in ("connector.out", "llm.input_embeds", "logits")
            },
        },
        "image_context_token_id": case["image_context_token_id"],
        "tokens_per_tile": case["tokens_per_tile"],
        "tiles": case["tiles"],
        "question": case["question"],
        "prompt": case["prompt"],
        "greedy": {"max_new_tokens": NEW_TOKENS, "tokens": expected["gen.tokens"][0].tolist()},
        "tensors": tensors,
    }
    (TARGET / "case.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    assert torch.equal(expected["gen.tokens"], reference["gen.tokens"]), "07a generates other tokens"
    print(json.dumps(description["tolerance"]))


if __name__ == "__main__":
    main()
