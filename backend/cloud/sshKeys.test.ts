// Which key logs in to a TPU VM, and as whom.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loginOf, metadataKeys, readPublicKey, usualPublicKey } from "./sshKeys.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "switchyard-keys-"));
  mkdirSync(join(home, ".ssh"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A pair whose public half is made up: nothing here logs in. */
function pair(name: string, key: string, comment = "ada@laptop, at home"): void {
  writeFileSync(join(home, ".ssh", name), "");
  writeFileSync(join(home, ".ssh", `${name}.pub`), `ssh-ed25519 ${key} ${comment}\n`);
}

test("a public key is read without its comment, which could hold a comma", () => {
  pair("id_ed25519", "AAAAC3mine=");
  expect(readPublicKey("~/.ssh/id_ed25519.pub", home)).toBe("ssh-ed25519 AAAAC3mine=");
  writeFileSync(join(home, "private.pub"), "-----BEGIN OPENSSH PRIVATE KEY-----\n");
  expect(() => readPublicKey(join(home, "private.pub"))).toThrow("is no public key of SSH");
  expect(() => readPublicKey("~/.ssh/none.pub", home)).toThrow("There is no public key ~/.ssh/none.pub; make one with: ssh-keygen");
});

test("the key of gcloud is suggested before others", () => {
  expect(usualPublicKey(home)).toBeNull();
  pair("id_rsa", "AAAAB3a");
  expect(usualPublicKey(home)).toBe("~/.ssh/id_rsa.pub");
  pair("google_compute_engine", "AAAAB3b");
  expect(usualPublicKey(home)).toBe("~/.ssh/google_compute_engine.pub");
});

test("whose key of this machine is in the metadata logs in as the user that stands there", () => {
  const keys = metadataKeys("eve:ssh-ed25519 AAAAC3eve eve\nada_l:ssh-ed25519 AAAAC3work x\n");
  expect(loginOf(keys, home)).toEqual({ user: userInfo().username });
  pair("google_compute_engine", "AAAAC3other");
  expect(loginOf(keys, home)).toEqual({ user: userInfo().username, identityFile: "~/.ssh/google_compute_engine" });
  pair("work", "AAAAC3work");
  expect(loginOf(keys, home)).toEqual({ user: "ada_l", identityFile: "~/.ssh/work" });
  // A public key without its private half is in an agent or nowhere: it names no file.
  rmSync(join(home, ".ssh/work"));
  expect(loginOf(keys, home)).toEqual({ user: userInfo().username, identityFile: "~/.ssh/google_compute_engine" });
});
