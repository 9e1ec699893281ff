"""Generation in pieces, after each of which finished answers leave the batch.

Hugging Face's `generate` goes on for all rows until the last one has ended.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy

import torch

# Tokens between two looks: a row that ended waits for fewer than these.
PIECE = 16
# Settings whose effect does not depend on what a row said before the piece.
FORGETFUL = {
    "do_sample",
    "eos_token_id",
    "max_new_tokens",
    "pad_token_id",
    "temperature",
    "top_k",
    "top_p",
}


def can_drop_finished(settings):
    """Tells whether answers come out the same in pieces.

    Arguments
    ---------
    settings : dict
        Fields of `transformers.GenerationConfig`.

    Returns
    -------
    bool
        False with beams, penalties of repetition and the like.

    Example
    -------
    >>> (
    ...     can_drop_finished({"max_new_tokens": 64}),
    ...     can_drop_finished({"num_beams": 4}),
    ... )
    (True, False)
    """
    return "max_new_tokens" in settings and FORGETFUL.issuperset(settings)


@torch.no_grad()
def generate_dropping_finished(
    model, inputs_embeds, attention_mask, past, config
):
    """Generates like `model.generate`, with the running rows only.

    Arguments
    ---------
    model : transformers.GenerationMixin
        The LLM.
    inputs_embeds : torch.Tensor
        Left-padded embeddings [B, L, H].
    attention_mask : torch.Tensor
        Mask [B, L] of numbers, 1 on real positions.
    past : transformers.DynamicCache
        Keys and values of the first of these L, or empty. Used up.
    config : transformers.GenerationConfig
        Whose settings `can_drop_finished` allows.

    Returns
    -------
    torch.Tensor
        New token ids [B, N], padded after their end.
    """
    config = copy.deepcopy(config)
    device = inputs_embeds.device
    ends = torch.tensor(config.eos_token_id, device=device).long()
    running = torch.arange(len(inputs_embeds), device=device)
    left = config.max_new_tokens
    found = running.new_full((len(running), left), config.pad_token_id)
    used = 0
    while left and len(running):
        config.max_new_tokens = min(PIECE, left)
        ids = model.generate(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            generation_config=config,
            past_key_values=past,
        )
        # Given embeddings, `generate` returns the new tokens alone.
        count = ids.shape[1]
        found[running, used : used + count] = ids
        used, left = used + count, left - count
        stay = ~torch.isin(ids, ends).any(1)
        if not stay.all():
            past.batch_select_indices(stay.nonzero().squeeze(1))
        running = running[stay]
        mask = attention_mask.new_ones(len(running), count)
        attention_mask = torch.cat([attention_mask[stay], mask], dim=1)
        # Only the last token is not in the cache; `generate` counts the
        # others as read, unseen.
        length = attention_mask.shape[1]
        size = inputs_embeds.shape[-1]
        last = model.get_input_embeddings()(ids[stay, -1:])
        inputs_embeds = torch.cat(
            [last.new_zeros(len(running), length - 1, size), last], dim=1
        )
    return found[:, :used]
