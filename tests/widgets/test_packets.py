# SPDX-License-Identifier: BSD-3-Clause
"""The packet pane as its kernel makes it: what the page gets, and what a notebook keeps."""

from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

import labkit as lk
from labkit.errors import FilterError, LabError
from labkit.packet.capture_writer import CaptureWriter
from labkit.packet.page_frame import dump, page_frame, verdict
from labkit.widgets.displays import WIDGET_TYPE
from tests.frames import good_frames
from tests.widgets.page import Outputs, Sent, hear

V4 = IP(src="10.0.0.1", dst="10.0.0.2")
FRAME = bytes(Ether(dst="02:00:00:00:00:02") / V4 / UDP(sport=4000, dport=9000) / Raw(b"<b>hi</b>"))
WRONG = FRAME[:24] + b"\x12\x34" + FRAME[26:]
START = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> lk.Capture:
    file = tmp_path_factory.mktemp("captures") / "<b>many<b>.pcapng"
    with CaptureWriter(file) as out:
        out.write_frames([FRAME] * 5000, [START + 1500 * n for n in range(5000)])
    return lk.Capture(file)


def test_a_page_gets_the_rows_around_one_frame(capture: lk.Capture) -> None:
    pane = lk.packets(capture)
    assert (pane.count, pane.at, pane.first, len(pane.rows)) == (5000, 0, 0, 100)
    head = [
        "1",
        "0.000001500",
        "10.0.0.1",
        "10.0.0.2",
        "UDP",
        "51",
        "4000 > 9000  Ethernet / IP / UDP",
    ]
    assert pane.rows[1] == [*head, False]
    hear(pane, type="frame", place=3210)
    assert (pane.at, pane.first, len(pane.rows)) == (3210, 3160, 100)
    assert pane.rows[50][0] == "3210"
    assert pane.frame["bytes"] == FRAME.hex()
    hear(pane, type="frame", place=4999)
    assert (pane.at, pane.first, pane.rows[-1][0]) == (4999, 4900, "4999")
    assert len(str(pane.get_state(["rows", "frame"]))) < 30_000
    sent = Sent(pane)
    for place in (5000, -1, "1", None, 2.5, True):
        hear(pane, type="frame", place=place)
        assert pane.at == 4999
    assert "from 0" in sent.of("failed")[0][0]["text"]


def test_a_page_is_given_copies(capture: lk.Capture) -> None:
    pane = lk.packets(capture)
    sent = Sent(pane)
    hear(pane, type="copy", what="scapy")
    assert "UDP(sport=4000" in sent.of("copied")[0][0]["text"]
    hear(pane, type="copy", what="pcapng")
    ((message, (file,)),) = sent.of("file")
    assert message["name"] == "frame-0.pcapng"
    assert FRAME in bytes(file)


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    file = tmp_path / "gone.pcap"
    with CaptureWriter(file) as out:
        out.write_frames([FRAME] * 200, [START] * 200)
    pane = lk.packets(lk.Capture(file))
    file.unlink()
    sent = Sent(pane)
    hear(pane, type="frame", place=150)
    assert "gone.pcap cannot be read any more" in sent.of("failed")[0][0]["text"]


def test_what_a_notebook_keeps(monkeypatch: pytest.MonkeyPatch, capture: lk.Capture) -> None:
    outputs = Outputs(monkeypatch)
    lk.packets([WRONG, FRAME])._ipython_display_()
    html, text = outputs.last["text/html"], outputs.last["text/plain"]
    assert "should be 0x66" in html
    assert "should be 0x66" in text
    assert "⚠ 0" in html
    assert "IP checksum wrong" in html
    assert "&lt;b&gt;hi&lt;" in html
    assert "<b>hi" not in html
    lk.packets(capture)._ipython_display_()
    html, text = outputs.last["text/html"], outputs.last["text/plain"]
    assert "the first 20, and 4,980 more" in html
    assert "<b>many" not in html
    assert "… 4,980 more" in text
    assert len(html) < 40_000


