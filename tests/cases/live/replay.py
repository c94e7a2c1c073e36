"""Sends the packets of captures into an interface, one after the other, as fast as they are taken."""
import socket, struct, time

ETHERNET = 1


def packets(path):
    """The Ethernet frames of a pcap file; [] if it has another link type."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[0] in (0xd4, 0x4d) else ">"
    out, at = [], 24
    if struct.unpack_from(order + "I", data, 20)[0] & 0xffff != ETHERNET:
        return out
    while at + 16 <= len(data):
        n, whole = struct.unpack_from(order + "II", data, at + 8)
        if n == whole:  # what the capture cut short cannot be sent
            out.append(data[at + 16:at + 16 + n])
        at += 16 + n
    return out


def send(s, frames, pause_every=64):
    """`s`: a packet socket bound to the interface. A pause now and then: the reader has its time."""
    for i, f in enumerate(frames):
        s.send(f)
        if i % pause_every == pause_every - 1:
            time.sleep(0.002)


def replay(net, paths, interface="vb2"):
    with net.inside(net.b):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind((interface, 0))
    for path in paths:
        send(s, packets(path))
    s.close()
