#!/usr/bin/env python3
"""Takes turns between bfloat16, int8 and int4 of one checkpoint: decode_speed three times, a few
tokens each, so that what else the machine does falls on all. The ratio of neighbouring turns counts.

  compare_precisions.py --threads 1 /tmp/qwen
"""
import argparse
import statistics

from decode_speed_program import DecodeSpeed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--program", default="build/release/bench/decode_speed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", type=int, default=256)
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=6, help="per turn")
    arguments = parser.parse_args()
    names = {"none": "bfloat16", "int8": "int8", "int4": "int4"}
    programs = {q: DecodeSpeed(arguments.program, arguments.folder, "bfloat16", arguments.threads, q)
                for q in names}
    for program in programs.values():
        program.prefill(arguments.prompt)
        program.decode(2)
    seconds = {q: [] for q in names}
    for _ in range(arguments.turns):
        for q, program in programs.items():
            taken = program.decode(arguments.tokens)
            seconds[q].append(statistics.median(taken))
    for q, name in names.items():
        ratios = [a / b for a, b in zip(seconds["none"], seconds[q])]
        print(f"{name:<10}{1e3 * statistics.median(seconds[q]):7.1f} ms per token, "
              f"{statistics.median(ratios):.2f} times as fast as bfloat16 "
              f"({min(ratios):.2f} to {max(ratios):.2f}), "
              f"peak {programs[q].peak() / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
