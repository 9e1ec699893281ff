#!/usr/bin/env python3
"""Table I on a free corpus: runs systems, one after another, and compares them.

To run it, do the following:
> python table.py hparams/re_llm.yaml --corpus RAVDESS --data_folder /path/to/RAVDESS
or some systems only, by number, name or the path of a YAML of your own:
> python table.py hparams/re_llm.yaml --systems 1,3,6 --corpus RAVDESS --data_folder /path/to/RAVDESS

Authors
 * The speechbrain_relm contributors 2026
"""

import sys

from train import HERE, main

from speechbrain_relm.runs.experiment import explain
from speechbrain_relm.runs.table_runs import run_table

if __name__ == "__main__":
    explain(run_table, main, sys.argv[1:], HERE)
