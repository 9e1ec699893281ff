"""What the interface is given, checked before anything is computed.

A wrong length or scale would be answered as readily as speech.

Authors
 * The speechbrain_relm contributors 2026
"""

import math

import torch
from transformers import GenerationConfig

from speechbrain_relm.utils import limits
from speechbrain_relm.utils.text.spelling import nearest

# Below 25 ms the emotion encoder has no frame.
SHORTEST = 400
# Settings whose values have bounds: the kind, the least and the most.
BOUNDS = {
    "max_new_tokens": (int, 1, limits.ANSWER_TOKENS),
    "min_new_tokens": (int, 0, limits.ANSWER_TOKENS),
    "sentences": (int, 1, limits.ANSWER_TOKENS),
    "temperature": (float, 1e-3, 100),
    "top_p": (float, 1e-3, 1),
    "top_k": (int, 0, 2**20),
    "min_p": (float, 0, 1),
    "typical_p": (float, 1e-3, 1),
    "repetition_penalty": (float, 1e-2, 100),
    "length_penalty": (float, -100, 100),
    "no_repeat_ngram_size": (int, 0, limits.ANSWER_TOKENS),
    "num_beams": (int, 1, 64),
    "do_sample": (bool, False, True),
    "use_cache": (bool, False, True),
}
# Ours, beside those of transformers.
OURS = ("sentences", "examples")
EXPECTED = {
    "wavs": "a floating-point torch.Tensor [B, T] of 16 kHz signals, -1 to 1",
    "wav": "a floating-point torch.Tensor [T], a 16 kHz signal, -1 to 1",
    "wav_lens": "a torch.Tensor [B] of lengths relative to the longest, each "
    "above 0 and at most 1",
}


def refuse(name, value, expected=None):
    """Refuses an argument.

    Arguments
    ---------
    name : str
        Its name.
    value : object
        What was given, or what is wrong with it.
    expected : str or None
        What is; `None` for one of `EXPECTED`.

    Raises
    ------
    ValueError
        Always.

    Example
    -------
    >>> refuse("text", "''", "words")
    Traceback (most recent call last):
    ...
    ValueError: text: '' was given, words expected.
    """
    expected = expected or EXPECTED[name]
    raise ValueError(f"{name}: {value} was given, {expected} expected.")


def check_signal(wav, name="wav", rank=1):
    """Checks signals.

    Arguments
    ---------
    wav : torch.Tensor
        Signal [T], or signals [B, T].
    name : str
        What the argument is called.
    rank : int
        How many dimensions it must have.

    Returns
    -------
    torch.Tensor
        The same, in 32 bits.

    Raises
    ------
    ValueError
        If it is no such tensor, or no signal.

    Example
    -------
    >>> check_signal(torch.ones(16000, dtype=torch.int16))
    Traceback (most recent call last):
    ...
    ValueError: wav: a tensor of int16 was given, a floating-point ...
    """
    if not isinstance(wav, torch.Tensor):
        refuse(name, f"{type(wav).__name__}")
    if not wav.is_floating_point():
        kind = str(wav.dtype).rpartition(".")[2]
        refuse(name, f"a tensor of {kind}")
    if wav.dim() != rank:
        refuse(name, f"a tensor of the shape {tuple(wav.shape)}")
    if wav.is_meta:
        refuse(name, "a tensor on the device 'meta', which holds no samples,")
    if wav.numel() == 0 or wav.shape[-1] < SHORTEST:
        expected = f"at least {SHORTEST} samples (25 ms)"
        refuse(name, f"a tensor of the shape {tuple(wav.shape)}", expected)
    peak = wav.detach().abs().max().item()
    if not math.isfinite(peak):
        refuse(name, "a NaN or infinite sample")
    if peak > limits.PEAK:
        refuse(name, f"a sample of {peak:g}")
    return wav.float()


