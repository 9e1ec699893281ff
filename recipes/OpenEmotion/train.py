#!/usr/bin/env python3
"""Trains and evaluates RE-LLM on a free corpus of emotional speech.

To run this recipe, do the following:
> python train.py hparams/re_llm.yaml --corpus RAVDESS --data_folder /path/to/RAVDESS
and, with small models on a laptop:
> python train.py hparams/re_llm_mini.yaml --corpus RAVDESS --data_folder /path/to/RAVDESS

Start reading at the bottom.

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

import speechbrain as sb

from speechbrain_relm.model.prompting import with_style
from speechbrain_relm.runs.ending import listen_next, show_end
from speechbrain_relm.runs.experiment import build, explain, prepare, start
from speechbrain_relm.runs.planning.checks import check_run
from speechbrain_relm.runs.provenance.dry_run import dry_run
from speechbrain_relm.runs.recipe import Recipe
from speechbrain_relm.training.brain import RELLMBrain

HERE = Path(__file__).resolve().parent

# What only the user can give: the name in the YAML, what it is, where from.
WANTED = {
    "data_folder": "the corpus that `corpus` names, unpacked; where it can be "
    "had stands in speechbrain_relm/data/open_emotion and the README."
}


def main(argv):
    """Runs one system on the corpus.

    Arguments
    ---------
    argv : list of str
        A YAML and overrides.

    Returns
    -------
    speechbrain_relm.runs.recipe.Recipe
        The finished run.
    """
    hparams_file, run_opts, settings = start(argv, HERE, WANTED)
    if not settings["dry_run"]:
        sb.create_experiment_directory(
            experiment_directory=settings["output_folder"],
            hyperparams_to_save=hparams_file,
        )
    # Models, disks and the GPU: what cannot work should cost seconds.
    check_run(hparams_file, settings, run_opts)

    # Section III-B: manifests, by a protocol that others report. Before the
    # models are loaded: bad data should cost seconds.
    if "prepare" in settings["steps"]:
        from open_emotion_prepare import prepare_open_emotion  # noqa: E402

        prepare(
            prepare_open_emotion,
            corpus=settings["corpus"],
            data_folder=settings["data_folder"],
            manifest_folder=settings["manifest_folder"],
            emotions=settings["emotions"],
            emotion_names=settings["emotion_names"],
            split=settings["split"],
            fold=settings["fold"],
            test_speakers=settings["test_speakers"],
            test_ratio=settings["test_ratio"],
            valid_ratio=settings["valid_ratio"],
            min_duration=settings["min_duration"],
            max_duration=settings["max_duration"],
            seed=settings["split_seed"],
            speech_filter=settings["speech_filter"],
            download=settings["download"],
            dry_run=settings["dry_run"],
        )
    if settings["dry_run"]:
        return dry_run(hparams_file, run_opts, settings)

    hparams = build(hparams_file, settings["steps"])
    brain = RELLMBrain(
        modules=hparams["modules"],
        opt_class=hparams["opt_class"],
        hparams=hparams,
        run_opts=run_opts,
        checkpointer=hparams["checkpointer"],
        instruction=hparams["continuation_from_speech"],
        loss_weights=hparams["loss_weights"],
        lr_schedule=hparams["lr_schedule"],
        train_logger=hparams["train_logger"],
        embedding_folder=hparams["embedding_folder"],
        frame_folder=hparams["frame_folder"],
        examples=hparams["speech_examples"],
        rates=hparams["rates"],
        best_by=hparams["best_by"],
        fsdp=hparams["fsdp"],
        log_interval_steps=hparams["log_interval_steps"],
        step_logger=hparams["step_logger"],
    )
    recipe = Recipe(hparams, brain)

    # Section III-B: pseudo labels of arousal, dominance and valence.
    recipe.label_attributes(hparams["labelling_batch_size"])
    # Section II-B.1, Step 1: expected responses of the text LLM.
    recipe.expect_responses(
        hparams["continuation_system"],
        hparams["continuation_from_text"],
        hparams["expected_response_settings"],
        hparams["continuation_examples"],
        hparams["expected_response_flaws"],
        hparams["expected_response_engine"],
    )
    # Whether they differ with the emotion: else there is nothing to learn.
    recipe.check_targets(hparams["judge"])
    # Section II-B.2, Step 2: behaviour alignment with the auxiliary tasks.
    training = recipe.training(
        hparams["sampler"], hparams["train_loader"], hparams["valid_loader"]
    )
    if training is not None:
        brain.fit(hparams["epoch_counter"], **training)
    # Section III-C: what Whisper hears, for the system that reads it.
    recipe.transcribe(hparams["transcriber"], hparams["generation_batch_size"])
    # Section III: responses to the test speech, and the emotion heard in it.
    response = (
        with_style(hparams["response_system"], hparams["response_style"]),
        hparams["response_instruction"],
        hparams["response_settings"],
    )
    recipe.respond(
        hparams["listener"],
        response=response,
        recognition=(
            hparams["recognition_system"],
            hparams["recognition_instruction"],
            hparams["recognition_settings"],
        ),
        sentence=hparams["recognition_sentence"],
        lexicon=hparams["recognition_lexicon"],
    )
    # What the same frames give away to a logistic regression.
    recipe.probe(hparams["labelling_batch_size"])
    # Section II-C: Emotional Reaction and Exploration by EPITOME.
    recipe.score_empathy(hparams["empathy_scorer"])
    # Whether the responses follow the voice, and say what was said.
    recipe.listen(hparams["judge"])
    # The same words in another voice, and which ear is followed.
    recipe.same_words(hparams["judge"], hparams["listener"], response)
    # Tables I and II.
    report = recipe.report(
        hparams["report_title"],
        hparams["report_remarks"],
        hparams["baseline"],
    )
    # What `speechbrain_relm.inference.re_llm.EmpatheticListener` loads.
    recipe.release(
        hparams["report_title"],
        hparams["report_remarks"],
        hparams["corpus_licence"],
    )
    # Where all that is, and how to listen with it.
    entries = recipe.entries["test"]
    show_end(recipe.folder, report, listen_next(recipe.folder, entries))
    return recipe


if __name__ == "__main__":
    explain(main, sys.argv[1:])
