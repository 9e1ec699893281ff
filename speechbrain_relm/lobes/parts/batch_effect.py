"""Whether an encoder gives an utterance the same frames in any padded batch.

An encoder that does not gives results that depend on which utterances share
a batch, and on the batch size.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch

# Of the spread of the frames: far above rounding, far below what matters.
TOLERANCE = 1e-3


@torch.no_grad()
def batch_effect(encoder, device="cpu", samples=(16000, 32000)):
    """Measures what a batch changes in the frames of its utterances.

    Arguments
    ---------
    encoder : torch.nn.Module
        `(wavs [B, T], wav_lens [B])` to `[B, T', ...]`, in evaluation mode:
        dropout differs by itself.
    device : torch.device or str
        Where it is.
    samples : tuple of int
        Lengths of the utterances, which are noise.

    Returns
    -------
    float
        Largest difference between an utterance alone and in the batch, in
        standard deviations of its frames. The frames of the padding, which
        nobody reads, do not count.

    Example
    -------
    >>> class Frames(torch.nn.Module):
    ...     def forward(self, wavs, wav_lens):
    ...         return wavs.unfold(1, 320, 320)[..., :4]
    >>> batch_effect(Frames())
    0.0
    >>> class Normed(Frames):
    ...     def forward(self, wavs, wav_lens):
    ...         return super().forward(wavs / wavs.std(), wav_lens)
    >>> batch_effect(Normed()) > TOLERANCE
    True
    """
    draw = torch.Generator().manual_seed(0)
    lengths = torch.tensor(samples, device=device)
    wavs = torch.randn(len(samples), max(samples), generator=draw).to(device)
    # Each ten times as loud as the one before: a level that is taken over the
    # whole batch, as of log-mel features, shows then.
    wavs *= 0.01 * 10.0 ** torch.arange(len(samples), device=device)[:, None]
    wavs[torch.arange(max(samples), device=device) >= lengths[:, None]] = 0
    together = encoder(wavs, lengths / max(samples))
    worst = 0.0
    for wav, length, frames in zip(wavs, samples, together):
        one = torch.ones(1, device=device)
        alone = encoder(wav[None, :length], one)[0]
        difference = (alone - frames[: len(alone)]).abs().max()
        worst = max(worst, float(difference / alone.std()))
    return worst
