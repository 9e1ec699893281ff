"""Responses to the test speech, and what emotion was heard in it.

The speech is encoded once; the same embeddings go to the response prompt,
the recognition prompt (Section II-C) and the emotion heads.

Authors
 * The speechbrain_relm contributors 2026
"""

import re

import torch

from speechbrain_relm.data import load_batch, speech_dataset
from speechbrain_relm.dimensions import DIMENSIONS
from speechbrain_relm.model import evaluating
from speechbrain_relm.records import make_batches, work_through

# Words of an answer that name a class.
EMOTION_WORDS = {
    "neutral": "neutral",
    "sad": "sad",
    "sadness": "sad",
    "angry": "angry",
    "anger": "angry",
    "happy": "happy",
    "happiness": "happy",
    "surprise": "surprise",
    "surprised": "surprise",
}


def parse_emotion(answer):
    """Reads the emotion out of an answer to the recognition prompt.

    Arguments
    ---------
    answer : str
        What the LLM said.

    Returns
    -------
    str or None
        The one emotion it names; `None` if it names none or several.

    Example
    -------
    >>> parse_emotion("The tone is sad. Sadness!"), parse_emotion("Sad/angry")
    ('sad', None)
    """
    words = re.findall(r"[a-z]+", answer.lower())
    named = {EMOTION_WORDS[word] for word in words if word in EMOTION_WORDS}
    return named.pop() if len(named) == 1 else None


def respond(brain, entries, path, checkpoint):
    """Answers test utterances and recognizes their emotion.

    Arguments
    ---------
    brain : speechbrain_relm.brain.RELLMBrain
        With the trained model recovered.
    entries : dict
        Manifest entries.
    path : str or pathlib.Path
        Where the records go.
    checkpoint : str
        Name of the checkpoint, so that a newer one is not mixed with it.

    Returns
    -------
    dict
        Utterance id to a record: `transcript`, `emotion`, `response`,
        `finished`, `ser_answer` and `ser_emotion` (by prompt),
        `likelihood_emotion` (the label likeliest after the prompt),
        `head_emotion` and `head_probabilities` (by the category head), and
        the dimension head's arousal, dominance and valence.
    """
    hparams, model = brain.hparams, brain.model
    dataset = speech_dataset(entries)
    response_prompt = brain.prompt_around_speech(
        hparams.response_system, hparams.response_instruction
    )
    recognition_prompt = brain.prompt_around_speech(
        hparams.recognition_system, hparams.recognition_instruction
    )

    def work(batch_ids):
        batch = load_batch(dataset, batch_ids).to(brain.device)
        wavs, wav_lens = batch.sig
        embedding = brain.embed_emotion(batch.id, wavs, wav_lens)
        speech = model.encode_speech(wavs, wav_lens, embedding)
        responses = model.answer(
            speech, response_prompt, **hparams.response_settings
        )
        answers = model.answer(
            speech, recognition_prompt, **hparams.recognition_settings
        )
        likelihoods = model.rate(speech, recognition_prompt, hparams.emotions)
        probabilities = speech.category_logits.softmax(-1)
        return [
            {
                "id": utterance,
                "transcript": entries[utterance]["transcript"],
                "emotion": entries[utterance]["emotion"],
                "response": response.text,
                "finished": response.finished,
                "ser_answer": answer.text,
                "ser_emotion": parse_emotion(answer.text),
                "likelihood_emotion": hparams.emotions[int(rated.argmax())],
                "head_emotion": hparams.emotions[int(row.argmax())],
                "head_probabilities": dict(zip(hparams.emotions, row.tolist())),
                **dict(zip(DIMENSIONS, attributes.tolist())),
            }
            for utterance, response, answer, rated, row, attributes in zip(
                batch.id,
                responses,
                answers,
                likelihoods,
                probabilities,
                speech.attributes,
            )
        ]

    lengths = [entry["duration"] for entry in entries.values()]
    batches = make_batches(
        list(entries), lengths, hparams.generation_batch_size
    )
    settings = {
        "checkpoint": checkpoint,
        "system": hparams.response_system,
        "instruction": hparams.response_instruction,
        **hparams.response_settings,
        "recognition_instruction": hparams.recognition_instruction,
    }
    with torch.no_grad(), evaluating(brain.modules):
        return work_through(path, batches, work, settings, "responses")
