# SPDX-License-Identifier: BSD-3-Clause
"""NICs of this machine, and who has them: the kernel, or DPDK.

lk.nic.list()                 # address, name, drivers, group, what would be cut off, state
lk.nic.bind("eth1")           # as root: to DPDK, through vfio-pci
lk.nic.unbind("0000:00:06.0")
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Literal

from labkit.arguments.checked import checked
from labkit.arguments.names import no_attribute
from labkit.errors import LabError
from labkit.machine import nic_binding as binding
from labkit.machine.interface_use import Use, interface_uses
from labkit.machine.nic_facts import NicFacts, address_of, all_nic_facts, nic_facts
from labkit.machine.nic_records import USER_SPACE, interfaces_before, once_called
from labkit.machine.nic_state import VFIO, bind_command, suitable_driver, why_held, why_unusable
from labkit.text import MISSING, Html, html_table

__all__ = ["Nic", "Nics", "bind", "list", "unbind"]

UserDriver = Literal["vfio-pci", "uio_pci_generic"]

KERNEL = binding.Kernel()  # of this machine; tests put one of their own in its place
HEADER = (
    *("address", "NIC", "kernel driver", "interface", "DPDK driver", "group", "NUMA node"),
    "state",
)


@dataclass(frozen=True)
class Nic:
    """A NIC of this machine. What is not known is None or "".

    Attributes
    ----------
    address: on the PCI bus, such as "0000:00:06.0"
    device: vendor:device in hexadecimal
    name: of vendor and device
    driver: the kernel driver that holds it, such as "vfio-pci"; "": none
    interfaces: of the kernel, in this network namespace
    dpdk_driver: of DPDK, such as "net_ena"; "": none takes it
    group: its IOMMU group
    shares_group_with: devices of its group that are in vfio's way
    numa_node: the CPU socket that it is wired to
    cuts_off: what `bind` would cut off
    never_taken: why `bind` refuses it whatever is said; "" where it does not
    why: what keeps a lab of this user from opening it, with the next step; "": nothing
    """

    address: str
    device: str
    name: str
    driver: str
    interfaces: tuple[str, ...]
    dpdk_driver: str
    group: int | None
    shares_group_with: tuple[str, ...]
    numa_node: int | None
    cuts_off: str
    never_taken: str
    why: str

    @property
    def state(self) -> str:
        """In a word or two."""
        if not self.why:
            return "usable"
        if self.never_taken:
            return "never taken"
        if self.driver in USER_SPACE:
            return "in use" if " in use by " in self.why else "not usable"
        return "the kernel's" if self.driver else "not bound"

    def _cells(self) -> tuple[str, ...]:
        known = (self.group, self.numa_node)
        numbers = [MISSING if number is None else str(number) for number in known]
        return (
            self.address,
            self.name or self.device,
            self.driver or MISSING,
            ", ".join(self.interfaces) or MISSING,
            self.dpdk_driver or MISSING,
            *numbers,
            self.state,
        )

    def _notes(self) -> tuple[str, ...]:
        shows_cut = self.cuts_off and not self.never_taken
        cut = f"bind would cut off: {self.cuts_off}" if shows_cut else ""
        notes = filter(None, (self.why, cut))
        return tuple(n if self.address in n else f"{self.address}: {n}" for n in notes)


class Nics(tuple[Nic, ...]):
    """NICs, shown as a table with what is to be done of each below."""

    __slots__ = ()

    def to_json(self) -> str:
        """[{"address", "device", "name", "driver", …, "state"}, …]"""
        return json.dumps([asdict(nic) | {"state": nic.state} for nic in self], indent=2)

    def __repr__(self) -> str:
        if not self:
            return "there is no NIC on the PCI bus"
        rows = [HEADER, *(nic._cells() for nic in self)]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *(note for nic in self for note in nic._notes())])

    def _repr_html_(self) -> str:
        rows = []
        for nic in self:
            *cells, state = nic._cells()
            notes = "".join(f"<br>{escape(note)}" for note in nic._notes())
            rows.append((*cells, Html(f"{escape(state)}{notes}")))
        return html_table(HEADER, rows)


def list() -> Nics:  # noqa: A001  # as the command is called
    """All NICs on the PCI bus: what they are, who has them, and whether a lab could open them."""
    root = KERNEL.root
    facts = all_nic_facts(root)
    uses = interface_uses(root) if any(one.interfaces for one in facts) else {}
    return Nics(_nic(one, uses, root) for one in facts)


def _nic(facts: NicFacts, uses: dict[str, Use], root: Path) -> Nic:
    use = [uses.get(name, Use()) for name in facts.interfaces]
    return Nic(
        address=facts.address,
        device=facts.device,
        name=facts.name,
        driver=facts.driver,
        interfaces=facts.interfaces,
        dpdk_driver=facts.dpdk.name if facts.dpdk else "",
        group=facts.group,
        shares_group_with=facts.in_the_way,
        numa_node=facts.numa_node,
        cuts_off="; ".join(filter(None, map(str, use))),
        never_taken="; ".join(filter(None, (one.forbids for one in use))),
        why=why_unusable(facts.address, root=root) or "",
    )


@checked()
def bind(
    *nics: str,
    driver: UserDriver | None = None,
    user: str | None = None,
    force: bool = False,
    dry_run: bool = False,
) -> str:
    """Takes NICs from the kernel and hands them to DPDK. Needs root.

    All is looked at before anything is done. A NIC that carries the default route (of any table) or
    this SSH session, or that a bridge, a bond or a VLAN works through, is never taken. What was
    done is taken back where the driver does not take the NIC.

    nics: addresses or interfaces; those of one IOMMU group together
    driver: None: vfio-pci where there is an IOMMU, else uio_pci_generic
    user: may open them afterwards (chown of /dev/vfio/GROUP, until they are given back)
    force: also where addresses, routes, TCP connections or an interface that is out of sight are
        cut off
    dry_run: only tell what would be done, as lines for a shell; no root is needed

    Returns what was done, a line a NIC. LabError says why not, with the next step.
    """
    root = KERNEL.root
    found = _found(nics, root)
    owner = None if user is None else binding.user_number(user)
    uses = interface_uses(root)
    together = [facts.address for facts in found]
    wanted = {f.address: driver or suitable_driver(f, root) for f in found}
    todo = [f for f in found if not _is_done(f, driver)]
    for facts in found if owner is not None else ():
        held_by = wanted[facts.address] if facts in todo else facts.driver
        if held_by != VFIO:
            raise LabError(
                f"{user} cannot be given {facts.called}: only {VFIO} gives devices to users, and "
                f"{held_by or 'no driver'} suits it here; leave out user (--user), and start "
                "JupyterLab as root"
            )
    for facts in todo:
        if facts.driver in USER_SPACE and (held := why_held(facts, root=root)):
            raise LabError(held)
        if why := binding.refusal(
            facts, wanted[facts.address], uses, together, force=force, root=root
        ):
            raise LabError(why)
    if dry_run:
        steps = [s for f in todo for s in binding.bind_steps(f, wanted[f.address], root)]
        return "\n".join(map(str, dict.fromkeys(steps))) or "nothing to do"
    _needs_root("bind", nics)
    lines = []
    for facts in found:
        after, cut = facts, ""
        if facts in todo:
            after = binding.bind(facts, wanted[facts.address], KERNEL)
            cut = "; ".join(filter(None, (str(uses.get(n, "")) for n in facts.interfaces)))
        line = f"{facts.called} is with {after.driver}, and opens as pci:{facts.address}"
        if owner is not None:
            line += f"; {user} owns {binding.give_to(after, owner, root)}"
        lines.append(line + (f"; cut off: {cut}" if cut else ""))
    return "\n".join(lines)


@checked()
def unbind(*nics: str, dry_run: bool = False) -> str:
    """Gives NICs back to the kernel drivers that they had. Needs root.

    Where nobody remembers the driver, the kernel finds the one that fits. Addresses and routes do
    not come back by themselves: whoever set them does so again. A NIC that a lab has open is not
    touched, for the kernel would wait for that lab.

    nics: addresses, or the interfaces that they had
    dry_run: only tell what would be done, as lines for a shell; no root is needed

    Returns what was done, a line a NIC. LabError says why not, with the next step.
    """
    root = KERNEL.root
    found = _found(nics, root)
    todo = [f for f in found if not f.driver or f.driver in USER_SPACE]
    for facts in todo:
        if held := why_held(facts, root=root):
            raise LabError(held)
    if dry_run:
        steps = [step for facts in todo for step in binding.unbind_steps(facts, root)]
        return "\n".join(map(str, steps)) or "nothing to do"
    _needs_root("unbind", nics)
    lines = []
    for facts in found:
        before = ", ".join(interfaces_before(facts.address, root))
        after = binding.give_back(facts, KERNEL) if facts in todo else facts
        names = ", ".join(after.interfaces)
        line = f"{facts.called} is with {after.driver}" + (f" as {names}" if names else "")
        if facts in todo and before not in ("", names):
            line += f", which was {before}"  # the kernel gives the first name that is free
        lines.append(line if facts in todo else f"{line} already")
    return "\n".join(lines)


def _is_done(facts: NicFacts, driver: str | None) -> bool:
    """Whether DPDK can take a NIC as it is."""
    return facts.is_in_user_space and driver in (None, facts.driver)


def _found(names: Sequence[str], root: Path) -> "dict[NicFacts, None]":
    """The NICs that are meant, each once, in their order."""
    if not names:
        raise LabError("name a NIC by its address or interface; lk.nic.list() shows them")
    found: dict[NicFacts, None] = {}
    for name in names:
        address = address_of(name, root) or once_called(name, root)
        facts = nic_facts(address, root) if address else None
        if facts is None:
            raise LabError(why_unusable(name, root=root) or "")
        found[facts] = None
    return found


def _needs_root(verb: str, names: Sequence[str]) -> None:
    if os.geteuid() != 0:
        raise LabError(f"needs root; write: sudo {bind_command(' '.join(names), verb)}")


def __dir__() -> "Sequence[str]":
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