def test_what_runs_unwatched_keeps_tables_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """nbconvert would prefer a widget, which is blank without scripts."""
    monkeypatch.setattr("labkit.widgets.bundle.is_there", lambda: True)
    pane = lk.packets(FRAME)
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    assert WIDGET_TYPE in pane._outputs(is_live=True)
    monkeypatch.delenv("JPY_SESSION_NAME")
    assert WIDGET_TYPE not in pane._outputs(is_live=True)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (FRAME[:30], "cannot be told"),
        (b"", "its packet ends within the header"),
        (FRAME[:8], "its packet ends within the header"),
        (FRAME[:16] + b"\xff\xff" + FRAME[18:], "longer than what is around it"),
        (FRAME[:42] + bytes(8972), ""),
        (bytes(65_535), ""),
    ],
)
def test_what_is_wrong_is_said(frame: bytes, said: str) -> None:
    pane = lk.packets(frame)
    layers = pane.frame["layers"]
    assert said in " ".join(layer["problem"] + layer["checksum"] for layer in layers)
    assert pane.frame["bytes"] == frame.hex()
    last = 0
    for layer in layers:
        assert last <= layer["begin"] <= layer["end"] <= len(frame)
        last = layer["end"]
    if said:
        assert pane.rows[0][-1]


def test_a_snapped_frame_is_not_called_wrong() -> None:
    pane = lk.packets(lk.explain(FRAME[:38], wire_length=51))
    assert pane.frame["remarks"][0] == "captured: 38 of 51 bytes"
    assert [layer["verdict"] for layer in pane.frame["layers"]] == ["", "good", "unverifiable", ""]


def test_every_good_frame_has_its_fields_in_its_bytes() -> None:
    for name, (_, frame) in good_frames().items():
        told = page_frame(lk.explain(frame))
        for layer in told["layers"]:
            for field, _, bit, bits in layer["fields"]:
                first, last = 8 * layer["begin"], 8 * layer["end"]
                assert first <= bit <= bit + bits <= last, (name, layer["name"], field)


def test_verdicts_and_dump() -> None:
    words = {verdict(text) for text in ("good", "wrong: it is", "unfinished: 0", "not there", "")}
    assert words == {"good", "wrong", "unfinished", "unverifiable", ""}
    assert dump(b"A\x00<") == f"0000  {'41 00 3c':<48} A.<"
    assert dump(bytes(5000)).endswith("… 904 more bytes")
    assert dump(b"") == "no byte"


@pytest.mark.parametrize("wrong", ["frame", 5, None, 1.5, [1], object()])
def test_what_has_no_frames(wrong: Any) -> None:
    with pytest.raises(LabError, match="it shows frames"):
        lk.packets(wrong)


def test_a_filter_chooses_frames_of_a_capture(tmp_path: Path) -> None:
    file = tmp_path / "both.pcap"
    arp = bytes(Ether() / ARP(psrc="10.0.0.1", pdst="10.0.0.2"))
    with CaptureWriter(file) as out:
        out.write_frames([FRAME, arp, arp] * 100, [START] * 300)
    pane = lk.packets(lk.Capture(file), where="arp")
    assert (pane.count, pane.rows[0][0], pane.rows[2][0]) == (200, "1", "4")
    pane.show(199)
    assert (pane.rows[-1][0], pane.frame["bytes"]) == ("299", arp.hex())
    assert lk.packets(lk.Capture(file), where="tcp").count == 0
    with pytest.raises(LabError, match="where is 'arp', which chooses frames of a capture"):
        lk.packets(FRAME, where="arp")
    with pytest.raises(FilterError):
        lk.packets(lk.Capture(file), where="arp arp")
    with pytest.raises(LabError, match="where is 5"):
        lk.packets(lk.Capture(file), where=5)  # type: ignore[arg-type]


def test_nothing_to_show() -> None:
    pane = lk.packets([])
    assert (pane.count, pane.at, pane.frame) == (0, -1, {})
    hear(pane, type="copy", what="pcapng")
    assert "no frame" in pane._outputs(is_live=True)["text/html"]
