"""A small dimensional-emotion encoder, trained in about a minute.

It is a wav2vec 2.0 encoder with a regression head in the released format (see
`speechbrain_relm.lobes.emotion_encoder`), trained on the made
MSP-Podcast-like corpus with the loss of Wagner et al. (2023).

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import json
import math
from pathlib import Path

import soundfile
import torch
from speechbrain.utils.logger import get_logger
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from tqdm import tqdm
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor

from speechbrain_relm.dimensions import DIMENSIONS
from speechbrain_relm.files import FINGERPRINT, cache_folder, make_once
from speechbrain_relm.lengths import valid_mask
from speechbrain_relm.lobes.emotion_encoder import (
    EmotionRegressor,
    normalize_utterances,
)
from speechbrain_relm.mini.corpora import make_msp_podcast

logger = get_logger(__name__)

COLUMNS = {"arousal": "EmoAct", "dominance": "EmoDom", "valence": "EmoVal"}
TRAINING = {"seed": 1, "epochs": 10, "batch_size": 16, "peak_rate": 1.5e-3}

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


def concordance(predicted, target):
    """Computes the concordance correlation coefficient of each dimension.

    Arguments
    ---------
    predicted : torch.Tensor
        Predictions [N, D].
    target : torch.Tensor
        Labels [N, D].

    Returns
    -------
    torch.Tensor
        Coefficients [D], -1 to 1; 0 where both are constant.

    Example
    -------
    >>> labels = torch.tensor([[0.0], [1.0]])
    >>> concordance(labels, labels), concordance(1 - labels, labels)
    (tensor([1.]), tensor([-1.]))
    """
    mean, target_mean = predicted.mean(0), target.mean(0)
    covariance = ((predicted - mean) * (target - target_mean)).mean(0)
    spread = predicted.var(0, unbiased=False) + target.var(0, unbiased=False)
    # The small number only matters where nothing varies.
    return 2 * covariance / (spread + (mean - target_mean).square() + 1e-12)


def concordance_loss(predicted, target):
    """Computes one minus the mean concordance over the dimensions.

    Arguments
    ---------
    predicted : torch.Tensor
        Predictions [N, D].
    target : torch.Tensor
        Labels [N, D].

    Returns
    -------
    torch.Tensor
        The loss, a scalar, 0 to 2.

    Example
    -------
    >>> labels = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    >>> concordance_loss(labels, labels)
    tensor(0.)
    """
    return 1 - concordance(predicted, target).mean()


def load(corpus, split):
    """Reads one set of a corpus in the layout of MSP-Podcast.

    Arguments
    ---------
    corpus : str or pathlib.Path
        Folder with `Labels` and `Audios` (16 kHz).
    split : str
        "Train", "Development" or "Test1".

    Returns
    -------
    list of tuple
        Signals [T] and their arousal, dominance and valence [3], 0 to 1.

    Raises
    ------
    ValueError
        If the set is empty.

    Example
    -------
    >>> corpus = make_msp_podcast(getfixture("tmp_path") / "MSP", 7)
    >>> signal, labels = load(corpus, "Test1")[0]
    >>> signal.ndim, labels.shape
    (1, torch.Size([3]))
    """
    corpus, items = Path(corpus), []
    table = corpus / "Labels" / "labels_consensus.csv"
    with open(table, encoding="utf-8", newline="") as handle:
        rows = [r for r in csv.DictReader(handle) if r["Split_Set"] == split]
    if not rows:
        raise ValueError(f"{table} has no line whose Split_Set is {split!r}.")
    for row in rows:
        # Only the name counts, so that no line leads out of the folder.
        file = corpus / "Audios" / Path(row["FileName"]).name
        signal, _ = soundfile.read(file, dtype="float32")
        labels = [(float(row[COLUMNS[name]]) - 1) / 6 for name in DIMENSIONS]
        items.append((torch.from_numpy(signal), torch.tensor(labels)))
    return items


def batches(items, size, generator=None):
    """Yields padded batches of utterances of similar length.

    Arguments
    ---------
    items : list of tuple
        As `load` gives them.
    size : int
        Utterances a batch.
    generator : torch.Generator, optional
        Shuffles; by default the longest come first.

    Yields
    ------
    tuple of torch.Tensor
        Normalized signals [B, T], their mask [B, T] and labels [B, 3].

    Example
    -------
    >>> items = [(torch.randn(n), torch.rand(3)) for n in (400, 300)]
    >>> [[part.shape[1] for part in batch] for batch in batches(items, 2)]
    [[400, 400, 3]]
    """
    order = torch.arange(len(items))
    if generator is not None:
        order = torch.randperm(len(items), generator=generator)
    # Sorted within pools of eight batches: short of padding, yet shuffled.
    pool = 8 * size if generator is not None else len(items)
    groups = []
    for part in order.split(pool):
        part = sorted(part.tolist(), key=lambda i: -len(items[i][0]))
        groups += [part[i : i + size] for i in range(0, len(part), size)]
    if generator is not None:
        shuffled = torch.randperm(len(groups), generator=generator)
        groups = [groups[i] for i in shuffled.tolist()]
    for group in groups:
        signals, labels = zip(*(items[i] for i in group))
        wavs = pad_sequence(signals, batch_first=True)
        counts = torch.tensor([len(signal) for signal in signals])
        mask = valid_mask(counts, wavs.shape[1])
        yield normalize_utterances(wavs, mask), mask, torch.stack(labels)


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
    return model


@torch.no_grad()
def evaluate(model, items, batch_size=32):
    """Measures the concordance on a whole set.

    Arguments
    ---------
    model : EmotionRegressor
        The model.
    items : list of tuple
        As `load` gives them.
    batch_size : int
        Utterances a batch.

    Returns
    -------
    dict
        Coefficient of each dimension.

    Example
    -------
    >>> items = [(torch.randn(4000), torch.rand(3)) for _ in range(2)]
    >>> sorted(evaluate(new_model(), items))
    ['arousal', 'dominance', 'valence']
    """
    model.eval()
    pairs = [
        (model(wavs, mask)[1], labels)
        for wavs, mask, labels in batches(items, batch_size)
    ]
    predicted, labels = (torch.cat(part) for part in zip(*pairs))
    values = concordance(predicted, labels).tolist()
    return {name: round(v, 4) for name, v in zip(DIMENSIONS, values)}


def train(corpus, target, seed, epochs, batch_size, peak_rate):
    """Trains an encoder and saves it in the released format.

    Arguments
    ---------
    corpus : str or pathlib.Path
        A corpus in the layout of MSP-Podcast.
    target : str or pathlib.Path
        Folder for the model, its configurations and `concordance.json`.
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
    >>> corpus = make_msp_podcast(folder / "MSP", 7)
    >>> sorted(train(corpus, folder / "model", 1, 1, 4, 1e-3))
    ['Development', 'Test1']
    """
    items = load(corpus, "Train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = new_model().train()
    generator = torch.Generator().manual_seed(seed)
    learned = [p for p in model.parameters() if p.requires_grad]
    steps = epochs * math.ceil(len(items) / batch_size)
    optimizer = torch.optim.AdamW(learned, peak_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak_rate, total_steps=steps, pct_start=1 / 6
    )
    with tqdm(total=steps, desc="training the emotion encoder") as progress:
        for _ in range(epochs):
            for wavs, mask, labels in batches(items, batch_size, generator):
                loss = concordance_loss(model(wavs, mask)[1], labels)
                optimizer.zero_grad()
                loss.backward()
                clip_grad_norm_(learned, 1.0)
                optimizer.step()
                schedule.step()
                progress.update()
                progress.set_postfix(loss=f"{loss.item():.3f}")
    figures = {
        split: evaluate(model, load(corpus, split))
        for split in ("Development", "Test1")
    }
    logger.info("Concordance with the labels of held-out voices: %s", figures)
    save(model, figures, Path(target))
    return figures


def save(model, figures, target):
    """Saves a model as `from_pretrained` loads it, with its figures.

    Arguments
    ---------
    model : EmotionRegressor
        The model.
    figures : dict
        What `concordance.json` will hold.
    target : pathlib.Path
        Where to.

    Example
    -------
    >>> folder = getfixture("tmp_path")
    >>> save(new_model(), {}, folder)
    >>> (folder / "model.safetensors").is_file()
    True
    """
    model.save_pretrained(target)
    Wav2Vec2FeatureExtractor(
        do_normalize=True, return_attention_mask=True
    ).save_pretrained(target)
    with open(target / "concordance.json", "w", encoding="utf-8") as handle:
        json.dump(figures, handle, indent=2)


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
    settings = {"corpus": made, "model": ARCHITECTURE, "training": TRAINING}
    target = cache_folder() / "models" / "emotion-encoder-mini"
    build = lambda temporary: train(corpus, temporary, **TRAINING)
    return str(make_once(target, settings, build))
