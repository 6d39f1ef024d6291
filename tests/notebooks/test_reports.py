# SPDX-License-Identifier: BSD-3-Clause
"""Reports: whole, still, and readable in a browser without scripts and network."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from junitparser import JUnitXml
from playwright.sync_api import sync_playwright

from labkit.notebooks.records import Check, Result
from labkit.notebooks.report.junit import write_junit
from labkit.notebooks.report.notebook_run import NotebookRun
from labkit.notebooks.report.report import still
from labkit.notebooks.report.site import write_history
from labkit.notebooks.report.summary import markdown
from tests.browser.conftest import CHROMIUM, CHROMIUM_FLAGS, SCREENSHOTS
from tests.notebooks.making import labkit, notebook, run_of

SHOWN = """
import labkit as lk, matplotlib.pyplot as plt, pandas as pd
from IPython.display import HTML, display
lk.params(count=lk.param(3, "datagrams"))
lab = lk.Lab()
a, b = lab.cable()
path = lab.run(lk.rx(b) >> lk.capture("seen.pcapng") >> lk.reflect() >> lk.tx(b), name="mirror")
a.send([bytes(a_mac for a_mac in bytes.fromhex(b.mac.replace(":", "") + a.mac.replace(":", "")))
        + bytes.fromhex("0800") + bytes(46)])
a.receive(1, timeout=1, raw=True)
""".strip()
PLOT = "plt.plot([1, 2, 3]); plt.xlabel('offered load (Mpps)'); plt.show()"
ACTIVE = "display(HTML('<b onclick=\"x()\">bold</b><script>document.title = 1</script>'))"
TABLE = "pd.DataFrame({'size_bytes': [64], 'drop_percent': [0.1]})"
CHECKS = "lk.record_result('ndr', 1.5, 'Mpps', better='higher')\nlk.check(1 > 2, '<order>')"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a run with one check that fails."""
    where = tmp_path_factory.mktemp("report")
    notebook(where / "shown.ipynb", SHOWN, PLOT, ACTIVE, TABLE, CHECKS, "lab")
    ran = labkit("run", "shown.ipynb", "--report", "out", cwd=where)
    assert ran.returncode == 1, ran.stderr
    assert "✗ <order>" in ran.stderr
    return where / "out"


def test_report_is_whole(folder: Path) -> None:
    page = (folder / "shown/report.html").read_text()
    for text in ("&lt;order&gt;", "1 &gt; 2", "datagrams", "ndr", "Mpps", "mirror", "unexplained"):
        assert text in page, text
    assert 'srcset="data:image/svg+xml;base64,' in page, "figures are vectors where they can be"
    assert "drop_percent" in page
    assert "EAL" in page, "the engine's log"
    assert 'download="seen.pcapng"' in page, "the capture at the first failed check"


def test_report_loads_and_runs_nothing(folder: Path) -> None:
    for page in (folder / "index.html", folder / "shown/report.html"):
        text = page.read_text()
        assert "default-src 'none'" in text
        assert "<script" not in text
        assert "<b onclick" not in text
        links = re.findall(r'(?:src|href)="([^"]*)"', text)
        assert all(link.startswith(("data:", "#", "shown/")) for link in links)


@pytest.mark.parametrize("page", ["index.html", "shown/report.html"])
def test_browser_shows_it_without_scripts(page: str, folder: Path) -> None:
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        view = browser.new_page(viewport={"width": 1150, "height": 900}, java_script_enabled=False)
        view.on("console", lambda message: complaints.append(message.text))
        view.goto(f"file://{folder / page}")
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        view.screenshot(path=SCREENSHOTS / f"report-{Path(page).stem}.png", full_page=True)
        assert view.get_by_text("failed", exact=True).first.is_visible()
        width = view.locator("body").bounding_box()
        assert width is not None
        assert width["width"] <= 1150, "nothing is wider than the page"
        browser.close()
    assert complaints == []


