# SPDX-License-Identifier: BSD-3-Clause
"""Event logs of Windows: .evtx, and exports of them as XML, CSV and text.

Every event of a NIC's driver becomes one line, whatever it was read from:
"Windows event 5007 ena: Timed out during an operation". The log itself does not hold the message,
which belongs to the driver's file: it is added by the event's number.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from evtx import PyEvtxParser

from labkit.text import reason
from labkit.trouble.evidence import UNKNOWN, Event, Item, Moment, Note, Place
from labkit.trouble.readers.asked import Asked
from labkit.trouble.readers.windows_events import EVENTS, SUBOPTIMAL

MAGIC = b"ElfFile\x00"
HEADER, CHUNK = 4096, 65536  # bytes of the file's header, and of each of its chunks
SOURCES = frozenset({"ena"})
LONGEST_MESSAGE = 4096  # of an export in lines
MOST_DAMAGED = 1_000  # records of a log, after which it is left
_BEGIN, _END = re.compile(r"<Event[\s>]"), "</Event>"
_PROVIDER = re.compile(r"<Provider\b[^>]*\bName=[\"'](?P<name>[^\"']*)[\"']")
_ADAPTER = re.compile(r"^(?P<name>[^:\r\n]{1,80}(?:Adapter|NIC|Ethernet)[^:\r\n]{0,20}?) ?: (?!$)")
_FIELD = re.compile(r"^\s*(?P<name>[A-Za-z][A-Za-z ]{0,30}?)\s*: ?(?P<value>.*)$")
_TABLE = re.compile(
    r"^\s*(?P<time>\S+ \d{1,2}:\d\d:\d\d(?: [AP]M)?)\s+(?P<id>\d+) (?P<level>[A-Z]\w+)\s+"
    r"(?P<message>\S.*)$"
)
_TABLE_OF = re.compile(r"^\s*ProviderName: (?P<source>\S+)\s*$")
_DAY = re.compile(
    r"^(?P<a>\d{1,2})(?P<by>[./-])(?P<b>\d{1,2})[./-](?P<year>\d{4}),? "
    r"(?P<time>\d{1,2}:\d\d:\d\d)(?: ?(?P<half>[AP]M))?$",
    re.IGNORECASE,
)
_NAMES = {
    "source": ("providername", "source", "event source"),
    "id": ("id", "event id", "eventid"),
    "time": ("timecreated", "date and time", "date", "timegenerated"),
    "message": ("message", "description"),
    "binary": ("binary", "data"),
}
_KEYS = {name: key for key, names in _NAMES.items() for name in names}


@dataclass(frozen=True)
class _Entry:
    """An event as it was written down."""

    source: str
    number: int
    time: str
    place: Place
    message: str = ""
    strings: tuple[str, ...] = ()
    binary: str = ""


def read_evtx(data: bytes, name: str) -> Iterator[Item]:
    """The events of a log of Windows itself."""
    entries: list[_Entry] = []
    damaged, why = 0, ""
    if len(data) < HEADER + CHUNK * int.from_bytes(data[42:44], "little"):
        yield Note(Place(name), "is cut off", True)
    try:
        records = iter(PyEvtxParser(BytesIO(data), 1).records())
    except (RuntimeError, ValueError, OSError) as error:
        yield Note(Place(name), f"is no event log that can be read: {reason(error)}", True)
        return
    while damaged < MOST_DAMAGED:
        try:
            record = next(records)
        except StopIteration:
            break
        except (RuntimeError, ValueError, OSError) as error:
            damaged, why = damaged + 1, reason(error)
            continue
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # Rust's, which is no Exception
                raise
            damaged, why = damaged + 1, str(error)
            break
        if record is not None and _is_ours(record["data"]):
            place = Place(name, int(record["event_record_id"]))
            entry = _element(record["data"], place)
            damaged += entry is None
            entries += [entry] if entry is not None else []
    if damaged:
        yield Note(Place(name), f"is damaged: {damaged:,} records could not be read. {why}", True)
    yield from _told(entries, name)


def read(lines: Sequence[str], name: str, asked: Asked) -> Iterator[Item]:
    """The events of exports."""
    del asked
    entries = [*_csv(lines, name), *_fields(lines, name), *_table(lines, name)]
    damaged: list[int] = []
    for line, xml in _elements("\n".join(lines)):
        if xml is None:
            yield Note(Place(name, line), "the last event is cut off", True)
        elif _is_ours(xml):
            entry = _element(xml, Place(name, line))
            if entry is None:
                damaged.append(line)
            else:
                entries.append(entry)
    if damaged:
        told = f"{len(damaged):,} events are damaged, or unsafe, and were passed over"
        yield Note(Place(name, damaged[0]), told, True)
    if entries:
        yield from _told(entries, name)


def _elements(text: str) -> Iterator[tuple[int, str | None]]:
    """Every <Event> and its line; None for one without an end."""
    line, counted, over = 1, 0, 0
    for begin in _BEGIN.finditer(text):
        if begin.start() < over:
            continue
        line += text.count("\n", counted, begin.start())
        counted = begin.start()
        end = text.find(_END, begin.end())
        if end < 0:
            yield line, None
            return
        over = end + len(_END)
        yield line, text[begin.start() : over]


def _told(entries: Sequence[_Entry], name: str) -> Iterator[Item]:
    month_first = _is_month_first(entry.time for entry in entries)
    is_local = False
    timed = [(*_moment(entry.time, month_first), entry) for entry in entries]
    if all(moment.clock for moment, _, _ in timed):  # Event Viewer has the newest first
        timed.sort(key=lambda part: part[0].seconds)
    for moment, has_zone, entry in timed:
        is_local |= not has_zone
        message = " ".join(entry.message.split())
        adapter = _ADAPTER.match(message)
        device = adapter["name"] if adapter else _adapter(entry.strings)
        text = message[adapter.end() :] if adapter else message
        known = EVENTS.get(entry.number)
        text = text or (known.message if known else "without a message")
        if entry.number == SUBOPTIMAL and (code := _last_word(entry.binary)) is not None:
            text = f"code {code}, {text}"
        kind = f" ({known.kind})" if known and known.kind else ""
        line = f"Windows event {entry.number} {entry.source}: {text}{kind}"
        yield Event(line, entry.place, moment, device)
    of = ", ".join(sorted(SOURCES))
    yield Note(Place(name), f"a Windows event log, {len(entries):,} events of {of}")
    if is_local:
        yield Note(Place(name), "its times have no zone; they are taken as UTC")


def _is_ours(xml: str) -> bool:
    found = _PROVIDER.search(xml)
    return found is not None and found["name"].casefold() in SOURCES


def _element(xml: str, place: Place) -> _Entry | None:
    """Of an <Event>; None of what is no XML, or would be dangerous to read."""
    try:
        tree = fromstring(xml, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    source = number = time = message = binary = ""
    strings: list[str] = []
    for node in tree.iter():
        tag, text = str(node.tag).rpartition("}")[2], (node.text or "").strip()
        if tag == "Provider":
            source = source or node.get("Name", "")
        elif tag == "EventID":
            number = number or text
        elif tag == "TimeCreated":
            time = time or node.get("SystemTime", "")
        elif tag == "Message":
            message = message or text
        elif tag == "Binary":
            binary = binary or text
        elif tag in ("Data", "string"):
            strings.append(text)
    return _entry(
        {"source": source, "id": number, "time": time, "message": message, "binary": binary},
        place,
        tuple(strings),
    )


def _entry(fields: Mapping[str, str], place: Place, strings: tuple[str, ...] = ()) -> _Entry | None:
    """An event of a source that matters."""
    source, number = fields.get("source", "").strip().casefold(), fields.get("id", "").strip()
    if source not in SOURCES or not re.fullmatch(r"[0-9]{1,9}", number):
        return None
    return _Entry(
        source,
        int(number) & 0xFFFF,
        fields.get("time", "").strip(),
        place,
        fields.get("message", ""),
        strings,
        fields.get("binary", ""),
    )


def _csv(lines: Sequence[str], name: str) -> Iterator[_Entry]:
    """Of Event Viewer, Get-WinEvent | Export-Csv, Get-EventLog | Export-Csv."""
    for at, line in enumerate(lines[:20]):
        for separator in ",;\t":
            heads = (part.strip().strip('"').casefold() for part in line.split(separator))
            keys = [_KEYS.get(head, "") for head in heads]
            if "source" in keys and "id" in keys and "time" in keys:
                rows = csv.reader(lines[at + 1 :], delimiter=separator)
                yield from _rows(rows, keys, name, at + 2)
                return


def _rows(
    rows: Iterable[Sequence[str]], keys: Sequence[str], name: str, first: int
) -> Iterator[_Entry]:
    number = first
    try:
        for row in rows:
            fields = {key: value for key, value in zip(keys, row, strict=False) if key}
            if len(row) == len(keys) + 1:  # Event Viewer's message has no heading
                fields.setdefault("message", row[-1])
            entry = _entry(fields, Place(name, number))
            number += 1 + sum(value.count("\n") for value in row)
            if entry is not None:
                yield entry
    except csv.Error:
        return


def _fields(lines: Sequence[str], name: str) -> Iterator[_Entry]:
    """Of Get-WinEvent | Format-List and wevtutil /f:text: one field a line."""
    fields: dict[str, str] = {}
    begin, last = 0, ""
    for at, line in enumerate([*lines, ""]):
        found = _FIELD.match(line)
        key = _KEYS.get(found["name"].casefold(), "") if found else ""
        if line.lstrip().startswith("Event[") or (key and key != "binary" and key in fields):
            entry = _entry(fields, Place(name, begin))
            if entry is not None and entry.time:
                yield entry
            fields, last = {}, ""
        if found and key:
            begin = begin if fields else at + 1
            fields[key], last = found["value"], key
        elif last == "message" and line.strip() and len(fields["message"]) < LONGEST_MESSAGE:
            fields["message"] += f" {line.strip()}"
        elif not line.strip() and fields.get("message", "").strip():
            last = ""
    entry = _entry(fields, Place(name, begin))
    if entry is not None and entry.time:
        yield entry


def _table(lines: Sequence[str], name: str) -> Iterator[_Entry]:
    """What Get-WinEvent shows."""
    source = ""
    for at, line in enumerate(lines):
        if head := _TABLE_OF.match(line):
            source = head["source"]
        elif source and (row := _TABLE.match(line)):
            entry = _entry({**row.groupdict(), "source": source}, Place(name, at + 1))
            if entry is not None:
                yield entry


def _adapter(strings: Iterable[str]) -> str:
    return next((s for s in strings if re.search(r"Adapter|Ethernet", s) and len(s) < 100), "")


def _last_word(binary: str) -> int | None:
    """The last of the words of four bytes, that Event Viewer shows."""
    digits = re.sub(r"[^0-9A-Fa-f]", "", binary)
    if len(digits) < 8 or len(digits) % 2:
        return None
    return int.from_bytes(bytes.fromhex(digits[-8:]), "little")


def _is_month_first(times: Iterable[str]) -> bool:
    """Of days like 3/4/2024: where one of them tells, or with AM and PM."""
    found = [match for time in times if (match := _DAY.match(time))]
    if any(int(match["a"]) > 12 for match in found):
        return False
    return any(match["half"] or int(match["b"]) > 12 for match in found)


def moment_of(text: str) -> Moment:
    """When it was; UNKNOWN for what is no time, or whose day could be of either order."""
    found = _DAY.match(text)
    if found and not found["half"] and int(found["a"]) <= 12 and int(found["b"]) <= 12:
        return UNKNOWN
    return _moment(text, _is_month_first([text]))[0]


def _moment(text: str, month_first: bool) -> tuple[Moment, bool]:
    """When it was, and whether the zone was said."""
    try:
        if found := _DAY.match(text):
            month, day = (found["a"], found["b"]) if month_first else (found["b"], found["a"])
            hour, minute, second = map(int, found["time"].split(":"))
            if found["half"]:
                hour = hour % 12 + 12 * (found["half"].upper() == "PM")
            when = datetime(int(found["year"]), int(month), int(day), hour, minute, second)
        else:
            plain = re.sub(r"(\.\d{6})\d+", r"\1", text.strip().replace(" UTC", "Z"))
            when = datetime.fromisoformat(plain)
        has_zone = when.tzinfo is not None
        when = when if has_zone else when.replace(tzinfo=UTC)
        return Moment("wall", when.timestamp()), has_zone
    except (ValueError, OverflowError):
        return UNKNOWN, True
