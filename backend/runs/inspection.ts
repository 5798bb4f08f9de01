// A look at text before it is trained on. The trainer's data pipeline does the reading, so that what is shown is what it
// will train on.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DataInspection } from "../../contract/handlers.ts";
import { DataSource, Tokenizer } from "../../contract/runSpec.ts";
import { PersonError } from "../personError.ts";
import { toIssues } from "../../contract/specIssues.ts";

/** Counts documents, bytes and invalid bytes of a source. */
export async function inspectSource(source: unknown, tokenizer: unknown): Promise<DataInspection> {
  const parsedSource = DataSource.safeParse(source);
  const parsedTokenizer = Tokenizer.safeParse(tokenizer);
  if (!parsedSource.success || !parsedTokenizer.success) {
    const issues = [
      ...(parsedSource.success ? [] : toIssues(parsedSource.error, ["data", "source"])),
      ...(parsedTokenizer.success ? [] : toIssues(parsedTokenizer.error, ["data", "tokenizer"])),
    ];
    throw new PersonError("The text can't be looked at until its fields are right.", { issues });
  }
  const worker = new Worker(new URL("./inspectionThread.ts", import.meta.url), { workerData: { source: parsedSource.data, tokenizer: parsedTokenizer.data } });
  try {
    const [reply] = await once(worker, "message") as [{ result: unknown } | { error: string }];
    if ("error" in reply) throw new PersonError(reply.error, { issues: [{ path: "data.source", message: reply.error }] });
    return DataInspection.parse(reply.result);
  } finally {
    await worker.terminate();
  }
}