def test_run_leaves_all_formats(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "index.html",
        "junit.xml",
        "results.json",
        "results.parquet",
        "shown",
        "summary.md",
    }
    assert "❌ <order>" in (folder / "summary.md").read_text()
    xml = JUnitXml.fromfile(str(folder / "junit.xml"))
    assert (xml.tests, xml.failures, xml.errors) == (2, 1, 0)
    if xmllint := shutil.which("xmllint"):
        subprocess.run([xmllint, "--noout", folder / "junit.xml"], check=True)


def test_still_keeps_tables_and_drops_what_acts() -> None:
    html = '<table><tr><td style="color:red">1</td></tr></table><script>x</script>'
    html += '<a href=" javascript:x">y</a><img src="data:," onerror="x">'
    kept = still(html)
    assert '<td style="color:red">1</td>' in kept
    assert not re.search(r"script|onerror", kept)


def test_junit_of_every_outcome(tmp_path: Path) -> None:
    checks = (
        Check("good", "passed"),
        Check("bad", "failed", "a < b", {"a": "\x1b[31m3"}),
        Check("later", "open", hint="not answered yet"),
    )
    run = run_of(
        NotebookRun("a", checks=checks, status="failed", parameters={"count": 5}),
        NotebookRun("b", status="error", reason="exception", message="ValueError: x\nmore"),
        NotebookRun("c", status="cancelled", message="cancelled in cell [1]"),
    )
    write_junit(run, tmp_path / "junit.xml")
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert (xml.tests, xml.failures, xml.errors, xml.skipped) == (6, 1, 1, 2)
    text = (tmp_path / "junit.xml").read_text()
    assert 'message="ValueError: x"' in text
    assert 'name="count" value="5"' in text


def test_summary_tells_what_failed() -> None:
    check = Check("drop", "failed", "x <= 0.1", {"x": "0.3"})
    text = markdown(run_of(NotebookRun("a|b", checks=(check,), status="failed")))
    assert "| ❌ | a\\|b | 0 of 1 passed |" in text
    assert "x is 0.3" in text


def test_history_draws_trends(tmp_path: Path) -> None:
    for day, value in enumerate((10.0, 11.0, 9.0), 1):
        run = run_of(
            NotebookRun("nb", results=(Result("ndr", (value, value + 1), "Mpps", "higher"),)),
            started_at=f"2026-01-0{day}T10:00:00+00:00",
        )
        (tmp_path / f"run{day}").mkdir()
        run.save(tmp_path / f"run{day}")
    shutil.make_archive(str(tmp_path / "old"), "zip", tmp_path / "run1")
    shutil.rmtree(tmp_path / "run1")
    assert write_history(tmp_path, tmp_path / "index.html") == 3
    page = (tmp_path / "index.html").read_text()
    assert "nb: ndr over 3 runs, last 9.5 Mpps" in page
    assert "2026-01-03" in page.split("<tbody>")[1].split("</tr>")[0], "the newest comes first"
    assert 'href="old.zip"' in page


LINK = "\x1b]8;;http://a.example\x07link\x1b]8;;\x07"
ODD = f"\x1b[31mred\x1b[0m {LINK} \x00\x0b\ufffe\uffff\ud800 é 🎉"


def test_junit_is_xml_whatever_is_in_it(tmp_path: Path) -> None:
    check = Check(ODD, "failed", ODD, {ODD: ODD}, ODD)
    run = run_of(
        NotebookRun(
            ODD,
            checks=(check, Check(ODD, "open", hint=ODD), Check("", "failed")),
            results=(Result(ODD, (1.0,), ODD, "higher"),),
            parameters={ODD: ODD},
            status="error",
            reason=ODD,
            message=ODD,
            traceback=ODD,
        ),
        NotebookRun("b", status="error"),
        NotebookRun("c", status="cancelled", message=ODD),
    )
    comparison = run.compare(run_of(NotebookRun("c", results=(Result(ODD, (1.0,)),))))
    write_junit(run, tmp_path / "junit.xml", comparison)
    text = (tmp_path / "junit.xml").read_text(encoding="utf-8")
    xml = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert [suite.name for suite in xml][:1] == ["red link  é 🎉"]
    assert "\x1b" not in text
    if xmllint := shutil.which("xmllint"):
        subprocess.run([xmllint, "--noout", tmp_path / "junit.xml"], check=True)
