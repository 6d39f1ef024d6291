# SPDX-License-Identifier: BSD-3-Clause
"""What the documents say is true: examples run, names and files exist."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

import labkit as lk
from labkit.captures.copied import pcapng
from labkit.captures.frame import CapturedFrame
from labkit.packet.codec import VERDICT_BY_NAME
from labkit.path import nodes
from labkit.path.ledger import Ledger
from labkit.results.columns import COLUMNS
from labkit.runs.echo_run import EchoSize

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *(page.relative_to(ROOT).as_posix() for page in sorted((ROOT / "docs").rglob("*.md"))),
)
GENERATED = (
    "reference/drops",
    "reference/nodes",
)  # pages that `make docs` makes; it checks links to them
# Pages whose examples run one after the other, as printed, in a folder that has datasets/.
EXECUTED = (
    "docs/howto/engineer.md",
    "docs/howto/teacher.md",
    "docs/howto/ci.md",
    "docs/howto/colleague.md",
)


def blocks(document: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def recipe(title: str) -> list[str]:
    """The code of a recipe of CONTRIBUTING, in its order."""
    _, _, after = (ROOT / "CONTRIBUTING.md").read_text().partition(f"## {title} in one sitting\n")
    found = re.findall(
        r"^ *```\w+\n(.*?)^ *```", after.partition("\n## ")[0], re.DOTALL | re.MULTILINE
    )
    return [textwrap.dedent(block) for block in found]


def test_the_recipe_for_a_node_compiles(tmp_path: Path) -> None:
    node, reason, _, test = recipe("A new node")
    shutil.copytree(ROOT / "native/packet", tmp_path / "packet")
    verdicts = tmp_path / "packet/verdict.h"
    before, first, after = verdicts.read_text().partition("\tX(impair_loss,")
    if reason.partition(",")[0] not in before + after:  # of who has followed the recipe
        verdicts.write_text(f"{before}\t{reason.strip()} \\\n{first}{after}")
    (tmp_path / "ttl.c").write_text(node)
    flags = subprocess.check_output(["pkg-config", "--cflags", "libdpdk"], text=True).split()
    flags += ["-std=gnu11", "-DALLOW_EXPERIMENTAL_API", "-Wall", "-Wextra", "-Wshadow", "-Werror"]
    folders = [f"-I{tmp_path}/packet", f"-I{ROOT}/native/dataplane"]
    subprocess.run(
        ["cc", "-fsyntax-only", *flags, *folders, tmp_path / "ttl.c"], check=True, timeout=60
    )
    compile(test, "test_ttl.py", "exec")


def test_the_recipe_for_a_node_declares_it() -> None:
    _, _, declaration, _ = recipe("A new node")
    names = dict(vars(nodes))
    exec(declaration.replace("def ttl(", "def ttl_of_the_recipe("), names)  # its name may be taken
    path = lk.Path(lk.rx("a") >> names["ttl_of_the_recipe"](2, name="ttl") >> lk.tx("a"))
    assert path.node("ttl").params == {"by": 2}
    assert path.node("ttl").declared.outputs == ("next", "other")
    assert lk.Path.from_json(path.to_json()) == path


def test_the_recipe_for_a_source_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    source, test = recipe("A new source of counters")
    made = ModuleType("labkit.sources.snmp")
    monkeypatch.setitem(sys.modules, made.__name__, made)
    exec(source, vars(made))
    names: dict[str, Any] = {}
    exec(test, names)
    names["test_datagrams_are_counted"]()


@pytest.mark.parametrize("document", ["README.md", "docs/start.md"])
def test_the_first_minute_runs(document: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(blocks(document, "python")[0], {})
    said = capsys.readouterr().out
    assert "b'hello'" in said
    assert "drop_udp_no_listener" in said


def test_tunnels_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    (code,) = blocks("docs/guide/tunnels.md", "python")
    exec(code, names)
    assert (names["vx"].overhead, names["vx"].max_inner_mtu(1500)) == (56, 1430)
    assert names["inner"].vni == 42
    assert "VXLAN" in capsys.readouterr().out


def test_paths_are_paths() -> None:
    names = {"lk": lk, "lab": type("L", (), {"run": staticmethod(lambda c: lk.Path(c))})}
    names |= {"a": "a", "b": "b", "where": ["10.0.0.2"]}
    exec(blocks("docs/guide/paths.md", "python")[0], names)


def shortened(code: str, shorter: dict[str, str]) -> str:
    """The example with other numbers, which must be there to be changed."""
    for number, other in shorter.items():
        assert number in code, number
        code = code.replace(number, other)
    return code


def test_trials_run() -> None:
    names = {"lk": lk, "Ether": Ether, "IP": IP, "UDP": UDP}
    code, bad_lines = blocks("docs/guide/trials.md", "python")
    shorter = {"700 kpps": "5 kpps", "1 Gbit/s": "5 kpps", "100 kpps": "5 kpps"}
    shorter |= {"duration=5": "duration=0.2", "duration=1": "duration=0.2"}
    try:
        exec(shortened(code, shorter), names)
        assert names["run"].is_balanced, names["run"]
        assert names["run"].row["received"] > 0
        exec(bad_lines, names)
    finally:
        names["lab"].close()  # type: ignore[attr-defined]


def test_live_traffic_runs() -> None:
    names = {"lk": lk, "Ether": Ether, "IP": IP, "UDP": UDP}
    (code,) = blocks("docs/guide/live_traffic.md", "python")
    try:
        exec(shortened(code, {"200 kpps": "5 kpps", "250 kpps": "6 kpps"}), names)
        assert str(names["up"].rate) == "6 kpps"  # type: ignore[attr-defined]
        assert names["t"].flows["up"].state == "started"  # type: ignore[attr-defined]
    finally:
        names["lab"].close()  # type: ignore[attr-defined]


def test_packets_run(lab: lk.Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server))
    names = {"lk": lk, "lab": lab, "client": client, "Ether": Ether, "IP": IP, "UDP": UDP}
    names |= {"Dot1Q": Dot1Q}
    (tmp_path / "trace.pcapng").write_bytes(pcapng(CapturedFrame(0, bytes(60), 60, 1, 0, 1, 0)))
    show, places = blocks("docs/packets.md", "python")
    exec(show, names)
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    told = places.splitlines()
    exec(told[0], names)
    assert repr(eval(told[1], names)) == told[2].removeprefix("# ")


def test_networks_run(lab: lk.Lab) -> None:
    names: dict[str, Any] = {"lk": lk, "lab": lab}
    (code,) = blocks("docs/guide/networks.md", "python")
    exec(code, names)
    assert len(names["net"]["h1"].traceroute("h2")) == 3
    assert set(names["ec2"].counters()) >= {"bw_out_allowance_exceeded"}
    assert names["net"].path.ledger.is_balanced


def test_curves_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() != 0 or shutil.which("dpdk-testpmd") is None:
        pytest.skip("the kernel's echo needs root, and testpmd is in Debian's package dpdk")
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("docs/guide/curves.md", "python")
    shorter = {
        '(64, 512, 1400, 8500, "IMIX")': "(64,)",
        '("70k", "140k", "350k", "700k")': '("5k",)',
        "duration=5, repeats=3": "duration=0.1, warmup=0, repeats=2",
        'preset="mlr"': 'preset="quick", max_rate=20_000',
    }
    names: dict[str, Any] = {"lk": lk}
    exec(shortened(code, shorter), names)
    table = names["sweep"].table
    assert table.groupby("config").size().tolist() == [2] * 4
    assert table["balanced"].all(), names["sweep"]


def test_recording_runs(
    lab: lk.Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    client, server = lab.cable()
    lab.echo_server(server, ["10.0.0.2"], udp_port=9000)
    os.symlink(ROOT / "datasets", "datasets")
    recording, views = blocks("docs/guide/counters.md", "python")
    names = {"lk": lk, "lab": lab, "client": client}
    exec(recording, names)
    exec(views, names)
    assert "bw_in_allowance_exceeded: counter of packets" in capsys.readouterr().out
    assert (
        lk.sources.Recording("run.parquet").samples.table["port/server/rx_good_packets"].max() > 0
    )


def test_declarations_of_a_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    names = {"lk": lk, "drop_percent": 0.05, "value": 1.5}
    (code,) = blocks("docs/guide/notebooks.md", "python")
    exec(code, names)
    assert (names["rate"], names["count"]) == ("700 kpps", 100)
    assert "✓ drop at 700 kpps" in capsys.readouterr().out


@pytest.mark.parametrize("document", EXECUTED)
def test_a_how_to_runs_as_printed(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    os.symlink(ROOT / "datasets", "datasets")
    names: dict[str, Any] = {}
    for code in blocks(document, "python"):
        exec(code, names)
    if document.endswith("engineer.md"):
        assert names["finding"].id == "admin-queue-hung"
        assert names["made"].findings[0].id == "virtio-tx-stalled"
    if document.endswith("teacher.md"):
        assert names["answer"] == names["overhead"]
    if document.endswith("ci.md"):
        assert names["run"].row["received"] > 0


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if not target.startswith("http") and not target.endswith(GENERATED):
            assert ((ROOT / document).parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_drop_nodes_exist(document: str) -> None:
    for name in re.findall(r"`drop_([a-z0-9_]+)`", (ROOT / document).read_text()):
        assert name in VERDICT_BY_NAME or f"drop_{name}" in COLUMNS


def named(kind: str) -> list[str]:
    """What the glossary names as a column, a line of the ledger or a field of an echo."""
    text = (ROOT / "docs/glossary.md").read_text()
    listed = re.findall(rf"\b{kind}s? ((?:`[^`]+`(?:,\s)?)+)", text)
    return [name for names in listed for name in re.findall("`([^`]+)`", names)]


def test_columns_of_the_glossary_exist() -> None:
    columns = named("column")
    assert {"unsent", "lost", "late", "nic_nombuf", "app_drops"} < set(columns)
    assert [name for name in columns if name not in COLUMNS] == []


def test_lines_of_the_ledger_in_the_glossary_exist() -> None:
    lines = named("ledger")
    assert {"unsent", "unexplained", "duplicate answers"} < set(lines)
    known = [name for name, _ in Ledger(1, 1, 1).rows]
    code = "".join(
        (ROOT / "labkit/runs" / file).read_text() for file in ("echo_probes.py", "trial_tables.py")
    )
    assert [name for name in lines if name not in known and f'"{name}' not in code] == []


def test_fields_of_an_echo_in_the_glossary_exist() -> None:
    fields = named("field")
    assert {"lost", "late"} < set(fields)
    assert [name for name in fields if name not in EchoSize.__dataclass_fields__] == []


def test_every_public_name_loads_and_is_documented() -> None:
    for name in lk.__all__:
        assert (getattr(lk, name).__doc__ or "").strip(), name
