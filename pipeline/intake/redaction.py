"""Redaction: what names or reaches a person is taken out of texts before they are kept."""

import hashlib
import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Literal

Mode = Literal["mask", "tag", "off"]

_Match = tuple[int, int]
"""Where a match begins and ends."""

_EMAIL = re.compile(
    r"""[^\s@<>()\[\]\\,;:"']{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}[^\W\d_][^\W_]{1,62}"""
)
_IP4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d)", re.ASCII)
_IP6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\w:]|\.\d)", re.ASCII)
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z0-9]){11,30}", re.ASCII)
_IBAN_LENGTHS = range(15, 35)
_DIGITS = re.compile(r"(?<!\d)\d{3,}(?:[ \u00a0.-]\d{3,})*")
_GROUP = re.compile(r"\d+")
_CARD_LENGTHS = range(13, 20)
_CARD_BEGINS = "2345689"
_SEPARATOR = r"[ \u00a0\u202f./\u2010-\u2013-]{0,2}"
_PHONES = (
    # International: +49 171 1234567, 0049 (0) 171 1234567.
    re.compile(rf"(?<![\w+])(?:\+|00){_SEPARATOR}[1-9](?:{_SEPARATOR}[()]?{_SEPARATOR}\d){{6,14}}"),
    # National with a trunk zero: 0171 1234567, (030) 123456, 06 12 34 56 78.
    re.compile(rf"(?<![\w.,-])\(?0[1-9](?:{_SEPARATOR}[()]?{_SEPARATOR}\d){{6,10}}(?!\d)"),
    # North American: (555) 123-4567, 1-555-123-4567, 555.123.4567.
    re.compile(
        r"(?<![\w.-])(?:1[ .-]?)?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])\d{3}[ .-]?\d{4}(?!\w)"
    ),
    # Groups between equal separators: 612 345 678, 98765 43210, 12-34-56-78-90.
    re.compile(
        r"(?<![\w.,-])(?<!\d[ \u00a0])\d{2,4}([ \u00a0.-])\d{2,4}(?:\1\d{2,4}){1,3}"
        r"(?!\w|[.,-]\d|\1\d)"
    ),
    re.compile(r"(?<![\w.,-])(?<!\d[ \u00a0])\d{5}[ -]\d{5}(?!\w|[ .,-]\d)"),
)
_PHONE_LENGTHS = range(7, 16)
_GROUPED_LENGTHS = range(9, 12)
_DATE = re.compile(r"\d{1,2}([./-])\d{1,2}\1\d{2}(?:\d{2})?")
_MARK = re.compile(r"\[(?:e-mail|iban|ip|card|phone)\]")
_TELLING = 4
"""Letters and digits beside marks that tell a text from others."""
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")


class Redaction:
    """Takes personal data out of texts; called with a text, it returns what may be kept.

    The built-in patterns find e-mail addresses, card numbers (by their check digit), IBANs (by
    theirs), IP addresses and phone numbers in the usual ways of writing them. Names, addresses and
    whatever else tells a person are for a function of your own.

    Parameters
    ----------
    mode
        "mask" writes the kind of what is taken out; "tag" adds letters that are the same for the
        same value; "off" finds nothing.
    own
        Called with the result, and returns what may be kept; "" for nothing.
    key
        Makes letters that nobody without it can guess values from.

    Examples
    --------
    >>> redacted = Redaction()
    >>> redacted("I am ada@example.org, call +49 171 1234567")
    'I am [e-mail], call [phone]'
    >>> redacted("card 4111 1111 1111 1111, order 4111 1111 1111 1112")
    'card [card], order 4111 1111 1111 1112'
    """

    def __init__(
        self, mode: Mode = "mask", own: Callable[[str], str] | None = None, key: bytes = b""
    ) -> None:
        self._mode, self._own, self._key = mode, own, key

    @property
    def is_off(self) -> bool:
        """Whether every text stays as it is."""
        return self._mode == "off" and self._own is None

    def other(self, mode: Mode, *, own: bool) -> "Redaction":
        """Return one with the same key in another mode, with the own function or without."""
        return Redaction(mode, self._own if own else None, self._key)

    def __call__(self, text: str) -> str:
        """Return a text without what the patterns and the own function find.

        Raises
        ------
        Exception
            The own function failed: the text must not be kept.
        """
        if self._mode != "off":
            text = self._stable(text)
        if self._own is not None and text:
            text = self._own(text)
            if not isinstance(text, str):
                raise TypeError(f"a redactor must return a text, not {type(text).__name__}")
        return text

    def name(self, name: str) -> str:
        """Return what stands for a user or a session: itself, or letters if it is personal.

        Names stay apart, so that what belongs together can still be told.

        Examples
        --------
        >>> redacted = Redaction(key=b"of this workspace")
        >>> redacted.name("u-7"), redacted.name("ada@example.org")
        ('u-7', 'redacted-jpmommfhaifmiafg')
        """
        if self._mode == "off" or self._once(name) == name:
            return name
        return f"redacted-{self._tag(name, 8)}"

    def id(self, id: str) -> str:
        """Return what stands for an id: itself, or letters if it holds an e-mail address.

        Numbers stay: those of records and documents often look like numbers of phones.

        Examples
        --------
        >>> redacted = Redaction(key=b"of this workspace")
        >>> redacted.id("0049-171-1234567"), redacted.id("ada@example.org#2")
        ('0049-171-1234567', 'redacted-jpmommfhaifmiafg#2')
        """
        if self._mode == "off" or "@" not in id:
            return id
        stem, mark, number = id.rpartition("#")
        if mark and number.isdecimal():
            return f"{self.id(stem)}#{number}"
        return f"redacted-{self._tag(id, 8)}" if any(_emails(id)) else id

    def without(self, text: str) -> str:
        """Return what may be shown of a text: nothing where the own function fails on it."""
        try:
            return self(text)
        except Exception:
            return ""

    def tells(self, text: str) -> bool:
        """Say whether what is kept of a text still tells it from others.

        Examples
        --------
        >>> masked, tagged = Redaction("mask"), Redaction("tag", key=b"of this workspace")
        >>> masked.tells("ada@example.org"), tagged.tells("ada@example.org")
        (False, True)
        >>> masked.tells("mail ada@example.org")
        True
        """
        left = _MARK.sub("", self.without(text))
        return sum(map(str.isalnum, left)) >= _TELLING

    def _stable(self, text: str) -> str:
        # What stood beside a match may be one itself now. Each pass takes out digits or an "@".
        while (after := self._once(text)) != text:
            text = after
        return text

    def _once(self, text: str) -> str:
        for kind, found in _FINDERS:
            parts, behind = [], 0
            for begin, end in found(text):
                parts += [text[behind:begin], self._shown(kind, text[begin:end])]
                behind = end
            text = "".join((*parts, text[behind:]))
        return text

    def _shown(self, kind: str, value: str) -> str:
        if self._mode != "tag":
            return f"[{kind}]"
        plain = re.sub(r"[\W_]+", "", value) if kind != "e-mail" else value
        return f"[{kind}:{self._tag(plain.lower(), 4)}]"

    def _tag(self, value: str, size: int) -> str:
        # Letters only: a digit could make the next pass see a number.
        digest = hashlib.blake2b(
            value.encode("utf-8", "backslashreplace"), key=self._key[:64], digest_size=size
        )
        return digest.hexdigest().translate(_LETTERS)


