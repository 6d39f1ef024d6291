# SPDX-License-Identifier: BSD-3-Clause
"""Event logs of Windows: whatever they were exported to, the same is found."""

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import pytest

import labkit as lk
from labkit.trouble.readers import windows
from labkit.trouble.readers.asked import Asked
from tests.trouble.evtx import event_log

BEGIN = datetime(2024, 9, 14, 10, 11, 12, tzinfo=UTC)
NUMBERS = (5007, 5205, 5203)
ADAPTER = "Amazon Elastic Network Adapter"
SECONDS = timedelta(seconds=1)
LOG = event_log(
    [(BEGIN + i * SECONDS, "ena", number, "") for i, number in enumerate(NUMBERS)]
    + [(BEGIN, "Tcpip", 4199, "")]
)
EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='{source}'/><EventID Qualifiers='49152'>{number}</EventID>"
    "<TimeCreated SystemTime='{time}'/><EventRecordID>{number}</EventRecordID></System>"
    f"<EventData><Data></Data><Data>{ADAPTER}</Data></EventData></Event>"
)


def _xml() -> str:
    return "\n".join(
        EVENT.format(
            source="ena", number=n, time=f"{BEGIN + i * SECONDS:%Y-%m-%dT%H:%M:%S}.1234567Z"
        )
        for i, n in enumerate(NUMBERS)
    )


def _event_viewer() -> str:
    rows = [
        f"Error,{f'{BEGIN + i * SECONDS:%m/%d/%Y %I:%M:%S %p}'},ena,{n},None,{ADAPTER} : a message"
        for i, n in enumerate(NUMBERS)
    ]
    return "\r\n".join(["Level,Date and Time,Source,Event ID,Task Category", *reversed(rows)])


def _export_csv() -> str:
    rows = [
        f'"{ADAPTER} : text\r\nof two lines","{n}","0","ena","System",'
        f'"{BEGIN + i * SECONDS:%d.%m.%Y %H:%M:%S}"'
        for i, n in enumerate(NUMBERS)
    ]
    return "\r\n".join(
        [
            "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord",
            '"Message","Id","Version","ProviderName","LogName","TimeCreated"',
            *rows,
        ]
    )


def _format_list() -> str:
    return "\n\n".join(
        f"TimeCreated  : {BEGIN + i * SECONDS:%m/%d/%Y %I:%M:%S %p}\nProviderName : ena\n"
        f"Id           : {n}\nMessage      : {ADAPTER} : a message\n               goes on."
        for i, n in enumerate(NUMBERS)
    )


def _wevtutil() -> str:
    return "\n".join(
        f"Event[{i}]:\n  Log Name: System\n  Source: ena\n"
        f"  Date: {BEGIN + i * SECONDS:%Y-%m-%dT%H:%M:%S}.000\n  Event ID: {n}\n  Task: N/A\n"
        f"  Level: Error\n  Description: \n{ADAPTER} : a message.\n"
        for i, n in enumerate(NUMBERS)
    )


def _table() -> str:
    rows = [
        f"{BEGIN + i * SECONDS:%m/%d/%Y %I:%M:%S %p}         {n} Error            {ADAPTER} : te..."
        for i, n in enumerate(NUMBERS)
    ]
    return "\n".join(
        ["   ProviderName: ena", "", "TimeCreated   Id LevelDisplayName Message", *rows]
    )


