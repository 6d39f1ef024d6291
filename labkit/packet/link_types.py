# SPDX-License-Identifier: BSD-3-Clause
"""Link types of captures: their names (https://www.tcpdump.org/linktypes.html), and which of them
become Ethernet (native/packet/link_type.h)."""

from pathlib import Path
from shlex import quote

from labkit._codec import lib

ETHERNET = 1
NAMES = {
    0: "NULL",
    1: "ETHERNET",
    3: "AX25",
    6: "IEEE802_5",
    7: "ARCNET_BSD",
    8: "SLIP",
    9: "PPP",
    10: "FDDI",
    12: "RAW",
    14: "RAW",
    50: "PPP_HDLC",
    51: "PPP_ETHER",
    100: "ATM_RFC1483",
    101: "RAW",
    104: "C_HDLC",
    105: "IEEE802_11",
    107: "FRELAY",
    108: "LOOP",
    113: "LINUX_SLL",
    114: "LTALK",
    117: "PFLOG",
    119: "IEEE802_11_PRISM",
    122: "IP_OVER_FC",
    123: "SUNATM",
    127: "IEEE802_11_RADIOTAP",
    129: "ARCNET_LINUX",
    138: "APPLE_IP_OVER_IEEE1394",
    139: "MTP2_WITH_PHDR",
    140: "MTP2",
    141: "MTP3",
    142: "SCCP",
    143: "DOCSIS",
    144: "LINUX_IRDA",
    147: "USER0",
    162: "USER15",
    163: "IEEE802_11_AVS",
    165: "BACNET_MS_TP",
    166: "PPP_PPPD",
    169: "GPRS_LLC",
    170: "GPF_T",
    171: "GPF_F",
    177: "LINUX_LAPD",
    182: "MFR",
    187: "BLUETOOTH_HCI_H4",
    189: "USB_LINUX",
    192: "PPI",
    195: "IEEE802_15_4_WITHFCS",
    196: "SITA",
    197: "ERF",
    201: "BLUETOOTH_HCI_H4_WITH_PHDR",
    202: "AX25_KISS",
    203: "LAPD",
    204: "PPP_WITH_DIR",
    205: "C_HDLC_WITH_DIR",
    206: "FRELAY_WITH_DIR",
    207: "LAPB_WITH_DIR",
    209: "IPMB_LINUX",
    212: "LIN",
    215: "IEEE802_15_4_NONASK_PHY",
    220: "USB_LINUX_MMAPPED",
    224: "FC_2",
    225: "FC_2_WITH_FRAME_DELIMS",
    226: "IPNET",
    227: "CAN_SOCKETCAN",
    228: "IPV4",
    229: "IPV6",
    230: "IEEE802_15_4_NOFCS",
    231: "DBUS",
    235: "DVB_CI",
    236: "MUX27010",
    237: "STANAG_5066_D_PDU",
    239: "NFLOG",
    240: "NETANALYZER",
    241: "NETANALYZER_TRANSPARENT",
    242: "IPOIB",
    243: "MPEG_2_TS",
    244: "NG40",
    245: "NFC_LLCP",
    247: "INFINIBAND",
    248: "SCTP",
    249: "USBPCAP",
    250: "RTAC_SERIAL",
    251: "BLUETOOTH_LE_LL",
    253: "NETLINK",
    254: "BLUETOOTH_LINUX_MONITOR",
    255: "BLUETOOTH_BREDR_BB",
    256: "BLUETOOTH_LE_LL_WITH_PHDR",
    257: "PROFIBUS_DL",
    258: "PKTAP",
    259: "EPON",
    260: "IPMI_HPM_2",
    261: "ZWAVE_R1_R2",
    262: "ZWAVE_R3",
    263: "WATTSTOPPER_DLM",
    264: "ISO_14443",
    265: "RDS",
    266: "USB_DARWIN",
    268: "SDLC",
    270: "LORATAP",
    271: "VSOCK",
    272: "NORDIC_BLE",
    273: "DOCSIS31_XRA31",
    274: "ETHERNET_MPACKET",
    275: "DISPLAYPORT_AUX",
    276: "LINUX_SLL2",
    277: "SERCOS_MONITOR",
    278: "OPENVIZSLA",
    279: "EBHSCR",
    280: "VPP_DISPATCH",
    281: "DSA_TAG_BRCM",
    282: "DSA_TAG_BRCM_PREPEND",
    283: "IEEE802_15_4_TAP",
    284: "DSA_TAG_DSA",
    285: "DSA_TAG_EDSA",
    286: "ELEE",
    287: "Z_WAVE_SERIAL",
    288: "USB_2_0",
    289: "ATSC_ALP",
    290: "ETW",
    292: "ZBOSS_NCP",
}
BECOME_ETHERNET = (0, 1, 9, 12, 14, 50, 101, 104, 108, 113, 228, 229, 276)


def link_name(number: int) -> str:
    """A link type as an error names it, such as "IEEE802_11_RADIOTAP (127)"."""
    return f"{NAMES[number]} ({number})" if number in NAMES else f"number {number}"


def no_ethernet(file: Path, number: int, frame: int, why: int) -> str:
    """Why a frame, counted from 1, cannot be sent on Ethernet; why: enum lk_to_ethernet."""
    where = f"{file}: frame {frame:,} is of link type {link_name(number)}"
    if why == lib.LK_ETHERNET_NO_LINK:
        known = ", ".join(dict.fromkeys(NAMES[one] for one in BECOME_ETHERNET))
        return (
            f"{where}, and no Ethernet; what can be sent are {known}. Capture on an interface of "
            "one of these"
        )
    if why == lib.LK_ETHERNET_SHORT:
        return f"{where}, and is too short for its header; capture whole frames (tcpdump -s 0)"
    return (
        f"{where}, and carries what Ethernet has no type for; keep what it has: "
        f'tcpdump -r {quote(str(file))} -w ip.pcap "ip or ip6"'
    )


def made_up(number: int) -> str:
    """What is said once where frames of another link type become Ethernet."""
    sources = "; sources are the captured ones, where there are" if number in (113, 276) else ""
    return (
        f"frames of link type {link_name(number)} become Ethernet with MAC addresses that are made "
        f"up, 02:04 and the IPv4 address or 02:06 and 32 bits of the IPv6 address{sources}"
    )
