"""Runs what we export with Hugging Face transformers and compares it with our own results.

usage  python check_exports.py NVLM_INTEROP PROJECT_FOLDER
exit   0 all agree, 1 something differs, 77 transformers cannot be imported (CTest: skipped)

Covered: the native InternVL layout of three models, and Llama, Qwen2 and GPT-2 as save_llama writes
them. Not covered: the layouts internvl and nvlm-d, whose reference code is no package but lies in
the models' repositories; their files are checked by tests/fusion (golden cases 07a and 07b hold that
code's results).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import torch
    from safetensors.torch import load_file
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        InternVLForConditionalGeneration,
    )
except ImportError as error:
    print(f"skipped: Python transformers cannot be imported ({error})")
    sys.exit(77)

ABSOLUTE, RELATIVE = 2e-4, 1e-4

failures = []


def check(fine, what):
    print(f"{'ok  ' if fine else 'FAIL'} {what}")
    if not fine:
        failures.append(what)


def check_close(actual, expected, what):
    if actual.shape != expected.shape:
        check(False, f"{what}: shape {list(actual.shape)}, expected {list(expected.shape)}")
        return
    difference = (actual.double() - expected.double()).abs()
    fine = bool((difference <= ABSOLUTE + RELATIVE * expected.double().abs()).all())
    spread = expected.std().item()
    check(fine, f"{what}: largest difference {difference.max().item():.2g}, spread {spread:.2g}")


def loaded(model_class, folder):
    """The model and what it missed or could not use."""
    model, report = model_class.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    names = {key: sorted(map(str, report[key])) for key in ("missing_keys", "unexpected_keys", "mismatched_keys")}
    check(not any(names.values()), f"{Path(folder).name}: every tensor has its place {names}")
    return model.eval()


def greedy(model, ids, count, **inputs):
    """Without a cache, so that nothing but the forward pass is relied on."""
    start = ids.shape[1]
    for _ in range(count):
        last = model(input_ids=ids, **inputs).logits[:, -1]
        ids = torch.cat([ids, last.argmax(-1, keepdim=True)], dim=1)
    return ids[0, start:]


def check_tokenizer(folder, ours, has_pictures):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    chat = [{"role": "user", "content": "What is it?"}]
    text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    check(ids == ours["text_only_ids"].tolist(), f"{folder.name}: the chat template gives our prompt")
    picture_ids = tokenizer(tokenizer.decode(ours["input_ids"][0]), add_special_tokens=False)["input_ids"]
    check(picture_ids == ours["input_ids"][0].tolist(), f"{folder.name}: tags and slots are single tokens")
    if has_pictures:
        slot = ours["slot_id"].item()
        check(tokenizer.context_image_token_id == slot, f"{folder.name}: the tokenizer names the image-pad token")


def check_processor(folder, ours):
    """Needs torchvision, which not every installation has."""
    try:
        import torchvision  # noqa: F401
    except ImportError:
        print(f"skip {folder.name}: the processor needs torchvision")
        return
    from PIL import Image
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    size = processor.image_processor.size["height"]
    picture = Image.new("RGB", (2 * size, size), (200, 100, 0))
    slot = processor.image_token
    inputs = processor(images=[picture], text=[f"{slot}\nWhat is it?"], return_tensors="pt")
    tiles = inputs["pixel_values"].shape[0]
    slots = int((inputs["input_ids"] == ours["slot_id"].item()).sum())
    per_tile = int((ours["input_ids"] == ours["slot_id"].item()).sum()) // ours["pixel_values"].shape[0]
    check(tiles == 3 and slots == tiles * per_tile, f"{folder.name}: the processor cuts {tiles} tiles, {slots} slots")


def check_multimodal(interop, model, folder, name):
    results, exported = folder / f"{name}.safetensors", folder / f"{name}-internvl-hf"
    subprocess.run([interop, "results", model, results], check=True)
    subprocess.run([interop, "export", "internvl-hf", model, exported], check=True)
    ours = load_file(results)
    native = loaded(InternVLForConditionalGeneration, exported)
    check(native.config.image_token_id == ours["slot_id"].item(), f"{name}: image_token_id")
    pixels = ours["pixel_values"]
    with torch.no_grad():
        logits = native(input_ids=ours["input_ids"], pixel_values=pixels).logits
        check_close(logits, ours["logits"], f"{name}: logits")
        tokens = greedy(native, ours["input_ids"], len(ours["tokens"]), pixel_values=pixels)
        check(tokens.tolist() == ours["tokens"].tolist(), f"{name}: greedy tokens")
        swapped = native(input_ids=ours["input_ids"], pixel_values=pixels.flip(0)).logits
        moved = (swapped[:, -1] - logits[:, -1]).abs().max().item()
        check(moved > 100 * ABSOLUTE, f"{name}: tiles in another order change the logits by {moved:.2g}")
    check_tokenizer(exported, ours, has_pictures=True)
    check_processor(exported, ours)


def check_text(interop, folder, family):
    model, results = folder / family, folder / f"{family}.safetensors"
    subprocess.run([interop, "text", family, model], check=True)
    subprocess.run([interop, "text-results", model, results], check=True)
    ours = load_file(results)
    with torch.no_grad():
        logits = loaded(AutoModelForCausalLM, model)(input_ids=ours["input_ids"]).logits
    check_close(logits, ours["logits"], f"{family}: logits")


def main():
    interop, project = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    tokenizer, golden = project / "models" / "nvlm-d" / "tokenizer.json", project / "tests" / "golden"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for family in ("llama", "qwen2", "gpt2"):
            check_text(interop, folder, family)
        subprocess.run([interop, "lab", folder / "lab", tokenizer], check=True)
        check_multimodal(interop, folder / "lab", folder, "lab")
        check_multimodal(interop, golden / "07a_internvl_chat", folder, "internvl")
    if failures:
        print(f"{len(failures)} of the checks failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
