// A look at text before it is trained on. The trainer's data pipeline does the reading, so that what is shown is what it
// will train on.
import { DataInspection } from "../../contract/handlers.ts";
import { DataSource, Tokenizer, type DataSource as Source, type Tokenizer as TokenizerSpec } from "../../contract/runSpec.ts";
import { PersonError, toIssues } from "../personError.ts";

const INSPECTION = new URL("../../trainer/data/inspect.ts", import.meta.url).href;
type InspectData = (source: Source, tokenizer: TokenizerSpec) => Promise<DataInspection>;

/** Counts documents, bytes and invalid bytes of a source. */
export async function inspectSource(source: unknown, tokenizer: unknown): Promise<DataInspection> {
  const parsedSource = DataSource.safeParse(source);
  const parsedTokenizer = Tokenizer.safeParse(tokenizer);
  const issues = [
    ...(parsedSource.success ? [] : toIssues(parsedSource.error, ["data", "source"])),
    ...(parsedTokenizer.success ? [] : toIssues(parsedTokenizer.error, ["data", "tokenizer"])),
  ];
  if (!parsedSource.success || !parsedTokenizer.success) throw new PersonError("The text can't be looked at until its fields are right.", { issues });
  const { inspectData } = await import(INSPECTION) as { inspectData: InspectData };
  try {
    return DataInspection.parse(await inspectData(parsedSource.data, parsedTokenizer.data));
  } catch (error) {
    throw new PersonError((error as Error).message, { issues: [{ path: "data.source", message: (error as Error).message }] });
  }
}
