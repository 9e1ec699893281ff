"""What a release keeps of its run's YAML.

Authors
 * The speechbrain_relm contributors 2026
"""

# What the interface and `same_words` need; whatever these refer to comes
# along.
NEEDED = (
    "emotions",
    "response_system",
    "response_style",
    "response_instruction",
    "response_settings",
    "recognition_system",
    "recognition_instruction",
    "recognition_sentence",
    "recognition_settings",
    "continuation_system",
    "continuation_from_text",
    "continuation_examples",
    "emotion_encoder",
    "model",
)
