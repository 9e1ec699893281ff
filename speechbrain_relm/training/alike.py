"""Whether an encoder hears an utterance alike in any batch.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from speechbrain.utils.logger import get_logger

from speechbrain_relm.model.prompting import evaluating

logger = get_logger(__name__)

# Of the spread of the frames: far above rounding, far below what matters.
TOLERANCE = 1e-3


@torch.no_grad()
def batch_effect(encoder, device):
    """Measures what a longer batch-mate changes in an utterance's frames.

    Arguments
    ---------
    encoder : torch.nn.Module
        `(wavs [B, T], wav_lens [B])` to `[B, T', C]`.
    device : torch.device or str
        Where it is.

    Returns
    -------
    float
        Largest difference, in standard deviations of the frames.

    Example
    -------
    >>> class Frames(torch.nn.Module):
    ...     def forward(self, wavs, wav_lens):
    ...         return wavs.unfold(1, 320, 320)[..., :4]
    >>> batch_effect(Frames(), "cpu")
    0.0
    >>> class Normed(Frames):
    ...     def forward(self, wavs, wav_lens):
    ...         return super().forward(wavs / wavs.std(), wav_lens)
    >>> batch_effect(Normed(), "cpu") > TOLERANCE
    True
    """
    draw = torch.Generator().manual_seed(0)
    wavs = 0.1 * torch.randn(2, 32000, generator=draw).to(device)
    wavs[0, 16000:] = 0
    lens = torch.tensor([0.5, 1.0], device=device)
    with evaluating(encoder):
        alone = encoder(wavs[:1, :16000], lens[1:])[0]
        together = encoder(wavs, lens)[0]
    difference = (alone - together[: len(alone)]).abs().max() / alone.std()
    return float(difference)


def warn_if_unlike(encoder, device):
    """Says if an encoder's frames depend on the rest of the batch.

    Arguments
    ---------
    encoder : torch.nn.Module
        A speech encoder.
    device : torch.device or str
        Where it is.
    """
    effect = batch_effect(encoder, device)
    if effect > TOLERANCE:
        logger.warning(
            "%s hears an utterance differently beside a longer one, by up to "
            "%.2g standard deviations of its frames: losses and responses "
            "depend on which utterances share a batch. A batch_size and "
            "generation_batch_size of 1 avoid it.",
            type(encoder).__name__,
            effect,
        )
