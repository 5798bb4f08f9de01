// How the agent gets onto a host, as one file: a few lines of Python that ssh carries as one argument take it from standard input where it is not there
// yet, and become it. It lies under the name of its SHA-256, so that versions stand side by side and a run that is going keeps its own.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { storedZip } from "./storedZip.ts";

const AGENT = fileURLToPath(new URL("../../remote/agent", import.meta.url));
const SENT = /^(__main__\.py|switchyard_agent\/.*\.py)$/;

/** One file that Python runs: an archive of the agent's package. */
export interface AgentProgram { bytes: Buffer; sha256: string }

export function agentProgram(folder = AGENT): AgentProgram {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => SENT.test(name));
  const bytes = storedZip(new Map(names.map((name) => [name, readFileSync(join(folder, name))])));
  return { bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Also old Pythons can read it, so that they can be told apart. */
const BOOTSTRAP = `
import binascii, hashlib, json, os, socket, sys
def say(**value):
    text = json.dumps(value).encode()
    os.write(1, b"\\n@switchyard1 " + ("%d %08x " % (len(text), binascii.crc32(text) & 0xffffffff)).encode() + text + b"\\n")
size, sha, home = int(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3]).decode()
host = socket.gethostname()
if sys.version_info < (3, 8):
    say(bootstrap="failed", message="Python on %s is version %d.%d; Switchyard needs 3.8 or newer there." % (host, sys.version_info[0], sys.version_info[1]))
    sys.exit(3)
folder = os.path.join(os.path.expanduser(home), "agent")
path = os.path.join(folder, sha + ".pyz")
try:
    try:
        with open(path, "rb") as file:
            there = hashlib.sha256(file.read()).hexdigest() == sha
    except OSError:
        there = False
    say(bootstrap="have" if there else "need", message="")
    if not there:
        got = b""
        while len(got) < size:
            piece = os.read(0, size - len(got))
            if not piece:
                sys.exit(4)
            got += piece
        if hashlib.sha256(got).hexdigest() != sha:
            raise OSError(0, "what arrived is not what was sent")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        aside = "%s.%d.tmp" % (path, os.getpid())
        with open(aside, "wb") as file:
            file.write(got)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o600)
        os.rename(aside, path)
except OSError as error:
    say(bootstrap="failed", message="The agent could not be written to %s on %s: %s." % (folder, host, error.strerror))
    sys.exit(5)
os.execv(sys.executable, [sys.executable, "-u", path, "serve"])
`;

/** What the few lines answer: whether the agent is there, has to be sent, or can't be put there. */
export const BootstrapReply = z.object({ bootstrap: z.enum(["have", "need", "failed"]), message: z.string().max(2000) });

/** Where everything of Switchyard's lies on a host, and its runs among it. */
export interface RemoteFolders { home: string; runs: string }

/** Beside the runs where those lie in a folder of Switchyard's, otherwise hidden among them. */
export const foldersOf = (runs: string): RemoteFolders => ({ runs, home: /\/switchyard\/runs\/?$/.test(runs) ? runs.replace(/\/runs\/?$/, "") : `${runs.replace(/\/+$/, "")}/.switchyard` });

/** What every shell takes as a word. */
const PLAIN = /^[A-Za-z0-9_~@%+=:,./-]+$/;

/** The command for ssh. It holds no character that one of the shells people log in to would read otherwise. @throws a sentence */
export function agentCommand({ bytes, sha256 }: AgentProgram, python: string, { home }: RemoteFolders): string {
  if (!PLAIN.test(python) || python.startsWith("-")) throw new Error(`The interpreter "${python}" has characters that can't be sent to a host; give it a path without spaces.`);
  const hex = (text: string) => Buffer.from(text).toString("hex");
  return `exec ${python} -u -c 'import binascii;exec(binascii.unhexlify("${hex(BOOTSTRAP)}"))' ${bytes.length} ${sha256} ${hex(home)}`;
}
