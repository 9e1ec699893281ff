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
        help="a CSV with transcript, response, emotion and perhaps speaker, a "
        "file of EmoCF or SD-Eval, or a responses.jsonl",
    )
    parser.add_argument("output", type=Path, help="folder for the figures")
    parser.add_argument(
        "--judge", help="hub id or folder of an LLM; by default a small one"
    )
    parser.add_argument(
        "--prompts", default=PROMPTS, help="a YAML like its own"
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
    from speechbrain_relm.evaluation.external import take_over
    from speechbrain_relm.evaluation.listening.judge import (
        SEED,
        Judge,
        judge_responses,
    )
    from speechbrain_relm.evaluation.listening.same_words import (
        other_takes,
        parallel_takes,
        takes_figures,
    )
    from speechbrain_relm.evaluation.listening_rows import figures_table
    from speechbrain_relm.evaluation.runs import write_figures
    from speechbrain_relm.runs.steps.listen import listen
    from speechbrain_relm.utils.disk.locks import locked

    prompts = read_prompts(given.prompts)
    given.output.mkdir(parents=True, exist_ok=True)
    with locked(given.output):
        responses = {
            i: {"finished": True, **record}
            for i, record in take_over(given.responses, given.output).items()
        }
        emotions = _emotions(responses, given.responses)
        judge = Judge(
            _load(given),
            given.device,
            given.judge,
            prompts["system"],
            prompts["instruction"],
            examples_of(emotions, prompts, given.prompts),
            emotions,
            given.batch_size,
            SEED,
        )
        figures = listen(judge, responses, given.output)
        lines = [figures_table(figures, len(emotions))]
        voices = {i: r for i, r in responses.items() if r.get("speaker")}
        groups = parallel_takes(voices)
        if groups:
            path = given.output / "likelihoods.jsonl"
            judged = judge_responses(judge, responses, path, "likelihoods")
            others = other_takes(groups, voices, emotions)
            found = takes_figures(groups, others, judged, responses, {})
            path = given.output / "same_words.json"
            write_figures(path, found, responses)
            lines += ["", "## Same words, another voice", ""]
            lines.append(figures_table(found, len(emotions)))
    lines += ["", *(f"- {note}" for note in figures["notes"])]
    sys.stdout.write("\n".join([*lines, str(given.output), ""]))


def _load(given):
    """Loads the judge, whose name `given` then has."""
    from speechbrain_relm.lobes.chat_llm import ChatLLM

    if given.judge is None:
        found = load_hyperpyyaml(LLM.read_text(encoding="utf-8"))
        given.judge = found["source"]
    dtype = "float32" if str(given.device) == "cpu" else "bfloat16"
    return ChatLLM(given.judge, dtype=dtype).to(given.device)


def _emotions(responses, path):
    """Lists the emotions of responses, each of which must have one."""
    for utterance, record in responses.items():
        if not record.get("emotion"):
            raise ValueError(
                f"{path}, {utterance}, emotion: it is missing. Say in which "
                "emotion each transcript was said."
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
