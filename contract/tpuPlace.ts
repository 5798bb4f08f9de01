// Where a Cloud TPU lies, and how it is called there: what both hosts and the list of TPUs hold.
import { z } from "zod";

export const GcpProject = z.string().regex(/^(?:[a-z0-9][a-z0-9.-]{0,60}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/, "A project's id has 6 to 30 small letters, digits and dashes and begins with a letter.");
export const GcpZone = z.string().max(40).regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+){1,3}$/, "A zone is written like us-central2-b.");
/** Of a TPU VM and of a queued resource. */
export const TpuName = z.string().regex(/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/, "A TPU's name has 1 to 63 small letters, digits and dashes, begins with a letter and doesn't end with a dash.");
export const TpuPlace = z.strictObject({ project: GcpProject, zone: GcpZone });
/** Which worker of which TPU a host is. */
export const TpuWorker = z.strictObject({ ...TpuPlace.shape, node: TpuName, worker: z.int().min(0).max(1023) });

export type TpuPlace = z.output<typeof TpuPlace>;
export type TpuWorker = z.output<typeof TpuWorker>;
