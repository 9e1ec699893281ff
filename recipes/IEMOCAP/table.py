#!/usr/bin/env python3
"""Table I on IEMOCAP: runs systems, one after another, and compares them.

To run it, do the following:
> python table.py hparams/re_llm.yaml --data_folder /path/to/IEMOCAP
or some systems only, by number, name or the path of a YAML of your own:
> python table.py hparams/re_llm.yaml --systems 1,3,6 --data_folder /path/to/IEMOCAP

Authors
 * The speechbrain_relm contributors 2026
"""

import sys

from train import HERE, main

from speechbrain_relm.runs.experiment import explain
from speechbrain_relm.runs.table_runs import run_table

if __name__ == "__main__":
    explain(run_table, main, sys.argv[1:], HERE)
