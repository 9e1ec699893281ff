"""How the judge of other systems' responses is asked.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

import yaml

PROMPTS = Path(__file__).with_name("judge_prompts.yaml")
FIELDS = ("system", "instruction", "examples")


def read_prompts(path=PROMPTS):
    """Reads how the judge is asked.

    Arguments
    ---------
    path : str or pathlib.Path
        A YAML like the package's `judge_prompts.yaml`.

    Returns
    -------
    dict
        `system`, `instruction` and `examples`, each with `names` and `turns`.

    Raises
    ------
    ValueError
        If it is not of that form.

    Example
    -------
    >>> sorted(read_prompts())
    ['examples', 'instruction', 'system']
    """
    try:
        prompts = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        found = {name: prompts[name] for name in FIELDS}
        found["examples"] = [
            {
                "names": list(map(str, example["names"])),
                "turns": [[str(a), str(b)] for a, b in example["turns"]],
            }
            for example in found["examples"] or []
        ]
        for name in FIELDS[:2]:
            if not isinstance(found[name], str):
                raise TypeError(name)
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise ValueError(
            f"{path} does not say how to ask the judge: give "
            f"{', '.join(FIELDS)} as in {PROMPTS}."
        ) from None
    return found


def examples_of(emotions, prompts, path):
    """Finds the example turns of each emotion.

    Arguments
    ---------
    emotions : list of str
        As the responses call them.
    prompts : dict
        From `read_prompts`.
    path : str or pathlib.Path
        Where they are from.

    Returns
    -------
    dict
        Emotion to turns, [user sentence, reply] each.

    Raises
    ------
    ValueError
        If there are none of an emotion, and no instruction names it.

    Example
    -------
    >>> turns = examples_of(["joy"], read_prompts(), PROMPTS)["joy"]
    >>> turns[0][0]
    'My cousin works at the airport.'
    """
    turns = {
        name: example["turns"]
        for example in prompts["examples"]
        for name in example["names"]
    }
    unknown = [emotion for emotion in emotions if emotion not in turns]
    if unknown and "{emotion}" not in prompts["instruction"]:
        raise ValueError(
            f"{path}, examples: none has the name {unknown[0]!r}. Add it to "
            "one of them, or example turns of it, in a YAML of your own, and "
            "name that by --prompts."
        )
    return {emotion: turns.get(emotion, []) for emotion in emotions}
