"""Writes the captures of this folder anew: python3 captures.py, with scapy installed.

Each holds feed.itch50 in packets of MoldUDP64, five messages each, on two redundant lines,
and besides them a packet of DNS. What is different about each its name says.
"""

import struct
from pathlib import Path

from scapy.all import (
    DNS, IP, IPOption_NOP, UDP, CookedLinux, Dot1Q, Ether, IPv6, PcapNgWriter, fragment, wrpcap,
)

HERE = Path(__file__).parent
SESSION = b"DAY 1     "
LINES = (("239.1.1.1", "ff0e::1", 9001), ("239.1.1.2", "ff0e::2", 9002))


def messages():
    data = (HERE / "feed.itch50").read_bytes()
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from(">H", data, at)
        yield data[at : at + 2 + length]
        at += 2 + length


def payloads():
    framed = list(messages())
    for first in range(0, len(framed), 5):
        some = framed[first : first + 5]
        yield SESSION + struct.pack(">QH", first + 1, len(some)) + b"".join(some)
    yield SESSION + struct.pack(">QH", len(framed) + 1, 0xFFFF)


def datagrams(six=False, options=(), lost=((3,), (5,))):
    """Line B is one packet behind line A; each has lost others."""
    sent = list(payloads())
    for at in range(len(sent) + 1):
        for line, behind in ((0, 0), (1, 1)):
            number = at - behind
            if not 0 <= number < len(sent) or number in lost[line]:
                continue
            four, six_, port = LINES[line]
            ip = IPv6(src="fe80::1", dst=six_) if six else IP(src="10.0.0.1", dst=four, options=list(options))
            yield line, ip / UDP(sport=4000, dport=port) / sent[number]
    yield 0, IP(src="10.0.0.1", dst="10.0.0.2") / UDP(dport=53) / DNS()


def ether(packet):
    return Ether(src="02:00:00:00:00:01", dst="01:00:5e:01:01:01") / packet


def timed(packets):
    for at, packet in enumerate(packets):
        packet.time = 1_700_000_000 + at / 1000
        yield packet


def write(name, packets, **how):
    wrpcap(str(HERE / name), list(timed(packets)), **how)


def main():
    plain = [ether(packet) for _, packet in datagrams()]
    write("micro_little.pcap", plain, endianness="<")
    write("micro_big.pcap", plain, endianness=">")
    write("nano_little.pcap", plain, endianness="<", nano=True)
    write("nano_big.pcap", plain, endianness=">", nano=True)
    write("vlan.pcap", [Ether() / Dot1Q(vlan=7) / Dot1Q(vlan=9) / p for _, p in datagrams()])
    write("cooked.pcap", [CookedLinux(lladdrtype=1) / p for _, p in datagrams()])
    write("raw.pcap", [p for _, p in datagrams()], linktype=101)
    write("options.pcap", [ether(p) for _, p in datagrams(options=[IPOption_NOP()] * 4)])
    write("ipv6.pcap", [ether(p) for _, p in datagrams(six=True)])
    # Of both lines the third packet: nobody has messages 11 to 15.
    write("lost.pcap", [ether(p) for _, p in datagrams(lost=((2,), (2,)))])
    one_line = [(line, p) for line, p in datagrams(lost=((), ())) if line == 0]
    pieces = []
    for at, (_, packet) in enumerate(one_line):
        pieces += [ether(f) for f in fragment(packet, 96)] if at == 4 else [ether(packet)]
    write("fragments.pcap", pieces)
    cut = [ether(p) for _, p in one_line]
    cut[4].wirelen = len(cut[4])
    short = Ether(bytes(cut[4])[:60])
    short.wirelen = len(cut[4])
    cut[4] = short
    write("cut.pcap", cut)
    writer = PcapNgWriter(str(HERE / "interfaces.pcapng"))
    for at, (line, packet) in enumerate(datagrams()):
        packet = ether(packet) if line == 0 else packet
        packet.sniffed_on = ("eth0", "tun0")[line]
        packet.time = 1_700_000_000 + at / 1000
        writer.write(packet)
    writer.close()


if __name__ == "__main__":
    main()
