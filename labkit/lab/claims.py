# SPDX-License-Identifier: BSD-3-Clause
"""What a port has for itself: a second port cannot have it too."""

from labkit.lab.device import Device

Claims = dict[tuple[str, ...], str]  # what each of them is in words


def claims_of(device: Device, queues: int) -> Claims:
    """What no other port of the machine can have beside this one.

    Two af_packet ports of one queue may listen to one interface, and each hears all of it; those of
    several queues would join one fanout group (packet(7)) and hear half of it each.
    """
    kind, target, arguments = device.kind, device.target, device.arguments
    match kind:
        case "pci":
            return {(kind, target): f"NIC {target}"}
        case "af_xdp":
            first = int(arguments["start_queue"])
            return {
                (kind, target, str(queue)): f"queue {queue} of interface {target}"
                for queue in range(first, first + queues)
            }
        case "af_packet" if queues > 1:
            return {(kind, target): f"the fanout group of interface {target}"}
        case "memif":
            end = (str(arguments["role"]), str(arguments["id"]))
            return {(kind, target, *end): f"the {end[0]}'s end {end[1]} of memif:{target}"}
        case "pcap" if "tx_pcap" in arguments:
            file = str(arguments["tx_pcap"])
            return {(kind, file): f"the file {file}, which is written to,"}
    return {}
