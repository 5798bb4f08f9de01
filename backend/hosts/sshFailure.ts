// What ssh says when it fails, as one sentence with what to do.
import type { SshFailure } from "../../contract/hosts.ts";
import { cleanOutput } from "../runs/output.ts";

type Known = [kind: SshFailure["kind"], pattern: RegExp, message: (host: string, match: RegExpMatchArray) => string, remedy: (host: string) => string];

/** The order matters: the most telling first, since ssh often adds a general line at the end. */
const KNOWN: Known[] = [
  ["host-key-changed", /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for \S+ has changed/,
    (host) => `The key of ${host} is not the one known from before: either the host was set up anew, or somebody stands in between.`,
    () => "Ask whoever runs the host for its fingerprint. Only when it is the new one, remove the old key from your known_hosts and connect again."],
  ["host-key-changed", /REVOKED HOST KEY DETECTED|host key \S+ is revoked|Host key .* revoked/i,
    (host) => `The key of ${host} is marked as revoked in your known_hosts.`, () => "Don't connect; ask whoever runs the host for a new key."],
  ["host-key-unknown", /Host key verification failed|host key is known for .* and you have requested strict checking/,
    (host) => `The key of ${host} is not known yet, and nobody said that it is the right one.`,
    (host) => `Check the host: its fingerprint is shown and asked about once (in a terminal: switchyard hosts check ${host}).`],
  ["bad-configuration", /(?:line \d+: Bad configuration option|terminating, \d+ bad configuration options|Can't open user config file|Bad owner or permissions on|no argument after keyword).*/,
    (_, [text]) => `ssh does not accept its own configuration: ${text}.`, () => "Correct the file that ssh names."],
  ["name-unknown", /Could not resolve hostname (\S+?):/, (_, [, name]) => `There is no host "${name}": its name leads to no address.`,
    () => "Look at the spelling, at the Host entries of ~/.ssh/config, and whether a VPN has to be on."],
  ["permission-denied", /Permission denied \(([^)]*)\)/, (host, [, methods]) => `${host} refused the login (it offers ${methods}).`,
    (host) => `Look at the user name, and that the public key of your identity file is in ~/.ssh/authorized_keys on ${host}; where it asks for a password or code, check the host once so that you are asked.`],
  ["permission-denied", /Too many authentication failures/, (host) => `${host} refused the login after too many keys were offered.`, () => "Name the right key: an identity file for this host, with IdentitiesOnly yes in ~/.ssh/config."],
  ["refused", /connect to host (\S+) port (\d+): Connection refused/, (_, [, name, port]) => `${name} refuses connections at port ${port}: no SSH server listens there.`,
    () => "Look at the port, and whether sshd runs on the host."],
  ["timeout", /(?:connect to host (?:\S+) port (?:\d+): (?:Connection|Operation) timed out|Connection timed out during banner exchange|Timeout, server \S+ not responding|Connection to \S+ timed out)/,
    (host) => `${host} does not answer.`, () => "It may be off, or a firewall or a missing VPN stands in between; try again once it is reachable."],
  ["no-route", /connect to host (\S+) port \d+: (No route to host|Network is unreachable|Network is down)/, (_, [, name, why]) => `${name} can't be reached: ${why!.toLowerCase()}.`, () => "Look at this machine's network, or at the VPN that leads there."],
  ["closed", /(?:Connection (?:closed|reset) by|kex_exchange_identification|Connection reset|Broken pipe|closed by remote host|client_loop: send disconnect|Shared connection to \S+ closed|mux_client_\w+: .*(?:broken|master))/i,
    (host) => `The connection to ${host} was closed by the other side.`, () => "Try again; if it stays so, look at the SSH server's log on the host (it may limit connections or refuse this address)."],
  ["proxy-failed", /(?:stdio forwarding failed|Connection closed by UNKNOWN port|channel \d+: open failed: (?:connect failed|administratively prohibited)[^\n]*)/,
    (host) => `The host on the way to ${host} did not let the connection through.`, () => "Check the jump host by itself first, and that it allows forwarding to the address."],
];

/**
 * What a process of ssh that ended with `code` failed at, or null where the remote command ran to its end.
 * @param missing whether there is no such program on this machine
 */
export function failureOf(host: string, stderr: string, code: number | null, missing: boolean): SshFailure | null {
  const detail = cleanOutput(stderr).trim().slice(-4000);
  if (missing) return { kind: "no-ssh", message: "This machine has no ssh program, which every link to a host goes through.", remedy: "Install the OpenSSH client: on Debian and Ubuntu, sudo apt-get install openssh-client.", detail, changedKey: null };
  if (code === 127) return { kind: "command-missing", message: `${host} lacks the program that was to be started there.`, remedy: "Look at the last line that the host said, and install what it names.", detail, changedKey: null };
  if (code !== null && code !== 255) return null;
  for (const [kind, pattern, message, remedy] of KNOWN) {
    const match = stderr.match(pattern);
    if (match) return { kind, message: oneLine(message(host, match)), remedy: remedy(host), detail, changedKey: null };
  }
  // Of a shared connection that broke, ssh says nothing.
  if (detail === "") return { kind: "closed", message: `The connection to ${host} was lost.`, remedy: "The host may be off, or the network between; try again.", detail, changedKey: null };
  const last = detail.split("\n").findLast((line) => line.trim() !== "");
  return { kind: "other", message: oneLine(`The link to ${host} failed: ${last}`), remedy: "Try the same in a terminal with ssh -v to see where it stops.", detail, changedKey: null };
}

const oneLine = (text: string): string => cleanOutput(text).replaceAll(/\s+/g, " ").slice(0, 400);
