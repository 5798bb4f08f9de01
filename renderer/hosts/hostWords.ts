// A host in words: how its link is, what it has, where it is.
import { trainingDevices, type HostCheck, type HostDevices, type HostSummary, type HostTarget, type LinkState } from "../../contract/hosts.ts";
import { counted, duration, quantity } from "../charts/quantity.ts";

export const LINK: Record<LinkState["status"], { glyph: string; word: string }> = {
  untried: { glyph: "○", word: "not tried yet" },
  connecting: { glyph: "◌", word: "connecting" },
  connected: { glyph: "●", word: "connected" },
  idle: { glyph: "○", word: "not connected" },
  unreachable: { glyph: "✕", word: "unreachable" },
};

/** Short, for a row: "connected", "unreachable for 2 h 05 min", "not connected". */
export function linkText({ status, since }: LinkState, now: number): string {
  const { word } = LINK[status], seconds = since === null ? 0 : now - since;
  if (status !== "unreachable" || seconds < 60) return word;
  return `${word} for ${seconds < 86_400 ? duration(Math.round(seconds / 60) * 60) : counted(Math.round(seconds / 86_400), "day")}`;
}

/** With its moment: "connected since 14:05", "unreachable since 3 May, 14:05", "not connected; it answered at 14:05". */
export function linkSince({ status, since }: LinkState, now: number): string {
  const { word } = LINK[status];
  if (since === null || status === "untried" || status === "connecting") return word;
  const then = new Date(since * 1000), time = then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const moment = then.toDateString() === new Date(now * 1000).toDateString() ? time : `${then.toLocaleDateString("en-GB", { day: "numeric", month: "long" })}, ${time}`;
  return status === "idle" ? `${word}; it answered at ${moment}` : `${word} since ${moment}`;
}

/** "me@tpu.example.org, port 2222, through bastion". */
export const targetText = ({ address, user, port, jump }: HostTarget): string =>
  [`${user ? `${user}@` : ""}${address}`, ...(port ? [`port ${port}`] : []), ...(jump ? [`through ${jump}`] : [])].join(", ");

const deviceText = ({ count, kind, memoryBytes }: HostDevices): string => `${count.toLocaleString("en")} × ${kind}${memoryBytes === null ? "" : `, ${quantity(memoryBytes, "bytes")} each`}`;
export const devicesText = (devices: readonly HostDevices[]): string => devices.map(deviceText).join("; ");

/** What a host would train on, in a few words. */
export function shortDevices(check: HostCheck | null): string {
  if (!check) return "";
  const devices = trainingDevices(check);
  if (devices.length > 0) return devices.map(({ count, kind }) => `${count.toLocaleString("en")} × ${kind}`).join(", ");
  return check.cores === null ? "" : counted(check.cores, "core");
}

/** What is missing there for training; 0 where the host was never looked at. */
export const neededCount = ({ check }: HostSummary): number => check?.findings.filter(({ level }) => level === "needed").length ?? 0;