KINDS = {
    "evtx": LOG,
    "xml": _xml().encode(),
    "xml-powershell": f"<Events>{_xml()}</Events>".encode("utf-16"),
    "csv-event-viewer": b"\xef\xbb\xbf" + _event_viewer().encode(),
    "csv-powershell": _export_csv().encode(),
    "list": _format_list().encode("utf-16"),
    "wevtutil": _wevtutil().encode(),
    "table": _table().encode(),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_reset_is_found(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"System.{kind}"
    file.write_bytes(KINDS[kind])
    case = lk.trouble.look(file)
    found = {finding.id: finding for finding in case.findings}
    assert found["windows-reset-sequence"].level == "certain", case
    assert found["windows-reset-sequence"].device == ADAPTER
    assert "windows-operation-timed-out" not in found
    assert [round(event.moment.seconds) for event in case.evidence.events] == [
        round(BEGIN.timestamp()) + i for i in range(3)
    ]


def test_a_log_in_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        archive.writestr("logs/System.evtx", LOG)
    case = lk.trouble.look(tmp_path / "logs.zip")
    assert [f.id for f in case.findings] == ["windows-reset-sequence", "windows-cpu-0-starved"]


def test_the_code_is_the_last_word(tmp_path: Path) -> None:
    words = "00000000020030000000000078E6048000000000" + "02000000"
    (tmp_path / "a.evtx").write_bytes(event_log([(BEGIN, "ena", 59000, words)]))
    case = lk.trouble.look(tmp_path / "a.evtx")
    assert [(f.id, f.level) for f in case.findings] == [
        ("windows-suboptimal-configuration", "certain")
    ]
    assert case.evidence.events[0].text.startswith("Windows event 59000 ena: code 2")


@pytest.mark.parametrize("at", range(100, 5600, 250))
def test_damaged_logs_are_told(at: int, tmp_path: Path) -> None:
    damaged = bytearray(LOG)
    damaged[at : at + 60] = b"\xfe" * 60
    (tmp_path / "damaged.evtx").write_bytes(damaged)
    lk.trouble.look(tmp_path / "damaged.evtx")
    (tmp_path / "cut.evtx").write_bytes(LOG[:at])
    case = lk.trouble.look(tmp_path / "cut.evtx")
    assert any(note.is_fault for note in case.notes)


def test_a_large_log_is_read_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labkit.trouble.gathered.LARGEST_EVENT_LOG", 8 << 20)
    (tmp_path / "large.evtx").write_bytes(LOG + bytes(9 << 20))
    notes = lk.trouble.look(tmp_path / "large.evtx").notes
    assert any("is long" in note.text for note in notes)


@pytest.mark.parametrize(
    "text",
    [
        _xml()[:-40],
        '<!DOCTYPE x [<!ENTITY a "b">]>' + EVENT.format(source="ena", number="&a;", time=""),
        EVENT.format(source="ena", number="</System>", time=""),
    ],
)
def test_damaged_exports_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(text)
    assert any(note.is_fault for note in lk.trouble.look(tmp_path / "a.xml").notes)


def test_other_sources_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(EVENT.format(source="e1dexpress", number=5007, time=""))
    case = lk.trouble.look(tmp_path / "a.xml")
    assert not case.findings
    assert not case.evidence.events


def test_days_of_either_order() -> None:
    assert windows._is_month_first(["3/4/2024 10:00:00", "3/14/2024 10:00:00"])
    assert not windows._is_month_first(["3/4/2024 10:00:00", "14/3/2024 10:00:00"])
    assert windows._is_month_first(["3/4/2024 10:00:00 PM"])


def test_long_exports_are_read_in_one_pass() -> None:
    """The time grows with the length, whatever stands in it."""
    asked = Asked("x", BEGIN)
    for lines in (["<Event "] * 200_000, ["Source: ena", "Message: a", *["b"] * 200_000]):
        begin = perf_counter()
        list(windows.read(lines, "x", asked))
        assert perf_counter() - begin < 5


COUNTERS = {
    "get-counter": (
        "Timestamp                 CounterSamples\n---------                 --------------\n"
        "9/14/2024 10:11:{second} AM     "
        "\\\\host\\ena packets shaping(ena #1)\\pps allowance exceeded :\n"
        "                          {value}\n"
        "                          "
        "\\\\host\\ena packets shaping(ena #1)\\aggregate inbound bw allowance exceeded :\n"
        "                          0\n\n"
    ),
    "typeperf": (
        '"(PDH-CSV 4.0)","\\\\H\\ENA Packets Shaping(ENA #1)\\PPS allowance exceeded",'
        '"\\\\H\\ENA Packets Shaping(ENA #1)\\Aggregate inbound BW allowance exceeded"\n'
        '"09/14/2024 10:11:{second}.123","{value},000000","0.000000"\n'
    ),
}


@pytest.mark.parametrize("kind", COUNTERS)
def test_performance_counters(kind: str, tmp_path: Path) -> None:
    for number, value in enumerate((5, 90)):
        text = COUNTERS[kind].format(second=10 + number, value=value)
        (tmp_path / f"{number}.txt").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    case = lk.trouble.look(tmp_path)
    assert [(f.id, f.device, f.level) for f in case.findings] == [
        ("pps-allowance", "ENA #1", "likely")
    ]
    first = case.evidence.readings[0]
    assert first.counters == {"pps_allowance_exceeded": 5, "bw_in_allowance_exceeded": 0}
    assert first.moment.seconds == datetime(2024, 9, 14, 10, 11, 10, tzinfo=UTC).timestamp()


def test_an_event_says_whether_it_is_an_error(tmp_path: Path) -> None:
    """By the guide: Event Viewer of the healthy machine calls all of them errors."""
    (tmp_path / "a.evtx").write_bytes(LOG)
    texts = [event.text for event in lk.trouble.look(tmp_path / "a.evtx").evidence.events]
    assert [text.rpartition("(")[2] for text in texts] == ["error)", "error)", "information)"]
