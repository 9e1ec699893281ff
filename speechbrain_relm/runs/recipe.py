"""The steps of a recipe after its data are prepared (Sections II and III).

Every corpus and system goes the same way; its `train.py` lists the steps.
Each leaves files in the output folder, or in the folder that several systems
share, goes on where a killed run stopped, and is left out if the YAML's
`steps` does not name it.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
from pathlib import Path

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.data.datasets import (
    read_manifests,
    speech_dataset,
    with_words,
)
from speechbrain_relm.data.encoder_cache import EncoderCache
from speechbrain_relm.data.manifests import describe_copy
from speechbrain_relm.evaluation.pages.drawn import corpus_points
from speechbrain_relm.evaluation.score import score_responses
from speechbrain_relm.release.folder import trained_weights, write_release
from speechbrain_relm.release.model_card import model_card
from speechbrain_relm.runs.engines.asking import make_engine
from speechbrain_relm.runs.listeners import SpeechListener
from speechbrain_relm.runs.listening_steps import ListeningSteps
from speechbrain_relm.runs.provenance.data_inputs import (
    audio_contents,
    data_inputs,
    learned_by,
    records_content,
)
from speechbrain_relm.runs.provenance.fits import fit_of
from speechbrain_relm.runs.provenance.inputs import ALL_OPTIONS, inputs_of
from speechbrain_relm.runs.steps.attributes import label_attributes
from speechbrain_relm.runs.steps.expected_responses import expect_responses
from speechbrain_relm.runs.steps.fit import (
    check_start,
    in_batches,
    shown_to_teacher,
    start_adapter,
    to_learn,
)
from speechbrain_relm.runs.steps.naming import step
from speechbrain_relm.runs.steps.report import (
    check_report,
    describe_repeats,
    write_report,
)
from speechbrain_relm.runs.steps.respond import SENTENCE, Ask, respond
from speechbrain_relm.runs.steps.transcribe import transcribe
from speechbrain_relm.training.batches import costs, positions_per_second
from speechbrain_relm.utils.dimensions import DIMENSIONS
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.records import read_records

logger = get_logger(__name__)


class Recipe(ListeningSteps):
    """One system on one corpus.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.
    brain : speechbrain_relm.training.brain.RELLMBrain
        Trains the system; without modules where there is nothing to train.

    Raises
    ------
    ValueError
        If a manifest does not fit.
    """

    def __init__(self, hparams, brain):
        self.hparams, self.brain = hparams, brain
        self.folder = Path(hparams["output_folder"])
        self.shared = Path(hparams["shared_folder"])
        self.seconds = {}
        check_start(getattr(brain.model, "adapter", None), hparams)
        self.entries = read_manifests(hparams)
        self.about_copy = describe_copy(hparams["manifest_folder"])
        # What each step depends on; the run's own YAML has it as text.
        options = {name: getattr(brain, name) for name in ALL_OPTIONS}
        self.inputs = inputs_of(self.folder / "recipe.yaml", options)
        self.fit = fit_of(hparams, self.inputs)
        # The main process reads the wavs, and tells the others.
        self.heard = run_on_main(
            audio_contents, args=[self.entries, hparams["data_folder"]]
        )
        self.learned = data_inputs(self.entries, self.heard)
        run_on_main(self.fit.check, args=[self.learned])

    @property
    def learned_from(self):
        """Entries that training or validation uses."""
        return {**self.entries["train"], **self.entries["valid"]}

    def records(self, path):
        """Reads what an earlier step left.

        Arguments
        ---------
        path : pathlib.Path
            A file of records.

        Returns
        -------
        dict
            Utterance id to record.

        Raises
        ------
        RecipeError
            If that step never ran.
        """
        if not path.is_file():
            raise RecipeError(
                f"{path} is missing: an earlier step, left out by `steps`, "
                "makes it."
            )
        return read_records(path)

    @step("attributes")
    def label_attributes(self, batch_size):
        """Labels arousal, dominance, valence where the corpus does not.

        Arguments
        ---------
        batch_size : int
            Utterances a batch.
        """
        cache = self.brain.emotion_cache
        if cache is None:  # a system that does not hear with the encoder
            cache = EncoderCache(
                self.hparams["emotion_model"].to(self.brain.device),
                self.hparams["embedding_folder"],
                self.brain.eval_precision,
            )
        label_attributes(
            cache,
            # The auxiliary tasks are of training alone (Section II-A).
            self.learned_from,
            self.shared / "attributes.jsonl",
            batch_size,
            self.inputs.of("attributes"),
            self.heard,
        )

    @step("transcribe")
    def transcribe(self, make_transcriber, batch_size):
        """Transcribes the test speech, for a system that reads it.

        Arguments
        ---------
        make_transcriber : callable
            Makes the transcriber.
        batch_size : int
            Utterances a batch.
        """
        transcribe(
            make_transcriber,
            self.entries["test"],
            self.shared / "transcripts.jsonl",
            self.brain.device,
            batch_size,
            self.inputs.of("transcribe"),
            self.heard,
        )

    @step("expected_responses")
    def expect_responses(
        self,
        system,
        instruction,
        settings,
        examples=None,
        flaws=(),
        engine=None,
    ):
        """Step 1 of the paper: what the LLM would say, knowing the emotion.

        Arguments
        ---------
        system : str
            System message.
        instruction : str
            What stands before the transcript, with "{emotion}".
        settings : dict
            Generation settings.
        examples : dict or None
            Emotion to example turns that stand before the transcript.
        flaws : sequence of str
            What leaves an answer out of training, besides a refusal.
        engine : dict or None
            What asks the LLM; see `speechbrain_relm.runs.engines.asking`.
            `None` asks it in this process.
        """
        self.ask_text_llm(
            with_words(self.learned_from),
            self.shared / "expected_responses.jsonl",
            system,
            instruction,
            settings,
            examples,
            flaws,
            engine,
        )

    def ask_text_llm(
        self,
        entries,
        path,
        system,
        instruction,
        settings,
        examples=None,
        flaws=(),
        engine=None,
    ):
        """Lets the text LLM answer to the transcripts of some utterances.

        Arguments
        ---------
        entries : dict
            Manifest entries.
        path : pathlib.Path
            Where the records go.
        system : str
            See `expect_responses`, as of all that follow.
        instruction : str
            What stands before the transcript.
        settings : dict
            Generation settings.
        examples : dict or None
            Example turns.
        flaws : sequence of str
            What is refused.
        engine : dict or None
            What asks the LLM.
        """
        expect_responses(
            self.text_llm,
            entries,
            path,
            self.brain.device,
            self.inputs.of("expected_responses"),
            system,
            instruction,
            settings,
            self.hparams["generation_batch_size"],
            examples,
            flaws,
            make_engine(engine),
        )

    @step("fit")
    def training(self, sampler, train_loader, valid_loader):
        """Gathers what Step 2 of the paper learns from.

        Arguments
        ---------
        sampler : callable
            Makes SpeechBrain's `DynamicBatchSampler`; lengths are positions of
            the LLM's sequence.
        train_loader : dict
            Arguments of the training data's loader.
        valid_loader : dict
            Arguments of the validation data's loader, and a `batch_size`.

        Returns
        -------
        dict or None
            For `brain.fit`, which counts the epochs.
        """
        attributes = {}
        # Models 5 and 7 of Table I learn no dimensions.
        dimensions = bool(self.brain.loss_weights.get("dimension"))
        if dimensions:
            attributes = self.records(self.shared / "attributes.jsonl")
        responses = self._expected()
        entries = {
            split: to_learn(
                split, self.entries[split], responses, attributes, dimensions
            )
            for split in ("train", "valid")
        }
        self.begin_fit(attributes, responses)
        start_adapter(
            self.brain,
            self.hparams.get("init_adapter"),
            entries["train"],
            # The alignment with the LLM has neither.
            self.hparams.get("labelling_batch_size"),
        )
        shown = shown_to_teacher(self.brain, self.hparams)
        datasets = {
            split: speech_dataset(
                kept,
                self.brain.model.llm,
                self.hparams.get("emotions"),
                responses,
                self.hparams["continuation_from_text"],
                shown=shown,
            )
            for split, kept in entries.items()
        }
        rate = positions_per_second(self.brain)
        lengths = {
            split: costs(kept, responses, self.brain.model.llm, rate)
            for split, kept in entries.items()
        }
        return in_batches(
            datasets, lengths, sampler, train_loader, valid_loader
        )

    def _expected(self):
        """Gives what Step 1 left, as far as anything of it is learned."""
        weights = self.brain.loss_weights
        if weights["response_nll"] or weights["response_kl"]:
            return self.records(self.shared / "expected_responses.jsonl")
        # Where only the emotions are learned, nobody reads these.
        return dict.fromkeys(
            self.learned_from,
            {"response": "", "refused": False, "finished": True},
        )

    def begin_fit(self, attributes, responses=None):
        """Says what the checkpoints are trained with, or refuses.

        Arguments
        ---------
        attributes : dict
            Pseudo labels.
        responses : dict or None
            Expected responses.
        """
        learned = dict(self.learned)
        for name, records, fields in (
            ("expected_responses", responses, ("response",)),
            ("attributes", attributes, DIMENSIONS),
        ):
            if records:
                learned[name] = records_content(records, fields)
        run_on_main(self.fit.begin, args=[learned])

    @step("respond")
    def respond(
        self, listener, response, recognition, sentence=SENTENCE, lexicon=None
    ):
        """Answers the test speech, with the best checkpoint if it learned.

        Arguments
        ---------
        listener : object or None
            What answers (see `speechbrain_relm.runs.listeners`); `None` is the
            trained model.
        response : tuple
            System message, instruction and generation settings.
        recognition : tuple
            The same for asking which emotion it was.
        sentence : str
            The answer whose likelihood is calibrated, with "{emotion}".
        lexicon : str or None
            A YAML of the words of classes.
        """
        entries = self.entries["test"]
        listener, checkpoint = self.listening(listener)
        # Model 2 of Table I reads what Whisper heard.
        if "transcribe" in self.hparams["steps"]:
            heard = self.records(self.shared / "transcripts.jsonl")
            entries = {
                i: {**entry, "heard": heard[i]["heard"]}
                for i, entry in entries.items()
            }
        respond(
            listener,
            entries,
            self.folder / "responses.jsonl",
            {**self.inputs.of("respond"), **checkpoint},
            self.heard,
            self.hparams["emotions"],
            Ask(*response).plain(),
            Ask(*recognition).plain(),
            self.hparams["generation_batch_size"],
            sentence,
            lexicon,
        )
        for cache in (self.brain.emotion_cache, self.brain.frame_cache):
            if cache is not None:
                cache.log()

    def listening(self, listener):
        """Readies what answers the test speech.

        Arguments
        ---------
        listener : object or None
            See `respond`.

        Returns
        -------
        listener : object
            The same, or the trained model as a listener.
        checkpoint : dict
            What it learned, as inputs; see `recover`.
        """
        if listener is None:
            return SpeechListener(self.brain), self.recover()
        # Models 1 to 3 of Table I, and whoever else has learned elsewhere.
        listener.to(self.brain.device)
        return listener, {}

    def recover(self):
        """Loads the best checkpoint, by what `best_by` names.

        Returns
        -------
        dict
            As inputs: the fit's fingerprint and the trained tensors; empty if
            there is none.
        """
        checkpoint = self.brain.checkpointer.recover_if_possible(
            **self.brain.choosing()
        )
        if checkpoint is not None:
            return learned_by(self.fit.folder, checkpoint)
        if "fit" in self.hparams["steps"]:
            logger.warning("No checkpoint: the untrained system answers.")
        return {}

    @step("score")
    def score_empathy(self, scorer):
        """Scores the responses by EPITOME (Section II-C).

        Arguments
        ---------
        scorer : speechbrain_relm.lobes.epitome.EmpathyScorer
            The scorer.
        """
        responses = self.records(self.folder / "responses.jsonl")
        score_responses(
            scorer.to(self.brain.device),
            responses,
            self.folder / "scores.jsonl",
            self.inputs.of("score"),
        )

    @step("report")
    def report(self, title, remarks, baseline):
        """Writes the table, the figures, and a page of both with examples.

        Arguments
        ---------
        title : str
            Heading: system and corpus.
        remarks : list of str
            What a reader must know of these numbers.
        baseline : str or None
            Output folder of the run to test against.

        Returns
        -------
        pathlib.Path or None
            Path of `table.md`.
        """
        self.records(self.folder / "scores.jsonl")
        test = self.entries["test"]
        run_on_main(
            write_report,
            kwargs={
                "folder": self.folder,
                "title": title,
                "remarks": [*remarks, *self.about_copy, self.repeats()],
                "baseline": baseline,
                "corpus": self.hparams["corpus"],
                "points": self._points(),
                "wavs": {i: entry["wav"] for i, entry in test.items()},
            },
        )
        return self.folder / "table.md"

    def _points(self):
        """Places the corpus's utterances by valence and arousal."""
        labels = self.shared / "attributes.jsonl"
        return corpus_points(
            {i: e for split in self.entries.values() for i, e in split.items()},
            read_records(labels) if labels.is_file() else {},
        )

    def repeats(self):
        """Says how much of the test's words was said in training.

        Returns
        -------
        str
            A sentence.
        """
        return describe_repeats(self.learned_from, self.entries["test"])

    @step("release")
    def release(self, title, remarks, licence):
        """Leaves what `EmpatheticListener` loads in `release/`.

        Arguments
        ---------
        title : str
            Heading of the model card: system and corpus.
        remarks : list of str
            What a reader must know of its numbers.
        licence : str
            The corpus's.

        Returns
        -------
        pathlib.Path or None
            Path of the folder.

        Raises
        ------
        RecipeError
            If there is nothing that learned, or no report of it as it is.
        """
        weights = trained_weights(
            self.folder, self.brain.checkpointer, self.brain.choosing
        )
        check_report(self.folder, weights)
        card = functools.partial(
            model_card,
            folder=self.folder,
            title=title,
            remarks=[*remarks, *self.about_copy],
            licence=licence,
            hparams=self.hparams,
            entries=self.entries,
        )
        text = (self.folder / "recipe.yaml").read_text(encoding="utf-8")
        run_on_main(
            write_release,
            args=[self.folder / "release", text, self.hparams, weights, card],
        )
        return self.folder / "release"
