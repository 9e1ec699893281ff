"""Whether a release follows the voice: the same words, another voice.

To run it on a parallel corpus in ESD's layout, do the following:
> speechbrain-relm same_words RELEASE DATA_FOLDER OUTPUT_FOLDER

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

from speechbrain_relm.data.esd import read_esd
from speechbrain_relm.evaluation.listening.judge import SEED
from speechbrain_relm.evaluation.listening.same_words import (
    parallel_takes,
    same_words,
)
from speechbrain_relm.evaluation.listening_rows import (
    figures_table,
    swap_rows,
)
from speechbrain_relm.inference.commands import load
from speechbrain_relm.runs.listeners import ReleasedListener
from speechbrain_relm.runs.steps.listen import judge_dtype, make_judge
from speechbrain_relm.runs.steps.respond import Ask, respond
from speechbrain_relm.utils.disk.locks import locked
from speechbrain_relm.utils.provenance.digests import checksums
from speechbrain_relm.utils.provenance.stamps import DIGITS
from speechbrain_relm.utils.sources.base_models import source_content

# What a release must say beyond what answering needs.
WANTED = (
    "recognition_settings",
    "continuation_system",
    "continuation_from_text",
    "continuation_examples",
)


def run(options):
    """Answers the corpus and measures whether the voice is followed.

    Arguments
    ---------
    options : argparse.Namespace
        `release`, `data_folder`, `output_folder`, `batch_size`, `device`,
        `judge` and `trust_code`.

    Returns
    -------
    figures : dict
        See `speechbrain_relm.evaluation.listening.same_words.same_words`.
    classes : int
        How many emotions there are to fit.

    Raises
    ------
    ValueError
        If the release is too old, or the corpus has no parallel takes.
    """
    released = load(options.release, options.device, options.trust_code)
    settings = vars(released.hparams)
    missing = [name for name in WANTED if name not in settings]
    if missing:
        raise ValueError(
            f"{options.release}/hyperparams.yaml has no {', '.join(missing)}: "
            "make the release again by the recipe's step 'release'."
        )
    emotions, size = settings["emotions"], options.batch_size
    entries = _parallel_entries(options.data_folder, emotions)
    listener = ReleasedListener(released)
    llm = listener.model.llm
    judge = make_judge(
        {
            "source": options.judge or llm.source,
            "dtype": judge_dtype(options.device),
            "batch_size": size,
            "seed": SEED,
        },
        settings,
        emotions,
        llm,
        options.device,
    )
    ask = released.asking()
    folder = Path(options.output_folder)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        inputs, contents = (
            system_inputs(options.release),
            _wav_contents(entries),
        )
        responses = respond(
            listener,
            entries,
            folder / "responses.jsonl",
            inputs,
            contents,
            emotions,
            ask,
            Ask(
                settings["recognition_system"],
                settings["recognition_instruction"],
                settings["recognition_settings"],
            ).plain(),
            size,
        )
        figures = same_words(
            listener,
            judge,
            entries,
            responses,
            folder,
            ask,
            size,
            inputs,
            contents,
        )
    return figures, len(emotions)


def _parallel_entries(data_folder, emotions):
    """Reads the takes of a corpus that have the same words in another voice."""
    entries = read_esd(data_folder, emotions)
    takes = [i for group in parallel_takes(entries) for i in group]
    if not takes:
        raise ValueError(
            f"{data_folder}: no speaker says a sentence in two of the "
            f"emotions {', '.join(emotions)}, so there is nothing to compare."
        )
    return {utterance: entries[utterance] for utterance in takes}


def system_inputs(release):
    """Names a release, and what it says of its settings, by content.

    Arguments
    ---------
    release : str
        Folder or hub id.

    Returns
    -------
    dict
        What all of its answers depend on.

    Example
    -------
    >>> system_inputs("someone/re-llm")["release"]["of"]
    'someone/re-llm'
    """
    return {"release": source_content(release)}


def _wav_contents(entries):
    """Names wavs by their content: utterance id to a digest."""
    digests = checksums(entry["wav"] for entry in entries.values())
    return {i: digests[e["wav"]][:DIGITS] for i, e in entries.items()}


def render(figures, classes):
    """Shows the figures as two tables.

    Arguments
    ---------
    figures : dict
        From `run`.
    classes : int
        The same.

    Returns
    -------
    str
        Markdown.

    Example
    -------
    >>> figure = {"value": 0.5, "low": 0.25, "high": 0.75, "n": 8}
    >>> print(render({"tone_fit": figure, "swaps": {"both": None}}, 4))
    | measure | value [95 % interval] | n |
    | --- | --- | ---: |
    | tone fit (chance .250) | .500 [.250, .750] | 8 |
    <BLANKLINE>
    | from the other take | fits own | fits other | responses |
    | --- | ---: | ---: | ---: |
    | both (the other take itself) | undefined | undefined | 0 |
    """
    lines = [
        figures_table(figures, classes),
        "",
        "| from the other take | fits own | fits other | responses |",
        "| --- | ---: | ---: | ---: |",
    ]
    lines += [f"| {cells} |" for cells in swap_rows(figures["swaps"])]
    return "\n".join(lines)


def show(options):
    """Runs the command.

    Arguments
    ---------
    options : argparse.Namespace
        See `run`.
    """
    figures, classes = run(options)
    path = Path(options.output_folder) / "same_words.json"
    sys.stdout.write(f"{render(figures, classes)}\n\n{path}\n")
