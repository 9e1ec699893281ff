"""Thoughts that some LLMs write before they answer.

Most templates of such LLMs have a switch that turns them off. Others open a
thought in every prompt, and some LLMs begin one by themselves.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

OPEN, CLOSE = "<think>", "</think>"
_THOUGHT = re.compile(rf"{OPEN}.*?(?:{CLOSE}|$)", re.S)


def without_thoughts(text):
    """Leaves out what an LLM thought before it answered.

    Arguments
    ---------
    text : str
        What it wrote.

    Returns
    -------
    str
        What it said; empty where it came to no answer.

    Example
    -------
    >>> without_thoughts("<think>He is sad.</think>Oh no!").strip()
    'Oh no!'
    >>> without_thoughts("He is sad.</think>Oh no!")  # opened in the prompt
    'Oh no!'
    >>> without_thoughts("<think>He is").strip()
    ''
    """
    return _THOUGHT.sub(" ", text).rpartition(CLOSE)[2]


def thoughts_closed(prompt):
    """Ends a thought that a prompt leaves open.

    Arguments
    ---------
    prompt : str
        Up to where the answer begins.

    Returns
    -------
    str
        The prompt, with no thought left open: an empty one stands there as
        the templates with a switch write it.

    Example
    -------
    >>> thoughts_closed("<think>\\n")
    '<think>\\n\\n</think>\\n\\n'
    >>> thoughts_closed("Assistant: ")
    'Assistant: '
    """
    if prompt.rfind(OPEN) <= prompt.rfind(CLOSE):
        return prompt
    end = f"\n\n{CLOSE}\n\n"
    return prompt.rstrip("\n") + end
