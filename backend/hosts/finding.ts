// A thing that is missing on a host, or in the way there, with the one thing to do about it.
import type { Finding } from "../../contract/hosts.ts";

export const needed = (message: string, remedy: string, command: string | null): Finding => ({ level: "needed", message, remedy, command });
export const advice = (message: string, remedy: string, command: string | null): Finding => ({ level: "advice", message, remedy, command });
