"""Table I as a CSV: every number, a line each cell.

Authors
 * The speechbrain_relm contributors 2026
"""

import csv
import io
import math

from speechbrain_relm.evaluation.statistics import PairedTest
from speechbrain_relm.evaluation.tables.measured import Cell
from speechbrain_relm.utils.text.reading import read_table

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


def read_csv(path):
    """Reads what `to_csv` printed.

    Arguments
    ---------
    path : str or pathlib.Path
        A `table.csv`.

    Returns
    -------
    list of Cell
        The cells.

    Raises
    ------
    ValueError
        If it has other columns, as earlier versions wrote, or no numbers.

    Example
    -------
    >>> cells = [Cell("ER", "A", 1.0, 0.5, (0.9, 1.1), None, None, True)]
    >>> path = getfixture("tmp_path") / "table.csv"
    >>> _ = path.write_text(to_csv(cells), encoding="utf-8")
    >>> read_csv(path) == cells
    True
    """
    cells = {}
    again = "Make it again (step 'report', or the command 'table')."
    try:
        rows = read_table(path, COLUMNS)
    except ValueError as err:
        raise ValueError(f"{err} {again}") from None
    for place, row in rows:
        try:
            cell = _read_cell(row)
        except ValueError as err:
            raise ValueError(f"{place}: {err}. {again}") from None
        if not math.isfinite(cell.value):
            raise ValueError(f"{place}: the value is {row['value']}. {again}")
        if cells.setdefault(cell[:2], cell) is not cell:
            raise ValueError(
                f"{place}: {cell.metric} of {cell.system} is there twice. "
                f"{again}"
            )
    return list(cells.values())


def _read_cell(row):
    row = {name: text.strip() for name, text in row.items()}

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
