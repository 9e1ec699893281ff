"""An engine in the place of the text LLM.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.runs.engines.batch_files import BatchFiles
from speechbrain_relm.runs.engines.requests import make_body
from speechbrain_relm.runs.engines.server import ChatServer
from speechbrain_relm.utils.errors import RecipeError

# Batches of what is recorded, for each request at a time: whoever is quick
# must not wait long for whoever is slow.
ROUNDS = 8


class Asking:
    """Asks an engine as a text LLM is asked.

    Arguments
    ---------
    engine : BatchFiles or ChatServer
        Answers.
    system : str
        System message.
    settings : dict
        Generation settings.
    """

    def __init__(self, engine, system, settings):
        self.engine, self.system, self.settings = engine, system, settings
        self.prepared = False

    @property
    def batch_size(self):
        """Prompts whose answers are recorded at once."""
        return ROUNDS * getattr(self.engine, "concurrency", 1024)

    def bodies(self, texts, turns):
        """Writes requests.

        Arguments
        ---------
        texts : list of str
            User messages.
        turns : sequence of (str, str)
            Example turns that stand before each.

        Returns
        -------
        list of dict
            One a message.
        """
        engine = self.engine
        return [
            make_body(
                engine.model,
                self.system,
                turns,
                text,
                self.settings,
                engine.no_thinking,
            )
            for text in texts
        ]

    def __call__(self, texts, turns, everything):
        """Asks for answers.

        Arguments
        ---------
        texts : list of str
            User messages.
        turns : sequence of (str, str)
            Example turns that stand before each.
        everything : iterable of (list of str, sequence)
            Texts and turns of all batches, for engines that want to know
            before.

        Returns
        -------
        list of speechbrain_relm.lobes.parts.chat_template.Answer
            One a message.
        """
        if not self.prepared:
            self.engine.prepare(
                body for batch in everything for body in self.bodies(*batch)
            )
            self.prepared = True
        return self.engine.answer(
            self.bodies(texts, turns), self.settings.get("sentences")
        )


def make_engine(settings):
    """Makes the engine that a YAML names.

    Arguments
    ---------
    settings : dict or None
        `folder` and `model` of `BatchFiles`, or `url` and `model` of
        `ChatServer`, each with what else it may be told; `None` for none.

    Returns
    -------
    BatchFiles, ChatServer or None
        The engine.

    Raises
    ------
    RecipeError
        If it is neither.
    """
    if settings is None:
        return None
    for name, kind in (("folder", BatchFiles), ("url", ChatServer)):
        if name in settings:
            return kind(**settings)
    raise RecipeError(
        "expected_response_engine: give url and model of a server, folder and "
        "model of batch files, or null."
    )
