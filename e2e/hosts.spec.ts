// Hosts through the window, over the system's ssh and a real sshd on loopback: added, their key accepted, checked, lost, forwarded to.
import { createServer } from "node:http";
import { overSsh } from "./overSsh.ts";
import { expect } from "./product.ts";

const PASSPHRASE = "correct horse";

const test = overSsh({ known: false, passphrase: PASSPHRASE });

test("a host is added by hand, its key accepted, its passphrase given, checked, lost and found again", async ({ app, server, product }) => {
  await app.getByRole("button", { name: /^Hosts/ }).click();
  await expect(app.getByRole("navigation", { name: "Hosts and clusters" }).getByRole("button", { name: /^box/ })).toBeVisible();
  await app.getByRole("button", { name: "Add a host…" }).click();
  const address = app.getByLabel("Address", { exact: true });
  await address.fill("-oProxyCommand=x");
  await expect(app.getByRole("alert")).toContainText("begins with a letter");
  await address.fill("127.0.0.1");
  await app.getByLabel("Name", { exact: true }).fill("loop");
  await app.getByText("Log in otherwise than ~/.ssh/config says").click();
  await app.getByLabel("Port", { exact: true }).fill("99999");
  await expect(app.getByRole("alert")).toContainText("65,535");
  await app.getByLabel("Port", { exact: true }).fill(String(server.port));
  await app.getByLabel("User", { exact: true }).fill(server.user);
  await expect(app.locator(".host-destination")).toContainText(`ssh goes to ${server.user}@127.0.0.1, port ${server.port}`);
  await app.getByRole("button", { name: "Add and check" }).click();

  const dialog = app.getByRole("dialog");
  await expect(dialog.getByRole("heading", { name: "Is this the key of loop?" })).toBeVisible();
  await expect(dialog).toContainText(server.fingerprint);
  await dialog.getByRole("button", { name: "Accept the key" }).click();
  await expect(dialog.getByRole("heading", { name: "Passphrase, to log in to loop" })).toBeVisible();
  await expect(dialog).toContainText("Enter passphrase for key");
  await dialog.getByLabel("Answer").fill(PASSPHRASE);
  await app.keyboard.press("Enter");
  await expect(dialog).toHaveCount(0);

  const link = app.locator(".host-link");
  await expect(link).toContainText(/connected since \d\d:\d\d/);
  await expect(app.getByRole("region", { name: "What the host has" })).toContainText(/Linux/);
  await expect(app.getByRole("region", { name: "What the host has" })).toContainText(/Round trip\d/);
  await expect(app.locator(".status-bar")).toContainText("1 host connected");
  const { hosts } = await product.cli("hosts", "list") as { hosts: { name: string; link: { status: string } }[] };
  expect(hosts.map(({ name, link: { status } }) => [name, status])).toEqual([["loop", "connected"], ["box", "untried"]]);

  await server.stop();
  await expect(link).toContainText(/unreachable since \d\d:\d\d/);
  await app.reload();
  await app.getByRole("button", { name: "Check again" }).click();
  await expect(app.locator(".host-failure")).toContainText(`127.0.0.1 refuses connections at port ${server.port}`);
  await server.listen();
  await app.getByRole("button", { name: "Check again" }).click();
  await dialog.getByLabel("Answer").fill(PASSPHRASE);
  await dialog.getByRole("button", { name: "Send" }).click();
  await expect(link).toContainText(/connected since \d\d:\d\d/);
  await expect(app.locator(".host-failure")).toHaveCount(0);

  await server.replaceHostKey();
  await expect(link).toContainText("unreachable");
  await app.getByRole("button", { name: "Check again" }).click();
  const changed = app.locator(".host-failure");
  await expect(changed).toContainText("is not the one known from before");
  await expect(changed.getByRole("row", { name: /Shown now/ })).toContainText(server.fingerprint);
  await expect(changed).toContainText("ssh-keygen -f");
  await expect(dialog).toHaveCount(0);
});

