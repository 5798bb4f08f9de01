// A token as it is drawn: what stands for it, which expert colours it, and the words that say the rest.
import type { SparseLayer, TextToken } from "../../contract/generation.ts";
import { shortNumber } from "../charts/quantity.ts";

export const layerName = ({ stack, layer }: Pick<SparseLayer, "stack" | "layer">): string => `${stack} ${layer}`;

/** Ten colours with any colour vision; from the eleventh expert on the line under the token differs as well. */
const COLOURS = 10;
const LINES = ["solid", "dashed", "dotted", "double"] as const;
export interface ExpertMark { colour: string; line: (typeof LINES)[number] }
export const expertMark = (expert: number): ExpertMark => ({ colour: `var(--run-${expert % COLOURS})`, line: LINES[Math.floor(expert / COLOURS) % LINES.length]! });

/** What is drawn for a token: its text with a sign for a line's end, its name, or a dot for a part of a character. */
export const shownText = ({ text, name }: TextToken): string => name ?? (text === "" ? "·" : text.replaceAll("\n", "↵\n").replaceAll("\t", "⇥\t"));

/** A token in words, for a table or a sentence. */
export const tokenName = ({ text, name }: TextToken): string => name ?? (text === "" ? "part of a character" : JSON.stringify(text).slice(1, -1).replaceAll(" ", "␣"));

export interface Sending { layer: SparseLayer; experts: readonly number[]; dropped: boolean }

/** Where a token was sent, by the layers of the stack that read it. Empty when nothing read it. */
export function sendings(token: TextToken, layers: readonly SparseLayer[]): Sending[] {
  return token.experts.map((experts, index) => ({ layer: layers[index]!, experts, dropped: token.dropped.includes(index) }));
}

export const expertText = ({ experts, dropped }: Pick<Sending, "experts" | "dropped">): string =>
  experts.length === 0 ? "no expert" : `expert ${experts.join(", ")}${dropped ? ", dropped" : ""}`;

/** Everything about a token in one line. */
export function tokenSentence(token: TextToken, layers: readonly SparseLayer[]): string {
  const { id, logProbability } = token, sent = sendings(token, layers);
  return [
    tokenName(token), `id ${id}`,
    ...(logProbability === null ? [] : [`probability ${shortNumber(Math.exp(logProbability), 3)} (log p ${shortNumber(logProbability, 3)})`]),
    ...(sent.length > 0 ? sent.map((sending) => `${layerName(sending.layer)}: ${expertText(sending)}`) : layers.length > 0 ? ["the last token: read by no layer"] : []),
  ].join(" · ");
}

export interface ExpertCount { expert: number; tokens: number }

/** Tokens that chose each expert of a layer first, the place of the layer among those of its stack. Experts without any count 0. */
export function expertCounts(tokens: readonly TextToken[], layer: number, experts: number): ExpertCount[] {
  const counts = Array.from({ length: experts }, () => 0);
  for (const token of tokens) {
    const first = token.experts[layer]?.[0];
    if (first !== undefined && first < experts) counts[first]!++;
  }
  return counts.map((count, expert) => ({ expert, tokens: count }));
}

/** What a token's colour says: the expert of a layer, by the layer's place in its stack, or the token's own probability. */
export type Colouring = { by: "expert"; layer: number } | { by: "probability" };
