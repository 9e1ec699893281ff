"""`speechbrain-relm listen RESPONSES FOLDER`: do any system's answers listen?

What the recipes' steps `listen` and `same_words` measure, for responses that
others made.

Authors
 * The speechbrain_relm contributors 2026
"""

import logging
import sys
from pathlib import Path

from hyperpyyaml import load_hyperpyyaml

from speechbrain_relm.runs.judging.prompts import (
    PROMPTS,
    examples_of,
    read_prompts,
)
from speechbrain_relm.runs.settings.devices import device
from speechbrain_relm.utils.errors import Parser, count, entry_point, program

LLM = Path(__file__).with_name("judge_llm.yaml")


def make_parser():
    """Makes the parser of the command.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program("listen"),
        description="Measures whether any system's responses follow the voice "
        "and say what was said: tone fit, content fit, flaws, and, where "
        "speakers are known, answers to the same words in another voice.",
        epilog=f"Example: {program('listen')} other.csv results/other",
    )
    parser.add_argument(
        "responses",
        help="a CSV with transcript, response, emotion, and perhaps speaker, "
        "id and cluster; a file of EmoCF or SD-Eval; or JSON lines",
    )
    parser.add_argument("output", type=Path, help="folder for the figures")
    parser.add_argument(
        "--judge",
        help="hub id or folder of an LLM; by default SmolLM2-135M-Instruct, "
        "which takes .2 s a question on a core, ten a response",
    )
    parser.add_argument(
        "--prompts", default=PROMPTS, help=f"a YAML like {PROMPTS}"
    )
    parser.add_argument(
        "--batch_size", type=count, default=32, help="responses at a time"
    )
    parser.add_argument(
        "--device", type=device, default="cpu", help="of the judge, e.g. cuda"
    )
    return parser


def listen_to(given):
    """Measures responses, and shows the figures.

    Arguments
    ---------
    given : argparse.Namespace
        Of the command line.

    Raises
    ------
    ValueError
        If a response has no emotion, or the judge knows one of them not.
    """
    # `--help` need not wait for these.
    from speechbrain_relm.evaluation.external import read_any, take_over
    from speechbrain_relm.evaluation.runs import remove_figures
    from speechbrain_relm.runs.steps.listen import listen
    from speechbrain_relm.utils.disk.locks import locked

    prompts = read_prompts(given.prompts)
    read = read_any(given.responses)
    responses = {i: {"finished": True, **r} for i, r in read.items()}
    emotions = _emotions(responses, given.responses)
    examples = examples_of(emotions, prompts, given.responses)
    _refuse_own(given)
    given.output.mkdir(parents=True, exist_ok=True)
    with locked(given.output):
        take_over(read, given.responses, given.output)
        judge = _make_judge(given, prompts, examples)
        _refuse_long(judge, responses, given.responses)
        figures = listen(judge, responses, given.output)
        remove_figures(given.output / "same_words.json")
        found = _same_words(judge, responses, given.output)
    sys.stdout.write(_render(judge, figures, found, given.output))


def _make_judge(given, prompts, examples):
    """Makes the judge; `examples` has the emotions, in their order."""
    from speechbrain_relm.evaluation.listening.judge import SEED
    from speechbrain_relm.runs.steps.listen import judge_dtype, make_judge

    source = given.judge
    if source is None:
        source = load_hyperpyyaml(LLM.read_text(encoding="utf-8"))["source"]
    settings = {
        "source": source,
        "dtype": judge_dtype(given.device),
        "batch_size": given.batch_size,
        "seed": SEED,
    }
    asked = {
        "continuation_system": prompts["system"],
        "continuation_from_text": prompts["instruction"],
        "continuation_examples": examples,
    }
    return make_judge(settings, asked, list(examples), None, given.device)


def _same_words(judge, responses, folder):
    """Compares answers to the same words, where speakers are known."""
    from speechbrain_relm.evaluation.listening.same_words import same_words

    voices = {i: r for i, r in responses.items() if r.get("speaker")}
    return same_words(None, judge, voices, responses, folder)


def _render(judge, figures, found, folder):
    """Shows the figures."""
    from speechbrain_relm.evaluation.listening_rows import figures_table

    classes = len(judge.emotions)
    lines = [figures_table(figures, classes)]
    if found is not None:
        lines += ["", "## Same words, another voice", ""]
        lines.append(figures_table(found, classes))
    lines += [
        "",
        f"- Judge: {Path(judge.source).name}, which knows what it can tell "
        "apart: compare with figures by the same one only.",
        *(f"- {note}" for note in figures["notes"]),
    ]
    return "\n".join([*lines, "", str(folder), ""])


def _refuse_own(given):
    """Refuses a run of ours, whose own judge the recipe names."""
    from speechbrain_relm.utils.provenance.stamps import read_stamp

    path = Path(given.responses)
    stamp = read_stamp(path) if path.name == "responses.jsonl" else None
    of_run = stamp is not None and "external" not in stamp
    if of_run and path.parent.resolve() == given.output.resolve():
        raise ValueError(
            f"{path} is a run's own, whose figures these would replace: name "
            "another folder, or run the recipe's step 'listen'."
        )


def _refuse_long(judge, responses, path):
    """Refuses a response that the judge cannot read."""
    limit = getattr(judge.llm.model.config, "max_position_embeddings", None)
    longest = max(responses, key=lambda i: len(responses[i]["response"]))
    record = responses[longest]
    size = len(judge.llm.encode(record["transcript"] + record["response"]))
    if limit and size > limit:
        raise ValueError(
            f"{path}, {longest}, response: it has {size} tokens, and the "
            f"judge reads {limit}. Cut it, or name another judge (--judge)."
        )


def _emotions(responses, path):
    """Lists the emotions of responses, each of which must have one."""
    for utterance, record in responses.items():
        if not record.get("emotion", "").strip():
            raise ValueError(
                f"{path}, {utterance}, emotion: it is missing. Say in a field "
                "or column `emotion` how each transcript was said."
            )
    return sorted({record["emotion"] for record in responses.values()})


@entry_point("speechbrain-relm")
def main(arguments):
    """Measures any system's responses.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["no-such.csv", str(getfixture("tmp_path"))])
    Traceback (most recent call last):
    ...
    SystemExit: speechbrain-relm: no-such.csv is missing: name a CSV of...
    """
    logging.basicConfig(format="%(message)s")
    listen_to(make_parser().parse_args(arguments))
