"""The part of RE-LLM before its LLM, spelling by CTC.

Authors
 * The speechbrain_relm contributors 2026
"""

from typing import NamedTuple

import torch

from speechbrain_relm.model.re_llm import RELLM, Speech
from speechbrain_relm.model.word_ctc import WordCTC, start_at_table


class Spelled(NamedTuple):
    """What speech spells: `speech`, and `log_probs` [B, T'', 1 + N]."""

    speech: Speech
    log_probs: torch.Tensor


class WordModel(RELLM):
    """The part of RE-LLM before its LLM, and CTC on the LLM's embeddings.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        Its encoder, adapter and heads are trained.
    token_ids : list of int
        The LLM's tokens that can be spelled.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> from speechbrain_relm.lobes.conv_adapter import ConvAdapter
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> adapter = ConvAdapter(4, llm.embedding_size)
    >>> rellm = RELLM(torch.nn.Identity(), adapter, None, llm)
    >>> model = WordModel(rellm, [5, 6, 7])
    >>> feats = torch.randn(1, 40, 4)
    >>> wavs, lens = torch.zeros(1, 40), torch.ones(1)
    >>> model(wavs, lens, None, feats).log_probs.shape
    torch.Size([1, 5, 4])
    """

    def __init__(self, model, token_ids):
        super().__init__(
            model.speech_encoder, model.adapter, model.heads, llm=None
        )
        table = model.llm.embed(torch.arange(model.llm.vocabulary_size))
        self.ctc = WordCTC(table, token_ids)
        norm = getattr(model.adapter, "layer_norm", None)
        if norm is not None:
            start_at_table(norm, table)

    def forward(self, wavs, wav_lens, emotion_embedding=None, feats=None):
        """Hears and spells.

        Arguments
        ---------
        wavs : torch.Tensor
            16 kHz signals [B, T].
        wav_lens : torch.Tensor
            Relative lengths [B].
        emotion_embedding : torch.Tensor or None
            [B, E] (Eq. 1).
        feats : torch.Tensor or None
            See `RELLM.encode_speech`.

        Returns
        -------
        Spelled
            Embeddings, the heads' predictions, and scores of the tokens.
        """
        speech = self.encode_speech(wavs, wav_lens, emotion_embedding, feats)
        return Spelled(speech, self.ctc(speech.embeddings))
