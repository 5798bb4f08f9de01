// Cloud TPUs through the window: a stand-in for gcloud on PATH, and a real sshd as both workers of the TPU.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GcloudStandIn, queuedResource, tpuNode } from "../backend/fixtures/gcloudStandIn.ts";
import { SshServer } from "../backend/fixtures/sshServer.ts";
import { expect, Product, test as base } from "./product.ts";

/** A person with one key, which the TPU's workers know. */
const test = base.extend<{ gcloud: GcloudStandIn; server: SshServer; product: Product }>({
  // oxlint-disable-next-line no-empty-pattern
  gcloud: async ({}, provide) => {
    const gcloud = new GcloudStandIn();
    await provide(gcloud);
    gcloud.end();
  },
  // oxlint-disable-next-line no-empty-pattern
  server: async ({}, provide) => {
    const server = await SshServer.start({ known: false, configuration: ["ListenAddress 127.0.0.2"] });
    server.addHost("127.0.0.*", [`Port ${server.port}`]);
    await provide(server);
    await server.end();
  },
  product: async ({ gcloud, server }, provide) => {
    const person = mkdtempSync(join(tmpdir(), "switchyard-person-"));
    mkdirSync(join(person, ".ssh"));
    for (const end of ["", ".pub"]) copyFileSync(`${server.identityFile}${end}`, join(person, ".ssh", `id_ed25519${end}`));
    const product = new Product({ HOME: person, PATH: gcloud.path, SWITCHYARD_SSH_CONFIG: server.configFile });
    await product.start();
    await provide(product);
    await product.end();
    rmSync(person, { recursive: true, force: true });
  },
});

test("a TPU is asked for, waited for, made a cluster whose workers' keys are asked about, and deleted", async ({ app, gcloud, server, product }) => {
  await app.getByRole("button", { name: /^Hosts/ }).click();
  await app.getByRole("button", { name: "Cloud TPUs" }).click();
  await expect(app.getByRole("heading", { name: "There is no TPU in my-project, us-central2-b" })).toBeVisible();
  await expect(app.getByLabel("Project")).toHaveValue("my-project");

  await app.getByRole("button", { name: "Ask for a TPU…" }).click();
  await app.getByLabel("Name", { exact: true }).fill("Pod");
  await expect(app.getByRole("alert")).toContainText("small letters");
  await app.getByLabel("Name", { exact: true }).fill("pod");
  await app.getByLabel("Type").fill("v5litepod-16");
  await expect(app.getByLabel("Runtime version")).toHaveAttribute("placeholder", "v2-alpha-tpuv5-lite");
  await app.getByLabel("Tier").selectOption("spot");
  await app.getByLabel("User there").fill(server.user);
  await expect(app.getByText("It costs money from when it is ready until it is deleted, whether")).toBeVisible();
  await app.getByRole("button", { name: "Ask for it" }).click();
  const row = app.getByRole("table", { name: "TPUs of my-project, us-central2-b" }).getByRole("row", { name: /^pod/ });
  await expect(row).toContainText("waits in the queue for free chips");
  await expect(row).toContainText("spot");
  const [type, key] = readFileSync(`${server.identityFile}.pub`, "utf8").split(" ");
  expect(gcloud.calls.find((call) => call.includes("create"))).toEqual(expect.arrayContaining(["--spot", "--accelerator-type=v5litepod-16", `--metadata=ssh-keys=${server.user}:${type} ${key} ${server.user}`]));

  // The same name again is refused where it was typed.
  await app.getByRole("button", { name: "Ask for a TPU…" }).click();
  await app.getByLabel("Name", { exact: true }).fill("pod");
  await app.getByLabel("Type").fill("v5litepod-16");
  await app.getByRole("button", { name: "Ask for it" }).click();
  await expect(app.getByRole("alert")).toContainText("Something of this name is there already");
  await app.getByRole("button", { name: "Cancel", exact: true }).click();

  gcloud.set({ queued: [queuedResource("pod", { state: "FAILED", failedData: { error: { code: 8, message: "There is no more capacity" } } }, { spot: {} })] });
  // While it waits, it is looked at again by itself.
  await expect(row).toContainText("failed: There is no more capacity", { timeout: 60_000 });
  await expect(row.getByRole("button", { name: /^Add/ })).toHaveCount(0);

  const request = queuedResource("pod", { state: "ACTIVE" }, { spot: {} });
  gcloud.set({ queued: [request], nodes: [tpuNode("pod", ["127.0.0.1", "127.0.0.2"], { queuedResource: request["name"], metadata: { "ssh-keys": `${server.user}:${type} ${key} ${server.user}` } })] });
  await app.getByRole("button", { name: "Look again" }).click();
  await expect(row).toContainText("ready");
  await row.getByRole("button", { name: "Add as 2 hosts" }).click();
  await expect(app.getByRole("heading", { name: "pod", exact: true })).toBeVisible();
  const dialog = app.getByRole("dialog");
  for (let worker = 0; worker < 2; worker++) {
    await expect(dialog).toContainText(/tpu\.4711000000000000001-[01]/);
    const name = (await dialog.getByRole("heading").innerText()).match(/pod-[01]/)![0];
    await expect(dialog).toContainText(server.fingerprint);
    await dialog.getByRole("button", { name: "Accept the key" }).click();
    await expect(dialog.getByRole("heading", { name })).toHaveCount(0);
  }
  const workers = app.getByRole("table", { name: "Workers of pod" }).locator("tbody tr");
  await expect(workers.nth(0)).toContainText(/pod-0.*connected.*switchyard-jax\/bin\/python is not there yet/);
  await expect(workers.nth(1)).toContainText(/pod-1.*connected/);
  await workers.nth(1).getByRole("button", { name: "pod-1" }).click();
  await expect(app.locator(".host-target")).toContainText("worker 1 of the TPU pod in my-project, us-central2-b");
  await expect(app.getByRole("region", { name: "What to do" })).toContainText("uv venv --seed --python 3.12 ~/switchyard-jax");
  // A change of the host in its form leaves it a worker of its TPU.
  await app.getByRole("button", { name: "More for pod-1" }).click();
  await app.getByRole("menuitem", { name: "Change…" }).click();
  await app.getByLabel("Python there").fill("~/other/bin/python");
  await app.getByRole("button", { name: "Save" }).click();
  expect(await product.cli("hosts", "list")).toMatchObject({ hosts: expect.arrayContaining([expect.objectContaining({ name: "pod-1", python: "~/other/bin/python", tpu: { project: "my-project", zone: "us-central2-b", node: "pod", worker: 1 }, target: expect.objectContaining({ hostKeyAlias: "tpu.4711000000000000001-1" }) })]) });

  await app.getByRole("button", { name: "worker 1 of the TPU pod" }).click();
  await expect(row.getByRole("button", { name: "pod", exact: true })).toBeVisible();
  await app.reload();
  await row.getByRole("button", { name: "More for pod" }).click();
  await app.getByRole("menuitem", { name: "Delete…" }).click();
  await expect(dialog).toContainText("goes with its machines and everything that lies on them");
  await expect(dialog).toContainText("Its 2 hosts stay in the list");
  expect(gcloud.calls.some((call) => call.includes("delete"))).toBe(false);
  await dialog.getByRole("button", { name: "Delete for good" }).click();
  await expect(row).toContainText("being deleted");
  expect(gcloud.calls.find((call) => call.includes("delete"))).toEqual(expect.arrayContaining(["queued-resources", "pod", "--force", "--quiet"]));
});

