#!/usr/bin/env python3
"""Loading and padding of waveforms.

    python benchmarks/data_loading.py

The authors' procedure loads utterances one by one, in the process that
trains, in batches of a fixed number in the order given (which is random in
training). Ours is `speech_dataset` behind SpeechBrain's loader: batches of
like length and fixed cost (`DynamicBatchSampler`), loaded ahead by workers,
in pinned memory on a GPU. After each batch the trainer is away for a while,
as if waiting for a GPU. Printed besides: how long each side waited for data,
and which share of what it loaded was padding, on which a trainer computes in
vain. The memory of the workers is not counted.

Authors
 * The speechbrain_relm contributors 2026
"""

import time

import torch
from measure import Pair, arguments, run
from speechbrain.dataio.dataloader import make_dataloader
from speechbrain.dataio.sampler import DynamicBatchSampler
from systems import made_corpus

from speechbrain_relm.data.datasets import speech_dataset
from speechbrain_relm.mini.language.sentences import MOST
from speechbrain_relm.utils.sound.audio import load_audio


class Away:
    """A trainer that is away for a while after each batch.

    Arguments
    ---------
    seconds : float
        How long.
    """

    def __init__(self, seconds):
        self.seconds = seconds

    def take(self, batches):
        """Takes all batches, (signals [B, T], lengths [B]) each."""
        self.waited, real, padded = 0.0, 0.0, 0.0
        started = time.perf_counter()
        for wavs, lens in batches:
            self.waited += time.perf_counter() - started
            real += float(lens.double().sum()) * wavs.shape[1]
            padded += wavs.numel()
            time.sleep(self.seconds)
            started = time.perf_counter()
        self.padding = 1 - real / padded

    def __str__(self):
        return (
            f"waited {1e3 * self.waited:.0f} ms, {self.padding:.0%} is padding"
        )


def prepare(given, folder):
    """Makes the two sides.

    Arguments
    ---------
    given : argparse.Namespace
        The settings.
    folder : pathlib.Path
        A folder of its own.

    Returns
    -------
    Pair
        The sides.
    """
    generator = torch.Generator().manual_seed(0)
    # Few short, few long ones, as in the corpora: 1 to 12 s.
    seconds = (
        3.0 * torch.randn(given.loaded, generator=generator).mul(0.5).exp()
    )
    seconds = seconds.clamp(1, 12).tolist()
    entries = made_corpus(folder, seconds, MOST)
    dataset = speech_dataset(entries)
    size = given.load_batch_size
    pin = given.device.startswith("cuda")
    takers = {side: Away(given.away) for side in ("authors", "ours")}

    def one_by_one():
        """Loads as the authors do."""
        paths = [entry["wav"] for entry in entries.values()]
        for start in range(0, len(paths), size):
            wavs = [load_audio(path) for path in paths[start : start + size]]
            batch = torch.nn.utils.rnn.pad_sequence(wavs, batch_first=True)
            lens = torch.tensor([len(wav) / batch.shape[1] for wav in wavs])
            yield batch.to(given.device), lens

    def ahead():
        """Loads as we do."""
        sampler = DynamicBatchSampler(
            dataset,
            max_batch_length=size * sum(seconds) / len(seconds),
            num_buckets=8,
            length_func=lambda entry: entry["duration"],
            shuffle=True,
        )
        loader = make_dataloader(
            dataset,
            batch_sampler=sampler,
            num_workers=given.workers,
            prefetch_factor=4,
            pin_memory=pin,
            # As on Linux by default; the memory is measured elsewhere.
            multiprocessing_context="fork",
        )
        for batch in loader:
            wavs, lens = batch.sig
            yield wavs.to(given.device, non_blocking=True), lens

    def remarks(seconds):
        """Says what was waited for and what was padding."""
        return f"authors' {takers['authors']}; ours {takers['ours']}"

    return Pair(
        lambda: takers["authors"].take(one_by_one()),
        lambda: takers["ours"].take(ahead()),
        len(entries),
        "utterance",
        remarks=remarks,
    )


BENCHMARKS = {"data-loading": prepare}


def add_arguments(parser):
    """Adds what this benchmark can be told.

    Arguments
    ---------
    parser : argparse.ArgumentParser
        The parser.
    """
    parser.add_argument(
        "--loaded", type=int, default=400, help="utterances to load"
    )
    parser.add_argument("--load_batch_size", type=int, default=8)
    parser.add_argument(
        "--workers", type=int, default=1, help="that load ahead, ours"
    )
    parser.add_argument(
        "--away",
        type=float,
        default=0.02,
        help="seconds that the trainer is away after each batch",
    )


if __name__ == "__main__":
    parser = arguments(__doc__)
    add_arguments(parser)
    run(BENCHMARKS, parser.parse_args())
