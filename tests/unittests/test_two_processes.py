"""Two processes do what one does, and survive the death of one of them."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import forked
import pytest
import torch
import yaml
from recipe_runs import BRIEF, SCRIPT, command, lines, run
from safetensors.torch import load_file

from speechbrain_relm.mini.esd import make_esd

YAML = SCRIPT.parent / "hparams" / "re_llm_mini.yaml"
# Batches of one size, so that no process has one more.
ALIKE = {
    "sampler": "{bucket_boundaries: [1024]}",
    # Three batches: in validation one process has one more.
    "valid_loader": "{batch_size: 3}",
    "seed": 7,
    **BRIEF,
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory, tiny_sources):
    """A corpus of 24, 8 and 16 utterances, and tiny models."""
    corpus = tmp_path_factory.mktemp("esd") / "ESD"
    make_esd(corpus, speakers=2, sentences=6)
    return corpus, tiny_sources


@pytest.fixture(scope="module")
def alone(settings, tmp_path_factory):
    """One process that adds up the gradients of two batches."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    run(
        command(YAML, folder, *settings, grad_accumulation_factor=2, **ALIKE),
    )
    return folder


# Processes that are forks of the launcher, and need not import torch anew. It
# leaves to us that the script's folder is one of those that Python imports from.
FORKS = ("--run_path", "--start_method=fork")


def on_two(folder, settings, how=FORKS, **overrides):
    """The command on two processes."""
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc_per_node=2", *how),
        *command(YAML, folder, *settings, **ALIKE, **overrides)[1:],
        "--distributed_backend=gloo",
    ]


def losses(folder):
    """Every number of the training log, which has three digits of each."""
    log = (folder / "train_log.txt").read_text()
    return [float(x) for x in re.findall(r"(?:loss|UA|nll): ([\d.e+-]+)", log)]


def saved_losses(folder):
    """The validation losses of the checkpoints that are kept, all digits."""
    metas = [
        yaml.safe_load(path.read_text())
        for path in folder.glob("save/*/CKPT.yaml")
    ]
    return sorted(meta["loss"] for meta in metas if "loss" in meta)


def learned(folder):
    """The last checkpoint's trained tensors, and the optimizer's averages."""
    last = max(folder.glob("save/*/CKPT.yaml"), key=lambda p: p.parent.name)
    tensors = load_file(last.with_name("model.ckpt"))
    optimizer = torch.load(last.with_name("optimizer.ckpt"))
    return tensors, [one["exp_avg"] for one in optimizer["state"].values()]


def agree(folder, alone):
    """The same records, and losses that differ by rounding."""
    assert len(losses(alone)) >= 8
    assert saved_losses(folder) == pytest.approx(saved_losses(alone), rel=1e-4)
    # Of a number between two roundings, a hair's breadth turns the last digit.
    assert losses(folder) == pytest.approx(losses(alone), rel=0.011)
    for name in ("expected_responses.jsonl", "responses.jsonl", "table.csv"):
        assert lines(folder / name) == lines(alone / name), name
    name = "expected_responses.jsonl"
    assert (folder / name).read_bytes() == (alone / name).read_bytes()


def test_two_processes_equal_one(settings, alone, tmp_path):
    """Losses to 1e-4, whoever computed which batch."""
    folder = tmp_path / "two"
    run(on_two(folder, settings, how=()))
    agree(folder, alone)


@pytest.mark.parametrize("fsdp", [False, True])
def test_a_process_dies(settings, alone, tmp_path, fsdp):
    """The others stop, and the same command goes on to the same end."""
    folder, said = tmp_path / "two", tmp_path / "said.log"
    process = forked.start(
        on_two(folder, settings, fsdp=fsdp), (said, said), SCRIPT.parent
    )
    deadline = time.time() + 300
    while not any(folder.glob("save/*/COMPLETE")):
        assert process.is_alive(), said.read_text()[-4000:]
        assert time.time() < deadline
        time.sleep(0.002)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    last = workers.read_text().split()[-1]
    os.kill(int(last), signal.SIGKILL)
    process.join(120)
    assert process.exitcode  # neither none yet nor 0
    run(on_two(folder, settings, fsdp=fsdp), cwd=SCRIPT.parent)
    agree(folder, alone)
    for ours, theirs in zip(learned(folder), learned(alone)):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
