"""Which settings each step depends on; all that is not named is the fit's.

So a setting that somebody adds to a YAML cannot change in silence: a fit that
it may have changed is refused until it is named here.

Authors
 * The speechbrain_relm contributors 2026
"""

from speechbrain_relm.utils.dimensions import DIMENSIONS

# No result depends on them: places, whose content is asked for instead; what
# runs, and how fast; and objects that are made of other settings alone. The
# number of epochs is looked at by itself: it may grow.
FREE = (
    "output_folder shared_folder embedding_folder frame_folder save_folder "
    "train_log manifest_folder data_folder transcripts_folder emotions_file "
    "epitome_folder experiment_name system system_title steps "
    "generation_batch_size labelling_batch_size valid_loader fsdp "
    "ckpt_interval_minutes ckpt_interval_steps log_interval_steps step_logger "
    "train_logger checkpointer epoch_counter modules number_of_epochs"
).split()
# The same inside a setting: arguments of PyTorch's loader, and how a server is
# asked for the answers of its model.
FREE_INSIDE = (
    "num_workers pin_memory prefetch_factor persistent_workers url concurrency "
    "attempts wait timeout"
).split()

# Steps that come after the fit, or beside it.
_RESPONSE = (
    "response_system response_style response_instruction response_settings"
).split()
_RECOGNITION = (
    "recognition_system recognition_instruction recognition_sentence "
    "recognition_settings"
).split()
_HEARING = ["model", "__start", "emotion_encoder", "listener"]
NAMED = {
    "attributes": ["emotion_model"],
    "expected_responses": [
        "chat_llm",
        "continuation_system",
        "continuation_from_text",
        "continuation_examples",
        "expected_response_settings",
        "expected_response_flaws",
    ],
    "transcribe": ["transcriber"],
    "respond": ["emotions", *_HEARING, *_RESPONSE, *_RECOGNITION],
    "recognize": ["emotions", *_HEARING],
    "score": ["empathy_scorer"],
    "same_words": [*_HEARING, *_RESPONSE],
    "measure": [
        "model",
        "continuation_system",
        "continuation_from_text",
        "continuation_from_speech",
        "expected_response_settings",
    ],
}
# What a record depends on by itself: of its manifest entry, and its "audio".
OF_RECORD = {
    "attributes": ["audio"],
    "expected_responses": ["transcript", "emotion"],
    "transcribe": ["audio", "transcript"],
    "respond": [
        "audio",
        "transcript",
        "emotion",
        "cluster",
        "heard",
        *DIMENSIONS,
    ],
    "recognize": ["audio", "emotion", "cluster"],
}
# What only such steps depend on.
FIT = "fit"  # the step that is refused rather than done again
AFTER_FIT = [
    *_RESPONSE,
    *_RECOGNITION,
    "recognition_lexicon",
    "listener",
    "transcriber",
    "empathy_scorer",
    "scorer_source",
    "judge",
    "baseline",
    "report_title",
    "report_remarks",
    "corpus_licence",
    "sentence_encoder",
    "sentence_source",
    "measure_on",
]
# SpeechBrain's run options that decide numbers; they win over the YAML.
OPTIONS = (
    "precision auto_mix_prec bfloat16_mix_prec max_grad_norm "
    "skip_nonfinite_grads grad_accumulation_factor remove_vector_weight_decay"
).split()
HEARING_OPTIONS = ["eval_precision"]
