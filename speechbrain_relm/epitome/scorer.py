"""Trains classifiers of all mechanisms and leaves an empathy scorer.

Authors
 * The speechbrain_relm contributors 2026
"""

from pathlib import Path

import torch
from speechbrain.utils.logger import get_logger
from speechbrain.utils.train_logger import FileTrainLogger

from speechbrain_relm.epitome.baselines import measure_baselines
from speechbrain_relm.epitome.data import epitome_dataset
from speechbrain_relm.epitome.training import EpitomeBrain
from speechbrain_relm.lobes.epitome_classifier import share_encoders
from speechbrain_relm.lobes.parts.epitome_folder import save_scorer

logger = get_logger(__name__)


def train_together(
    mechanisms,
    entries,
    hparams,
    run_opts,
    *,
    classifier,
    opt_class,
    epoch_counter,
    checkpointer,
    sampler,
    valid_loader,
    rationale_weight,
    ordinal_weight,
    train_embeddings,
):
    """Trains and measures classifiers that share their encoders.

    Arguments
    ---------
    mechanisms : list of str
        E.g. all three, or a single one as in the original.
    entries : dict
        "train", "valid" and "test" to annotated pairs, as `epitome_dataset`
        takes them.
    hparams : dict
        `output_folder`, `seed`, `tokenizer`, `max_length`, `lr` and
        `ckpt_interval_steps`.
    run_opts : dict or None
        SpeechBrain's run options.
    classifier : callable
        Makes an `EpitomeClassifier`.
    opt_class : callable
        Makes the optimizer.
    epoch_counter : callable
        Makes the counter of epochs, which stops early.
    checkpointer : callable
        Makes the checkpointer.
    sampler : callable
        Makes the sampler of training batches by length.
    valid_loader : dict
        Arguments of the loader of validation and test.
    rationale_weight : float
        Share of the rationales' loss.
    ordinal_weight : float
        Share of the levels' ordinal loss.
    train_embeddings : bool
        Whether the embeddings of the responses' words learn.

    Returns
    -------
    classifiers : dict
        Mechanism to the `EpitomeClassifier` of the best epoch.
    figures : dict
        Mechanism to figures on the test part, see `Kept.measure` and
        `measure_baselines`.
    """
    folder = Path(hparams["output_folder"]) / "+".join(mechanisms)
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(hparams["seed"])
    classifiers = {name: classifier() for name in mechanisms}
    share_encoders(classifiers.values())
    module = torch.nn.ModuleDict(classifiers)
    counter = epoch_counter()
    brain = EpitomeBrain(
        modules={"classifiers": module},
        opt_class=opt_class,
        hparams={
            **hparams,
            "rationale_weight": rationale_weight,
            "ordinal_weight": ordinal_weight,
            "train_embeddings": train_embeddings,
            "epoch_counter": counter,
        },
        train_logger=FileTrainLogger(folder / "train_log.txt"),
        run_opts=run_opts,
        checkpointer=checkpointer(
            folder / "save",
            recoverables={"classifiers": module, "counter": counter},
        ),
    )
    datasets = {
        part: epitome_dataset(
            # Responses of like length are neighbours: little padding.
            dict(sorted(of_part.items(), key=_response_length)),
            mechanisms,
            hparams["tokenizer"],
            hparams["max_length"],
        )
        for part, of_part in entries.items()
    }
    lengths = [len(example["ids"]) for example in datasets["train"]]
    batches = sampler(datasets["train"], lengths_list=lengths)
    # SpeechBrain tells it the epoch: other batches in each.
    brain.train_sampler = batches
    brain.fit(
        counter,
        datasets["train"],
        datasets["valid"],
        train_loader_kwargs={"batch_sampler": batches},
        valid_loader_kwargs=valid_loader,
    )
    brain.calibrate(datasets["valid"], valid_loader)
    brain.evaluate(datasets["test"], test_loader_kwargs=dict(valid_loader))
    figures = {
        name: brain.kept[name].measure(entries["test"])
        | _calibration(brain, name)
        | measure_baselines(brain, entries, name)
        for name in mechanisms
    }
    logger.info("Test figures: %s", figures)
    module.cpu()
    return classifiers, figures


def _calibration(brain, mechanism):
    """Says what the temperature was and what it has mended."""
    temperature = brain.temperatures[mechanism]
    before = brain.kept[mechanism].raw_calibration_error(temperature)
    return {"temperature": temperature, "raw_calibration_error": before}


def _response_length(item):
    """Orders entries by the length of their response."""
    utterance, entry = item
    return len(entry["response"]), utterance


def train_scorer(
    entries, hparams, run_opts, target, trainings, data=None, **objects
):
    """Trains every mechanism and saves them as one scorer.

    Arguments
    ---------
    entries : dict
        See `train_together`.
    hparams : dict
        See `train_together`.
    run_opts : dict or None
        SpeechBrain's run options.
    target : str or pathlib.Path
        An existing folder, for what `EmpathyScorer` loads.
    trainings : list of list of str
        The mechanisms that are trained together.
    data : str, optional
        What they learn from, for readers of the scores.
    **objects
        See `train_together`.

    Returns
    -------
    dict
        Figures of each mechanism.
    """
    classifiers, figures = {}, {}
    # The released code trains each mechanism alone, encoders included.
    for mechanisms in trainings:
        trained = train_together(
            mechanisms, entries, hparams, run_opts, **objects
        )
        classifiers.update(trained[0])
        figures.update(trained[1])
    save_scorer(
        target,
        classifiers,
        hparams["tokenizer"],
        hparams["max_length"],
        figures,
        data,
    )
    return figures