test("what gcloud can't do is said with its remedy, a slow one can be cancelled, another place is one link away", async ({ app, gcloud }) => {
  gcloud.set({ failing: { "config list": "ERROR: (gcloud.config.list) You do not currently have an active account selected.\nPlease run:\n  $ gcloud auth login" } });
  await app.getByRole("button", { name: /^Hosts/ }).click();
  await app.getByRole("button", { name: "Cloud TPUs" }).click();
  await expect(app.getByRole("alert")).toContainText("gcloud is not logged in to Google Cloud, or its login has run out. In a terminal: gcloud auth login");
  gcloud.set({ failing: {}, configuration: { core: {}, compute: {} } });
  await app.getByRole("button", { name: "Try again" }).click();
  await expect(app.getByLabel("Project")).toHaveValue("");
  gcloud.set({ milliseconds: 60_000 });
  await app.getByLabel("Project").fill("my-project");
  await app.getByLabel("Zone").fill("us-east5");
  await app.getByRole("button", { name: "Show", exact: true }).click();
  await app.getByRole("button", { name: "Cancel" }).click();
  await expect(app.getByRole("alert")).toContainText("gcloud was ended before it answered.");
  gcloud.set({ milliseconds: 0, failing: { "compute tpus queued-resources": "ERROR: (gcloud.compute.tpus) Invalid choice: 'queued-resources'." }, nodes: [tpuNode("inside", [null], { name: "projects/my-project/locations/us-east5/nodes/inside" })] });
  await app.getByRole("button", { name: "Try again" }).click();
  await expect(app.getByText("This gcloud is too old to know queued resources.")).toBeVisible();
  const row = app.getByRole("row", { name: /^inside/ });
  await row.getByRole("button", { name: "Add as a host" }).click();
  await expect(app.locator(".status-bar")).toContainText("inside has no address of the internet.");
  await row.getByRole("button", { name: "More for inside" }).click();
  await app.getByRole("menuitem", { name: "Add otherwise: user, key, addresses…" }).click();
  await app.getByLabel("User").fill("-oX");
  await expect(app.getByText("A user name begins with a letter or digit")).toBeVisible();
  await app.getByLabel("User").fill("ada");
  await app.getByLabel("By its internal addresses").check();
  await app.getByRole("button", { name: "Add and check" }).click();
  await expect(app.getByRole("heading", { name: "inside", exact: true })).toBeVisible();
  await expect(app.locator(".host-target")).toContainText("ada@10.164.0.2, worker 0 of the TPU inside");
  await app.goBack();
  await expect(row).toBeVisible();
  await expect(row.getByRole("button", { name: "inside", exact: true })).toBeVisible();
});
