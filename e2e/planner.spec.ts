// The planner: questions change the answer, meshes can be looked at, links reopen it, and what can't be is said.
import { expect, startRun, status, test, TINY } from "./product.ts";

const field = (name: string) => `.plan-controls [name="${name}"]`;

test("a model is planned for on devices, mesh by mesh, and a link opens the plan again", async ({ app }) => {
  await app.getByRole("button", { name: "Plan for other devices" }).click();
  await expect(app.getByRole("heading", { name: "Plan", exact: true })).toBeVisible();
  await app.locator(field("subject")).selectOption({ label: "Switch-Base" });
  await app.locator(field("devices")).fill("64");
  const headline = app.locator(".plan-headline"), rows = app.locator(".mesh-table tbody tr"), step = async () => (await headline.locator("b").nth(1).innerText());
  await expect(headline).toContainText("Best mesh 1×64×1 of 64 × H100 80 GB");
  await expect(app.locator(".plan-facts")).toContainText("7.415G");
  await expect(rows.first()).toContainText("best");
  await expect(rows.first().locator("input")).toBeChecked();
  await expect(app.locator("figure", { hasText: "Memory of a device" }).locator(".figure-summary")).toContainText("it fits");
  const best = await step();

  // A slower H100: half of the share of its peak. The products take longer, so does the step.
  await app.locator(field("efficiency")).fill("25");
  await expect.poll(step).not.toBe(best);
  await app.locator(field("efficiency")).fill("50");
  await expect.poll(step).toBe(best);

  // Places counted over the whole batch take more memory on every device than those of its own tokens.
  const memory = async () => app.locator("figure", { hasText: "Memory of a device" }).locator(".figure-summary").innerText(), byRank = await memory();
  await expect(app.locator(field("group"))).toHaveValue("rank");
  await app.locator(field("group")).selectOption("batch");
  await expect.poll(memory).not.toBe(byRank);
  await app.locator(field("group")).selectOption("rank");
  await expect.poll(step).toBe(best);

  // Data parallel alone does not fit: experts are on every device.
  const dataParallel = rows.filter({ hasText: "64×1×1" });
  await expect(dataParallel).toContainText("too large");
  await dataParallel.locator("input").check();
  await expect(headline).toContainText("Does not fit: 64×1×1");
  await expect(app.locator(".plan-section", { hasText: "Bytes that a device sends" }).locator("tbody tr")).toHaveCount(2);
  await expect(app.locator("figure", { hasText: "Memory of a device" }).locator(".figure-summary")).toContainText("too much");
  await app.reload();
  await expect(headline).toContainText("Does not fit: 64×1×1");
  await expect(app.locator(field("devices"))).toHaveValue("64");

  // By the keyboard: the radio buttons are one group.
  await dataParallel.locator("input").focus();
  await app.keyboard.press("ArrowUp");
  await expect(dataParallel.locator("input")).not.toBeChecked();
  await expect(headline).not.toContainText("64×1×1");
});

test("an own device begins with another's figures and is changed live; wrong numbers and impossible meshes are said", async ({ app }) => {
  await app.keyboard.press("p");
  await app.locator(field("device")).selectOption({ label: "GeForce RTX 4090 24 GB" });
  await app.getByRole("button", { name: "Change its figures" }).click();
  await expect(app.locator(field("own-memory"))).toHaveValue("24");
  await expect(app.locator(".plan-headline")).toContainText("Own device");
  await app.locator(field("own-memory")).fill("0.5");
  await expect(app.locator(".plan-headline")).toContainText("No mesh fits");
  await app.locator(field("own-memory")).fill("24");
  await expect(app.locator(".plan-headline")).toContainText("Best mesh");
  await app.locator(field("devices")).fill("x");
  await expect(app.locator(".plan-controls .field-error")).toHaveText("Must be a whole number from 1 to 65,536.");
  await app.locator(field("devices")).fill("7");
  await expect(app.getByRole("heading", { name: "No mesh of 7 devices divides this model" })).toBeVisible();
  await app.locator(field("devices")).fill("1");
  await expect(app.locator(".plan-section", { hasText: "Bytes that a device sends" })).toContainText("Nothing: there is one device.");
});

test("a run of this data folder can be planned for, and one that is gone is said", async ({ app, product }) => {
  await startRun(app, { ...TINY, name: "small one", training: { ...TINY.training, steps: 10, warmupSteps: 2 } });
  await expect(status(app)).toContainText("completed", { timeout: 90_000 });
  await app.keyboard.press("ControlOrMeta+k");
  await app.keyboard.type("plan for other");
  await app.getByRole("option", { name: "Plan for other devices p" }).click();
  await app.locator(field("subject")).selectOption({ label: "Vision" });
  await expect(app.locator(".plan-headline")).toContainText("images/s");
  await app.getByRole("button", { name: "Back to the runs" }).click();
  await app.getByRole("button", { name: "More for this run" }).click();
  await app.getByRole("menuitem", { name: "Plan for other devices…" }).click();
  await expect(app.locator(`${field("subject")} option:checked`)).toHaveText("small one");
  await expect(app.locator(field("batch"))).toHaveValue("4");
  const [run] = await product.cli("runs", "list") as { id: string }[];
  expect(new URL(app.url()).searchParams.get("of")).toBe(`run:${run!.id}`);
  const { parameters } = await product.cli("plan", "--device", "h100", "--set", `model=${JSON.stringify(TINY.model)}`) as { parameters: { total: number } };
  await expect(app.locator(".plan-facts")).toContainText(`${Number((parameters.total / 1e3).toPrecision(4))}k`);
  await app.goto(`${new URL(app.url()).origin}/?page=plan&of=run:01a20e72-bc8a-76f2-92c9-000000000001`);
  await expect(app.getByRole("alert")).toContainText("This run can’t be planned for");
});
