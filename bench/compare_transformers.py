#!/usr/bin/env python3
"""Takes turns between decode_speed and Hugging Face transformers on the same checkpoint.

Both programs have the model loaded and work one after the other, a few tokens each, so that what
else the machine does falls on both; the ratio of two neighbouring turns is what counts. Needs torch
and transformers; --make writes a checkpoint of random weights once.

  compare_transformers.py --make qwen2.5-0.5b --dtype bfloat16 /tmp/qwen
  compare_transformers.py --program build/release/bench/decode_speed --dtype bfloat16 /tmp/qwen
"""
import argparse
import json
import statistics
import time

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from decode_speed_program import DecodeSpeed

CONFIGS = {
    "qwen2.5-0.5b": lambda: Qwen2Config(
        hidden_size=896, num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2,
        intermediate_size=4864, vocab_size=151936, rope_theta=1e6, rms_norm_eps=1e-6,
        tie_word_embeddings=True),
    "llama-3.2-1b": lambda: LlamaConfig(
        hidden_size=2048, num_hidden_layers=16, num_attention_heads=32, num_key_value_heads=8,
        head_dim=64, intermediate_size=8192, vocab_size=128256, rope_theta=5e5, rms_norm_eps=1e-5,
        tie_word_embeddings=True, max_position_embeddings=131072,
        rope_scaling={"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0,
                      "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
}


def peak_bytes():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class Theirs:
    def __init__(self, folder, dtype, attention):
        start = time.perf_counter()
        self.model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), attn_implementation=attention).eval()
        self.load_seconds = time.perf_counter() - start
        self.load_peak = peak_bytes()

    def step(self, ids, cache):
        start = time.perf_counter()
        with torch.inference_mode():
            output = self.model(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
            self.token = output.logits.argmax(-1)
        self.cache = output.past_key_values
        return time.perf_counter() - start

    def prefill(self, tokens):
        ids = torch.randint(0, self.model.config.vocab_size, (1, tokens))
        return self.step(ids, None)

    def decode(self, tokens):
        return [self.step(self.token, self.cache) for _ in range(tokens)]


def summary(values):
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--make", choices=CONFIGS)
    parser.add_argument("--program", default="build/release/bench/decode_speed")
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--attention", choices=["eager", "sdpa"], default="eager")
    parser.add_argument("--quantize", choices=["none", "int8", "int4"], default="none")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--turns", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=8, help="per turn")
    parser.add_argument("--prefills", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.make:
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(CONFIGS[arguments.make](),
                                                 dtype=getattr(torch, arguments.dtype))
        model.save_pretrained(arguments.folder)
        return
    ours = DecodeSpeed(arguments.program, arguments.folder, arguments.dtype, arguments.threads,
                arguments.quantize)
    theirs = Theirs(arguments.folder, arguments.dtype, arguments.attention)
    prefill = {"ours": [], "theirs": []}
    for _ in range(arguments.prefills):
        prefill["ours"].append(ours.prefill(arguments.prompt))
        prefill["theirs"].append(theirs.prefill(arguments.prompt))
    peaks = {"ours": ours.peak(), "theirs": peak_bytes()}
    ours.decode(2), theirs.decode(2), ours.bandwidth()  # warm up
    decode = {"ours": [], "theirs": []}  # median seconds per token of each turn
    bandwidth = []  # bytes per second, taking turns as well
    for _ in range(arguments.turns):
        bandwidth.append(ours.bandwidth())
        decode["ours"].append(statistics.median(ours.decode(arguments.tokens)))
        decode["theirs"].append(statistics.median(theirs.decode(arguments.tokens)))

    def ratios(pairs):
        return summary([b / a for a, b in zip(pairs["ours"], pairs["theirs"])])

    report = {
        "folder": arguments.folder, "dtype": arguments.dtype, "threads": arguments.threads,
        "attention": arguments.attention, "quantize": arguments.quantize,
        "weight_bytes": ours.loaded["weight_bytes"],
        "load_seconds": {"ours": ours.loaded["load_seconds"], "theirs": theirs.load_seconds},
        "load_peak_bytes": {"ours": ours.loaded["load_peak_bytes"], "theirs": theirs.load_peak},
        "peak_bytes": peaks,
        "prefill_tokens_per_second": {
            name: summary([arguments.prompt / s for s in prefill[name]]) for name in prefill},
        "decode_milliseconds": {name: summary([1e3 * s for s in decode[name]]) for name in decode},
        "bandwidth_gbytes_per_second": summary([b / 1e9 for b in bandwidth]),
        # Weights that a token reads in the checkpoint's dtype, tied head counted once, at that speed.
        "fraction_of_floor": {
            name: summary([ours.loaded["weight_bytes"] / b / s
                           for b, s in zip(bandwidth, decode[name])]) for name in decode},
        "prefill_ratio": ratios(prefill), "decode_ratio": ratios(decode),
    }
    print(json.dumps(report))
    rows = [("", "ours", "transformers"),
            ("load, s", *(f"{report['load_seconds'][n]:.2f}" for n in ("ours", "theirs"))),
            ("peak, GB", *(f"{report['peak_bytes'][n] / 1e9:.2f}" for n in ("ours", "theirs"))),
            ("prefill, tokens/s", *(f"{report['prefill_tokens_per_second'][n]['median']:.1f}"
                                    for n in ("ours", "theirs"))),
            ("decode, ms/token", *(f"{report['decode_milliseconds'][n]['median']:.1f}"
                                   for n in ("ours", "theirs"))),
            ("decode, tokens/s", *(f"{1e3 / report['decode_milliseconds'][n]['median']:.1f}"
                                   for n in ("ours", "theirs")))]
    if arguments.quantize == "none":
        rows.append(("of the memory floor", *(f"{report['fraction_of_floor'][n]['median']:.0%}"
                                              for n in ("ours", "theirs"))))
    for row in rows:
        print(f"{row[0]:<20}{row[1]:>12}{row[2]:>14}")
    for name in ("prefill", "decode"):
        ratio = report[f"{name}_ratio"]
        print(f"{name}: {ratio['median']:.2f} times as fast "
              f"({ratio['low']:.2f} to {ratio['high']:.2f}, turn by turn)")


if __name__ == "__main__":
    main()
