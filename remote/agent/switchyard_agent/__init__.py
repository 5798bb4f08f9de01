"""Switchyard's agent on a remote machine: Python 3.8 or newer, nothing else. It runs for as long as the connection that started it.

It is asked over standard input and answers on standard output, in frames (frames.py). What it starts is detached and outlives it; what it knows, it
reads from run directories (docs/run-directory.md), so any version of it can go on where another stopped. It is sent as one file, an archive of this
package that Python runs as it is, and lies on the host under the name of its SHA-256.

    python3 AGENT serve                       answers requests until its input ends
    python3 AGENT start REQUEST_FILE          becomes the trainer that a request describes
    python3 AGENT submit-ray ADDRESS          hands the job on standard input to Ray
"""
