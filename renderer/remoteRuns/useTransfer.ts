// How far a checkpoint on its way has come.
import { quantity } from "../charts/quantity.ts";
import { useRequest } from "../connection/index.ts";

const EVERY_MILLISECONDS = 500;

/** A sentence while the checkpoint is fetched; null otherwise. */
export function useTransfer(runId: string, step: number, enabled: boolean): string | null {
  const { data } = useRequest("runs.transfers", {}, { enabled, every: EVERY_MILLISECONDS });
  const transfer = enabled ? data?.find((one) => one.runId === runId && one.step === step) : undefined;
  return transfer && transfer.total > 0 ? `${Math.floor((100 * transfer.done) / transfer.total)}% of ${quantity(transfer.total, "bytes")} fetched` : null;
}
