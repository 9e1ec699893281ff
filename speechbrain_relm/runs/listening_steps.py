"""The steps of a recipe that measure whether the answers follow the voice.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.evaluation.listening.same_words import same_words
from speechbrain_relm.runs.listeners import SpeechListener
from speechbrain_relm.runs.steps.listen import listen, make_judge
from speechbrain_relm.runs.steps.naming import step
from speechbrain_relm.runs.steps.probe import probe
from speechbrain_relm.runs.steps.recognize import (
    recognize,
    write_recognition,
)
from speechbrain_relm.runs.steps.respond import Ask
from speechbrain_relm.runs.steps.targets import check_targets

logger = get_logger(__name__)


class ListeningSteps:
    """What `Recipe` measures beside empathy scores."""

    _judge = None

    @property
    def text_llm(self):
        """That of the trained model, if this run has one."""
        if self.brain.model is not None:
            return self.brain.model.llm
        llm = self.hparams.get("chat_llm")
        return llm if llm is None else llm.to(self.brain.device)

    def judge(self, settings):
        """Makes the judge of responses, once a run.

        Arguments
        ---------
        settings : dict
            `judge` of the YAML.

        Returns
        -------
        speechbrain_relm.evaluation.listening.judge.Judge
            The judge.
        """
        if self._judge is None:
            self._judge = make_judge(
                settings,
                self.hparams,
                self.hparams["emotions"],
                self.text_llm,
                self.brain.device,
            )
        return self._judge

    @step("expected_responses")
    def check_targets(self, judge):
        """Says whether there is an emotion to learn in what was expected.

        Arguments
        ---------
        judge : dict
            Settings of the judge.
        """
        records = self.records(self.shared / "expected_responses.jsonl")
        check_targets(
            self.judge(judge), records, self.shared, judge["target_sentences"]
        )

    @step("probe")
    def probe(self, batch_size):
        """Holds the category head against a linear probe of the frames.

        Only where a frozen speech encoder's frames are kept: a probe of what
        was fine-tuned on the labels would tell nothing about the head.

        Arguments
        ---------
        batch_size : int
            Utterances a batch.
        """
        if self.brain.frame_cache is None:
            logger.info(
                "No linear probe: the speech encoder is trained, or its "
                "frames are not kept (frame_folder)."
            )
            return
        probed = probe(
            self.brain.frame_cache,
            self.entries,
            self.hparams["emotions"],
            self.folder / "probe.jsonl",
            batch_size,
            self.brain.device,
            self.heard,
        )
        self.recognize(probed, batch_size)

    def recognize(self, probed, batch_size):
        """Says how much the trained category head recognizes, and the probe.

        Arguments
        ---------
        probed : dict
            What the probe recognized.
        batch_size : int
            Utterances a batch.
        """
        learned = self.recover()
        if not learned or self.brain.model.heads is None:
            return
        records = recognize(
            SpeechListener(self.brain),
            self.entries["test"],
            self.folder / "recognized.jsonl",
            {**self.inputs.of("recognize"), **learned},
            self.heard,
            self.hparams["emotions"],
            batch_size,
        )
        checkpointer = self.brain.checkpointer
        best = checkpointer.find_checkpoint(**self.brain.choosing()).path
        run_on_main(
            write_recognition,
            kwargs={
                "folder": self.folder,
                "title": self.hparams["report_title"],
                "records": records,
                "probed": probed,
                "classes": len(self.hparams["emotions"]),
                "checkpoint": best,
                "remarks": self.about_copy,
            },
        )

    @step("listen")
    def listen(self, judge):
        """Measures tone fit, content fit and flaws of the responses.

        Arguments
        ---------
        judge : dict
            Settings of the judge.
        """
        responses = self.records(self.folder / "responses.jsonl")
        listen(self.judge(judge), responses, self.folder)

    @step("same_words")
    def same_words(self, judge, listener, response):
        """Compares answers to the same words in another voice.

        A corpus whose test set has no sentence in two emotions by one
        speaker leaves nothing to compare, which is logged.

        Arguments
        ---------
        judge : dict
            Settings of the judge.
        listener : object or None
            What answers; `None` is the trained model.
        response : tuple
            System message, instruction and generation settings.
        """
        responses = self.records(self.folder / "responses.jsonl")
        listener, checkpoint = self.listening(listener)
        figures = same_words(
            listener,
            self.judge(judge),
            self.entries["test"],
            responses,
            self.folder,
            Ask(*response).plain(),
            self.hparams["generation_batch_size"],
            {**self.inputs.of("same_words"), **checkpoint},
            self.heard,
        )
        if figures is None:
            logger.info(
                "No speaker of the test set says a sentence in two emotions: "
                "there are no same words to compare."
            )
