"""A moto server for tests: python moto_server.py serves S3 on a free port of loopback and prints its address."""

import sys

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()  # until whoever started it ends
server.stop()
