#!/usr/bin/env python3
"""Aligns a speech encoder with a text LLM on LibriSpeech (BLSP, stage 1).

To run this recipe, do the following:
> python train.py hparams/align.yaml --data_folder /path/to/LibriSpeech
and, with small models on a laptop:
> python train.py hparams/align_mini.yaml --data_folder /path/to/LibriSpeech

The LLM continues transcripts; the adapter learns that speech in a
transcript's place is continued likewise. It leaves the folder `aligned`, from
which the other recipes start (`init_from`).

Authors
 * The speechbrain_relm contributors 2026
"""

import sys
from pathlib import Path

import speechbrain as sb

from speechbrain_relm.runs.alignment import AlignmentRecipe
from speechbrain_relm.runs.ending import show_end, train_next
from speechbrain_relm.runs.experiment import build, explain, prepare, start
from speechbrain_relm.runs.planning.checks import check_run
from speechbrain_relm.runs.provenance.dry_run import dry_run
from speechbrain_relm.training.brain import RELLMBrain

HERE = Path(__file__).resolve().parent

# What only the user can give: the name in the YAML, what it is, where from.
WANTED = {
    "data_folder": "the folder of LibriSpeech, or of any transcribed speech in "
    "its layout; download it from https://www.openslr.org/12."
}


def main(argv):
    """Aligns and measures.

    Arguments
    ---------
    argv : list of str
        A YAML and overrides.
    """
    hparams_file, run_opts, settings = start(argv, HERE, WANTED)
    if not settings["dry_run"]:
        sb.create_experiment_directory(
            experiment_directory=settings["output_folder"],
            hyperparams_to_save=hparams_file,
        )
    # Models, disks and the GPU: what cannot work should cost seconds.
    check_run(hparams_file, settings, run_opts)

    # Before the models are loaded: bad data should cost seconds.
    if "prepare" in settings["steps"]:
        from librispeech_prepare import prepare_librispeech  # noqa: E402

        prepare(
            prepare_librispeech,
            data_folder=settings["data_folder"],
            manifest_folder=settings["manifest_folder"],
            train_sets=settings["train_sets"],
            valid_sets=settings["valid_sets"],
            test_sets=settings["test_sets"],
            min_duration=settings["min_duration"],
            max_duration=settings["max_duration"],
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
        log_interval_steps=hparams["log_interval_steps"],
        step_logger=hparams["step_logger"],
    )
    recipe = AlignmentRecipe(
        hparams,
        brain,
        hparams["measure_on"],
        hparams["generation_batch_size"],
    )

    # How the text LLM continues each transcript.
    recipe.expect_responses(
        hparams["continuation_system"],
        hparams["continuation_from_text"],
        hparams["expected_response_settings"],
    )
    # How near the speech is to its transcript, on unseen utterances.
    recipe.measure_before(hparams["expected_response_settings"])
    # The adapter learns to bring it nearer.
    training = recipe.training(
        hparams["sampler"], hparams["train_loader"], hparams["valid_loader"]
    )
    if training is not None:
        brain.fit(hparams["epoch_counter"], **training)
    recipe.export()
    recipe.measure_after(hparams["expected_response_settings"])
    report = recipe.report(hparams["report_title"], hparams["sentence_encoder"])
    then = train_next(hparams_file, HERE, "init_from", recipe.aligned)
    show_end(recipe.folder, report, then)


if __name__ == "__main__":
    explain(main, sys.argv[1:])
