#!/usr/bin/env python3
"""Writes tests/unit/http/h2/*.txt: what python3-h2 sends as client and server, and what of it must be told.

Each file is a script as tests/support/h2_script.h reads it, a line "--", and the events as
tests/support/h2_log.h prints them. The events are noted from what was asked of h2, not from its bytes.
Run it by hand (python3-h2 from Debian); the files are kept.
"""
import os
import random

import h2.config
import h2.connection
import h2.settings

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"sec-websocket-protocol": "protocol", "sec-websocket-extensions": "extensions", "origin": "origin",
         "user-agent": "agent", "server": "server", "via": "via", "location": "location",
         "www-authenticate": "authenticate", "cf-ray": "ray"}


class Pair:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.steps, self.events = [], []
        self.off, self.ended, self.wanted = {}, set(), set()
        self.table = {}
        def config(client):
            return h2.config.H2Configuration(client_side=client, validate_inbound_headers=False,
                                             validate_outbound_headers=False, header_encoding="utf-8")
        self.ends = [h2.connection.H2Connection(config(True)), h2.connection.H2Connection(config(False))]
        for end in self.ends:
            end.initiate_connection()
        self.ends[1].update_settings({h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL: 1})
        self.say("connect-protocol s2c")
        self.flush(0)
        self.flush(1)

    def say(self, text):
        self.events.append(text)

    def flush(self, d):
        """Hands over what end |d| has to send, and what the other answers by itself."""
        data = self.ends[d].data_to_send()
        if not data:
            return
        self.steps.append("CS"[d] + " " + data.hex())
        for event in self.ends[1 - d].receive_data(data):
            size = getattr(event, "flow_controlled_length", 0)
            if size:
                self.ends[1 - d].acknowledge_received_data(size, event.stream_id)
        self.flush(1 - d)

    @staticmethod
    def way(d):
        return ("c2s", "s2c")[d]

    def fields(self, headers):
        values = {}
        for name, value in headers:
            name = {":path": "path", ":authority": "host"}.get(name) or NAMES.get(name)
            if name:
                values.setdefault(name, []).append(value)
        order = ["path", "host"] + list(NAMES.values())
        return "".join(f" {n}={', '.join(values[n])}" for n in order if n in values)

    def request(self, sid, headers, end=False, **more):
        d = dict(headers)
        websocket = d[":method"] == "CONNECT" and d.get(":protocol") == "websocket"
        self.ends[0].send_headers(sid, headers, end_stream=end, **more)
        self.say(f"request {sid}{' websocket' if websocket else ''}{self.fields(headers)}")
        if websocket:
            self.wanted.add(sid)
        self.end(sid, 0, end)
        self.flush(0)

    def answer(self, sid, headers, end=False):
        self.ends[1].send_headers(sid, headers, end_stream=end)
        if sid in self.wanted:
            self.say(f"answer {sid} {dict(headers)[':status']}{self.fields(headers)}")
        self.end(sid, 1, end)
        self.flush(1)

    def trailers(self, sid, d):
        self.ends[d].send_headers(sid, [("x-trailer", "t")], end_stream=True)
        self.end(sid, d, True)
        self.flush(d)

    def data(self, sid, d, data, end=False, pad=None):
        self.ends[d].send_data(sid, data, end_stream=end, pad_length=pad)
        if sid in self.wanted and data:
            off = self.off.get((sid, d), 0)
            head = f"data {sid} {self.way(d)} off="
            last = self.events[-1].split(" ")
            # Data that follows on is one line.
            if self.events[-1].startswith(head) and int(last[3][4:]) + len(last[4]) // 2 == off:
                self.events[-1] += data.hex()
            else:
                self.say(f"{head}{off} {data.hex()}")
            self.off[sid, d] = off + len(data)
        self.end(sid, d, end)
        self.flush(d)

    def end(self, sid, d, end):
        if end and sid in self.wanted:
            self.say(f"end {sid} {self.way(d)}")
            self.ended.add((sid, d))
            if (sid, 1 - d) in self.ended:
                self.wanted.discard(sid)

    def reset(self, sid, d, code, name):
        self.ends[d].reset_stream(sid, code)
        if sid in self.wanted:
            self.say(f"reset {sid} {self.way(d)} {name}")
            self.wanted.discard(sid)
        self.flush(d)

    def write(self, name):
        with open(os.path.join(HERE, "h2", name + ".txt"), "w") as f:
            f.write("\n".join(self.steps) + "\n--\n" + "\n".join(self.events) + "\n")


def connect(path, **more):
    headers = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", path),
               (":authority", "host.example:8443"), ("sec-websocket-version", "13")]
    return headers + [(k.replace("_", "-"), v) for k, v in more.items()]


