# SPDX-License-Identifier: BSD-3-Clause
"""labkit doctor, and lk.doctor()."""

import json

from click.testing import CliRunner

import labkit as lk
from labkit.cli import main
from labkit.machine.doctor_report import Finding, Report


def test_doctor_finds_a_lab_that_works() -> None:
    report = lk.doctor()
    findings = {finding.name: finding for finding in report.findings}
    assert report.ok, report
    assert findings["engine"].detail.startswith("starts, DPDK")
    assert findings["ports without privileges"].status == "ok"
    assert {"hugepages", "CPUs", "privileges", "vfio", "tap ports", "af_xdp ports"} <= set(findings)
    for finding in report.findings:
        assert finding.detail
        assert finding.fix or finding.status != "problem"


def test_command_prints_json_and_tells_by_exit_code() -> None:
    ran = CliRunner().invoke(main, ["doctor", "--json"])
    answer = json.loads(ran.output)
    assert ran.exit_code == (0 if answer["ok"] else 1) == 0
    assert {"name", "status", "detail", "fix"} == set(answer["findings"][0])


def test_a_problem_is_told_with_its_fix() -> None:
    report = Report((Finding("engine", "problem", "does not <start>", "make setup"),))
    assert not report.ok
    assert "fix: make setup" in repr(report)
    assert "does not &lt;start&gt;" in report._repr_html_()


def test_version() -> None:
    ran = CliRunner().invoke(main, ["--version"])
    assert ran.output.startswith("labkit, version ")
