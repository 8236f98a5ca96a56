#!/usr/bin/env python3
"""Takes turns between bench/train_step and the same NVLM-D written in eager Python PyTorch.

Both hold the same weights and the same batch and take the same step (forward, backward, clipping,
fused AdamW; bfloat16 by autocast), one after the other, so that what else the machine does falls on
both; the ratio of two neighbouring turns is what counts. First loss and gradient norm of the first
steps are compared. Needs torch and safetensors (tests/interop/make_python.sh makes such a Python).

  ninja -C build/release train_step
  tests/interop/train_step.py --program build/release/bench/train_step models/nvlm-d
"""
import argparse
import json
import math
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn


class RmsNorm(nn.Module):
    def __init__(self, size, eps):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x):
        wide = x.float()
        return self.weight * (wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.eps)).to(x.dtype)


def rotate_half(x):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((-second, first), dim=-1)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = (
            c["num_attention_heads"], c["num_key_value_heads"], c["head_dim"])
        width, kv_width = self.heads * self.head_dim, self.kv_heads * self.head_dim
        self.q_proj = nn.Linear(c["hidden_size"], width, bias=False)
        self.k_proj = nn.Linear(c["hidden_size"], kv_width, bias=False)
        self.v_proj = nn.Linear(c["hidden_size"], kv_width, bias=False)
        self.o_proj = nn.Linear(width, c["hidden_size"], bias=False)

    def forward(self, x, cos, sin):
        batch, seq, _ = x.shape
        q = self.q_proj(x).view(batch, seq, self.heads, self.head_dim).transpose(1, 2)
        k = self.k_proj(x).view(batch, seq, self.kv_heads, self.head_dim).transpose(1, 2)
        v = self.v_proj(x).view(batch, seq, self.kv_heads, self.head_dim).transpose(1, 2)
        q = q * cos + rotate_half(q) * sin
        k = k * cos + rotate_half(k) * sin
        mixed = F.scaled_dot_product_attention(
            q, k, v, is_causal=True, enable_gqa=self.heads != self.kv_heads)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, seq, -1))


class Mlp(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.up_proj = nn.Linear(c["hidden_size"], c["intermediate_size"], bias=False)
        self.down_proj = nn.Linear(c["intermediate_size"], c["hidden_size"], bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.self_attn = Attention(c)
        self.mlp = Mlp(c)
        self.input_layernorm = RmsNorm(c["hidden_size"], c["rms_norm_eps"])
        self.post_attention_layernorm = RmsNorm(c["hidden_size"], c["rms_norm_eps"])

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Decoder(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["num_hidden_layers"]))
        self.norm = RmsNorm(c["hidden_size"], c["rms_norm_eps"])
        self.head_dim, self.theta = c["head_dim"], c["rope_theta"]

    def forward(self, x, positions, dtype):
        frequencies = self.theta ** -(torch.arange(0, self.head_dim, 2).float() / self.head_dim)
        angles = positions[..., None].float() * frequencies
        angles = torch.cat((angles, angles), dim=-1).unsqueeze(1)  # [batch, 1, seq, head_dim]
        cos, sin = angles.cos().to(dtype), angles.sin().to(dtype)
        for layer in self.layers:
            x = layer(x, cos, sin)
        return self.norm(x)


class LanguageModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.model = Decoder(c)
        self.lm_head = nn.Linear(c["hidden_size"], c["vocab_size"], bias=False)


class NvlmD(nn.Module):
    """What the second stage trains: projector and decoder; features of the tiles are given."""

    def __init__(self, config):
        super().__init__()
        p = config["fusion_config"]["projector"]
        self.mlp1 = nn.Sequential(
            nn.LayerNorm(p["input_size"]), nn.Linear(p["input_size"], p["hidden_size"], p["bias"]),
            nn.GELU(), nn.Linear(p["hidden_size"], p["output_size"], p["bias"]))
        self.language_model = LanguageModel(config["llm_config"])

    def forward(self, batch, dtype):
        decoder = self.language_model.model
        x = decoder.embed_tokens(batch["ids"])
        x = x.masked_scatter(batch["is_slot"].bool().unsqueeze(-1),
                             self.mlp1(batch["features"]).to(x.dtype))
        positions = (batch["attention_mask"].cumsum(1) - 1).clamp_min(0)
        logits = self.language_model.lm_head(decoder(x, positions, dtype))
        return F.cross_entropy(logits[:, :-1].float().flatten(0, 1), batch["labels"][:, 1:].flatten(),
                               ignore_index=-100)


class Theirs:
    def __init__(self, folder, batch, dtype, optimiser):
        config = json.loads((folder / "config.json").read_text())
        if config["fusion_config"]["variant"] != "d":
            raise SystemExit(f"{folder}: expected variant d")
        self.model = NvlmD(config)
        weights = {name: tensor.float() for name, tensor in load_file(folder / "model.safetensors").items()
                   if not name.startswith("vision_model.")}
        self.model.load_state_dict(weights)
        self.batch, self.dtype, self.clip_norm = batch, dtype, optimiser["clip_norm"]
        decayed = [p for p in self.model.parameters() if p.dim() > 1]
        others = [p for p in self.model.parameters() if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": optimiser["weight_decay"]},
             {"params": others, "weight_decay": 0.0}],
            lr=optimiser["rate"], betas=(optimiser["beta1"], optimiser["beta2"]),
            eps=optimiser["eps"], fused=True)

    def step(self):
        start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            loss = self.model(self.batch, self.dtype)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "loss": loss.item(), "gradient_norm": norm.item()}


