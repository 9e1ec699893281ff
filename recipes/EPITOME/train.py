#!/usr/bin/env python3
"""Recipe for empathy scorers on EPITOME's Reddit annotations.

    python train.py hparams/minilm.yaml --data_folder /path/to/reddit_csvs
    python train.py hparams/minilm.yaml --data_folder download

Trains a bi-encoder for each mechanism of empathy (Sharma et al. 2020) and
leaves a scorer that the other recipes take as `scorer_source`.

Authors
 * The speechbrain_relm contributors 2026
"""

import json
import sys
from pathlib import Path

import speechbrain as sb

from speechbrain_relm.epitome.report import render_report
from speechbrain_relm.epitome.scorer import train_scorer
from speechbrain_relm.epitome.source import annotations_folder, describe
from speechbrain_relm.runs.ending import door, show_end
from speechbrain_relm.runs.experiment import (
    build,
    check_models,
    explain,
    prepare,
    start,
)
from speechbrain_relm.runs.provenance.dry_run import dry_run
from speechbrain_relm.runs.provenance.fits import begin_fit
from speechbrain_relm.utils.files import whole_folder, write_atomically

HERE = Path(__file__).resolve().parent

# What only the user can give: the name in the YAML, what it is, where from.
WANTED = {
    "data_folder": "the folder of EPITOME's three Reddit CSVs, or 'download' "
    "to fetch emotional-reactions-reddit.csv, explorations-reddit.csv and "
    "interpretations-reddit.csv from the dataset folder of "
    "https://github.com/behavioral-data/Empathy-Mental-Health (its licence "
    "asks for attribution)."
}


def main():
    """Runs the recipe."""
    hparams_file, run_opts, settings = start(sys.argv[1:], HERE, WANTED)
    if not settings["dry_run"]:
        sb.create_experiment_directory(
            experiment_directory=settings["output_folder"],
            hyperparams_to_save=hparams_file,
        )
    # What cannot work should cost seconds.
    check_models(hparams_file, settings)

    if settings["dry_run"]:
        return dry_run(hparams_file, run_opts, settings)
    data_folder = annotations_folder(settings["data_folder"])

    # A fifth of the posts is the test; no post is in two parts.
    from epitome_prepare import prepare_epitome  # noqa: E402

    prepare(
        prepare_epitome,
        data_folder=data_folder,
        manifest_folder=settings["manifest_folder"],
        valid_ratio=settings["valid_ratio"],
        folds=settings["folds"],
        test_fold=settings["test_fold"],
        test_folder=settings["test_folder"],
        seed=settings["split_seed"],
    )

    hparams = build(hparams_file)
    folder = Path(hparams["output_folder"])
    entries = {
        part: json.loads(
            Path(hparams["manifest_folder"], f"{part}.json").read_text(
                encoding="utf-8"
            )
        )
        for part in ("train", "valid", "test")
    }

    # Checkpoints of other settings or data are not gone on with.
    begin_fit(hparams_file, run_opts, settings)
    # A classifier for each mechanism; the best epochs by macro-F1, averaged.
    with whole_folder(folder / "scorer") as target:
        figures = train_scorer(
            entries,
            hparams,
            run_opts,
            target,
            trainings=hparams["trainings"],
            data=describe(data_folder),
            classifier=hparams["classifier"],
            opt_class=hparams["opt_class"],
            epoch_counter=hparams["epoch_counter"],
            checkpointer=hparams["checkpointer"],
            sampler=hparams["sampler"],
            valid_loader=hparams["valid_loader"],
            rationale_weight=hparams["rationale_weight"],
            ordinal_weight=hparams["ordinal_weight"],
            train_embeddings=hparams["train_embeddings"],
        )

    metrics = folder / "test_metrics.json"
    write_atomically(metrics, json.dumps(figures, indent=2))
    report = render_report(figures)
    write_atomically(folder / "report.md", report)
    asked = ["score", "responses.csv", "results/scores"]
    show_end(folder, report, door(*asked, "--scorer", folder / "scorer"))


if __name__ == "__main__":
    explain(main)
