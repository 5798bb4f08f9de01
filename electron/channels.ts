/** The one channel between page and shell: the native open dialog. */
export const OPEN_PATHS_CHANNEL = "switchyard:open-paths";

/** How the main process hands the version to the sandboxed preload script. */
export const VERSION_ARGUMENT = "--switchyard-version=";
