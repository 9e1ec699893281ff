"""What training does with its time, every so many steps.

From one report to the next nothing here makes the host wait for a GPU.

Authors
 * The speechbrain_relm contributors 2026
"""

import time

import torch

from speechbrain_relm.lobes.parts.quantized import full_size
from speechbrain_relm.lobes.whisper_encoder import STRIDE
from speechbrain_relm.utils.processes import processes

# Sizes of the matrix product that a step is compared with: large enough to be
# at the machine's full rate, small enough to take no time.
LARGE, SMALL = 8192, 1024


class Arriving:
    """A number of the device that is read when it has come.

    Arguments
    ---------
    value : torch.Tensor
        A scalar.

    Example
    -------
    >>> Arriving(torch.tensor(2.0)).read()
    2.0
    """

    def __init__(self, value):
        # From a GPU, into pinned memory.
        self.value = value.detach().to("cpu", non_blocking=True)
        self.event = None
        if value.is_cuda:
            self.event = torch.cuda.Event()
            self.event.record()

    def read(self):
        """Reads it, and waits for it alone.

        Returns
        -------
        float
            The number.
        """
        if self.event is not None:
            self.event.synchronize()
        return float(self.value)


class StepDiagnostics:
    """Sums up what steps do, from one report to the next.

    Arguments
    ---------
    interval : int
        Steps from report to report; 0 for none.
    device : torch.device or str
        Where the training runs.
    precision : str
        What it computes at, as in SpeechBrain's `--precision`.

    Example
    -------
    >>> diagnostics = StepDiagnostics(1, "cpu", "fp32")
    >>> diagnostics.add(real=6, padded=8, operations=1e9)
    >>> found = diagnostics.report(1, torch.tensor(0.5))
    >>> found["padding"], found["gradient_norm"]
    (0.25, 0.5)
    """

    def __init__(self, interval, device, precision):
        self.interval, self.device = interval, torch.device(device)
        self.precision, self.rate = precision, None
        self.clear()

    def clear(self):
        """Starts anew."""
        self.start = time.perf_counter()
        self.real, self.padded, self.operations = 0, 0, 0.0

    def add(self, real, padded, operations):
        """Adds a batch.

        Arguments
        ---------
        real : int
            Positions of the LLM's sequences.
        padded : int
            The same with padding.
        operations : float
            Floating-point operations, forward and backward.
        """
        self.real += real
        self.padded += padded
        self.operations += operations

    def report(self, step, gradient_norm):
        """Gives the figures since the last report, if one is due.

        Arguments
        ---------
        step : int
            The optimizer's step that was just taken.
        gradient_norm : torch.Tensor
            Before clipping, a scalar.

        Returns
        -------
        dict or None
            Names to numbers; `None` where no report is due.
        """
        if not self.interval or step % self.interval:
            return None
        if self.rate is None:
            self.rate = matrix_rate(self.device, self.precision)
        norm = Arriving(gradient_norm).read()
        seconds = time.perf_counter() - self.start
        found = {
            "tokens_per_second": self.real * processes() / seconds,
            "padding": 1 - self.real / max(self.padded, 1),
            "share_of_matrix_rate": self.operations / seconds / self.rate,
            "gradient_norm": norm,
            "memory_GB": memory(self.device) / 1e9,
        }
        self.clear()
        return {name: float(f"{value:.4g}") for name, value in found.items()}


def matrix_rate(device, precision):
    """Measures the rate of one large matrix product.

    Arguments
    ---------
    device : torch.device
        Where.
    precision : str
        "fp32", "bf16" or "fp16".

    Returns
    -------
    float
        Operations a second.

    Example
    -------
    >>> matrix_rate(torch.device("cpu"), "fp32") > 1e8
    True
    """
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    cuda = device.type == "cuda"
    # A CPU without bfloat16 instructions is compared with its float32.
    kind = kinds.get(precision, torch.float32) if cuda else torch.float32
    size = LARGE if cuda else SMALL
    matrix = torch.ones(size, size, device=device, dtype=kind)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        matrix @ matrix
        if cuda:
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def memory(device):
    """Measures the most memory that the process held.

    Arguments
    ---------
    device : torch.device
        Of a GPU, what torch's allocator held; else the resident set.

    Returns
    -------
    int
        Bytes.

    Example
    -------
    >>> memory(torch.device("cpu")) > 1e6
    True
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import resource

    # Linux counts kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def operations(module, positions, through=True):
    """Counts operations of a module's products, by its parameters.

    A parameter of a product costs two operations a position forward, two for
    the gradient that goes through it, and two for its own.

    Arguments
    ---------
    module : torch.nn.Module or list of torch.nn.Parameter
        The module, or some of its parameters.
    positions : int
        Positions that it sees.
    through : bool
        Whether a gradient goes through it.

    Returns
    -------
    float
        Operations, forward and backward.

    Example
    -------
    >>> operations(torch.nn.Linear(10, 10).requires_grad_(False), 3)
    1200.0
    """
    # torch's FlopCounterMode would have to see each operation of a step.
    if isinstance(module, torch.nn.Module):
        module = module.parameters()
    total = 0.0
    for parameter in module:
        if parameter.dim() > 1:
            each = 2 + 2 * through + 2 * parameter.requires_grad
            total += each * positions * full_size(parameter)
    return total


def frames_of(encoder, samples):
    """Counts the frames that a speech encoder works out of an utterance.

    Arguments
    ---------
    encoder : torch.nn.Module
        Ours, or another of 50 frames a second.
    samples : int
        Of the padded batch.

    Returns
    -------
    int
        Frames; always those of 30 s if Whisper hears as it was pretrained.

    Example
    -------
    >>> frames_of(torch.nn.Identity(), 641)
    3
    """
    if getattr(encoder, "pad_to_30s", False):
        return encoder.encoder.config.max_source_positions
    return -(-samples // STRIDE)


def step_operations(model, frames, positions, targets):
    """Counts the operations of a training batch.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        The model.
    frames : int
        Frames that the speech encoder works out, padding included; 0 where
        they were kept.
    positions : int
        Positions of the LLM's sequences, padding included.
    targets : int
        Response tokens, for which alone the output layer is worked out.

    Returns
    -------
    float
        Operations, forward and backward; attention's own products, a few
        percent at these lengths, are left out.
    """
    llm = getattr(model.llm, "adapted_model", model.llm).model
    tables = [llm.get_input_embeddings(), llm.get_output_embeddings()]
    apart = {id(table.weight) for table in tables}
    layers = [p for p in llm.parameters() if id(p) not in apart]
    encoder = model.speech_encoder
    learns = any(p.requires_grad for p in encoder.parameters())
    return (
        operations(layers, positions)
        + operations([tables[1].weight], targets)
        + operations(encoder, frames, through=learns)
    )
