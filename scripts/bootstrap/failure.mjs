/** A step that could not be done: what failed, why, and what the person can do about it. */
export class StepFailure extends Error {
  /**
   * @param {string} what the thing that failed, as in "libtorch could not be downloaded"
   * @param {string} why the reason in words
   * @param {string} remedy what to do, as a sentence or a command
   */
  constructor(what, why, remedy) {
    super(`${what}: ${why}`);
    this.name = "StepFailure";
    this.what = what;
    this.why = why;
    this.remedy = remedy;
  }
}
