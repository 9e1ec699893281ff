"""The steps of a recipe after its data are prepared (Sections II and III).

Every corpus goes the same way; its `train.py` lists the steps. Each leaves
files in the output folder, goes on where a killed run stopped, and is left
out if the YAML's `steps` does not name it.

Authors
 * The speechbrain_relm contributors 2026
"""

import functools
from pathlib import Path

from speechbrain.utils.distributed import run_on_main
from speechbrain.utils.logger import get_logger

from speechbrain_relm.brain import RELLMBrain
from speechbrain_relm.corpus import SPLITS
from speechbrain_relm.data import add_attributes, read_manifest, speech_dataset
from speechbrain_relm.experiment import RecipeError
from speechbrain_relm.records import read_records
from speechbrain_relm.steps.attributes import label_attributes
from speechbrain_relm.steps.expected_responses import expect_responses
from speechbrain_relm.steps.report import write_report
from speechbrain_relm.steps.respond import respond
from speechbrain_relm.steps.score import fingerprint, score_responses

logger = get_logger(__name__)


def step(name):
    """Makes a method a step that `steps` of the YAML can leave out.

    Arguments
    ---------
    name : str
        The step's name in the YAML.

    Returns
    -------
    callable
        A decorator.
    """

    def decorate(method):
        @functools.wraps(method)
        def run(self):
            if name in self.hparams["steps"]:
                return method(self)
            logger.info("Step '%s' is left out, as `steps` says.", name)
            return None

        return run

    return decorate


class Recipe:
    """One system on one corpus.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.
    run_opts : dict
        SpeechBrain's run options.

    Raises
    ------
    ValueError
        If a manifest does not fit.
    """

    def __init__(self, hparams, run_opts):
        self.hparams = hparams
        self.folder = Path(hparams["output_folder"])
        self.entries = {
            split: read_manifest(
                Path(hparams["manifest_folder"]) / f"{split}.json",
                hparams["data_folder"],
                hparams["emotions"],
            )
            for split in SPLITS
        }
        self.brain = RELLMBrain(
            modules=hparams["modules"],
            opt_class=hparams["opt_class"],
            hparams=hparams,
            run_opts=run_opts,
            checkpointer=hparams["checkpointer"],
        )

    def records(self, name):
        """Reads what an earlier step left.

        Arguments
        ---------
        name : str
            File name without its ending.

        Returns
        -------
        dict
            Utterance id to record.

        Raises
        ------
        RecipeError
            If that step never ran.
        """
        path = self.folder / f"{name}.jsonl"
        if not path.is_file():
            raise RecipeError(
                f"{path} is missing: an earlier step, left out by `steps`, "
                "makes it."
            )
        return read_records(path)

    @step("attributes")
    def label_attributes(self):
        """Labels arousal, dominance, valence where the corpus does not."""
        label_attributes(
            self.hparams["emotion_model"].to(self.brain.device),
            {**self.entries["train"], **self.entries["valid"]},
            self.folder / "attributes.jsonl",
            self.hparams["labelling_batch_size"],
            {"source": self.hparams["emotion_source"]},
        )

    @step("expected_responses")
    def expect_responses(self):
        """Step 1 of the paper: what the LLM would say, knowing the emotion."""
        expect_responses(
            self.brain.model.llm,
            {**self.entries["train"], **self.entries["valid"]},
            self.folder / "expected_responses.jsonl",
            self.brain.device,
            self.hparams,
        )

    @step("fit")
    def fit(self):
        """Step 2 of the paper: behaviour alignment with auxiliary tasks."""
        attributes = self.records("attributes")
        responses = {
            utterance: record
            for utterance, record in self.records("expected_responses").items()
            if not record["refused"]
        }
        datasets = {}
        for split in ("train", "valid"):
            kept = {
                utterance: entry
                for utterance, entry in self.entries[split].items()
                if utterance in responses
            }
            if not kept:
                raise RecipeError(
                    f"No utterance of the {split} split has an expected "
                    "response: the LLM refused them all."
                )
            add_attributes(kept, attributes)
            self.check_dimensions(split, kept)
            datasets[split] = speech_dataset(
                kept,
                self.brain.model.llm,
                self.hparams["emotions"],
                responses,
                self.hparams["continuation_from_text"],
            )
        self.brain.fit(
            self.hparams["epoch_counter"],
            datasets["train"],
            datasets["valid"],
            train_loader_kwargs=self.hparams["train_loader"],
            valid_loader_kwargs=self.hparams["valid_loader"],
        )

    def check_dimensions(self, split, entries):
        """Makes sure that there is something for the dimension head to learn.

        Arguments
        ---------
        split : str
            "train" or "valid".
        entries : dict
            Manifest entries, pseudo labels filled in.

        Raises
        ------
        RecipeError
            If its loss has a weight and an utterance has no labels.
        """
        bare = [i for i, e in entries.items() if e["arousal"] is None]
        if bare and self.hparams["loss_weights"]["dimension"]:
            raise RecipeError(
                f"{len(bare)} utterances of the {split} split have no arousal, "
                f"dominance and valence (first: {bare[0]}): run the step "
                "'attributes', or set loss_weights: dimension to 0."
            )

    @step("respond")
    def respond(self):
        """Answers the test speech with the best checkpoint."""
        respond(
            self.brain,
            self.entries["test"],
            self.folder / "responses.jsonl",
            self.recover_best(),
        )

    def recover_best(self):
        """Loads the checkpoint of the lowest validation loss.

        Returns
        -------
        str
            Its name; "untrained" if there is none.
        """
        checkpoint = self.hparams["checkpointer"].recover_if_possible(
            min_key="loss"
        )
        if checkpoint is None:
            logger.warning("No checkpoint: the untrained system answers.")
            return "untrained"
        return checkpoint.path.name

    @step("score")
    def score_empathy(self):
        """Scores the responses by EPITOME (Section II-C)."""
        scorer = self.hparams["empathy_scorer"].to(self.brain.device)
        responses = self.records("responses")
        score_responses(
            scorer,
            responses,
            self.folder / "scores.jsonl",
            {
                "scorer": self.hparams["scorer_source"],
                "responses": fingerprint(responses),
            },
        )

    @step("report")
    def report(self):
        """Writes the table, figure and examples.

        Returns
        -------
        pathlib.Path or None
            Path of `table.md`.
        """
        self.records("scores")
        run_on_main(
            write_report,
            kwargs={
                "folder": self.folder,
                "title": self.hparams["report_title"],
                "remarks": self.hparams["report_remarks"],
                "baseline": self.hparams["baseline"],
            },
        )
        return self.folder / "table.md"
