"""Values of a YAML with which no run can work.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.lobes.parts.quantized import BITS

# Settings that are whole numbers above 0.
COUNTS = (
    "batch_size",
    "generation_batch_size",
    "labelling_batch_size",
    "grad_accumulation_factor",
    "number_of_epochs",
)


def impossible(settings):
    """Says what cannot work, whatever the machine.

    Arguments
    ---------
    settings : dict
        Plain values of a YAML.

    Returns
    -------
    list of str
        A line a problem.

    Example
    -------
    >>> impossible({"batch_size": 0})
    ['batch_size: 0 is no whole number above 0.']
    >>> impossible({"fsdp": True, "chat_llm": {"bits": 4}})
    ['fsdp: True cannot divide an LLM of 4 bits: use one of the two.']
    """
    problems = [
        f"{name}: {settings[name]!r} is no whole number above 0."
        for name in COUNTS
        if name in settings and not _counts(settings[name])
    ]
    llm = settings.get("chat_llm") or {}
    if not isinstance(llm, dict):
        return [
            *problems,
            f"chat_llm: {llm!r} is no LLM; of the YAML's own, settings are "
            "changed as in --chat_llm='{bits: 4}'.",
        ]
    bits = llm.get("bits")
    if bits is not None and bits not in BITS:
        problems.append(f"bits: {bits} is neither 4 nor 8, nor null.")
    elif bits is not None and settings.get("fsdp"):
        problems.append(
            f"fsdp: True cannot divide an LLM of {bits} bits: use one of the "
            "two."
        )
    return problems


def _counts(value):
    """Tells whether a value is a whole number above 0."""
    return type(value) is int and value > 0
