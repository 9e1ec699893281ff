"""EmoBox's small head: what a benchmark puts on a frozen encoder's frames.

A linear layer and ReLU on each frame, their mean, and a linear layer (Ma et
al., Interspeech 2024, after SUPERB), so that figures stand beside theirs.

Authors
 * The speechbrain_relm contributors 2026
"""

import copy

import torch
from speechbrain.utils.distributed import if_main_process
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from speechbrain_relm.utils.lengths import masked_mean

# Width and batch are those of EmoBox's SpeechBrain example; its rate of 1e-4 is
# too slow for a few hundred utterances.
# Training ends when validation has not got better for `patience` epochs.
SETTINGS = {
    "hidden_size": 256,
    "lr": 1e-3,
    "batch_size": 32,
    "epochs": 100,
    "patience": 10,
    "seed": 1,
}


class SmallHead(torch.nn.Module):
    """Classifies utterances by their frames.

    Arguments
    ---------
    input_size : int
        Channels of a frame (C).
    classes : int
        How many there are (K).
    hidden_size : int
        Width between the two layers.

    Example
    -------
    >>> mask = torch.tensor([[True, True], [True, False]])
    >>> SmallHead(8, 4)(torch.randn(2, 2, 8), mask).shape
    torch.Size([2, 4])
    """

    def __init__(self, input_size, classes, hidden_size=256):
        super().__init__()
        self.frame = torch.nn.Linear(input_size, hidden_size)
        self.output = torch.nn.Linear(hidden_size, classes)

    def forward(self, frames, mask):
        """Gives the classes' logits.

        Arguments
        ---------
        frames : torch.Tensor
            Frames [B, T, C].
        mask : torch.Tensor
            Boolean mask [B, T], true on real frames.

        Returns
        -------
        torch.Tensor
            [B, K].
        """
        return self.output(masked_mean(self.frame(frames).relu(), mask))


def fit_small_head(train, valid, input_size, classes, device):
    """Trains a small head, and keeps it as it was best in validation.

    Arguments
    ---------
    train : callable
        A `torch.Generator` to an epoch's batches, shuffled by it: frames
        [B, T, C], mask [B, T] and labels [B] each.
    valid : callable
        Gives the batches of other utterances.
    input_size : int
        Channels of a frame.
    classes : int
        How many classes there are.
    device : torch.device
        Where the batches are.

    Returns
    -------
    SmallHead
        That of the epoch of the lowest cross entropy in validation.

    Example
    -------
    >>> frames = torch.tensor([[[3.0]], [[-3.0]]])
    >>> batch = frames, torch.ones(2, 1, dtype=torch.bool), torch.tensor([0, 1])
    >>> head = fit_small_head(lambda g: [batch], lambda: [batch], 1, 2, "cpu")
    >>> head(*batch[:2]).argmax(1).tolist()
    [0, 1]
    """
    with torch.random.fork_rng():
        torch.manual_seed(SETTINGS["seed"])
        head = SmallHead(input_size, classes, SETTINGS["hidden_size"])
    head = head.to(device)
    optimizer = torch.optim.Adam(head.parameters(), SETTINGS["lr"])
    order = torch.Generator().manual_seed(SETTINGS["seed"])
    # Where no loss is finite, the head stays as it was drawn.
    best, lowest, waited = copy.deepcopy(head.state_dict()), float("inf"), 0
    epochs = range(SETTINGS["epochs"])
    for _ in tqdm(epochs, "small head", disable=not if_main_process()):
        for frames, mask, labels in train(order):
            optimizer.zero_grad()
            cross_entropy(head(frames, mask), labels).backward()
            optimizer.step()
        loss = _cross_entropy(head, valid())
        waited += 1
        if loss < lowest:
            best, lowest, waited = copy.deepcopy(head.state_dict()), loss, 0
        if waited == SETTINGS["patience"]:
            break
    head.load_state_dict(best)
    return head


@torch.no_grad()
def _cross_entropy(head, batches):
    """Averages over utterances."""
    total, count = 0.0, 0
    for frames, mask, labels in batches:
        logits = head(frames, mask)
        total += float(cross_entropy(logits, labels, reduction="sum"))
        count += len(labels)
    return total / count
