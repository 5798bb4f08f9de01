// What every decoder of another trainer's log does: it is given the bytes from an offset on, takes what is whole, and says how
// many bytes that were. The caller keeps offset and state, so a log can be read on at any time and from anywhere, also across
// a link that cuts it at any byte.

/** What a log says at one step. */
export interface LogRow {
  step: number;
  /** Unix seconds, where the log says them. */
  t: number | null;
  values: [tag: string, value: number][];
  /** The trainer started anew here: rows of this step and later ones are void. */
  restart?: true;
}

export interface Decoded {
  /** Bytes done with; what comes behind them is given again, with more behind it. */
  consumed: number;
  rows: LogRow[];
  /** What could not be used: one sentence each. */
  problems: string[];
}

/** What a decoder has to remember between two calls, as JSON. */
export interface DecoderState {
  /** Bytes of an oversized record or line still to be passed over; -1 until a line's end. */
  skip: number;
  /** Nothing more of this file can be read. */
  ended: boolean;
  /** Columns of a CSV file, from its first line. */
  columns: string[] | null;
}
export const freshState = (): DecoderState => ({ skip: 0, ended: false, columns: null });

/** Takes from `bytes` what is whole and changes `state` accordingly. */
export type Decode = (bytes: Buffer, state: DecoderState) => Decoded;

/** Longest record of an event file and longest line, in bytes; longer ones are passed over. */
export const MAX_RECORD_BYTES = 16 << 20;
export const MAX_LINE_BYTES = 1 << 20;
/** Longest name of a metric that is read, in bytes. */
export const MAX_TAG_BYTES = 512;
/** Sentences kept of one call: a file of garbage says the same thing at each record. */
export const MAX_PROBLEMS = 20;

export function problem(decoded: Decoded, sentence: string): void {
  if (decoded.problems.length < MAX_PROBLEMS) decoded.problems.push(sentence);
}
/** A step that the contract can store. */
export const isStep = (step: number): boolean => Number.isSafeInteger(step) && step >= 0;