def get(path):
    return [(":method", "GET"), (":scheme", "https"), (":path", path), (":authority", "host.example:8443"),
            ("user-agent", "h2/4.1"), ("cookie", "a=b")]


def story(seed, count, table=None, frame=None):
    """Many streams at once, each doing what chance says."""
    p = Pair(seed)
    rng = p.rng
    if table is not None:
        for d in (0, 1):
            p.ends[d].update_settings({h2.settings.SettingCodes.HEADER_TABLE_SIZE: table})
            p.flush(d)
    if frame is not None:
        p.ends[1].update_settings({h2.settings.SettingCodes.MAX_FRAME_SIZE: frame})
        p.flush(1)
    open_streams, sid = {}, 1
    for _ in range(count):
        what = rng.random()
        if what < 0.3 or not open_streams:
            websocket = rng.random() < 0.5
            more = {}
            if rng.random() < 0.3:
                more = {"priority_weight": 1 + rng.randrange(256), "priority_depends_on": 0,
                        "priority_exclusive": rng.random() < 0.5}
            end = not websocket and rng.random() < 0.8
            if websocket:
                extra = {}
                if rng.random() < 0.5:
                    extra["sec_websocket_protocol"] = rng.choice(["chat", "mqtt, amqp"])
                if rng.random() < 0.5:
                    extra["sec_websocket_extensions"] = "permessage-deflate"
                if rng.random() < 0.5:
                    extra["x_filler"] = "%0*d" % (rng.randrange(900), 7)
                p.request(sid, connect(f"/ws/{rng.randrange(5)}", **extra), **more)
            else:
                p.request(sid, get(f"/{rng.randrange(9)}"), end, **more)
            open_streams[sid] = {"answered": False, "sent_end": [end, False], "websocket": websocket}
            sid += 2
            continue
        s = rng.choice(list(open_streams))
        state = open_streams[s]
        if not state["answered"]:
            if rng.random() < 0.2:
                p.answer(s, [(":status", "103"), ("link", "</x>")])
                continue
            status = rng.choice(["200", "200", "200", "403", "302"]) if state["websocket"] else "200"
            headers = [(":status", status), ("server", "s/1"), ("date", "now%d" % rng.randrange(3))]
            if status == "302":
                headers.append(("location", "https://host.example/in"))
            if status == "403":
                headers.append(("via", "1.1 a"))
                headers.append(("via", "1.1 b"))
            end = rng.random() < 0.2
            p.answer(s, headers, end)
            state["answered"] = True
            state["sent_end"][1] = end
        elif what < 0.4:
            code, name = rng.choice([(8, "CANCEL"), (0, "NO_ERROR"), (2, "INTERNAL_ERROR"), (0x99, "153")])
            p.reset(s, rng.randrange(2), code, name)
            del open_streams[s]
            continue
        else:
            d = rng.randrange(2)
            if not state["sent_end"][d]:
                end = rng.random() < 0.15
                if end and rng.random() < 0.3:
                    p.trailers(s, d)
                else:
                    data = bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 2, 7, 40])))
                    p.data(s, d, data, end, rng.choice([None, None, 0, 3, 20]))
                state["sent_end"][d] = end
        if all(state["sent_end"]):
            del open_streams[s]
        if rng.random() < 0.05:
            d = rng.randrange(2)
            p.ends[d].ping(b"12345678")
            p.flush(d)
    return p


def pushes():
    p = Pair(7)
    p.request(1, connect("/ws"))
    p.answer(1, [(":status", "200"), ("server", "s")])
    p.ends[1].push_stream(1, 2, get("/pushed"))
    p.flush(1)
    p.answer(2, [(":status", "200"), ("server", "s"), ("x-new", "indexed")])
    p.data(2, 1, b"pushed", True)
    p.request(3, connect("/ws"))
    p.answer(3, [(":status", "200"), ("x-new", "indexed"), ("server", "s")])
    p.data(3, 1, b"\x88\x00")
    p.ends[1].close_connection(error_code=11, additional_data=b"slow down", last_stream_id=3)
    p.say("goaway s2c last=3 ENHANCE_YOUR_CALM debug=slow down")
    p.flush(1)
    return p


def large():
    p = Pair(8)
    p.request(1, connect("/ws", x_large="".join(chr(33 + i % 90) for i in range(17000)), origin="https://after.example"))
    p.answer(1, [(":status", "200"), ("x-large", "Y" * 17000), ("server", "after")])
    p.request(3, connect("/ws", origin="https://after.example"))
    return p


def main():
    for seed in range(3):
        story(seed, 150).write(f"story-{seed}")
    story(20, 150, table=0).write("table-of-0")
    story(21, 150, table=256).write("table-of-256")
    story(22, 200, table=65536).write("table-of-65536")
    story(23, 60, frame=1 << 20).write("frames-of-1-MiB")
    pushes().write("pushes")
    large().write("large-heads")


main()
