"""The weights of a model divided among the GPUs of a node (torch's FSDP2).

Each process keeps a part of every tensor, of its gradient and of what the
optimizer knows of it. A layer is gathered when it runs, forward and backward,
and given back after it.

Authors
 * The speechbrain_relm contributors 2026
"""

import os

import torch
from speechbrain.utils.checkpoints import torch_patched_state_dict_load
from speechbrain.utils.distributed import if_main_process
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.utils._pytree import tree_map
from transformers import PreTrainedModel

from speechbrain_relm.utils.processes import processes


def layers_of(model):
    """Finds what is gathered by itself: layers, and tables of a vocabulary.

    Arguments
    ---------
    model : torch.nn.Module
        A module with models of transformers in it, which name the classes of
        their layers.

    Returns
    -------
    list of torch.nn.Module
        The layers; a table that is input and output in one is left to the
        whole, where both find it.

    Example
    -------
    >>> from speechbrain_relm.lobes.chat_llm import ChatLLM
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> [type(layer).__name__ for layer in layers_of(llm)]
    ['Qwen2DecoderLayer', 'Qwen2DecoderLayer', 'Embedding', 'HalfLinear']
    """
    found = {}
    for part in model.modules():
        if not isinstance(part, PreTrainedModel):
            continue
        names = set(part._no_split_modules or ())
        layers = [m for m in part.modules() if type(m).__name__ in names]
        tables = [part.get_output_embeddings()]
        if tables[0] is not None:
            tables.insert(0, part.get_input_embeddings())
            if tables[0].weight is tables[1].weight:
                tables = []
            layers += tables
        found |= {id(layer): layer for layer in layers if layer is not None}
    return list(found.values())


def kept_whole(model):
    """Finds the parts of a model that are not divided.

    A frozen encoder's frames may be kept, and each process then runs it when
    it hears something new, whatever the others do.

    Arguments
    ---------
    model : speechbrain_relm.model.re_llm.RELLM
        The model.

    Returns
    -------
    list of torch.nn.Module
        A frozen speech encoder, or nothing.

    Example
    -------
    >>> model = torch.nn.Module()
    >>> model.speech_encoder = torch.nn.Linear(2, 2)
    >>> kept_whole(model)
    []
    """
    encoder = model.speech_encoder
    learns = any(p.requires_grad for p in encoder.parameters())
    return [] if learns else [encoder]


def sharded_bytes(model, whole=()):
    """Works out what `shard` divides, and what is gathered at a time.

    Arguments
    ---------
    model : torch.nn.Module
        The model, not divided.
    whole : sequence of torch.nn.Module
        See `shard`.

    Returns
    -------
    divided : int
        Bytes of all weights that are divided.
    gathered : int
        Bytes of the weights, and of gradients of what learns, that are whole
        at once: what is in no layer, a layer and the next one.
    """
    kept = {id(p) for module in whole for p in module.parameters()}
    sizes, divided = [], 0
    for module in [*layers_of(model), model]:
        size = 0
        for parameter in module.parameters():
            if id(parameter) not in kept:
                kept.add(id(parameter))
                divided += parameter.nbytes
                size += parameter.nbytes * (1 + parameter.requires_grad)
        sizes.append(size)
    return divided, sizes.pop() + sum(sorted(sizes)[-2:])


def node_size():
    """Counts the processes of this run on this node.

    Returns
    -------
    int
        As `torchrun` says.

    Example
    -------
    >>> node_size()
    1
    """
    return int(os.environ.get("LOCAL_WORLD_SIZE", processes()))


