"""A CSV or Parquet file as a frame whose columns are numbers or text, and nothing else."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..arguments import is_number

TEXT = {".csv": ",", ".tsv": "\t"}  # what separates the fields, unless the header says otherwise
TABLES = (*TEXT, ".parquet")
SHOWN = 8  # names in an error


def is_table(name: str | Path) -> bool:
    """Whether a path names a table, by its suffix.

    Example:
        >>> is_table("data.CSV"), is_table("run.toml")
        (True, False)
    """
    return Path(name).suffix.lower() in TABLES


def read_table(path: Path) -> Any:
    """The rows of a table, columns by name: floats where the file says numbers, else text; gaps are None.

    In a CSV every column is text here: whether it holds numbers is for whoever knows what is expected.
    Empty fields, ``NA``, ``nan``, ``null`` and what else pandas knows are gaps.

    Args:
        path: of a CSV (or TSV) in UTF-8 with a header, or of a Parquet file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: empty, no header, names twice, rows longer than the header, not text, no table; or
            Parquet without pyarrow.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder, expected a file: {', '.join(TABLES)}.")
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}. Give the path of a table: {', '.join(TABLES)}.")
    if not is_table(path):
        raise ValueError(f"{path} is no table by its name, expected one of {', '.join(TABLES)}.")
    if not path.stat().st_size:
        raise ValueError(
            f"{path} is empty. Expected a line with the names of the columns, then rows."
        )
    frame = _parquet(path) if path.suffix.lower() == ".parquet" else _text(path)
    if not len(frame.columns):
        raise ValueError(f"{path} has no columns. Expected names of columns, then rows.")
    if not len(frame):
        raise ValueError(
            f"{path} has the columns {listed(frame.columns)}, but no rows. Add rows below the header."
        )
    return frame


def listed(names: Iterable[Any], most: int = SHOWN) -> str:
    """Names for an error, the first of many.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        "'a', 'b' and 1 more"
    """
    every = [repr(str(name)) for name in names]
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")


def _text(path: Path) -> Any:
    import pandas as pd

    header = _header(path)
    separator = max((TEXT[path.suffix.lower()], ";", "\t", ","), key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    _check_names(path, names)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # rows longer than the header
            frame = pd.read_csv(
                path, sep=separator, dtype=str, encoding="utf-8-sig", index_col=False,
                skipinitialspace=True,
            )  # fmt: skip
    except UnicodeDecodeError as error:
        raise _no_text(path, error) from None
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        told = str(error).replace("Error tokenizing data. C error: ", "").strip()
        told = f"rows have more fields than the {len(names)} names" if "Length" in told else told
        raise ValueError(
            f"{path} is no proper table: {told}. Put fields that hold {separator!r} in double quotes."
        ) from None
    except (pd.errors.EmptyDataError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a table: {error}.") from None
    frame.columns = names
    if separator == ";":
        frame = frame.apply(_decimal_points)
    return frame.astype(object).where(frame.notna(), None)


def _decimal_points(column: Any) -> Any:
    """A column of numbers with decimal commas, as files with semicolons have them, with points."""
    present = column.dropna()
    if len(present) and present.str.fullmatch(r"[+-]?\d+(,\d+)?").all():
        return column.str.replace(",", ".", regex=False)
    return column


def _header(path: Path) -> str:
    """The first line that holds something."""
    try:
        with path.open(encoding="utf-8-sig", newline=None) as file:
            line = next((line for line in file if line.strip()), "")
    except UnicodeDecodeError as error:
        raise _no_text(path, error) from None
    if "\0" in line:
        raise ValueError(f"{path} is no text: it holds zero bytes. Export it as CSV in UTF-8.")
    if not line:
        raise ValueError(
            f"{path} holds nothing but empty lines. Expected the names of the columns, then rows."
        )
    return line.rstrip("\r\n")


def _no_text(path: Path, error: UnicodeDecodeError) -> ValueError:
    return ValueError(
        f"{path} is no text in UTF-8 (byte {error.object[error.start]:#04x}). Export it as CSV in UTF-8."
    )


def _check_names(path: Path | str, names: list[str]) -> None:
    """Refuse a header whose names do not tell the columns apart, or that is a row of data."""
    blank = [i for i, name in enumerate(names, 1) if not name]
    if blank:
        raise ValueError(
            f"{path} has no name for column {blank[0]}. Name every column in the first line."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{path} has two columns {twice[0]!r}. Name every column differently.")
    if names and all(is_number(name) for name in names):
        raise ValueError(
            f"{path} begins with numbers ({listed(names, 3)}), expected the names of the columns. "
            "Put a line with names at the top."
        )


def _parquet(path: Path) -> Any:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise ValueError(
            f"{path} needs pyarrow to be read: pip install 'qdl[parquet]', or save the table as CSV."
        ) from None
    except Exception as error:  # whatever a file that is something else makes of it
        raise ValueError(f"{path} is no Parquet file that can be read: {error}") from None
    return as_table(frame, str(path))


def as_table(frame: Any, where: str) -> Any:
    """A frame of pandas with columns of floats and of text alone.

    Args:
        frame: any; its rows are numbered anew.
        where: what it is, for errors.

    Raises:
        ValueError: names twice, or columns of complex numbers or lists.
    """
    names = [str(name).strip() for name in frame.columns]
    _check_names(where, names)
    columns = {n: _plain(frame.iloc[:, i], n, where) for i, n in enumerate(names)}
    rows = {name: column.reset_index(drop=True) for name, column in columns.items()}
    return type(frame)(rows, columns=names)


def _plain(column: Any, name: str, where: str) -> Any:
    """Numbers as floats; texts, truth values, categories and dates as text."""
    import pandas as pd
    from pandas.api import types

    if types.is_complex_dtype(column.dtype):
        raise ValueError(f"{where}: column {name!r} holds complex numbers. Split or drop it.")
    if types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype):
        return column.astype("float64")
    there = column.notna()
    nested = next((v for v in column[there] if isinstance(v, list | tuple | dict | set)), None)
    if nested is not None or any(hasattr(v, "shape") for v in column[there].head(1)):
        raise ValueError(
            f"{where}: column {name!r} holds lists, expected one number or text a row. Drop it."
        )
    texts = [str(v) if known else None for v, known in zip(column, there, strict=True)]
    return pd.Series(texts, dtype=object)
