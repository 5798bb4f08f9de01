// How a field of the spec is written: its schema, and what the form and the documentation show beside it.
import { z } from "zod";

export interface FieldMeta {
  title: string;
  description?: string;
  /** Unit printed after the number, for example "tokens". */
  unit?: string;
  /** Shown only when the group is opened in full. */
  advanced?: boolean;
  /** Words for each value of an enumeration. */
  labels?: Record<string, string>;
  /** What null means, for a number that can be left empty. */
  off?: string;
  [key: string]: unknown;
}
export const field = <T extends z.ZodType>(schema: T, meta: FieldMeta): T => schema.meta(meta) as T;
export const count = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);
