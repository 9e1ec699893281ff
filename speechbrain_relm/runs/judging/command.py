"""`speechbrain-relm grade RUN`: an LLM's opinion of a run's responses.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import logging
import sys
from pathlib import Path

from speechbrain_relm.runs.settings.devices import device
from speechbrain_relm.utils.disk.run_folders import check_run
from speechbrain_relm.utils.errors import Parser, count, entry_point, program


def make_parser():
    """Makes the parser of the command.

    Returns
    -------
    speechbrain_relm.utils.errors.Parser
        The parser.
    """
    parser = Parser(
        prog=program("grade"),
        description="Lets an LLM grade the Emotional Reaction and Exploration "
        "of a run's responses, 0 to 2, and says how far it agrees with "
        "EPITOME and with itself. A second opinion; no table takes it.",
        epilog=f"Example: {program('grade')} results/ESD/re_llm/1986 "
        "--llm Qwen/Qwen2.5-7B-Instruct",
    )
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--llm", help="hub id or folder of a chat LLM")
    parser.add_argument(
        "--url",
        help="in its place: a server with OpenAI's chat completions, as "
        "http://127.0.0.1:8000/v1 (docs/engines.md)",
    )
    parser.add_argument("--model", help="what that server calls the LLM")
    parser.add_argument("--rubric", help="a YAML like its own")
    parser.add_argument(
        "--batch_size", type=count, default=32, help="questions at a time"
    )
    parser.add_argument(
        "--device", type=device, default="cpu", help="of --llm, e.g. cuda"
    )
    parser.add_argument(
        "--dtype",
        default="bfloat16",
        choices=["float32", "bfloat16", "float16"],
        help="of --llm",
    )
    return parser


def _make_asker(given, rubric):
    """Makes what answers the questions, and what the grades depend on."""
    from speechbrain_relm.lobes.chat_llm import ChatLLM
    from speechbrain_relm.model.prompting import answer_texts
    from speechbrain_relm.runs.engines.asking import Asking
    from speechbrain_relm.runs.engines.server import ChatServer
    from speechbrain_relm.utils.sources.base_models import source_content

    system, settings = rubric["system"], rubric["settings"]
    if given.llm and not given.url:
        llm = ChatLLM(given.llm, dtype=given.dtype).to(given.device)

        def ask(texts):
            """Answers here."""
            return answer_texts(llm, system, texts, given.device, **settings)

        return ask, {"llm": source_content(given.llm), "dtype": given.dtype}
    if given.llm or not (given.url and given.model):
        raise ValueError("Name one LLM: --llm, or --url and --model.")
    server = ChatServer(given.url, given.model, given.batch_size)
    asking = Asking(server, system, settings)
    return lambda texts: asking(texts, (), ()), {"llm": given.model}


def grade(given):
    """Grades a run's responses, and says how far the grades agree.

    Arguments
    ---------
    given : argparse.Namespace
        Of the command line.
    """
    # `--help` need not wait for these.
    from speechbrain_relm.runs.judging.agreement import agreement, render
    from speechbrain_relm.runs.judging.grading import (
        RUBRIC,
        grade_responses,
        read_rubric,
    )
    from speechbrain_relm.utils.files import write_atomically
    from speechbrain_relm.utils.records import read_records

    path = given.run / "responses.jsonl"
    check_run(given.run, path.name)
    rubric = read_rubric(given.rubric or RUBRIC)
    ask, inputs = _make_asker(given, rubric)
    grades = grade_responses(
        ask,
        rubric,
        read_records(path),
        given.run / "grades.jsonl",
        inputs,
        given.batch_size,
    )
    scores = given.run / "scores.jsonl"
    scores = read_records(scores) if scores.is_file() else {}
    figures = {m: agreement(grades, scores, m) for m in rubric["mechanisms"]}
    found = given.run / "grades.json"
    write_atomically(found, json.dumps(figures, indent=2) + "\n")
    sys.stdout.write(f"{render(figures)}\n\n{found}\n")


@entry_point("speechbrain-relm")
def main(arguments):
    """Grades a run's responses.

    Arguments
    ---------
    arguments : list of str, optional
        Command line, by default the one of the process.

    Example
    -------
    >>> main(["no-such-run", "--llm", "x"])
    Traceback (most recent call last):
    ...
    SystemExit: speechbrain-relm: no-such-run/responses.jsonl is missing: ...
    """
    logging.basicConfig(format="%(message)s")
    grade(make_parser().parse_args(arguments))