def check_batch(wavs, wav_lens):
    """Checks a padded batch of signals.

    Arguments
    ---------
    wavs : torch.Tensor
        Signals [B, T].
    wav_lens : torch.Tensor
        Relative lengths [B].

    Returns
    -------
    wavs : torch.Tensor
        The same, in 32 bits.
    wav_lens : torch.Tensor
        The same.

    Raises
    ------
    ValueError
        If one of them is not what it should be.

    Example
    -------
    >>> check_batch(torch.zeros(1, 800), torch.tensor([800.0]))
    Traceback (most recent call last):
    ...
    ValueError: wav_lens: 800 was given, a torch.Tensor [B] of lengths rel...
    """
    wavs = check_signal(wavs, "wavs", 2)
    if not isinstance(wav_lens, torch.Tensor):
        refuse("wav_lens", type(wav_lens).__name__)
    if not wav_lens.is_floating_point() or wav_lens.is_meta:
        kind = str(wav_lens.dtype).rpartition(".")[2]
        refuse("wav_lens", f"a tensor of {kind} on {wav_lens.device}")
    if wav_lens.shape != wavs.shape[:1]:
        found, size = tuple(wav_lens.shape), len(wavs)
        refuse("wav_lens", f"the shape {found} for {size} signals")
    for length in wav_lens.tolist():
        if not 0 < length <= 1:
            refuse("wav_lens", f"{length:g}")
        if round(length * wavs.shape[1]) < SHORTEST:
            expected = f"at least {SHORTEST} samples (25 ms)"
            samples = round(length * wavs.shape[1])
            refuse("wav_lens", f"{length:g} ({samples} samples)", expected)
    return wavs, wav_lens


def check_text(text, name="text", empty=False, most=limits.TEXT_CHARACTERS):
    """Checks what a user wrote.

    Arguments
    ---------
    text : str
        The text.
    name : str
        What the argument is called.
    empty : bool
        Whether it may say nothing.
    most : int
        Characters at most.

    Returns
    -------
    str
        The same; what is no character, as lone surrogates, is replaced.

    Raises
    ------
    ValueError
        If it is no text, says nothing or is too long.

    Example
    -------
    >>> check_text("I fell\\udce9.")
    'I fell?.'
    """
    if not isinstance(text, str):
        refuse(name, type(text).__name__, "a text")
    if not empty and not text.strip():
        refuse(name, repr(text), "words")
    fix = "Say it in fewer words."
    limits.check(name, len(text), most, "characters", fix)
    return text.encode("utf-8", "replace").decode("utf-8")


def check_settings(settings):
    """Checks generation settings.

    Arguments
    ---------
    settings : dict
        Name to value; `None` says nothing.

    Raises
    ------
    ValueError
        If there is no such setting, or a value is out of its bounds.

    Example
    -------
    >>> check_settings({"max_tokens": 8})
    Traceback (most recent call last):
    ...
    ValueError: max_tokens: 8 was given, but there is no such setting; did ...
    >>> check_settings({"temperature": float("nan")})
    Traceback (most recent call last):
    ...
    ValueError: temperature: nan was given, a number from 0.001 to 100 expected.
    """
    known = [*OURS, *GenerationConfig().to_dict()]
    for name, value in settings.items():
        if name not in known:
            close = nearest(name, known, 0.5)
            hint = f"; did you mean {close}?" if close else "."
            raise ValueError(
                f"{name}: {value!r} was given, but there is no such setting"
                f"{hint}"
            )
        if value is not None and name in BOUNDS:
            check_bounds(name, value, *BOUNDS[name])
    if settings.get("examples") is not None:
        _check_examples(settings["examples"])


def check_bounds(name, value, kind, least, most):
    """Checks a value with bounds.

    Arguments
    ---------
    name : str
        What the argument is called.
    value : object
        What was given.
    kind : type
        `int`, `float` (whole numbers are allowed) or `bool`.
    least, most : float
        The bounds.

    Raises
    ------
    ValueError
        If it is of another kind, or beyond a bound.

    Example
    -------
    >>> check_bounds("history_turns", -1, int, 0, 8)
    Traceback (most recent call last):
    ...
    ValueError: history_turns: -1 was given, a whole number from 0 to 8 expe...
    """
    right = type(value) in ({float: (int, float)}.get(kind, (kind,)))
    if right and least <= value <= most:
        return
    word = {int: "a whole number", float: "a number"}.get(kind)
    bounds = f"{word} from {least:g} to {most:g}" if word else "True or False"
    refuse(name, repr(value), bounds)


def _check_examples(examples):
    """Checks example turns."""
    for turn in examples if isinstance(examples, (list, tuple)) else [examples]:
        pair = isinstance(turn, (list, tuple)) and len(turn) == 2
        if not pair or not all(isinstance(text, str) for text in turn):
            refuse("examples", repr(turn)[:60], "pairs of texts")
