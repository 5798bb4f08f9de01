import { z } from "zod";

/**
 * What the desktop window offers to the page beyond a browser. It is absent in a plain browser: a page that finds no
 * `window.switchyard` asks for paths in a text field instead.
 */
export interface DesktopBridge {
  /** `process.platform` of the desktop shell, for key names and path separators. */
  readonly platform: string;
  /** Version of the application. */
  readonly version: string;
  /**
   * Opens the system's own dialog.
   * @returns absolute paths in the order chosen; none when the person cancels.
   * @throws when the options are not valid.
   */
  openPaths(options: OpenPathsOptions): Promise<string[]>;
}

export const openPathsOptionsSchema = z.strictObject({
  /** What may be chosen. A dialog of Linux and Windows offers files or folders, not both at once. */
  kind: z.enum(["files", "folders"]),
  /** Whether more than one may be chosen. */
  multiple: z.boolean().default(true),
  title: z.string().min(1).max(200).optional(),
  /** Kinds of files, for `files` alone: extensions without the dot. */
  filters: z
    .array(z.strictObject({
      name: z.string().min(1).max(80),
      extensions: z.array(z.string().regex(/^([A-Za-z0-9]{1,16}|\*)$/)).min(1).max(32),
    }))
    .max(16)
    .optional(),
});
export type OpenPathsOptions = z.input<typeof openPathsOptionsSchema>;

// The member is declared on Window, which has no meaning where there is no DOM: Node's half of the project sees an
// empty interface.
declare global {
  interface Window {
    switchyard?: DesktopBridge;
  }
}
