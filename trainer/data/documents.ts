// Files as documents. A small file is one document; a larger one is cut at blank lines, so that part of it can be held out.
import { createReadStream } from "node:fs";
import type { TextFile } from "./sources.ts";
import { repairUtf8 } from "./utf8.ts";
import { RunFailure } from "../failure.ts";

/** Files up to this size are one document. */
export const WHOLE_FILE_BYTES = 64 << 10;
const PIECE_BYTES = 8 << 10;
const LONGEST_PIECE = 64 << 10;

export interface TextDocument { bytes: Buffer; invalid: number }

/** Documents of one file in order; at most about a mebibyte is held. */
export async function* documentsOf(file: TextFile): AsyncGenerator<TextDocument> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of createReadStream(file.path, { highWaterMark: 1 << 20 })) {
      rest = rest.length ? Buffer.concat([rest, chunk as Buffer]) : chunk as Buffer;
      if (file.bytes <= WHOLE_FILE_BYTES && rest.length <= LONGEST_PIECE) continue;
      let start = 0;
      for (let end = pieceEnd(rest, start); end > 0; end = pieceEnd(rest, start)) {
        yield repairUtf8(rest.subarray(start, end));
        start = end;
      }
      rest = rest.subarray(start);
    }
  } catch (error) {
    throw new RunFailure("data-error", `${file.path} can't be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}); check it, or leave it out.`, error);
  }
  if (rest.length) yield repairUtf8(rest);
}

/** End of the piece that begins at `start`, or 0 when more bytes are needed to decide: the same however the file arrives. */
function pieceEnd(bytes: Buffer, start: number): number {
  const limit = start + LONGEST_PIECE;
  const blank = bytes.indexOf("\n\n", start + PIECE_BYTES);
  if (blank >= 0 && blank + 2 <= limit) return blank + 2;
  if (bytes.length <= limit) return 0;
  let end = limit;
  while (end > limit - 4 && (bytes[end]! & 0xc0) === 0x80) end--; // never inside a character
  return end;
}
