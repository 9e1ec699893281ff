"""Table I as a CSV: every number, a line each cell.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import io

from speechbrain_relm.evaluation.statistics import PairedTest
from speechbrain_relm.evaluation.tables.measured import Cell

COLUMNS = (
    "metric,system,value,deviation,low,high,seed_deviation,clusters,"
    "difference,difference_low,difference_high,p_clustered,p_wilcoxon,effect,"
    "ties,pairs,nonzero,p_holm,best,scorer"
).split(",")


def to_csv(cells):
    """Prints every number, a line each cell.

    Arguments
    ---------
    cells : list of Cell
        From `table_cells`.

    Returns
    -------
    str
        CSV.

    Example
    -------
    >>> print(to_csv([Cell("ER", "A", 1.0)]).splitlines()[1][:10])
    ER,A,1.0,,
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for cell in cells:
        test = cell.test
        of_test = [""] * 9
        if test:
            of_test = [
                test.difference,
                *(test.interval or ("", "")),
                test.clustered_p,
                test.p,
                test.effect,
                test.ties,
                test.pairs,
                test.nonzero,
            ]
        writer.writerow(
            [
                cell.metric,
                cell.system,
                cell.value,
                cell.deviation,
                *(cell.interval or ("", "")),
                cell.seed_deviation,
                cell.clusters,
                *of_test,
                cell.holm_p,
                cell.best,
                cell.scorer,
            ]
        )
    return buffer.getvalue()


def read_csv(text):
    """Reads what `to_csv` printed.

    Arguments
    ---------
    text : str
        CSV.

    Returns
    -------
    list of Cell
        The cells.

    Raises
    ------
    ValueError
        If it has other columns, as earlier versions wrote.

    Example
    -------
    >>> cells = [Cell("ER", "A", 1.0, 0.5, (0.9, 1.1), None, None, True)]
    >>> read_csv(to_csv(cells)) == cells
    True
    """
    reader = csv.DictReader(io.StringIO(text))
    missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
    if missing:
        raise ValueError(
            f"table.csv has no column {missing[0]}: an earlier version wrote "
            "it. Make the table again (step 'report', or the command 'table')."
        )
    return [_read_cell(row) for row in reader]


def _read_cell(row):
    def _number(name, kind=float):
        return kind(row[name]) if row[name] else None

    def _interval(low, high):
        return (_number(low), _number(high)) if row[low] else None

    test = None
    if row["p_clustered"]:
        test = PairedTest(
            _number("p_wilcoxon"),
            _number("pairs", int),
            _number("ties"),
            _number("effect"),
            _number("nonzero", int),
            _number("difference"),
            _interval("difference_low", "difference_high"),
            _number("p_clustered"),
            _number("clusters", int),
        )
    return Cell(
        row["metric"],
        row["system"],
        float(row["value"]),
        _number("deviation"),
        _interval("low", "high"),
        test,
        _number("p_holm"),
        row["best"] == "True",
        row["scorer"] or None,
        _number("seed_deviation"),
        _number("clusters", int),
    )
