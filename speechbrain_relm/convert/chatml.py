"""ChatML, the chat template of Qwen and SmolLM2.

Authors
 * The speechbrain_relm contributors 2026
"""

# Each message as it is: no system message is made up where there is none.
CHATML_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' "
    "+ message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}"
    "{{ '<|im_start|>assistant\\n' }}"
    "{% endif %}"
)
