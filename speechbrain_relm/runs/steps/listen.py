"""Whether the responses follow the voice and say what was said.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

from speechbrain.utils.distributed import run_on_main

from speechbrain_relm.evaluation.listening.figures import (
    fits_of,
    listening_figures,
)
from speechbrain_relm.evaluation.listening.judge import Judge, judge_responses
from speechbrain_relm.evaluation.runs import write_figures
from speechbrain_relm.lobes.chat_llm import ChatLLM
from speechbrain_relm.utils.files import write_atomically
from speechbrain_relm.utils.sources.stock import stock_llm


def make_judge(settings, prompts, emotions, llm, device):
    """Makes the judge that a YAML describes.

    Arguments
    ---------
    settings : dict
        `judge` of the YAML: `source`, `dtype`, `batch_size` and `seed`.
    prompts : dict
        `continuation_system`, `continuation_from_text` and
        `continuation_examples`, by which Step 1 asks.
    emotions : list of str
        The corpus's.
    llm : torch.nn.Module or None
        The system's own LLM. It judges, adapters off, if it is the one that
        is wanted and did not learn; else that one is loaded beside it.
    device : torch.device
        Where the judge works.

    Returns
    -------
    speechbrain_relm.evaluation.listening.judge.Judge
        The judge.
    """
    source = settings["source"]
    if not is_as_pretrained(llm, source):
        llm = ChatLLM(source, dtype=settings["dtype"])
    return Judge(
        llm.to(device),
        device,
        str(source),
        prompts["continuation_system"],
        prompts["continuation_from_text"],
        dict(prompts["continuation_examples"] or {}),
        list(emotions),
        settings["batch_size"],
        settings["seed"],
    )


def judge_dtype(device):
    """Chooses at what a judge works that is loaded for itself.

    Arguments
    ---------
    device : torch.device or str
        Where it works.

    Returns
    -------
    str
        A name of torch's.

    Example
    -------
    >>> judge_dtype("cpu"), judge_dtype("cuda")
    ('float32', 'bfloat16')
    """
    return "float32" if str(device) == "cpu" else "bfloat16"


def is_as_pretrained(llm, source):
    """Tells whether an LLM is a pretrained one, its adapters apart.

    Arguments
    ---------
    llm : torch.nn.Module or None
        A `ChatLLM`, bare or adapted.
    source : str
        Hub id or folder of the pretrained one.

    Returns
    -------
    bool
        Whether it is.

    Example
    -------
    >>> llm = ChatLLM(getfixture("qwen_folder"))
    >>> is_as_pretrained(llm, getfixture("qwen_folder"))
    True
    >>> is_as_pretrained(llm, getfixture("llama_folder"))
    False
    """
    return llm is not None and llm.frozen and llm.source == stock_llm(source)


def listen(judge, responses, folder):
    """Measures tone fit, content fit and flaws of responses.

    Arguments
    ---------
    judge : speechbrain_relm.evaluation.listening.judge.Judge
        The judge.
    responses : dict
        Records of the step `respond`.
    folder : str or pathlib.Path
        Receives `likelihoods.jsonl`, what the judge says, which is resumed;
        `listening.jsonl`, the fits and flaws of each response; and
        `listening.json`, the figures.

    Returns
    -------
    dict
        The figures; see `listening_figures`.
    """
    folder = Path(folder)
    path = folder / "likelihoods.jsonl"
    judged = judge_responses(judge, responses, path, "likelihoods")
    fits = fits_of(judged, responses)
    figures = listening_figures(fits, responses, judge.emotions)
    lines = [
        json.dumps(row, ensure_ascii=False) + "\n" for row in fits.values()
    ]
    path = folder / "listening.jsonl"
    run_on_main(write_atomically, args=[path, "".join(lines)])
    run_on_main(
        write_figures,
        args=[folder / "listening.json", figures, responses],
        kwargs=judge.settings(),
    )
    return figures
