"""Aligning speech with text (BLSP's first stage), and how well it is aligned.

A text LLM continues a transcript; a speech LLM whose adapter speaks the LLM's
language continues the speech in the same way. Two measures say how near it
is, on speech that it did not learn from: the divergence of its next-token
distributions from the text LLM's, and how alike the two greedy answers are.

Authors
 * The speechbrain_relm contributors 2026
"""

import os
import re
import shutil
from pathlib import Path

import torch
from speechbrain.utils.distributed import run_on_main

from speechbrain_relm.data.datasets import (
    load_batch,
    read_manifest,
    speech_dataset,
)
from speechbrain_relm.model.losses import response_kl
from speechbrain_relm.model.prompting import evaluating, score_response
from speechbrain_relm.model.re_llm import ragged, speech_part
from speechbrain_relm.model.sequences import PROMPT, RESPONSE
from speechbrain_relm.runs.alignment_report import (
    by_chance,
    summarize,
    write_report,
)
from speechbrain_relm.runs.provenance.data_inputs import audio_contents
from speechbrain_relm.runs.recipe import Recipe, step
from speechbrain_relm.utils.errors import RecipeError
from speechbrain_relm.utils.records import make_batches, work_through

BEFORE, AFTER, CHANCE = "before", "after", "chance"


class AlignmentRecipe(Recipe):
    """Aligns an adapter on a corpus of transcribed speech.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.
    brain : speechbrain_relm.training.brain.RELLMBrain
        Trains the adapter.
    measure_on : dict
        Further speech to measure on, besides the test set: a name to its
        `manifest` and `data_folder`.
    batch_size : int
        Utterances a batch, in measuring.

    Raises
    ------
    RecipeError
        If `measure_on` names something that is not there.
    ValueError
        If a manifest does not fit.
    """

    def __init__(self, hparams, brain, measure_on, batch_size):
        super().__init__(hparams, brain)
        self.batch_size = batch_size
        self.measured = {"test": self.entries["test"]}
        self.contents = {"test": self.heard}
        for name, where in measure_on.items():
            wanted = {"manifest", "data_folder"}
            if not re.fullmatch(r"[\w-]+", name) or name in self.measured:
                raise RecipeError(
                    f"measure_on: '{name}' cannot name a set of utterances: "
                    "take letters and digits, and not 'test'."
                )
            if set(where) != wanted or not Path(where["manifest"]).is_file():
                raise RecipeError(
                    f"measure_on: {name} needs a manifest, as the prepare "
                    "scripts write them, and its data_folder; it has "
                    f"{dict(where)}."
                )
            self.measured[name] = read_manifest(
                where["manifest"], where["data_folder"], emotions=None
            )
            self.contents[name] = run_on_main(
                audio_contents,
                args=[{name: self.measured[name]}, where["data_folder"]],
            )

    def file(self, name, what):
        """Names the file of what was measured.

        Arguments
        ---------
        name : str
            A set of utterances.
        what : str
            "text" (the text LLM's answers), "before" or "after".

        Returns
        -------
        pathlib.Path
            The file.
        """
        return self.folder / "alignment" / f"{name}_{what}.jsonl"

    @step("expected_responses")
    def expect_responses(self, system, instruction, settings):
        """Lets the text LLM continue all transcripts, the measured ones too.

        Arguments
        ---------
        system : str
            System message.
        instruction : str
            What stands before the transcript.
        settings : dict
            Generation settings.
        """
        super().expect_responses(system, instruction, settings)
        for name, entries in self.measured.items():
            self.ask_text_llm(
                entries, self.file(name, "text"), system, instruction, settings
            )

    @step("measure_before")
    def measure_before(self, settings):
        """Measures where the training starts from.

        Arguments
        ---------
        settings : dict
            Generation settings.
        """
        self._measure(BEFORE, {}, settings)

    @step("measure_after")
    def measure_after(self, settings):
        """Measures the best checkpoint, by what `best_by` names.

        Arguments
        ---------
        settings : dict
            Generation settings.
        """
        self._measure(AFTER, self.recover(), settings)

    def _measure(self, when, checkpoint, settings):
        """Measures every set of utterances."""
        inputs = {**self.inputs.of("measure"), **checkpoint}
        for name, entries in self.measured.items():
            measure(
                self.brain,
                entries,
                self.records(self.file(name, "text")),
                self.file(name, when),
                inputs,
                self.contents[name],
                self.hparams["continuation_from_text"],
                settings,
                self.batch_size,
            )

    @step("export")
    def export(self):
        """Copies the best checkpoint to `aligned`, for `init_from`.

        Raises
        ------
        RecipeError
            If nothing was trained.
        """
        best = self.brain.checkpointer.find_checkpoint(**self.brain.choosing())
        if best is None:
            raise RecipeError(
                f"{self.folder} has no checkpoint to export: the step 'fit' "
                "makes it."
            )
        run_on_main(_copy, args=[best.path / "model.ckpt", self.aligned])

    @property
    def aligned(self):
        """The folder for `init_from`."""
        return self.folder / "aligned"

    @step("report")
    def report(self, title, make_encoder):
        """Writes `alignment.json` and `table.md`.

        Arguments
        ---------
        title : str
            Heading.
        make_encoder : callable
            Makes the `SentenceEncoder` of the answers.

        Returns
        -------
        pathlib.Path
            Path of `table.md`.
        """
        found = {
            name: {
                when: self.records(self.file(name, when))
                for when in (BEFORE, AFTER)
                if f"measure_{when}" in self.hparams["steps"]
                or self.file(name, when).is_file()
            }
            for name in self.measured
        }
        encoder = make_encoder().to(self.brain.device)
        figures = {
            name: {w: summarize(r, encoder) for w, r in records.items()}
            for name, records in found.items()
        }
        for name, records in found.items():
            some = next(iter(records.values()))
            figures[name][CHANCE] = by_chance(some, encoder)
        run_on_main(
            write_report, args=[self.folder, title, figures, self.aligned]
        )
        return self.folder / "table.md"


