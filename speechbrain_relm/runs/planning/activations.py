"""How much memory a training step keeps for its backward pass.

The step runs on tensors without data: nothing is computed, but autograd
announces every tensor that it would keep.

Authors
 * The speechbrain_relm contributors 2026
"""

import torch
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from speechbrain_relm.lobes.partial_lora import at_positions
from speechbrain_relm.lobes.parts.chat_template import Prompt
from speechbrain_relm.lobes.whisper_encoder import STRIDE
from speechbrain_relm.model.prompting import read_before

# Tokens between the user's words and the answer, in chat templates.
END_OF_TURN = 5


class _FusedAttention(torch.autograd.Function):
    """Keeps what fused kernels keep: no matrix of attention weights."""

    @staticmethod
    def forward(ctx, query, key, value):
        """Pretends to attend."""
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        output = query.new_empty(*query.shape[:-1], value.shape[-1])
        ctx.save_for_backward(query, key, value, output, sums)
        return output

    @staticmethod
    def backward(ctx, gradient):
        """Is never called."""


class _Fused(TorchFunctionMode):
    """Without data, torch would pick the kernel that nobody uses."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is scaled_dot_product_attention:
            kwargs = dict(kwargs or {})
            names = ("query", "key", "value")
            given = {**dict(zip(names, args)), **kwargs}
            return _FusedAttention.apply(*(given[name] for name in names))
        return func(*args, **(kwargs or {}))


class KeptBytes(saved_tensors_hooks):
    """Adds up the tensors that autograd keeps, inside a `with` block.

    Arguments
    ---------
    module : torch.nn.Module
        Its parameters and buffers do not count: they are there anyway.

    Example
    -------
    >>> layer = torch.nn.Linear(4, 8)
    >>> x = torch.ones(2, 4, requires_grad=True)
    >>> with KeptBytes(layer) as kept:
    ...     y = layer(x).tanh()
    >>> kept.total  # the input and the output of tanh, float32
    96
    """

    def __init__(self, module):
        own = [*module.parameters(), *module.buffers()]
        self.known = {_storage(tensor) for tensor in own}
        self.kept = {}
        super().__init__(self._pack, lambda tensor: tensor)

    def __enter__(self):
        super().__enter__()
        return self

    def _pack(self, tensor):
        """Notes a tensor; views share their storage."""
        if _storage(tensor) not in self.known:
            self.kept[_storage(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    @property
    def total(self):
        """Bytes kept."""
        return sum(self.kept.values())


def _storage(tensor):
    """Identifies a tensor's memory while it lives."""
    return tensor.untyped_storage()._cdata


def activation_bytes(model, batch_size, seconds, prompt, response):
    """Works out what one training step keeps for its backward pass.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        Built inside `without_weights`, in training mode, in the dtypes that
        the step computes in.
    batch_size : int
        Utterances B.
    seconds : float
        Their length.
    prompt : int
        Tokens around the speech.
    response : int
        Tokens R of an expected response.

    Returns
    -------
    dict
        Part of the system to bytes; `logits` has the logits of the loss and
        its two float32 copies.

    Example
    -------
    >>> from speechbrain_relm.runs.planning.outline import build_without_weights
    >>> hparams = build_without_weights("recipes/ESD/hparams/re_llm.yaml", {})
    >>> kept = activation_bytes(hparams["model"].train(), 1, 5.0, 40, 48)
    >>> list(kept)
    ['speech_encoder', 'adapter and heads', 'llm', 'logits']
    """
    kept = {}
    with _Fused(), torch.device("meta"):
        with KeptBytes(model) as count:
            feats = _hear(model.speech_encoder, batch_size, seconds)
        kept["speech_encoder"] = count.total
        with KeptBytes(model) as count:
            speech, _ = _adapt(model, feats)
        kept["adapter and heads"] = count.total
        asked = _lay_out(model.llm, speech, prompt, response)
        with KeptBytes(model) as count:
            logits = _ask(model.llm, speech, *asked)
        kept["llm"] = count.total
        kept["logits"] = logits.nbytes + 2 * 4 * logits.numel()
    return kept


def _hear(encoder, batch_size, seconds):
    """Runs the speech encoder."""
    frames = -(-int(seconds * 16000) // STRIDE)
    config = encoder.encoder.config
    seen = config.max_source_positions if encoder.pad_to_30s else frames
    mel = torch.empty(batch_size, config.num_mel_bins, 2 * seen)
    with torch.set_grad_enabled(not encoder.freeze):
        return encoder.encode(mel)[:, :frames]


def _adapt(model, feats):
    """Runs the adapter and the heads; gives both, to be kept alive."""
    channels = model.adapter.conv_layers[0].in_channels - feats.shape[2]
    emotion = feats.new_empty(*feats.shape[:2], channels)
    speech, _ = model.adapter(torch.cat([feats, emotion], dim=-1))
    if model.heads is None:
        return speech, None
    dtype = next(model.heads.parameters()).dtype
    return speech, model.heads(speech.mean(1).to(dtype))


def _lay_out(llm, speech, prompt, response):
    """Makes what stands around the speech: text, mask, what is wanted, past."""
    size, heard = speech.shape[:2]
    past, rest = read_before(
        llm, Prompt([0] * (prompt - END_OF_TURN), [0] * END_OF_TURN), size
    )
    tokens = len(rest.before + rest.after) + response
    length = tokens + heard
    # Searched on the host, as in a step.
    wanted = torch.zeros(size, length, device="cpu").bool()
    wanted[:, -response:] = True
    # Of four axes: given as it is, its content is not looked at.
    mask = torch.empty(size, 1, length, prompt + heard + response).bool()
    text = speech.new_empty(size, tokens, llm.embedding_size)
    return text, mask, wanted, past


def _ask(llm, speech, text, mask, wanted, past):
    """Runs the LLM."""
    inputs = torch.cat([speech, text], dim=1)
    positions = torch.empty(speech.shape[0] * speech.shape[1]).long()
    with at_positions((tuple(wanted.shape), positions)):
        return llm(inputs, mask, wanted=wanted, past=past)
