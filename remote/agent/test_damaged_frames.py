"""What comes in on the agent's standard input may be anything: a damaged frame is passed over, a request that makes no sense is refused, and the conversation goes on."""

import binascii
import random
import time

import pytest
from switchyard_agent.frames import MARK, MAX_FRAME, FrameReader, frame
from test_switchyard_agent import Link

SECONDS = 2.0
"""For each of the two."""
VALUES = (None, True, -1, 0, 3, 2**70, 0.5, "", "x", "../../etc/passwd", "\x1b[2J\n", [], [[]], {}, {"id": {}})


def frames_of(chance, count=20):
    return [frame({"id": number, "verb": chance.choice(("ping", "list", "x")), "text": "ä" * chance.randrange(200)}) for number in range(count)]


def damaged(chance, data):
    """A byte changed, lost or put in; a piece doubled; digits that never end; a value as deep as a well."""
    data, at = bytearray(data), chance.randrange(len(data))
    match chance.randrange(6):
        case 0:
            data[at] ^= 1 << chance.randrange(8)
        case 1:
            del data[at:at + chance.randrange(1, 50)]
        case 2:
            data[at:at] = chance.randbytes(chance.randrange(1, 50))
        case 3:
            data[at:at] = data[at:at + chance.randrange(1, 500)]
        case 4:
            data[at:at] = b"\n@switchyard1 " + b"9" * 5000 + b" 00000000 {}\n"
        case 5:
            text = b"[" * 100_000
            data[at:at] = b"\n%s%d %08x %s\n" % (MARK, len(text), binascii.crc32(text), text)
    return bytes(data)


def read(data, chance=None):
    reader, values = FrameReader(), []
    while data:
        piece, data = (data, b"") if chance is None else (data[:(size := chance.randrange(1, 4000))], data[size:])
        values += reader.feed(piece)
        assert len(reader.rest) <= MAX_FRAME + len(piece)
    return values


def test_frames_are_taken_out_of_damaged_streams_however_they_are_cut():
    chance, until, taken = random.Random(7), time.monotonic() + SECONDS, 0
    while time.monotonic() < until:
        data = b"".join(frames_of(chance))
        for _ in range(chance.randrange(4)):
            data = damaged(chance, data)
        values = read(data)
        assert values == read(data, chance)
        taken += len(values)
    assert taken > 100


@pytest.fixture
def link(tmp_path):
    link = Link(tmp_path)
    yield link
    link.process.kill()
    link.process.wait()


def test_requests_that_make_no_sense_end_nothing(link):
    chance, until, number = random.Random(11), time.monotonic() + SECONDS, 0
    verbs = ("ack", "watch", "unwatch", "put", "list", "status", "launch", "ask", "end", "read", "have", "seal", "folder", "find", "tail", "nothing", None, [], {}, 5)
    fields = ("watch", "offset", "run", "path", "bytes", "data", "sha256", "size", "id", "spec", "workers", "name", "home", "digest", "from", "seq")
    while time.monotonic() < until:
        for _ in range(20):
            message = {"verb": chance.choice(verbs), **{name: chance.choice(VALUES) for name in chance.sample(fields, 6)}}
            link.process.stdin.write(damaged(chance, frame(message)) if chance.random() < 0.2 else frame(message))
        number += 1
        link.send(verb="ping", id="ping %d" % number)
        while link.next().get("id") != "ping %d" % number:
            pass
    assert number > 3
