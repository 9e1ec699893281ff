"""A page to talk with RE-LLM: `python -m speechbrain_relm.demo RELEASE`."""
