"""Learning rates of the model's parts, relative to the YAML's `lr`.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.utils.errors import RecipeError


def groups_by_rate(groups, model, rates):
    """Divides an optimizer's groups of parameters by their relative rate.

    Arguments
    ---------
    groups : list of dict
        The optimizer's `param_groups`.
    model : torch.nn.Module
        The model.
    rates : dict
        Part of the model, e.g. "adapter", to its rate relative to `lr`; parts
        that are not named have 1.

    Returns
    -------
    list of dict
        Groups with a `relative_rate`, and all else that theirs had.

    Raises
    ------
    RecipeError
        If the model has no such part.

    Example
    -------
    >>> import torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.PReLU())
    >>> groups = [{"params": list(model.parameters()), "eps": 1e-8}]
    >>> for group in groups_by_rate(groups, model, {"1": 10.0}):
    ...     print(len(group["params"]), group["eps"], group["relative_rate"])
    2 1e-08 1.0
    1 1e-08 10.0
    """
    of_part = {
        id(parameter): rate
        for part, rate in rates.items()
        for parameter in _part(model, part).parameters()
    }
    divided = []
    for group in groups:
        found = {}
        for parameter in group["params"]:
            rate = of_part.get(id(parameter), 1.0)
            found.setdefault(rate, []).append(parameter)
        divided += [
            {**group, "params": params, "relative_rate": rate}
            for rate, params in found.items()
        ]
    return divided


def _part(model, name):
    """Finds a part of the model that `rates` names."""
    parts = dict(model.named_children())
    if name not in parts:
        raise RecipeError(
            f"rates: '{name}' is no part of the model, which has "
            f"{', '.join(parts)}."
        )
    return parts[name]
