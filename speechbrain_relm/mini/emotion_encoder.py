"""A small dimensional-emotion encoder, trained in about a minute.

It is a wav2vec 2.0 encoder with a regression head in the released format (see
`speechbrain_relm.lobes.emotion_encoder`), trained on the made
MSP-Podcast-like corpus as the recipe `recipes/MSP-Podcast` trains a large one.

Authors
 * The speechbrain_relm contributors 2026
"""

import contextlib
import functools
import json
import math

import numpy as np
import torch
from speechbrain.dataio.sampler import DynamicBatchSampler
from speechbrain.nnet.schedulers import LinearWarmupScheduler
from speechbrain.utils.epoch_loop import EpochCounter
from speechbrain.utils.train_logger import FileTrainLogger
from transformers import Wav2Vec2Config

from speechbrain_relm.data.corpus import SPLITS
from speechbrain_relm.data.emotion_labels import prepare_emotion_labels
from speechbrain_relm.lobes.emotion_encoder import EmotionRegressor
from speechbrain_relm.mini.msp_podcast import make_msp_podcast
from speechbrain_relm.training.checkpoints import CompleteCheckpointer
from speechbrain_relm.training.emotion_encoder import (
    EmotionBrain,
    emotion_dataset,
    train_encoder,
)
from speechbrain_relm.training.emotion_regressor import freeze_mask_embedding
from speechbrain_relm.utils.files import (
    FINGERPRINT,
    cache_folder,
    make_once,
    training_folder,
)

# As in recipes/MSP-Podcast/hparams/emotion_encoder_mini.yaml.
TRAINING = {"seed": 1, "epochs": 13, "batch_size": 16, "peak_rate": 1.5e-3}
# Seconds: a batch holds utterances of one of these ranges.
BOUNDARIES = [1.75, 2.1, 2.6, 30.0]

# The first convolution sees 25 ms, enough to hear the pitch, where the large
# model's seven layers take long to get there.
ARCHITECTURE = {
    "conv_dim": [64, 64, 64],
    "conv_kernel": [400, 3, 3],
    "conv_stride": [160, 2, 2],
    "conv_bias": True,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "apply_spec_augment": False,
    "layerdrop": 0.0,
    **dict.fromkeys(
        (
            "hidden_dropout",
            "attention_dropout",
            "activation_dropout",
            "feat_proj_dropout",
            "final_dropout",
        ),
        0.0,
    ),
}


def filterbank(count, width):
    """Makes windowed cosines and sines, evenly spaced on the mel scale.

    Arguments
    ---------
    count : int
        How many filters, half of them cosines.
    width : int
        Samples a filter, at 16 kHz.

    Returns
    -------
    torch.Tensor
        Filters of norm 1 [count, 1, width], 60 Hz to 6 kHz.

    Example
    -------
    >>> filterbank(4, 400).shape
    torch.Size([4, 1, 400])
    """
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (60, 6000))
    mels = torch.linspace(low, high, count // 2)
    hertz = 700 * (10 ** (mels / 2595) - 1)
    angles = 2 * math.pi * hertz[:, None] * torch.arange(width) / 16000
    waves = torch.cat([angles.cos(), angles.sin()])
    waves = waves * torch.hann_window(width)
    return torch.nn.functional.normalize(waves, dim=1).unsqueeze(1)


def new_model():
    """Makes an untrained encoder that starts from a filterbank.

    Returns
    -------
    EmotionRegressor
        Its first convolution is fixed: it hears harmonics from the start, and
        learning it as well only fits the training voices.

    Example
    -------
    >>> new_model().config.hidden_size
    64
    """
    model = EmotionRegressor(Wav2Vec2Config(**ARCHITECTURE))
    first = model.wav2vec2.feature_extractor.conv_layers[0].conv
    with torch.no_grad():
        first.weight.copy_(filterbank(len(first.weight), first.kernel_size[0]))
    first.requires_grad_(False)
    freeze_mask_embedding(model)
    return model


def train(corpus, target, working, seed, epochs, batch_size, peak_rate):
    """Trains an encoder as the recipe does and exports it.

    Arguments
    ---------
    corpus : str or pathlib.Path
        A corpus in the layout of MSP-Podcast.
    target : str or pathlib.Path
        Folder for the model, its configurations and `concordance.json`.
    working : pathlib.Path
        Folder for manifests and checkpoints: a training that was killed goes
        on from those there.
    seed : int
        Of the initial weights and the order of the utterances.
    epochs : int
        Passes over the training set.
    batch_size : int
        Utterances a batch.
    peak_rate : float
        Highest learning rate, reached after a sixth of the steps.

    Returns
    -------
    dict
        Concordance of each dimension on "Development" and "Test1".

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> corpus = make_msp_podcast(folder / "MSP", 14)
    >>> sorted(train(corpus, folder / "model", folder, 1, 1, 4, 1e-3))
    ['Development', 'Test1']
    """
    with kept_chance():
        # A folder of their own: the working folder is locked already.
        manifests = working / "manifests"
        prepare_emotion_labels(corpus, manifests)
        datasets = {
            part: emotion_dataset(manifests / f"{part}.json", corpus)
            for part in SPLITS
        }
        torch.manual_seed(seed)
        model, counter = new_model(), EpochCounter(epochs)
        brain = EmotionBrain(
            modules={"model": model},
            opt_class=functools.partial(torch.optim.AdamW, lr=peak_rate),
            hparams={"lr": peak_rate, "seed": seed, "epoch_counter": counter},
            run_opts={
                "device": "cuda" if torch.cuda.is_available() else "cpu",
                "max_grad_norm": 1.0,
                "ckpt_interval_steps": 20,
            },
            checkpointer=CompleteCheckpointer(
                working / "save",
                recoverables={"model": model, "counter": counter},
            ),
            lr_schedule=functools.partial(
                LinearWarmupScheduler,
                num_warmup_steps=len(datasets["train"])
                * epochs
                // batch_size
                // 6,
            ),
            train_logger=FileTrainLogger(working / "train_log.txt"),
        )
        sampler = functools.partial(
            DynamicBatchSampler,
            max_batch_length=batch_size * BOUNDARIES[-1],
            max_batch_ex=batch_size,
            bucket_boundaries=BOUNDARIES,
            seed=seed,
        )
        return train_encoder(
            brain, datasets, target, sampler, {}, {"batch_size": 32}
        )


@contextlib.contextmanager
def kept_chance():
    """Leaves the caller's random numbers as they were.

    Yields
    ------
    None

    Example
    -------
    >>> state = torch.random.get_rng_state()
    >>> with kept_chance():
    ...     _ = torch.rand(1)
    >>> bool((state == torch.random.get_rng_state()).all())
    True
    """
    state = np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            np.random.set_state(state)


def folder():
    """Names the folder of the small emotion encoder, trained when needed.

    Returns
    -------
    str
        A folder that `DimensionalEmotionEncoder` takes as its source.

    Example
    -------
    >>> folder()  # doctest: +SKIP
    '/home/me/.cache/speechbrain_relm/models/emotion-encoder-mini'
    """
    corpus = make_msp_podcast(cache_folder() / "corpora" / "msp-podcast-mini")
    made = json.loads((corpus / FINGERPRINT).read_text(encoding="utf-8"))
    settings = {
        "corpus": made,
        "model": ARCHITECTURE,
        "training": {**TRAINING, "boundaries": BOUNDARIES},
    }
    target = cache_folder() / "models" / "emotion-encoder-mini"

    def _build(temporary):
        with training_folder(json.dumps(settings)) as working:
            train(corpus, temporary, working, **TRAINING)

    return str(make_once(target, settings, _build))
