"""The sheet: questions as a CSV file that people fill in, and its way back into the store."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.judging.session import Choice, Session
from training.faults import DataFault
from training.whole_files import written

ROWS = 100
"""Questions of a sheet, if no verdict is expected sooner."""

_CHOICES: dict[str, Choice] = {
    "1": "left",
    "2": "right",
    "=": "same",
    "0": "none",
    "left": "left",
    "right": "right",
    "same": "same",
    "none": "none",
}
_ALLOWED = "1 (left), 2 (right), = (both alike) and 0 (none is good)"
_QUESTION = re.compile("0*[1-9][0-9]{0,8}")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_sheet(session: Session, file: Path) -> int:
    """Write the next questions as CSV and return how many.

    Raises
    ------
    DataFault
        All questions are answered, or the file cannot be written.
    """
    now, first = session.standing(), len(session.answers())
    wanted = max(20, min(ROWS, (now.expected or ROWS) * 3 // 2))
    turns = range(first, min(first + wanted, len(session.questions.asked)))
    if not turns:
        raise DataFault("all questions are answered; there is none left for a sheet")
    shown = [session.shown(turn) for turn in turns]
    depth = max(len(side) for each in shown for side in (each.left, each.right))
    head = ["judging", "question", "answer", "query"]
    head += [f"{side} {rank + 1}" for side in ("left", "right") for rank in range(depth)]
    try:
        # The byte order mark tells spreadsheets that the file is UTF-8.
        with written(file) as partial, partial.open("w", newline="", encoding="utf-8-sig") as lines:
            writer = csv.writer(lines)
            writer.writerow(head)
            for each in shown:
                sides = [side + ("",) * (depth - len(side)) for side in (each.left, each.right)]
                texts = [each.query, *sides[0], *sides[1]]
                row = [session.judging.number, each.turn + 1, "", *map(_as_text, texts)]
                writer.writerow(row)
    except OSError as fault:
        raise DataFault(f"{file}: cannot be written: {fault.strerror}") from None
    return len(turns)


def read_sheet(session: Session, file: Path) -> tuple[int, str]:
    """Store the answers of a sheet, in order and up to the first that is missing.

    Answers that are stored already are skipped, so that a sheet may be read again when more of it
    is filled in. What follows a question without an answer waits: people leave out the hard ones,
    and the others would not be a fair sample.

    Returns
    -------
    tuple
        How many answers were stored, and a sentence on what waits ("" where nothing does).

    Raises
    ------
    DataFault
        The file cannot be read, is of another comparison, or an answer is not one of the four.
    """
    stored, waits = 0, ""
    answered = len(session.answers())
    rows = list(_rows(session, file))
    for place, turn, choice in rows:
        if turn < answered:
            continue
        if choice is None or turn > answered:
            later = sum(each is not None for _, number, each in rows if number > answered)
            if later:
                waits = (
                    f"{place}: question {answered + 1} has no answer; {later} answers after it "
                    "wait until it has one"
                )
            break
        if session.answer(turn, choice):
            stored += 1
        answered += 1
    return stored, waits


def _rows(session: Session, file: Path) -> Iterator[tuple[str, int, Choice | None]]:
    """Yield (place, turn, answer) of each row; all are checked before the first is stored."""
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as fault:
        raise DataFault(f"{file}: cannot be read as CSV in UTF-8: {fault}") from None
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.DictReader(lines, delimiter=delimiter)
    try:
        missing = {"judging", "question", "answer"} - set(reader.fieldnames or ())
        rows = [] if missing else [(reader.line_num, row) for row in reader]
    except csv.Error as fault:
        raise DataFault(
            f"{file} line {reader.line_num + 1}: cannot be read as CSV: {fault}; `--csv` writes a "
            "new one"
        ) from None
    if missing:
        raise DataFault(f"{file}: the column {min(missing)!r} is missing; `--csv` writes a new one")
    for line, row in rows:
        place = f"{file} line {line}"
        number, question = (str(row[name] or "").strip() for name in ("judging", "question"))
        if number != str(session.judging.number):
            raise DataFault(
                f"{place}: is of judging {number[:40] or 'none'}, but this is judging "
                f"{session.judging.number}; name its two versions"
            )
        if not _QUESTION.fullmatch(question):
            raise DataFault(f"{place}: question is {question[:40]!r}; it must be a number above 0")
        answer = str(row["answer"] or "").strip().lower().removeprefix("'")
        if answer and answer not in _CHOICES:
            raise DataFault(f"{place}: answer is {answer[:40]!r}; allowed are {_ALLOWED}")
        yield place, int(question) - 1, _CHOICES.get(answer)


def _as_text(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