class Ours:
    def __init__(self, program, folder, dtype, threads, samples):
        self.process = subprocess.Popen([program, folder, dtype, str(threads), str(samples)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.description = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("train_step ended")
        return json.loads(line)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.answer()

    def step(self):
        return self.ask("step")


def check_agreement(ours, theirs, steps, tolerance):
    """Loss and gradient norm of the first steps, which also tests the updates between them."""
    for step in range(steps):
        a, b = ours.step(), theirs.step()
        print(f"step {step + 1}: loss {a['loss']:.6f} and {b['loss']:.6f}, "
              f"gradient norm {a['gradient_norm']:.5f} and {b['gradient_norm']:.5f}", flush=True)
        for name in ("loss", "gradient_norm"):
            if not math.isclose(a[name], b[name], rel_tol=tolerance):
                raise SystemExit(f"step {step + 1}: {name} is {a[name]} here and {b[name]} in Python, "
                                 f"expected the same within {tolerance}")


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def bootstrap_interval(ratios, resamples=4000):
    draw = random.Random(0)
    means = sorted(geometric_mean(draw.choices(ratios, k=len(ratios))) for _ in range(resamples))
    return means[int(0.025 * resamples)], means[int(0.975 * resamples)]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="bfloat16")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--turns", type=int, default=20, help="pairs that are timed")
    parser.add_argument("--profile", action="store_true", help="also where our time goes")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)

    ours = Ours(options.program, options.folder, options.dtype, options.threads, options.samples)
    with tempfile.TemporaryDirectory() as scratch:
        file = f"{scratch}/batch.safetensors"
        ours.ask("export " + file)
        batch = load_file(file)
    theirs = Theirs(options.folder, batch, dtype, ours.description["optimiser"])
    check_agreement(ours, theirs, steps=3, tolerance=1e-4 if dtype == torch.float32 else 2e-2)

    seconds, shares = {"ours": [], "theirs": []}, []
    for turn in range(options.turns):
        pair = [("ours", ours), ("theirs", theirs)]
        for name, one in pair if turn % 2 == 0 else reversed(pair):
            seconds[name].append(one.step()["seconds"])
        peak = ours.ask("peak")["flops_per_second"]
        shares.append(ours.description["flops"] / seconds["ours"][-1] / peak)
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["theirs"])]
    low, high = bootstrap_interval(ratios)
    result = {
        **{key: value for key, value in ours.description.items() if key != "optimiser"},
        "dtype": options.dtype,
        "ours_ms": 1e3 * statistics.median(seconds["ours"]),
        "theirs_ms": 1e3 * statistics.median(seconds["theirs"]),
        "ratio": geometric_mean(ratios), "ratio_low": low, "ratio_high": high,
        "positions_per_second": ours.description["positions"] / statistics.median(seconds["ours"]),
        "mfu": statistics.median(shares),
        "turns": options.turns,
    }
    print(json.dumps(result, indent=2))
    if options.profile:
        operators = ours.ask("profile 5")["operators"]
        whole = sum(entry[1] for entry in operators)
        for name, spent, calls in operators[:25]:
            print(f"{1e3 * spent:9.2f} ms {100 * spent / whole:5.1f}% {calls:5d}  {name}")


if __name__ == "__main__":
    main()