def shard(model, device, whole=()):
    """Divides a model's weights among the processes.

    Over several nodes each has all of the weights, divided among its own
    processes, so that only gradients go from node to node.

    Arguments
    ---------
    model : torch.nn.Module
        The model, alike on every process; changed where it stands.
    device : torch.device or str
        Where it is.
    whole : sequence of torch.nn.Module
        Parts that each process keeps, e.g. since it runs them when the others
        do not.
    """
    sizes = (processes() // node_size(), node_size())
    names = ("nodes", "processes")
    if sizes[0] == 1:
        sizes, names = sizes[1:], names[1:]
    mesh = init_device_mesh(
        torch.device(device).type, sizes, mesh_dim_names=names
    )
    kept = {id(part) for module in whole for part in module.modules()}
    for layer in layers_of(model):
        if id(layer) not in kept:
            fully_shard(layer, mesh=mesh)
    ignored = {p for module in whole for p in module.parameters()}
    fully_shard(model, mesh=mesh, ignored_params=ignored)


def gather_for_good(model):
    """Gives every process all of a model's weights, to work alone with them.

    Arguments
    ---------
    model : torch.nn.Module
        From `shard`; it does not learn any more.
    """
    parts = [part for part in model.modules() if isinstance(part, FSDPModule)]
    for part in parts:
        part.reshard()
    shards = [p.to_local() for p in model.parameters() if is_divided(p)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    for tensor in shards:  # nobody reads them again
        tensor.untyped_storage().resize_(0)
    for part in model.modules():
        # transformers would wait for the other processes at every token.
        part._is_fsdp_managed_module = False


def is_divided(tensor):
    """Tells whether each process has a part of a tensor.

    Arguments
    ---------
    tensor : object
        E.g. a parameter.

    Returns
    -------
    bool
        Whether it is a `DTensor`.

    Example
    -------
    >>> is_divided(torch.ones(1))
    False
    """
    return isinstance(tensor, DTensor)


def gathered(tensor):
    """Puts a divided tensor together; all processes call it.

    Arguments
    ---------
    tensor : object
        A tensor, divided or not, or something else.

    Returns
    -------
    object
        The whole tensor; what is not divided as it is.

    Example
    -------
    >>> gathered(torch.ones(1)), gathered("adamw")
    (tensor([1.]), 'adamw')
    """
    return tensor.full_tensor() if is_divided(tensor) else tensor


def divided_like(tensor, model):
    """Takes this process's part of a whole tensor.

    Arguments
    ---------
    tensor : torch.Tensor
        The whole, the same on every process.
    model : torch.Tensor
        What tells the parts; if it is not divided, neither is the result.

    Returns
    -------
    torch.Tensor
        The part, of the device of `model`.

    Example
    -------
    >>> divided_like(torch.ones(2), torch.zeros(2))
    tensor([1., 1.])
    """
    if not is_divided(model):
        return tensor
    return distribute_tensor(
        tensor.to(model.device),
        model.device_mesh,
        model.placements,
        src_data_rank=None,  # each has the whole: nothing is sent
    )


def save_optimizer(optimizer, path):
    """Saves an optimizer, divided or not, as one process would.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        The optimizer; every process calls this, the first one writes.
    path : str or pathlib.Path
        The checkpoint file.

    Example
    -------
    >>> path = getfixture("tmp_path") / "optimizer.ckpt"
    >>> save_optimizer(torch.optim.AdamW([torch.ones(1)]), path)
    """
    main = if_main_process()

    def on_host(value):
        """One tensor after the other, so that a GPU never has all of them."""
        value = gathered(value)
        if not main:
            return None
        return value.cpu() if torch.is_tensor(value) else value

    state = tree_map(on_host, optimizer.state_dict())
    if main:
        torch.save(state, path)


def load_optimizer(optimizer, path, end_of_epoch=True):
    """Loads what `save_optimizer` saved, on any number of processes.

    Arguments
    ---------
    optimizer : torch.optim.Optimizer
        The optimizer.
    path : str or pathlib.Path
        The checkpoint file.
    end_of_epoch : bool
        Ignored.

    Example
    -------
    >>> optimizer = torch.optim.AdamW([torch.ones(1)], lr=0.5)
    >>> path = getfixture("tmp_path") / "optimizer.ckpt"
    >>> save_optimizer(optimizer, path)
    >>> other = torch.optim.AdamW([torch.ones(1)])
    >>> load_optimizer(other, path)
    >>> other.param_groups[0]["lr"]
    0.5
    """
    state = torch_patched_state_dict_load(path)
    groups = optimizer.param_groups
    params = [param for group in groups for param in group["params"]]
    for number, entries in state["state"].items():
        like = params[number]
        for name, value in entries.items():
            if value.shape == like.shape:  # not the count of steps
                entries[name] = divided_like(value, like)
    optimizer.load_state_dict(state)
