// Rows inserted many a statement: most of what a short row costs is the call. A statement says OR FAIL, since whatever fails takes the whole
// transaction with it: SQLite then keeps no copy of each page to undo a statement alone.
import { statement, type WritableDB } from "./database.ts";

const AT_ONCE = [64, 16, 4, 1] as const;

export class ManyRows {
  #width: number;
  #statements: { count: number; sql: string }[];

  /** @param head up to and with VALUES; @param width columns of a row; @param tail what follows the rows */
  constructor(head: string, width: number, tail = "") {
    this.#width = width;
    const row = `(${Array.from({ length: width }, () => "?").join(", ")})`;
    this.#statements = AT_ONCE.map((count) => ({ count, sql: `${head} ${Array.from({ length: count }, () => row).join(", ")} ${tail}` }));
  }

  /** @param values of one row after the other */
  insert(db: WritableDB, values: readonly unknown[]): void {
    let at = 0;
    for (const { count, sql } of this.#statements)
      for (const length = count * this.#width; values.length - at >= length; at += length) statement(db, sql).run(values.slice(at, at + length));
  }
}
