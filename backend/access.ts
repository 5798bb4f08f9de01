// Who may talk to the backend: pages of its own origin, and programs that know the token.
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** 256 random bits. */
export const newToken = (): string => randomBytes(32).toString("base64url");

/** Compares without telling by its time how much of the token was right. */
export function tokensMatch(given: string, expected: string): boolean {
  const digest = (token: string) => createHash("sha256").update(token).digest();
  return timingSafeEqual(digest(given), digest(expected));
}

/**
 * The sentence to refuse a request with, or null. A page elsewhere can make a browser send requests here, by address or,
 * after changing what its own name means, by that name: Origin gives away the one, Host the other.
 */
export function refusal(request: IncomingMessage, port: number): string | null {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  const { host, origin } = request.headers;
  if (!host || !names.includes(host)) return `This backend answers to 127.0.0.1 and localhost at port ${port} only.`;
  if (origin !== undefined && !names.some((name) => origin === `http://${name}`)) return "Pages of other origins may not talk to this backend.";
  return null;
}

export function bearsToken(request: IncomingMessage, expected: string): boolean {
  const given = /^Bearer ([\x21-\x7e]{1,200})$/.exec(request.headers.authorization ?? "")?.[1];
  return given !== undefined && tokensMatch(given, expected);
}
