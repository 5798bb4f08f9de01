"""Frames: "@switchyard1 LENGTH CRC32 JSON", one a line, so that a login banner or a stray print is never taken for an answer."""

import json
# Not from zlib, which not every Python was built with.
from binascii import crc32

PROTOCOL = 1
MARK = b"@switchyard1 "
MAX_FRAME = 1 << 20
DIGITS = 7
# Bytes of a file in one frame: with base64 well below MAX_FRAME, and divisible by 3.
CHUNK = 196608


def frame(value):
    text = json.dumps(value, separators=(",", ":")).encode("ascii")
    # It begins on a line of its own, whatever was printed before it.
    return b"\n%s%d %08x %s\n" % (MARK, len(text), crc32(text), text)


def parse_frame(line):
    """The value of a line, or None where it is no whole frame."""
    if not line.startswith(MARK):
        return None
    parts = line[len(MARK):].split(b" ", 2)
    # Digits are counted first: Python takes no number of more than some thousand.
    if len(parts) != 3 or not parts[0].isdigit() or len(parts[0]) > DIGITS or int(parts[0]) != len(parts[2]):
        return None
    try:
        return json.loads(parts[2].decode("ascii")) if int(parts[1], 16) == crc32(parts[2]) else None
    except (ValueError, RecursionError):
        return None


class FrameReader:
    """Takes frames out of a stream. Lines that are none, or too long, are passed over."""

    def __init__(self):
        self.rest, self.skipping = b"", False

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if self.skipping:
                self.skipping = False
            else:
                value = parse_frame(line)
                if value is not None:
                    yield value
        if len(self.rest) > MAX_FRAME:
            self.rest, self.skipping = b"", True