test("a declined key is no host; a dashboard there is one click away; a cluster shows its workers", async ({ app, server, product }) => {
  const dashboard = createServer((_, response) => response.writeHead(200, { Connection: "close" }).end("a dashboard")).listen(0, "127.0.0.1");
  try {
    await app.keyboard.press("h");
    await app.getByRole("button", { name: /^box/ }).click();
    await app.getByRole("button", { name: "Check", exact: true }).click();
    await app.getByRole("dialog").getByRole("button", { name: "Don’t connect" }).click();
    await expect(app.locator(".host-failure")).toContainText("was not answered");

    await app.getByRole("button", { name: "Check", exact: true }).click();
    await app.getByRole("dialog").getByRole("button", { name: "Accept the key" }).click();
    await app.getByRole("dialog").getByLabel("Answer").fill(PASSPHRASE);
    await app.keyboard.press("Enter");
    await expect(app.locator(".host-link")).toContainText("connected since");

    const { port } = dashboard.address() as { port: number };
    await app.getByLabel("Other port").fill(String(port));
    await app.getByRole("button", { name: "Forward", exact: true }).click();
    const open = app.getByRole("link", { name: "Open" });
    await expect(open).toHaveAttribute("rel", "noopener noreferrer");
    const [page] = await Promise.all([app.waitForEvent("popup"), open.click()]);
    await expect(page.locator("body")).toHaveText("a dashboard");
    await page.close();
    await app.getByRole("button", { name: "Close", exact: true }).click();
    await expect(open).toHaveCount(0);

    await product.cli("hosts", "add", "other", "127.0.0.1");
    // A host that hands its runs to Slurm says what it asks for.
    await app.getByRole("button", { name: "Add a host…" }).click();
    await app.getByLabel("Address", { exact: true }).fill("127.0.0.1");
    await app.getByLabel("Name", { exact: true }).fill("login");
    await app.getByLabel("Runs are started").selectOption("slurm");
    await app.getByLabel("Partition").fill("gpu");
    await app.getByLabel("Options of sbatch").fill("--output=x");
    await expect(app.getByRole("alert")).toContainText("set by Switchyard");
    await app.getByLabel("Options of sbatch").fill("--gres=gpu:8 --time=1:00:00");
    await app.getByRole("button", { name: "Add and check" }).click();
    await expect(app.locator(".host-target")).toContainText("handed to Slurm --partition=gpu --gres=gpu:8 --time=1:00:00");
    expect(await product.cli("hosts", "list")).toMatchObject({ hosts: expect.arrayContaining([expect.objectContaining({ name: "login", engine: { kind: "slurm", partition: "gpu", options: ["--gres=gpu:8", "--time=1:00:00"] } })]) });
    // So does one that hands them to Ray, and keeps what it was told when it is changed.
    await app.getByRole("button", { name: "More for login" }).click();
    await app.getByRole("menuitem", { name: "Change…" }).click();
    await app.getByLabel("Runs are started").selectOption("ray");
    await app.getByLabel("GPUs").fill("none");
    await app.getByLabel("Other resources").fill("TPU");
    await expect(app.getByRole("alert")).toHaveText([/GPUs are a number above 0/, /is written NAME=NUMBER/]);
    await app.getByLabel("GPUs").fill("2");
    await app.getByLabel("Other resources").fill("TPU=4");
    await app.getByRole("button", { name: "Save" }).click();
    await expect(app.locator(".host-target")).toContainText("handed to Ray http://127.0.0.1:8265 GPU=2 TPU=4");
    expect(await product.cli("hosts", "list")).toMatchObject({ hosts: expect.arrayContaining([expect.objectContaining({ name: "login", engine: { kind: "ray", address: "http://127.0.0.1:8265", gpus: 2, resources: { TPU: 4 } } })]) });
    await product.cli("hosts", "remove", "login");

    await app.getByRole("button", { name: "New cluster…" }).click();
    await app.getByLabel("Name", { exact: true }).fill("pod");
    await app.getByRole("group", { name: "Hosts to add" }).getByRole("button", { name: "other" }).click();
    await app.getByRole("group", { name: "Hosts to add" }).getByRole("button", { name: "box" }).click();
    await app.getByRole("button", { name: "Move box up" }).click();
    await app.getByRole("button", { name: "Save" }).click();
    const rows = app.getByRole("table", { name: "Workers of pod" }).locator("tbody tr");
    await expect(rows).toHaveCount(2);
    await expect(rows.first()).toContainText(/0box.*connected/);
    expect(await product.cli("hosts", "list")).toMatchObject({ clusters: [{ name: "pod", workers: ["box", "other"] }] });
    // The list is one stop of the Tab key; the arrow keys move in it, the address opens the same view again.
    await app.getByRole("navigation", { name: "Hosts and clusters" }).getByRole("button", { name: /^pod/ }).focus();
    await app.keyboard.press("ArrowUp");
    await app.keyboard.press("Enter");
    await expect(app.getByRole("heading", { name: "other" })).toBeVisible();
    await app.keyboard.press("ArrowDown");
    await app.keyboard.press("Enter");
    await expect(app.getByRole("heading", { name: "pod" })).toBeVisible();
    await app.reload();
    await expect(app.getByRole("heading", { name: "pod" })).toBeVisible();
    expect(server.log.match(/Accepted publickey/g)).toHaveLength(1);
  } finally {
    dashboard.close();
  }
});
