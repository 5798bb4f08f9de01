// A JSON file that is looked at again and again, and read only where it changed.
import type { z } from "zod";
import { readJson } from "../../trainer/run/jsonFile.ts";
import { fileStamp } from "../fileStamp.ts";

export class WatchedJson<T extends z.ZodType> {
  #file: string;
  #schema: T;
  #stamp: string | null = null;
  #value: z.output<T> | null = null;

  constructor(file: string, schema: T) {
    this.#file = file;
    this.#schema = schema;
  }

  /** Its content as it is now; null when it is not there or does not fit the schema. */
  read(): z.output<T> | null {
    const stamp = fileStamp(this.#file);
    if (stamp !== this.#stamp) this.#value = stamp === null ? null : readJson(this.#file, this.#schema);
    this.#stamp = stamp;
    return this.#value;
  }
}
