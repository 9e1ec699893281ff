"""The bi-encoder of EPITOME (Sharma et al. 2020; Section II-C of the paper).

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch import nn
from torch.nn.functional import pad, scaled_dot_product_attention
from transformers import AutoModel, PretrainedConfig

from speechbrain_relm.utils.sources.architectures import architecture
from speechbrain_relm.utils.sources.pretrained import (
    building_without_weights,
    load_text_encoder,
)

LEVELS = 3


def new_encoder(source):
    """Makes a text encoder without the pooling layer, which has no use here.

    Arguments
    ---------
    source : str or transformers.PretrainedConfig
        Hub id or folder of a Hugging Face encoder; a configuration gives an
        untrained one.

    Returns
    -------
    transformers.PreTrainedModel
        The encoder, float32.

    Example
    -------
    >>> from transformers import BertConfig
    >>> sizes = dict(hidden_size=8, num_hidden_layers=1, intermediate_size=8)
    >>> config = BertConfig(vocab_size=9, num_attention_heads=2, **sizes)
    >>> new_encoder(config).pooler is None
    True
    """
    if building_without_weights():
        source = architecture(source)
    if isinstance(source, PretrainedConfig):
        encoder = AutoModel.from_config(source, trust_remote_code=False)
    else:
        encoder = load_text_encoder(source)
    if getattr(encoder, "pooler", None) is not None:
        encoder.pooler = None
    return encoder


class CrossAttention(nn.Module):
    """Single-head attention of the response to the seeker's post.

    Arguments
    ---------
    size : int
        Width D of the states.

    Example
    -------
    >>> attention = CrossAttention(8)
    >>> responses, seekers = torch.randn(2, 5, 8), torch.randn(2, 3, 8)
    >>> attention(responses, seekers, torch.ones(2, 3).bool()).shape
    torch.Size([2, 5, 8])
    """

    def __init__(self, size):
        super().__init__()
        self.q_linear = nn.Linear(size, size)
        self.k_linear = nn.Linear(size, size)
        self.v_linear = nn.Linear(size, size)
        self.out = nn.Linear(size, size)

    def forward(self, responses, seekers, mask):
        """Attends to the seekers' tokens.

        Arguments
        ---------
        responses : torch.Tensor
            States of the responses [B, R, D].
        seekers : torch.Tensor
            States of the seekers' posts [B, S, D].
        mask : torch.Tensor
            Boolean mask [B, S], true on the tokens to attend to.

        Returns
        -------
        torch.Tensor
            What was attended to [B, R, D].
        """
        attended = scaled_dot_product_attention(
            self.q_linear(responses),
            self.k_linear(seekers),
            self.v_linear(seekers),
            attn_mask=mask[:, None, :],
        )
        return self.out(attended)


class LevelHead(nn.Module):
    """Classifies the first token's state into the three levels.

    Arguments
    ---------
    size : int
        Width D of the state.
    dropout : float
        Dropout rate, 0..1.

    Example
    -------
    >>> LevelHead(8, 0.1)(torch.randn(2, 8)).shape
    torch.Size([2, 3])
    """

    def __init__(self, size, dropout):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(size, size)
        self.out_proj = nn.Linear(size, LEVELS)

    def forward(self, state):
        """Gives the logits of the levels.

        Arguments
        ---------
        state : torch.Tensor
            States [B, D].

        Returns
        -------
        torch.Tensor
            Logits [B, 3].
        """
        # ReLU as in the released code; RoBERTa's own head has a tanh.
        hidden = torch.relu(self.dense(self.dropout(state)))
        return self.out_proj(self.dropout(hidden))

    @torch.no_grad()
    def soften(self, temperature):
        """Divides the logits by a temperature, for good.

        Arguments
        ---------
        temperature : float
            Above 1 for less confidence; the levels stay.
        """
        self.out_proj.weight.div_(temperature)
        self.out_proj.bias.div_(temperature)


class EpitomeClassifier(nn.Module):
    """The bi-encoder of EPITOME for one mechanism.

    Several classifiers may share one responder encoder (`share_encoders`).
    The seeker encoder is frozen and stays in evaluation mode, so its states
    can be computed once; the rest trains. Parameters have the names of the
    released code (there with `roberta.` after each encoder's name).

    Arguments
    ---------
    source : str or transformers.PretrainedConfig
        Hub id or folder of any Hugging Face encoder, for both sides; a
        configuration gives untrained ones.
    dropout : float
        Dropout rate outside the encoders, 0..1.
    pad_to : int or None
        The released code pads each seeker's post to 64 tokens and attends to
        the padding: 64 does exactly so. By default padding is masked.

    Example
    -------
    >>> from transformers import BertConfig
    >>> sizes = dict(hidden_size=8, num_hidden_layers=1, intermediate_size=8)
    >>> config = BertConfig(vocab_size=9, num_attention_heads=2, **sizes)
    >>> classifier = EpitomeClassifier(config)
    >>> ids, mask = torch.randint(9, (2, 6)), torch.ones(2, 6).long()
    >>> levels, rationales = classifier(ids, mask, ids[:, :4], mask[:, :4])
    >>> levels.shape, rationales.shape
    (torch.Size([2, 3]), torch.Size([2, 4, 2]))
    """

    def __init__(self, source, dropout=0.1, pad_to=None):
        super().__init__()
        self.seeker_encoder = new_encoder(source).requires_grad_(False).eval()
        self.responder_encoder = new_encoder(source)
        self.pad_to = pad_to
        size = self.responder_encoder.config.hidden_size
        self.attn = CrossAttention(size)
        self.dropout = nn.Dropout(dropout)
        self.rationale_classifier = nn.Linear(size, 2)
        self.empathy_classifier = LevelHead(size, dropout)

    def train(self, mode=True):
        """Sets the mode of all but the frozen encoder, which stays in eval.

        Arguments
        ---------
        mode : bool
            True to train.

        Returns
        -------
        EpitomeClassifier
            Itself.
        """
        super().train(mode)
        self.seeker_encoder.eval()
        return self

    @torch.no_grad()
    def encode_seekers(self, ids, mask):
        """Encodes the seekers' posts.

        Arguments
        ---------
        ids : torch.Tensor
            Token ids [B, S].
        mask : torch.Tensor
            1 on real tokens [B, S], 0 on padding.

        Returns
        -------
        states : torch.Tensor
            States [B, S, D], or [B, pad_to, D].
        attended : torch.Tensor
            Boolean mask of the states to attend to.
        """
        if self.pad_to is not None:
            missing = self.pad_to - ids.shape[1]
            filler = self.seeker_encoder.config.pad_token_id
            mask = pad(mask, (0, missing))
            # RoBERTa counts positions by what is not its padding token.
            ids = pad(ids, (0, missing)).masked_fill(mask == 0, filler)
        states = self.seeker_encoder(
            input_ids=ids, attention_mask=mask
        ).last_hidden_state
        attended = mask.bool() if self.pad_to is None else mask >= 0
        return states, attended

    def encode_responses(self, ids, mask):
        """Encodes responses.

        Arguments
        ---------
        ids : torch.Tensor
            Token ids of the responses [B, R].
        mask : torch.Tensor
            1 on the responses' real tokens [B, R], 0 on padding.

        Returns
        -------
        torch.Tensor
            States [B, R, D].
        """
        return self.responder_encoder(
            input_ids=ids, attention_mask=mask
        ).last_hidden_state

    def classify(self, seekers, attended, states):
        """Classifies responses to posts, both encoded already.

        Arguments
        ---------
        seekers : torch.Tensor
            States of the posts [B, S, D].
        attended : torch.Tensor
            Boolean mask [B, S] of the states to attend to.
        states : torch.Tensor
            States of the responses [B, R, D].

        Returns
        -------
        levels : torch.Tensor
            Logits of the levels 0, 1 and 2 [B, 3].
        rationales : torch.Tensor
            Logits of each token being none or part of a rationale [B, R, 2].
        """
        # The released `norm` is left out: it is never applied.
        states = states + self.dropout(self.attn(states, seekers, attended))
        rationales = self.rationale_classifier(self.dropout(states))
        return self.empathy_classifier(states[:, 0]), rationales

    def forward(self, seeker_ids, seeker_mask, response_ids, response_mask):
        """Classifies responses to posts.

        Arguments
        ---------
        seeker_ids : torch.Tensor
            Token ids of the posts [B, S].
        seeker_mask : torch.Tensor
            1 on their real tokens [B, S], 0 on padding.
        response_ids : torch.Tensor
            Token ids of the responses [B, R].
        response_mask : torch.Tensor
            1 on their real tokens [B, R], 0 on padding.

        Returns
        -------
        levels : torch.Tensor
            Logits of the levels 0, 1 and 2 [B, 3].
        rationales : torch.Tensor
            Logits of each token being none or part of a rationale [B, R, 2].
        """
        seekers, attended = self.encode_seekers(seeker_ids, seeker_mask)
        states = self.encode_responses(response_ids, response_mask)
        return self.classify(seekers, attended, states)


def share_encoders(classifiers):
    """Makes classifiers of several mechanisms use the first one's encoders.

    Responses are then encoded once for all mechanisms, and each learns from
    the others' labels.

    Arguments
    ---------
    classifiers : iterable of EpitomeClassifier
        With the same backbone; changed in place.

    Example
    -------
    >>> from transformers import BertConfig
    >>> sizes = dict(hidden_size=8, num_hidden_layers=1, intermediate_size=8)
    >>> config = BertConfig(vocab_size=9, num_attention_heads=2, **sizes)
    >>> first, second = EpitomeClassifier(config), EpitomeClassifier(config)
    >>> share_encoders([first, second])
    >>> first.responder_encoder is second.responder_encoder
    True
    """
    first, *others = classifiers
    for classifier in others:
        classifier.seeker_encoder = first.seeker_encoder
        classifier.responder_encoder = first.responder_encoder
