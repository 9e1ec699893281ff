"""From one sampling rate to another, at a cost that no header decides.

Authors
 * The speechbrain_relm contributors 2026
"""

import math
from fractions import Fraction

import torchaudio

from speechbrain_relm.utils.limits import RESAMPLING_ENTRIES


def resampled(wav, rate, wanted):
    """Resamples at a bounded cost.

    torchaudio's filter has an entry for each pair of places of the two rates'
    shortest common period: gigabytes between 16001 and 16000 Hz. Where they
    are too many, the nearest fraction with few enough stands for the rates'
    ratio, which differs by less than a thousandth: nobody hears that.

    Arguments
    ---------
    wav : torch.Tensor
        Signal [T].
    rate : int
        Its sampling rate in Hz.
    wanted : int
        The rate that is wanted.

    Returns
    -------
    torch.Tensor
        Signal at that rate.

    Example
    -------
    >>> import torch
    >>> resampled(torch.zeros(44101), 44101, 16000).shape
    torch.Size([16000])
    """
    ratio = Fraction(rate, wanted)
    if ratio.numerator * ratio.denominator > RESAMPLING_ENTRIES:
        most = math.isqrt(int(RESAMPLING_ENTRIES / ratio))
        ratio = ratio.limit_denominator(max(1, most))
    return torchaudio.functional.resample(
        wav, ratio.numerator, ratio.denominator
    )
