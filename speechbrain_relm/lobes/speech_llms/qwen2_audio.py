"""Qwen2-Audio as a listener.

Authors
 * The speechbrain_relm contributors 2026
"""

from transformers import Qwen2AudioForConditionalGeneration

from speechbrain_relm.lobes.speech_llms.generating import GeneratingListener


class Qwen2AudioListener(GeneratingListener):
    """Answers speech with Qwen2-Audio; see `GeneratingListener`.

    Arguments
    ---------
    source : str
        Hub id or folder, e.g. "Qwen/Qwen2-Audio-7B-Instruct".
    dtype : str
        Of the weights, e.g. "bfloat16".

    Example
    -------
    >>> source = "Qwen/Qwen2-Audio-7B-Instruct"
    >>> listener = Qwen2AudioListener(source)  # doctest: +SKIP
    """

    model_class = Qwen2AudioForConditionalGeneration
