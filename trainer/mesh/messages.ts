// What the processes of a mesh say to each other: a supervisor, and a child for each rank.
import type { EngineConfig } from "../../native/switchyard.d.ts";
import type { Asked } from "../../contract/asked.ts";

/** What a rank is started with. */
export interface RankOptions {
  path: string; attempt: number; rank: number;
  asked: Asked;
  /** Process that stands for the run: the supervisor. */
  owner: number;
  storeFile: string;
}

/** From a rank to the supervisor. */
export type RankMessage =
  /** Every few seconds, while its event loop turns. */
  | { kind: "beat" }
  /** Rank 0 knows the engine that all are to build. */
  | { kind: "engine"; config: EngineConfig }
  /** It can't reach the others, and waits for its end. */
  | { kind: "lost"; message: string; detail: string }
  /** It ends by a failure of its own. */
  | { kind: "failed"; message: string };

/** From the supervisor to a rank behind the first: the engine to build. */
export type SupervisorMessage = { kind: "engine"; config: EngineConfig };

export const BEAT_MILLISECONDS = 2000;

/** Rank 0's side. */
export interface MeshLink {
  /** Where the ranks' engines find each other. */
  storeFile: string;
  /** Has the other ranks build their engines; call it before building this rank's own. */
  build(config: EngineConfig): void;
  /** Waits for the supervisor to end this process. */
  lost(error: unknown): Promise<never>;
}

export function tell(message: RankMessage): void { process.send?.(message); }

/** For an error of kind "mesh": the supervisor knows which rank it was. */
export function reportLost(error: unknown): Promise<never> {
  const { message, cause } = error as Error;
  tell({ kind: "lost", message, detail: String(cause ?? "") });
  return new Promise<never>(() => {});
}
