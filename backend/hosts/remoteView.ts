// What the link to a host knows of a run that is mirrored here: it takes the place of looking at a process of this machine.
export interface RemoteView {
  /** Host, or cluster, as a person calls it. */
  readonly place: string;
  /** Whether the link says when events have come (Ingest.arrived): then nobody has to look for them. */
  readonly announces: boolean;
  /** Why the run is not seen now: a sentence; null while it is. */
  readonly unreachable: string | null;
  /** A start that has not shown yet: attempts up to this one were before it. */
  readonly startedAfter: number | null;
  /** What is being done to start it, for example what is sent. */
  readonly doing: string | null;
  /** Whether the trainer has been asked to stop and has not yet. */
  readonly stopping: boolean;
  /** Something a person should know, while all else is well. */
  readonly note: string | null;
  /** Processes that could not be ended: a sentence that names them, to be said beside whatever else there is. */
  readonly left: string | null;
  /** Ends a trainer that was asked to stop and does not. */
  escalate(): void;
}
