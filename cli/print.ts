// The one document a command prints.

/** JSON when asked for, otherwise text for people. */
export function print(json: boolean, document: unknown, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : text === "" || text.endsWith("\n") ? text : `${text}\n`);
}