def _emails(text: str) -> Iterator[_Match]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _addresses(text: str) -> Iterator[_Match]:
    """Yield IP addresses, but no times, and no names of programs such as `a::b`."""
    found: list[_Match] = []
    if text.count(":") > 1:
        sixth = [match for match in _IP6.finditer(text) if match[0].count(":") > 1]
        found += [each.span() for each in sixth if re.search(r"\d", each[0]) and _is_ip(each[0])]
    if text.count(".") > 2:
        # The end of the sixth version may be written as the fourth.
        ends = {end for _, end in found}
        spans = [match.span() for match in _IP4.finditer(text) if _is_ip(match[0])]
        found += [span for span in spans if span[1] not in ends]
    yield from sorted(found)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _ibans(text: str) -> Iterator[_Match]:
    """Yield IBANs; the words behind one may look like its end, so shorter ones are tried too."""
    for match in _IBAN.finditer(text):
        ends = [end for end in range(match.end(), match.start(), -1) if _ends_word(text, end)]
        for end in ends:
            plain = re.sub(r"[ \u00a0-]", "", text[match.start() : end])
            if len(plain) in _IBAN_LENGTHS and _is_iban(plain):
                yield match.start(), end
                break


def _ends_word(text: str, end: int) -> bool:
    return text[end - 1].isalnum() and not (end < len(text) and text[end].isalnum())


def _is_iban(plain: str) -> bool:
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1


def _cards(text: str) -> Iterator[_Match]:
    """Yield runs of groups of digits that are a card number, whatever numbers are beside them."""
    for run in _DIGITS.finditer(text):
        groups = [group.span() for group in _GROUP.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            last = _last_of_card(text, groups, first)
            if last is not None:
                yield groups[first][0], groups[last][1]
            first = first + 1 if last is None else last + 1


def _last_of_card(text: str, groups: list[_Match], first: int) -> int | None:
    digits = ""
    for last, (begin, end) in enumerate(groups[first:], first):
        digits += text[begin:end]
        if len(digits) >= _CARD_LENGTHS.stop:
            return None
        if len(digits) in _CARD_LENGTHS and _is_card(digits):
            return last
    return None


def _is_card(digits: str) -> bool:
    numbers = [int(each) for each in digits]
    # Of thirteen digits are the numbers of goods, and moments in milliseconds.
    begins = "4" if len(numbers) == _CARD_LENGTHS.start else _CARD_BEGINS
    doubled = [number * 2 - 9 * (number > 4) for number in numbers[-2::-2]]
    return str(numbers[0]) in begins and (sum(numbers[::-2]) + sum(doubled)) % 10 == 0


def _phones(text: str) -> Iterator[_Match]:
    found: list[_Match] = []
    for place, pattern in enumerate(_PHONES):
        lengths = _PHONE_LENGTHS if place < 3 else _GROUPED_LENGTHS
        found += [
            match.span()
            for match in pattern.finditer(text)
            if sum(map(str.isdigit, match[0])) in lengths and not _DATE.fullmatch(match[0])
        ]
    behind = 0
    for begin, end in sorted(found):
        if begin >= behind:
            yield begin, end
            behind = end


_FINDERS: tuple[tuple[str, Callable[[str], Iterator[_Match]]], ...] = (
    ("e-mail", _emails),
    ("iban", _ibans),
    ("ip", _addresses),
    ("card", _cards),
    ("phone", _phones),
)
"""Kind -> what finds it; the longer numbers first, as their parts may look like others."""
