// Installing a package without the service that it brings: the tests run their own sshd on loopback, and nobody who runs them
// asked for one that the network can reach.
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";

/** Debian's tools ask this program before they start a service; 101 forbids it. */
const POLICY = "/usr/sbin/policy-rc.d";

/**
 * Runs an installation during which no service is started, and disables the named ones that it brought.
 * @template T
 * @param {string[]} services @param {() => Promise<T>} install
 */
export async function withServicesAtRest(services, install) {
  const ours = services.length > 0 && !existsSync(POLICY);
  if (ours) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    const result = await install();
    // Otherwise the next boot would start them.
    for (const service of services) spawnSync("systemctl", ["disable", service], { stdio: "ignore" });
    return result;
  } finally {
    if (ours) rmSync(POLICY, { force: true });
  }
}