def _copy(source, folder):
    """Copies a checkpoint whole or not at all."""
    folder.mkdir(exist_ok=True)
    partial = folder / f".{source.name}.{os.getpid()}"
    shutil.copyfile(source, partial)
    os.replace(partial, folder / source.name)


def measure(
    brain,
    entries,
    responses,
    path,
    inputs,
    contents,
    instruction,
    settings,
    size,
):
    """Compares the speech LLM with the text LLM, utterance by utterance.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        With the model to measure.
    entries : dict
        Manifest entries.
    responses : dict
        The text LLM's greedy answers, from `expect_responses`; utterances
        that it refused are left out.
    path : str or pathlib.Path
        Where the records go.
    inputs : dict
        What all records depend on: the model and its prompts.
    contents : dict
        Utterance id to the content of its wav.
    instruction : str
        What stood before the transcript.
    settings : dict
        Generation settings of those answers.
    size : int
        Utterances a batch.

    Returns
    -------
    dict
        Utterance id to a record with `kl`, the mean divergence (nats, T = 1)
        over the `tokens` of the text LLM's answer; the likeliest first tokens
        `first` and `text_first`; the answers `answer` and `text_answer`.
    """
    llm, system = brain.model.llm, brain.hparams.continuation_system
    kept = {i: e for i, e in entries.items() if not responses[i]["refused"]}
    dataset = speech_dataset(
        kept, llm, responses=responses, instruction=instruction
    )
    prompts = (
        llm.split_prompt(system, brain.instruction),
        llm.split_prompt(system, ""),
    )

    def _work(batch_ids):
        batch = load_batch(dataset, batch_ids).to(brain.device)
        records = compare(brain, batch, *prompts, settings)
        for utterance, record in zip(batch_ids, records):
            record["transcript"] = entries[utterance]["transcript"]
            record["text_answer"] = responses[utterance]["response"]
        return records

    of = {
        i: {
            "audio": contents[i],
            "transcript": entry["transcript"],
            "response": responses[i]["response"],
        }
        for i, entry in kept.items()
    }
    lengths = [entry["duration"] for entry in kept.values()]
    batches = make_batches(list(kept), lengths, size)
    return work_through(path, batches, _work, inputs, Path(path).stem, of)


@torch.no_grad()
def compare(brain, batch, prompt, text_prompt, settings):
    """Compares what follows speech with what follows its transcript.

    Arguments
    ---------
    brain : speechbrain_relm.training.brain.RELLMBrain
        With the model to measure.
    batch : speechbrain.dataio.batch.PaddedBatch
        From `speech_dataset`, with the text LLM's answers.
    prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        What stands around the speech.
    text_prompt : speechbrain_relm.lobes.parts.chat_template.Prompt
        What stands around the instruction and transcript.
    settings : dict
        Generation settings.

    Returns
    -------
    list of dict
        See `measure`.
    """
    model = brain.model
    response = ragged(*batch.response_ids, RESPONSE)
    with evaluating(model):
        speech = model.encode_speech(*batch.sig)
        logits, _ = score_response(
            model.llm, prompt, speech_part(speech), response
        )
        text = ragged(*batch.text_ids, PROMPT)
        text_logits = model.teach(text_prompt, text, response)
        answers = model.answer(speech, prompt, **settings)
    counts = response.counts.tolist()
    pairs = zip(logits.split(counts), text_logits.split(counts))
    return [
        {
            "id": utterance,
            "kl": float(response_kl(ours, theirs, temperature=1.0)),
            "tokens": len(ours),
            "first": int(ours[0].argmax()),
            "text_first": int(theirs[0].argmax()),
            "answer": answer.text,
        }
        for utterance, (ours, theirs), answer in zip(batch.id, pairs, answers)
    ]
