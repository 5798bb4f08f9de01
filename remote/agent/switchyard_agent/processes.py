"""Processes of this machine: which they are, whether they live, and what outlives a login."""

import os
import shutil
import socket


def boot_id():
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def process_fields(pid):
    """Fields of /proc/PID/stat from the third on; None where no such process runs. A zombie does not run."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            # The command's name, in brackets, may hold anything.
            fields = file.read().decode("utf-8", "replace").rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def start_ticks(pid):
    fields = process_fields(pid)
    return fields[19] if fields else None


def state_of(record):
    """alive, gone, rebooted, or elsewhere: on another machine that shares this disk, of which nothing is known here."""
    try:
        if record["bootId"] != boot_id():
            return "rebooted" if record["host"] == socket.gethostname() else "elsewhere"
        return "alive" if start_ticks(int(record["pid"])) == record["startTicks"] else "gone"
    except (KeyError, TypeError, ValueError):
        return "gone"


def own_record(**more):
    return dict({"pid": os.getpid(), "startTicks": start_ticks(os.getpid()), "bootId": boot_id(), "host": socket.gethostname()}, **more)


def own_address():
    """By which other machines of the same network reach this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("10.255.255.255", 9))  # Nothing is sent: only the way there is looked up.
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def members(record):
    """Processes of the group that a run's process leads, those left behind by a leader that is gone included."""
    if record.get("bootId") != boot_id():
        return []
    leader = int(record["pid"])
    now = start_ticks(leader)
    if now is not None and now != record["startTicks"]:
        return []  # The number belongs to somebody else now, and so does the group.
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            fields = process_fields(int(name))
            if fields and (int(fields[2]) == leader or int(name) == leader):
                found.append(int(name))
    return found


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read(400).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        return ""


def lingers():
    """Whether processes of the person's own systemd go on after the last logout."""
    try:
        import pwd
        user = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return False
    runtime = os.environ.get("XDG_RUNTIME_DIR") or "/run/user/%d" % os.getuid()
    return os.path.exists("/var/lib/systemd/linger/" + user) and os.path.exists(runtime + "/systemd/private") and shutil.which("systemd-run") is not None
