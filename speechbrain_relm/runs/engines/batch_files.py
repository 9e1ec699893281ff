"""OpenAI's batch files: prompts left for an engine, answers taken from it.

`vllm run-batch -i requests-00001.jsonl -o answers-00001.jsonl --model ...`
reads and writes them, and so does OpenAI's batch service.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
from pathlib import Path

from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger

from speechbrain_relm.runs.engines.requests import name_of, read_reply
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.files import write_atomically

logger = get_logger(__name__)
SHARD = 50_000  # requests a file, of OpenAI's batch service
URL = "/v1/chat/completions"


class BatchFiles:
    """An engine that is run by hand between two runs of the recipe.

    The first run writes `requests-*.jsonl` and stops; answers are put beside
    them as `answers-*.jsonl`, in any order, and a further run reads them, and
    asks for those that failed or are missing.

    Arguments
    ---------
    folder : str
        Where the files are.
    model : str
        What the engine calls the LLM.
    shard : int
        Requests a file, at most.
    no_thinking : bool
        See `speechbrain_relm.runs.engines.requests.make_body`.

    Example
    -------
    >>> engine = BatchFiles(getfixture("tmp_path"), "llm")
    >>> body = {"model": "llm", "messages": []}
    >>> engine.prepare([body])
    Traceback (most recent call last):
    ...
    speechbrain_relm.utils.errors.RecipeError: 1 of 1 prompts have no answer...
    """

    def __init__(self, folder, model, shard=SHARD, no_thinking=False):
        self.folder, self.model, self.shard = Path(folder), model, shard
        self.no_thinking = no_thinking
        self.replies = {}

    def prepare(self, bodies):
        """Reads answers, and leaves the requests that have none.

        Arguments
        ---------
        bodies : iterable of dict
            All that will be asked.

        Raises
        ------
        RecipeError
            If an answer is missing, with what is to be done.
        """
        wanted = {name_of(body): body for body in bodies}
        self.folder.mkdir(parents=True, exist_ok=True)
        self.replies = self.read(wanted)
        missing = [name for name in wanted if name not in self.replies]
        if not missing:
            return
        if if_main_process():
            self.write({name: wanted[name] for name in missing})
        raise RecipeError(
            f"{len(missing)} of {len(wanted)} prompts have no answer yet: run "
            f"the engine on each requests-*.jsonl of {self.folder}, e.g. "
            f"vllm run-batch -i {self.folder}/requests-00001.jsonl -o "
            f"{self.folder}/answers-{len(self.replies):05d}-00001.jsonl "
            f"--model {self.model}, then this recipe again."
        )

    def write(self, requests):
        """Writes requests in place of those of an earlier run.

        Arguments
        ---------
        requests : dict
            Name to body.
        """
        for old in self.folder.glob("requests-*.jsonl"):
            old.unlink()
        lines = [
            json.dumps(
                {"custom_id": name, "method": "POST", "url": URL, "body": body},
                ensure_ascii=False,
            )
            for name, body in requests.items()
        ]
        for number, start in enumerate(range(0, len(lines), self.shard), 1):
            text = "\n".join(lines[start : start + self.shard]) + "\n"
            path = self.folder / f"requests-{number:05d}.jsonl"
            write_atomically(path, text)

    def read(self, wanted):
        """Reads the answers that came.

        Arguments
        ---------
        wanted : dict
            Name to body of all requests.

        Returns
        -------
        dict
            Name to reply, of those that did not fail.
        """
        found, failed, unknown = {}, 0, 0
        for path in sorted(self.folder.glob("answers*.jsonl")):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    name, reply = read_line(line)
                    if name not in wanted:
                        unknown += 1
                    elif read_reply(reply) is None:
                        failed += 1
                    else:
                        found[name] = reply
        logger.info(
            "%s: %d answers of %d; %d lines failed, %d answer other requests.",
            self.folder,
            len(found),
            len(wanted),
            failed,
            unknown,
        )
        return found

    def answer(self, bodies, sentences=None):
        """Gives the answers.

        Arguments
        ---------
        bodies : list of dict
            The requests.
        sentences : int or None
            Sentences of an answer to keep.

        Returns
        -------
        list of Answer
            One a request.
        """
        return [
            read_reply(self.replies[name_of(body)], sentences)
            for body in bodies
        ]


def read_line(line):
    """Reads a line of an engine's output.

    Arguments
    ---------
    line : str
        JSON.

    Returns
    -------
    name : str or None
        The request that it answers.
    reply : dict or None
        A "chat.completion"; `None` where it failed.

    Example
    -------
    >>> read_line('{"custom_id": "a", "response": {"body": {"choices": []}}}')
    ('a', {'choices': []})
    >>> read_line('{"custom_id": "a", "resp')
    (None, None)
    """
    try:
        said = json.loads(line)
        name = said["custom_id"]
        response = said.get("response") or {}
        good = response.get("status_code", 200) == 200
        if not isinstance(name, str):
            return None, None
        return name, response.get("body") if good else None
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return None, None
